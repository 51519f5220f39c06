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


def test_a_report_of_one_ovary_twice_of_two_patients_or_of_no_sizes_is_refused(reports, capsys):
    left, other, out = reports / "left.json", reports / "other.json", str(reports / "r.csv")

    def refused(change, words):
        facts = json.loads(left.read_text())
        change(facts)
        other.write_text(json.dumps(facts))
        assert main(["report", str(left), str(other), "--out", out]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1, error

    refused(lambda facts: None, "is given for both sides, with the same ovary")
    boxed = json.loads(left.read_text())
    left.write_text(json.dumps({**boxed, "ovary": None}))  # of an ovary that a box outlined
    refused(lambda facts: None, "is given for both sides, with the same ovary")
    left.write_text(json.dumps(boxed))
    refused(lambda facts: facts.update(schema_version=2), "schema_version 2, not 1")
    refused(lambda facts: facts["ovary"].update(volume_ml=None), "says volume_ml None of Ovary; write the report anew")
    for wrong in ("4,5", -4.5, float("nan"), True):
        refused(
            lambda facts, wrong=wrong: facts["follicles"][0].update(mean_diameter_mm=wrong), f"says mean_diameter_mm {wrong} of Follicle 1"
        )
    facts = json.loads((reports / "right.json").read_text())
    facts["provenance"]["patient"] = {"name": "", "id": "P2"}
    (reports / "right.json").write_text(json.dumps(facts))
    left.write_text(json.dumps({**json.loads(left.read_text()), "provenance": {"bundle": "known", "patient": {"name": "", "id": "P1"}}}))
    assert main(["report", str(left), str(reports / "right.json"), "--out", out]) == 2
    assert "are of two patients (P1, P2); give both ovaries of one." in capsys.readouterr().err


@pytest.fixture
def both(tmp_path):
    """both.json of a volume with two ovaries, the larger with two follicles, with volume and labels beside it."""
    organs, follicles = np.zeros((30, 34, 60), np.uint8), np.zeros((30, 34, 60), np.uint16)
    grid = np.indices(organs.shape)

    def ball(centre, radius):
        return ((grid - np.array(centre).reshape(3, 1, 1, 1)) ** 2).sum(axis=0) <= radius**2

    for number, (centre, radius) in enumerate((((15, 17, 15), 12), ((15, 17, 45), 10)), start=1):
        organs[ball(centre, radius)] = number
    for number, (centre, radius) in enumerate((((15, 17, 45), 5), ((15, 12, 15), 4), ((15, 23, 15), 3)), start=1):
        follicles[ball(centre, radius)] = number
    organs, follicles = sitk.GetImageFromArray(organs), sitk.GetImageFromArray(follicles)
    sitk.WriteImage(sitk.GetImageFromArray(grid.sum(axis=0).astype(np.uint8)), str(tmp_path / "scan.nrrd"))
    write_labels(tmp_path / "both.seg.nrrd", organs, follicles)
    how = {"bundle": "known", "bundle_version": "0", "ovaries": 2, "input": str(tmp_path / "scan.nrrd"), "acquisition_date": "20260131"}
    write_json(
        {"schema_version": 1, "message": "", "flags": [], "provenance": how, **measure(organs, follicles).as_dict()}, tmp_path / "both.json"
    )
    return tmp_path / "both.json"


@pytest.mark.slow
def test_two_ovaries_of_one_volume_are_two_sides_with_pictures_of_their_own(both, capsys):
    page, data = both.with_name("r.html"), both.with_name("r.json")
    words = ["report", str(both), str(both), "--out", str(page), "--out", str(data)]
    assert main([*words, "--left-ovary", "2", "--right-ovary", "1"]) == 0
    assert "right: 2 antral follicles" in capsys.readouterr().out
    found = json.loads(data.read_text(encoding="utf-8"))
    assert [found["sides"][side]["ovary_segment"] for side in ("right", "left")] == ["Ovary 1", "Ovary 2"]
    assert [row["id"] for row in found["sides"]["left"]["follicles"]] == [1] and found["total_antral_count"] == 3
    assert page.read_text(encoding="utf-8").count("<img width='166'") == 8
    left = json.loads(data.read_text(encoding="utf-8"))["sides"]["left"]
    assert left["d1_mm"] == pytest.approx(20, abs=0.2) and left["volume_ml"] < found["sides"]["right"]["volume_ml"]


def test_which_ovary_is_which_is_never_guessed_on_the_command_line(both, capsys):
    data = both.with_name("r.json")
    words = ["report", str(both), str(both), "--out", str(data)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "nobody stated of which side Ovary 1 and Ovary 2 are" in out and "--left-ovary" in out and "ovary 1: 2 antral" in out
    assert list(json.loads(data.read_text(encoding="utf-8"))["sides"]) == ["ovary 1", "ovary 2"]
    for more in (["--left-ovary", "1"], ["--left-ovary", "1", "--right-ovary", "1"], ["--left-ovary", "1", "--right-ovary", "5"]):
        assert main([*words, *more]) == 2
        assert "ovar" in capsys.readouterr().err
    assert main(["report", str(both), "-", "--out", str(data)]) == 2 and "--left-ovary 1 or 2" in capsys.readouterr().err
    assert main(["report", "-", str(both), "--right-ovary", "2", "--out", str(data)]) == 0
    assert json.loads(data.read_text(encoding="utf-8"))["sides"]["right"]["follicle_count"] == 1


def test_a_follow_up_has_a_row_for_each_ovary_whose_side_a_list_says(both, capsys):
    table, visits = both.with_name("f.csv"), both.with_name("visits.csv")
    assert main(["followup", str(both), "--table", str(table)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "shows 2 ovaries; their follicles stand together" in out and "the column ovary" in out
    assert ",,3," in table.read_text(encoding="utf-8-sig"), "no side, no volume of two ovaries together, all follicles"
    visits.write_text("report,side,ovary\nboth.json,left,2\nboth.json,right,1\n", encoding="utf-8")
    assert main(["followup", str(visits), "--table", str(table)]) == 0
    rows = table.read_text(encoding="utf-8-sig").splitlines()[1:]
    assert [row.split(",")[3] for row in rows] == ["left", "right"] and [row.split(",")[5] for row in rows] == ["1", "2"]
    assert [row.split(",")[-1].strip('"') for row in rows] and "both.json, Ovary 2" in rows[0]
    for wrong in (
        "report,side\nboth.json,left\n",
        "report,side,ovary\nboth.json,left,2\nboth.json,right,2\n",
        "report,ovary\nboth.json,x\n",
    ):
        visits.write_text(wrong, encoding="utf-8")
        assert main(["followup", str(visits)]) == 2 and "ovary" in capsys.readouterr().err
