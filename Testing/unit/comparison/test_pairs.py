"""Many cases: a row a case and a follicle, statistics by hand, a failing case is a row with its reason."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from crend.comparison.agreement import bland_altman, icc, spread
from crend.comparison.pairs import compare_batch, read_pairs
from crend.errors import Cancelled, InputError


def test_bland_altman_by_hand():
    # Differences 1, 3: mean 2, deviation sqrt(2).
    found = bland_altman([10, 20], [11, 23])
    assert found["bias"] == 2 and found["sd"] == pytest.approx(2**0.5)
    assert (found["lower"], found["upper"]) == pytest.approx((2 - 1.96 * 2**0.5, 2 + 1.96 * 2**0.5))
    assert bland_altman([1], [2])["sd"] is None and bland_altman([], [])["bias"] is None


def test_icc_from_its_mean_squares():
    first, second = np.array([9, 6, 8, 7, 10, 6.0]), np.array([2, 1, 4, 1, 5, 2.0])
    # Subjects' means 5.5, 3.5, 6, 4, 7.5, 4 around 61/12; readers' means 46/6 and 15/6.
    table = np.column_stack([first, second])
    total = ((table - 61 / 12) ** 2).sum()
    subjects = 2 * ((np.array([5.5, 3.5, 6, 4, 7.5, 4]) - 61 / 12) ** 2).sum()
    readers = 6 * ((np.array([46, 15]) / 6 - 61 / 12) ** 2).sum()
    between, offset, error = subjects / 5, readers / 1, (total - subjects - readers) / 5
    assert icc(first, second) == pytest.approx((between - error) / (between + error + 2 * (offset - error) / 6))
    # A constant offset lowers absolute agreement; equal readings are 1; no spread is not defined.
    assert icc(first, first) == pytest.approx(1) and icc(first, first + 3) < 0.6
    assert icc([5, 5], [5, 5]) is None and icc([1], [2]) is None


def test_icc_of_four_pairs_by_hand():
    # Readers (1, 2), (2, 3), (3, 4), (4, 5): MSR = 10/3, MSE = 0, MSC = 2; ICC = (10/3) / (10/3 + 2 * 2 / 4) = 10/13.
    assert icc([1, 2, 3, 4], [2, 3, 4, 5]) == pytest.approx(10 / 13)


def test_spread_counts_what_is_missing():
    found = spread([1.0, None, 2.0, 3.0, 4.0, float("nan")])
    assert (found["n"], found["missing"], found["mean"], found["median"], found["q1"], found["q3"]) == (4, 2, 2.5, 2.5, 1.75, 3.25)
    assert spread([None])["mean"] is None and spread([None])["missing"] == 1


def write(path, shift=0, count=2):
    array = np.zeros((8, 10, 40), np.uint8)
    array[1:7, 1:9, 1:39] = 1
    for k in range(count):
        array[2:6, 2:6, 3 + 10 * k + shift : 9 + 10 * k + shift] = k + 2
    sitk.WriteImage(sitk.GetImageFromArray(array), path)


@pytest.fixture
def pairs(tmp_path):
    write(tmp_path / "r.nrrd")
    write(tmp_path / "same.nrrd")
    write(tmp_path / "one.nrrd", shift=1, count=1)
    write(tmp_path / "none.nrrd", count=0)
    (tmp_path / "broken.nrrd").write_text("nonsense")
    (tmp_path / "pairs.csv").write_text(
        "case,reference,prediction\na,r.nrrd,same.nrrd\nb,r.nrrd,one.nrrd\nc,r.nrrd,broken.nrrd\n\nd,r.nrrd,none.nrrd\n,r.nrrd,missing.nrrd\n"
    )
    return tmp_path / "pairs.csv"


def test_a_failing_case_is_a_row_with_its_reason(pairs):
    batch = compare_batch(read_pairs(pairs))
    assert [row["case"] for row in batch.cases] == ["a", "b", "c", "d", "r.nrrd"]
    assert [row["status"] for row in batch.cases] == ["ok", "ok", "failed", "ok", "failed"]
    assert "broken.nrrd" in batch.cases[2]["reason"] and "missing.nrrd: no such file" in batch.cases[4]["reason"]
    assert batch.cases[2]["ovary_dsc"] is None
    assert batch.summary["cases"] == 5 and batch.summary["failed"] == 2


def test_rows_and_summary_by_hand(pairs):
    batch = compare_batch(read_pairs(pairs))
    kinds = [(row["case"], row["kind"]) for row in batch.follicles]
    assert kinds == [("a", "matched"), ("a", "matched"), ("b", "matched"), ("b", "missed"), ("d", "missed"), ("d", "missed")]
    # Shifted by one of six voxels.
    assert batch.follicles[2]["dsc"] == pytest.approx(5 / 6) and batch.follicles[3]["dv_reference_mm"] == pytest.approx(
        (6 * 96 / np.pi) ** (1 / 3)
    )
    figures = batch.summary["figures"]
    assert figures["ovary_dsc"]["mean"] == 1 and figures["ovary_dsc"]["n"] == 3
    assert figures["follicles_hd"] == {**figures["follicles_hd"], "n": 2, "missing": 1}
    assert figures["md"]["mean"] == pytest.approx((0 + 50 + 100) / 3) and figures["fd"]["missing"] == 1
    assert batch.summary["pooled"] == {"fd": 0, "md": pytest.approx(50)}
    agreement = batch.summary["agreement"]
    assert agreement["follicle_count"]["bias"] == pytest.approx(-1) and agreement["follicle_diameter_mm"]["n"] == 3
    assert agreement["ovary_volume_ml"]["bias"] == 0


def test_written_files_can_be_read_again(pairs, tmp_path):
    compare_batch(read_pairs(pairs)).write(tmp_path / "out" / "deep")
    folder = tmp_path / "out" / "deep"
    assert sorted(p.name for p in folder.iterdir()) == ["cases.csv", "follicles.csv", "summary.json"]
    rows = list(csv.DictReader((folder / "cases.csv").open(encoding="utf-8-sig")))
    assert float(rows[0]["ovary_dsc"]) == 1 and rows[2]["status"] == "failed" and rows[2]["ovary_dsc"] == ""
    assert json.loads((folder / "summary.json").read_text())["failed"] == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        compare_batch(read_pairs(pairs)).write(tmp_path / "file" / "x")


def test_all_failed_still_says_so(tmp_path):
    (tmp_path / "p.csv").write_text("prediction;reference\nx.nrrd;y.nrrd\n")
    batch = compare_batch(read_pairs(tmp_path / "p.csv"))
    assert batch.summary["failed"] == 1 and batch.summary["figures"] == {} and batch.summary["pooled"]["fd"] is None
    batch.write(tmp_path / "out")


def test_pairs_without_a_case_are_told_apart(tmp_path):
    (tmp_path / "p.csv").write_text(
        "reference,prediction,case\np1/truth.nii,a.nii,\np2/truth.nii,b.nii,\np3/one.nii,c.nii,\nr.nii,a.nii,\nr.nii,b.nii,\nq/x.nii,c.nii,x\n"
    )
    assert [case for case, _, _ in read_pairs(tmp_path / "p.csv")] == [
        "p1/truth.nii",
        "p2/truth.nii",
        "one.nii",
        "r.nii and a.nii",
        "r.nii and b.nii",
        "x",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("case,reference,prediction\na,x,y\n\na,z,y\n", "line 4: the case a is that of line 2, too"),
        ("a,b\n1,2\n", "reference, prediction"),
        ("reference,prediction\n", "no pairs"),
        ("reference,prediction\nx.nrrd,\n", "line 2"),
        ("", "reference, prediction"),
    ],
)
def test_bad_lists_are_refused_in_one_line(tmp_path, text, says):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        read_pairs(tmp_path / "p.csv")
    assert "p.csv" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="nowhere"):
        read_pairs(tmp_path / "nowhere.csv")


def test_a_batch_reports_progress_and_stops_when_asked(pairs):
    seen = []
    compare_batch(read_pairs(pairs), progress=lambda stage, fraction: seen.append((stage, fraction)))
    assert seen[0] == ("a", 0) and seen[-1] == ("done", 1.0) and len(seen) == 6
    with pytest.raises(Cancelled):
        compare_batch(read_pairs(pairs), cancelled=lambda: True)
