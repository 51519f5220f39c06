"""crend report: both ovaries from the JSON of two segmentations."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from clinic_samples import side

from crend.cli import main
from crend.io.labels import write_labels
from crend.io.tables import write_json
from crend.structures.measurements import measure


@pytest.fixture
def reports(tmp_path):
    """left.json with volume and labels beside it, right.json alone."""
    shape = (30, 34, 38)
    grid = np.indices(shape)
    masks = []
    for value, radius, dtype in ((1, 12, np.uint8), (1, 4, np.uint16)):
        inside = ((grid - np.array([15, 17, 19]).reshape(3, 1, 1, 1)) ** 2).sum(axis=0) <= radius**2
        masks.append(sitk.GetImageFromArray((inside * value).astype(dtype)))
    sitk.WriteImage(sitk.GetImageFromArray(grid.sum(axis=0).astype(np.uint8)), str(tmp_path / "scan.nrrd"))
    write_labels(tmp_path / "left.seg.nrrd", *masks)
    facts = {
        "schema_version": 1,
        "message": "",
        "flags": [],
        "provenance": {"bundle": "known", "bundle_version": "0", "notice": "Simulated."},
    }
    write_json(
        {**facts, "provenance": {**facts["provenance"], "input": str(tmp_path / "scan.nrrd")}, **measure(*masks).as_dict()},
        tmp_path / "left.json",
    )
    write_json({**facts, **side([5.0, 12.0]).measurements.as_dict()}, tmp_path / "right.json")
    return tmp_path


@pytest.mark.slow
def test_a_report_of_two_files_has_pictures_where_the_volume_is_there(reports, capsys):
    page, data = reports / "r.html", reports / "r.json"
    words = [
        str(reports / "left.json"),
        str(reports / "right.json"),
        "--out",
        str(page),
        "--out",
        str(data),
        "--date",
        "20260131",
        "--cohorts",
        "11",
    ]
    assert main(["report", *words]) == 0
    out = capsys.readouterr().out
    assert "right: 1 antral follicles, not confirmed" in out and "Research use only" in out
    text, found = page.read_text(encoding="utf-8"), json.loads(data.read_text(encoding="utf-8"))
    assert text.count("<img width='166'") == 4 and "scan.nrrd" in text
    assert found["sides"]["left"]["d1_mm"] == pytest.approx(24, abs=0.2) and found["sides"]["right"]["cohorts"] == {"11": 1}
    assert found["study"]["date"] == "2026-01-31" and found["polycystic_criterion"]["verdict"] == "cannot be said"


def test_one_ovary_may_be_missing_and_bad_input_is_one_line(reports, capsys):
    left, out = str(reports / "left.json"), str(reports / "r.csv")
    assert main(["report", left, "-", "--out", out]) == 0
    assert "right: not seen" in capsys.readouterr().out
    (reports / "odd.json").write_text("[1]")
    for words in (["-", "-"], [left, str(reports / "odd.json")], [left, str(reports / "none.json")], [left, "-", "--cohorts", "x"]):
        assert main(["report", *words, "--out", out]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["report", left, "-", "--out", str(reports / "r.pdf")]) == 2 and "r.pdf" in capsys.readouterr().err
