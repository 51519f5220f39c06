"""The report of both ovaries as files: page, table, JSON, DICOM."""

import csv
import json
from dataclasses import replace

import pytest
from clinic_samples import FLAG, side

from crend.clinic.files import write_report
from crend.clinic.findings import findings_of
from crend.clinic.lines import KEYS
from crend.clinic.page import page_html
from crend.clinic.study import BOX, NOT_SEEN, Side, Study

STUDY = Study(patient_name="Doe, Jane", patient_id="4711", date="2026-01-31", day=4, read_by="A. Reader")
SIDES = {
    "left": side([12.0, 5.0, 5.0], edited=frozenset({2}), flags=(FLAG,), confirmed=(1,)),
    "right": side([4.0] * 20, ovary_source=BOX),
}


@pytest.fixture(scope="module")
def findings():
    return findings_of(STUDY, SIDES)


def test_the_page_says_what_counts_and_what_cannot_be_said(findings):
    text = page_html(findings)
    for words in (
        "Doe, Jane", "4711", "2026-01-31", "A. Reader", "not confirmed: 1 of 3 follicles ticked", "cannot be said (outlined by a box)",
        "follicles drawn or changed by hand: 2", FLAG["text"], "Model known 0", "simulated ultrasound", "Research use only", "1 (No. 1: 12.0 mm)",
    ):  # fmt: skip
        assert words in text.replace("\N{NO-BREAK SPACE}", " "), words
    assert text.count("page-break-before") == 1


def test_a_side_that_was_not_seen_has_dashes_and_no_second_page():
    text = page_html(findings_of(Study(), dict.fromkeys(("left", "right"), Side(state=NOT_SEEN))))
    assert "page-break-before" not in text and text.count("not seen") >= 4 and "<b>not stated</b>" in text


def test_days_and_sides_that_do_not_fit_together_are_said():
    def of(date="", name="scan", sizes=(5.0,)):
        return side(list(sizes), name=name, model={"acquisition_date": date})

    fits = findings_of(Study(), {"left": of("20260131", "left scan"), "right": of("20260131", "Rechts")})
    assert fits["notes"] == [] and fits["study"]["date"] == "2026-01-31"
    apart = findings_of(Study(), {"left": of("20260131"), "right": of("20250101")})
    assert apart["study"]["date"] == "" and apart["notes"] == [
        "The ovaries were scanned on different days (left: 2026-01-31, right: 2025-01-01)."
    ]
    assert apart["notes"][0] in page_html(apart)
    assert findings_of(Study(date="2026-01-30"), {"left": of("20260131")})["notes"] == [
        "The date stated is 2026-01-30, that of the volume 2026-01-31."
    ]
    assert findings_of(Study(date="2099-01-30"), {"left": of("99999999")})["notes"] == ["2099-01-30 lies in the future."]
    assert findings_of(Study(), {"left": of(name="p1_right.nrrd"), "right": of(name="p1_left.nrrd")})["notes"] == [
        "p1_right.nrrd stands for the left ovary, though its name says right: are the sides swapped?",
        "p1_left.nrrd stands for the right ovary, though its name says left: are the sides swapped?",
    ]
    part = replace(of(name="Scan left"), ovary="Ovary 2")
    assert findings_of(Study(), {"right": part})["notes"] == []


def test_names_are_written_as_text_not_as_html():
    text = page_html(findings_of(replace(STUDY, patient_name="<script>x</script>"), {"not stated": side(name="<b>& co")}))
    assert "<script>" not in text and "<b>& co" not in text and "Ovary, side not stated" in text


def test_nobody_is_named_unless_asked(findings, tmp_path):
    nobody = findings_of(Study(), SIDES)
    for ending in ("html", "csv", "json"):
        write_report(nobody, tmp_path / f"r.{ending}")
        text = (tmp_path / f"r.{ending}").read_text(encoding="utf-8")
        assert "Doe" not in text and "patient_name" not in text
    assert json.loads((tmp_path / "r.json").read_text())["study"]["patient"] is None


def test_table_and_json_hold_the_same_findings(findings, tmp_path):
    for ending in ("csv", "json"):
        write_report(findings, tmp_path / f"r.{ending}")
    rows = {row["key"]: row for row in csv.DictReader(open(tmp_path / "r.csv", encoding="utf-8-sig"))}
    data = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert data == json.loads(json.dumps(findings))
    assert set(KEYS) <= set(rows) and rows["follicles_12_mm_and_more"]["left"] == "1"
    assert rows["antral_count"]["right"] == "20" and rows["antral_count"]["both"] == "22" and rows["confirmed"]["both"] == "false"
    assert rows["ovary_source"]["right"] == "box" and rows["ovary_source"]["left"] == ""
    assert rows["volume_ml"]["right"] == "" and rows["volume_ml"]["left"] == "8" and rows["date"]["both"] == "2026-01-31"


@pytest.mark.slow
def test_the_dicom_report_is_read_back_by_highdicom(findings, tmp_path):
    sr = pytest.importorskip("highdicom").sr
    write_report(findings, tmp_path / "r.dcm")
    document = sr.srread(tmp_path / "r.dcm")
    assert str(document.PatientName) == "Doe^Jane" and document.StudyDate == "20260131"
    groups = document.content.get_image_measurement_groups()
    assert [group.tracking_identifier for group in groups[:2]] == [
        "right ovary (outlined by a box, not measured)",
        "right follicle 1",
    ] and len(groups) == 25
    left = next(group for group in groups if group.tracking_identifier == "left ovary")
    assert left.finding_type.value == "15497006" and left.finding_sites[0].laterality.meaning == "Left"
    figures = {each.name.meaning: (each.value, each.unit.value) for each in left.get_measurements()}
    assert figures["Volume"] == (8.0, "ml") and figures["Antral follicles (2 to 10 mm)"] == (2, "1")
    assert "Volume" not in {each.name.meaning for each in groups[0].get_measurements()}
