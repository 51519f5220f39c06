"""Lists of volumes and labels, as people, spreadsheets and MONAI write them."""

import json
from pathlib import Path

import pytest
import SimpleITK as sitk
from test_training_data import texts, write_list, write_pair
from training_samples import ball_images

from crend.errors import InputError
from crend.io.labels import write_labels
from crend_training.data.checking import check_entries, usable
from crend_training.data.lists import read_datalist


def test_a_monai_datalist_and_a_csv_list_say_the_same(tmp_path):
    rows = [write_pair(tmp_path, name, seed) for seed, name in enumerate("ab")]
    (tmp_path / "list.json").write_text(json.dumps({"training": [rows[0]], "unlabelled": [{"image": "b.nrrd"}]}))
    table = write_list(tmp_path, [rows[0], {"image": "b.nrrd", "split": "unlabelled"}])
    assert read_datalist(tmp_path / "list.json") == read_datalist(table)


@pytest.mark.parametrize(
    "text", ["Image;LABEL;Split\na.nrrd;a-labels.nrrd;Validation\n", "\ufeffVolume\tlabel\tsplit\r\na.nrrd\ta-labels.nrrd\tvalidation\r\n"]
)
def test_a_list_may_have_semicolons_tabs_and_any_case_and_its_paths_begin_where_it_lies(tmp_path, text):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "list.csv").write_text(text, encoding="utf-8")
    (entry,) = read_datalist(tmp_path / "deep" / "list.csv")
    assert (entry.image, entry.label) == (tmp_path / "deep" / "a.nrrd", tmp_path / "deep" / "a-labels.nrrd")
    assert (entry.name, entry.split) == ("a", "validation")


def test_a_row_that_is_there_twice_counts_once_and_one_that_contradicts_it_is_said_beside_it(tmp_path):
    rows = [write_pair(tmp_path, name, seed) for seed, name in enumerate("ab")]
    path = write_list(tmp_path, [*rows, rows[0]])
    entries = read_datalist(path)
    findings = check_entries(entries)
    assert [(entry.name, entry.rows) for entry in entries] == [("a", 2), ("b", 1)]
    assert [str(finding) for finding in findings] == [f"note   a  {tmp_path / 'a.nrrd'}: its row is listed 2 times; counted once"]
    assert [entry.name for entry in usable(entries, findings, "refuse")] == ["a", "b"]
    other = {**rows[0], "label": "other.nii.gz"}
    _, ovary, follicles = ball_images(0, spacing=0.5)
    write_labels(tmp_path / other["label"], ovary, sitk.Cast(follicles * 0, sitk.sitkUInt16))
    entries = read_datalist(write_list(tmp_path, [*rows, other]))
    findings = check_entries(entries)
    assert texts(findings, "a") == "the same volume as a (line 4), with other labels; take the row with the wrong ones out of the list"
    assert [entry.name for entry in usable(entries, findings, "skip")] == ["b"]
    with pytest.raises(InputError, match=r"a.nrrd: the same volume as a \(line 4\), with other labels"):
        usable(entries, findings, "refuse")


