"""What a folder of results has beside the labels: a row for each ovary, a picture of each volume, a page of all."""

import csv
from html.parser import HTMLParser

import numpy as np
import SimpleITK as sitk

from crend.io.folders import Volume
from crend.result import Segmentation
from crend.results.page import write_page
from crend.results.preview import write_preview
from crend.results.tables import VOLUME_COLUMNS
from crend.results.volume_files import segment_volume
from crend.structures.measurements import Measurements, measure
from crend.structures.ovaries import COLUMNS, ovary_rows


def two_ovaries():
    """A left one of 10 x 10 x 10 voxels with two follicles, and a smaller right one with one."""
    ovary, follicles = np.zeros((20, 20, 40), np.uint8), np.zeros((20, 20, 40), np.uint16)
    ovary[5:15, 5:15, 2:12] = 1
    ovary[6:14, 6:14, 25:33] = 2
    follicles[6:10, 6:10, 3:7] = 1
    follicles[8:11, 8:11, 27:30] = 2
    follicles[11:13, 11:13, 9:11] = 3
    ovary, follicles = sitk.GetImageFromArray(ovary), sitk.GetImageFromArray(follicles)
    how = dict.fromkeys(("expected_ovary_dsc", "device", "engine", "seconds", "notice", "bundle", "bundle_version")) | {"ovaries": 2}
    return Segmentation(ovary > 0, follicles, measure(ovary, follicles), how, ovaries=ovary)


def test_each_ovary_of_two_has_its_own_volume_and_follicles():
    measured = two_ovaries().measurements
    larger, smaller = ovary_rows(measured)
    assert set(larger) >= {*COLUMNS, "segment", "dv_mm"} and larger["segment"] == "Ovary 1"
    assert Measurements.from_dict(measured.as_dict()) == measured and measured.ovary.volume_ml == 1.512
    assert [follicle.ovary for follicle in measured.follicles] == [1, 2, 1]
    assert (larger["ovary"], larger["ovary_volume_ml"], larger["follicles"]) == (1, 1.0, "1 3")
    assert (smaller["ovary"], smaller["follicle_count"], smaller["follicles"]) == (2, 1, "2") and abs(
        smaller["ovary_volume_ml"] - 0.512
    ) < 1e-9
    assert larger["centroid_r_mm"] > smaller["centroid_r_mm"]  # x grows to the left


def test_a_volume_of_a_batch_gets_a_picture_and_its_report_each_ovary(tmp_path):
    grey = sitk.GetImageFromArray(np.random.default_rng(1).integers(0, 99, (20, 20, 40)).astype(np.uint8))
    message = segment_volume(Volume(tmp_path / "a.nrrd", "a"), tmp_path, lambda path, progress: (two_ovaries(), grey), {})
    assert message.startswith("2 ovaries")
    picture = sitk.ReadImage(str(tmp_path / "a.png"))
    assert picture.GetNumberOfComponentsPerPixel() == 3 and sitk.GetArrayFromImage(picture).std() > 0
    from crend.results.tables import write_tables

    write_tables(tmp_path)
    with open(tmp_path / "ovaries.csv", newline="", encoding="utf-8-sig") as file:
        assert [(row["volume"], row["ovary"]) for row in csv.DictReader(file)] == [("a", "1"), ("a", "2")]
    assert '<img loading="lazy" alt="" src="a.png">' in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_preview_of_a_volume_without_an_ovary_is_its_middle(tmp_path):
    empty = sitk.Image(20, 24, 28, sitk.sitkUInt8)
    grey = sitk.GetImageFromArray(np.random.default_rng(1).integers(0, 99, (28, 24, 20)).astype(np.uint8))
    write_preview(tmp_path / "p.png", grey, Segmentation(empty, sitk.Cast(empty, sitk.sitkUInt16), None))
    assert (tmp_path / "p.png").stat().st_size > 1000


def test_columns_sort_by_the_keyboard_and_a_row_says_each_doubt_once(tmp_path):
    row = dict.fromkeys(VOLUME_COLUMNS) | {"volume": "b", "status": "done", "ovary_volume_ml": 8.25, "message": "fine; doubtful: no sector"}
    write_page(tmp_path, [row | {"flags": "sector header"}, row | {"volume": "c", "flags": "no_ovary"}])
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Cells(text)
    assert page.tags.count("button") == page.tags.count("th") == 8 and "Study date" not in page.texts
    assert "fine; doubtful: no sector; header" in page.texts and text.count("no_ovary") == 0
    write_page(tmp_path, [row | {"study_date": "2026-01-02"}])
    assert "Study date" in Cells((tmp_path / "index.html").read_text(encoding="utf-8")).texts


class Cells(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_names_and_reasons_on_the_page_are_text_whatever_they_hold(tmp_path):
    odd = "a<script>alert(1)</script>&\"'"
    rows = [dict.fromkeys(VOLUME_COLUMNS) | {"volume": odd, "status": "failed", "reason": "<b>no</b>"}]
    rows.append(
        dict.fromkeys(VOLUME_COLUMNS) | {"volume": "b", "status": "done", "ovary_volume_ml": 8.25, "follicle_count": 3, "message": "fine"}
    )
    write_page(tmp_path, rows)
    page = Cells((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert page.tags.count("script") == 1 and "b" not in page.tags and page.tags.count("tr") == 3
    assert odd in page.texts and "<b>no</b>" in page.texts and "8.2" in page.texts and "1 done, 1 failed" in page.texts
    assert not any("http" in text for text in page.texts)