def test_a_list_that_was_made_on_windows_is_read_elsewhere(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.nrrd").touch()
    rows = "\ufeffimage;label\r\nscans\\a.nrrd;scans\\a-labels.nrrd\r\n"
    (tmp_path / "list.csv").write_bytes(rows.encode())
    (first,) = read_datalist(tmp_path / "list.csv")
    assert (first.name, first.image, first.label) == ("a", tmp_path / "scans" / "a.nrrd", tmp_path / "scans" / "a-labels.nrrd")
    (tmp_path / "list.csv").write_bytes((rows + "C:\\data\\b.nrrd;\r\n").encode())
    with pytest.raises(InputError, match="b.nrrd: is a place on a computer with Windows; put the files beside the list"):
        read_datalist(tmp_path / "list.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_is_read_as_spreadsheets_of_any_kind_write_it(tmp_path, encoding):
    text = (
        "# scans of 2019\r\nsep=;\r\nVolume;Spacing (mm);Age;LABEL;Split\r\n;;;;\r\n"
        '"Käthe\u2019s scans/a b.nrrd";0.5;31;~/a.nrrd;Test\r\n# c.nrrd;;;;\r\n'
    )
    (tmp_path / "list.csv").write_bytes(text.encode(encoding))
    (entry,) = read_datalist(tmp_path / "list.csv")
    assert (entry.name, entry.image, entry.label) == ("a b", tmp_path / "Käthe\u2019s scans" / "a b.nrrd", Path.home() / "a.nrrd")
    assert (entry.spacing_mm, entry.split) == ((0.5, 0.5, 0.5), "test")


@pytest.mark.parametrize(
    "text, message",
    [
        ("picture,label\na,b\n", "no column 'image'"),
        ("image,mask\na.nrrd,b.nrrd\n", "the column mask is not read; call it label, or leave it out"),
        ("image,label,fold\na.nrrd,b.nrrd,1\n", "the column fold is not read; call it split, or leave it out"),
        ("image,label,Patient ID\na.nrrd,b.nrrd,1\n", "the column patient_id is not read; call it patient, or leave it out"),
        ("volume,image,label\na.nrrd,a.nrrd,b.nrrd\n", "has the columns volume and image; leave one out"),
        ("image,label,name\na.nrrd,b.nrrd,p1\nc.nrrd,d.nrrd,P1\n", "two volumes are called 'P1'"),
        ("image,label,split\na.nrrd,b.nrrd,trian\n", "line 2: unknown split 'trian'"),
        ("image,spacing_mm\na.nrrd,0.3 0.3\n", "line 2: spacing_mm must be three lengths"),
        ("image,ovary\na.nrrd,b.nrrd\n", "line 2: give either label, or both"),
        ("image,label\na.nrrd,b.nrrd\nx/a.nrrd,b.nrrd\n", "two volumes are called 'a'"),
        ("image\n", "lists no volumes"),
        ("image;spacing_mm\na.nrrd;0,3 0,3 0,4\n", "line 2: spacing_mm must be three lengths"),
        ("image,spacing_mm\na.nrrd,0_3 0_3 0_3\n", "line 2: spacing_mm must be three lengths"),
        ("image,name\na.nrrd,a:b\n", "'a:b' cannot be a volume's name, since files are called by it"),
        (f"image,name\na.nrrd,{'x' * 300}\n", "cannot be a volume's name, since files are called by it; give one of at most 150 letters"),
    ],
)
def test_mistakes_in_a_list_are_named(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_datalist(tmp_path / "list.csv")


@pytest.mark.parametrize(
    "content, message",
    [
        ({"training": [{"image": "a.nrrd", "lable": "b.nrrd"}]}, r", training\[0\]: unknown key 'lable'; known are image, label, ovary"),
        ({"training": ["a.nrrd"], "train": ["b.nrrd"]}, ": unknown list 'train'; known are training, validation, test, unlabelled"),
        ({"training": ["a.nrrd", {"image": 5}]}, r", training\[1\]: 'image' must be text, not 5"),
        ({"validation": [{"image": "a.nrrd", "label": ["x"]}]}, r""", validation\[0\]: 'label' must be text, not \["x"\]"""),
        (
            {"training": [{"image": "a.nrrd", "patient": {"id": 3}}]},
            r""", training\[0\]: 'patient' must be text or a whole number, not \{"id": 3\}""",
        ),
        ({"training": [{"image": None}]}, r", training\[0\]: names no image"),
        ({"training": [{"image": "a.nrrd", "spacing_mm": [0.3, 0.3, float("nan")]}]}, r", training\[0\]: spacing_mm must be three lengths"),
    ],
)
def test_mistakes_in_a_datalist_are_named(tmp_path, content, message):
    (tmp_path / "list.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"list.json{message}"):
        read_datalist(tmp_path / "list.json")


def test_a_datalist_of_monai_is_read_with_its_folds_and_its_testing(tmp_path):
    content = {
        "training": [{"image": "a.nrrd", "label": "b.nrrd", "fold": 0}],
        "testing": [{"image": "c.nrrd", "label": "d.nrrd"}],
        "numTest": 1,
    }
    (tmp_path / "list.json").write_bytes(json.dumps(content).encode("utf-16"))
    assert [(entry.name, entry.split) for entry in read_datalist(tmp_path / "list.json")] == [("a", "training"), ("c", "test")]


def test_what_a_datalist_leaves_open_stays_open(tmp_path):
    content = {"name": "ours", "labels": {"1": "ovary"}, "training": [{"image": "a.nrrd", "label": None, "name": 7, "patient": None}]}
    (tmp_path / "list.json").write_text(json.dumps(content))
    (entry,) = read_datalist(tmp_path / "list.json")
    assert (entry.name, entry.patient, entry.label, entry.split) == ("7", "", None, "unlabelled")
