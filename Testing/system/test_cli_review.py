"""crend compare --batch and crend figure as a user meets them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import crend
from crend.cli import main


@pytest.fixture
def files(tmp_path):
    """A volume, a reference and two predictions of it, and a list of pairs, one of which has no file."""
    at = np.stack(np.indices((24, 26, 40)), axis=-1) * 0.5
    truth = (np.linalg.norm(at - (6, 6.5, 10), axis=-1) < 5).astype(np.uint8)
    truth[np.linalg.norm(at - (6, 6, 8), axis=-1) < 2] = 2
    for name, array in (
        ("volume", 100.0 - 40 * truth),
        ("truth", truth),
        ("one", np.roll(truth, 1, axis=2)),
        ("two", np.minimum(truth, 1)),
    ):
        image = sitk.GetImageFromArray(array.astype(np.float32 if name == "volume" else np.uint8))
        image.SetSpacing((0.5, 0.5, 0.5))
        sitk.WriteImage(image, tmp_path / f"{name}.nrrd")
    (tmp_path / "pairs.csv").write_text("case,reference,prediction\na,truth.nrrd,one.nrrd\nb,truth.nrrd,two.nrrd\nc,truth.nrrd,lost.nrrd\n")
    return tmp_path


def run(*arguments):
    return main([str(a) for a in arguments])


def test_a_batch_writes_its_tables_beside_the_list_and_says_what_failed(files, capfd):
    assert run("compare", "--batch", files / "pairs.csv", "--percentile", 90) == 3
    folder = files / "pairs-compared"
    assert sorted(p.name for p in folder.iterdir()) == ["cases.csv", "follicles.csv", "summary.json"]
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["cases"], summary["failed"]) == (3, 1) and "ovary_hd90" in summary["figures"]
    printed = capfd.readouterr()
    said = printed.out
    assert "2 of 3 cases" in said and "failed: c:" in said and "lost.nrrd" in said and "ICC" in said
    assert "1 of 3 pairs failed" in printed.err and printed.err.splitlines()[-2].startswith("100 %")


def test_a_batch_without_failures_is_exit_code_0_and_tries_its_folder_first(files, capfd, monkeypatch):
    (files / "good.csv").write_text("reference,prediction\ntruth.nrrd,one.nrrd\n")
    assert run("compare", "--batch", files / "good.csv", "--out", files / "tables") == 0
    (files / "file").write_text("")
    monkeypatch.setattr("crend.comparison.pairs.compare_batch", None)
    assert run("compare", "--batch", files / "good.csv", "--out", files / "file" / "x") == 2
    assert "cannot be made a folder" in capfd.readouterr().err


def test_a_percentile_that_is_asked_for_is_printed(files, capfd):
    assert run("compare", files / "truth.nrrd", files / "one.nrrd", "--percentile", 99.5, "--percentile", 50) == 0
    said = capfd.readouterr().out
    assert "HD50" in said and "HD99.5" in said and "HD95" in said


def test_a_figure_is_drawn_in_a_real_process(files):
    command = [
        sys.executable,
        "-m",
        "crend",
        "figure",
        "volume.nrrd",
        "truth.nrrd",
        "one.nrrd",
        "two.nrrd",
        "--out",
        "figure.png",
        "--name",
        "A",
        "--name",
        "B",
    ]
    done = subprocess.run(
        command,
        cwd=files,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={"PYTHONPATH": str(Path(crend.__file__).resolve().parent.parent), "COLUMNS": "120", "PATH": ""},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "A" in done.stdout and "wrote figure.png" in done.stdout
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(files / "figure.png")))
    assert picture.shape[0] > 1000 and picture.shape[1] > 1400


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("compare",), "REFERENCE and PREDICTION"),
        (("compare", "truth.nrrd"), "REFERENCE and PREDICTION"),
        (("compare", "truth.nrrd", "one.nrrd", "--out", "folder"), "--out goes with --batch"),
        (("compare", "truth.nrrd", "one.nrrd", "--batch", "pairs.csv"), "--batch goes with"),
        (("compare", "--batch", "nowhere.csv"), "nowhere.csv"),
        (("figure", "volume.nrrd", "truth.nrrd", "one.nrrd", "--out", "figure.jpg"), "figure.jpg"),
        (("figure", "volume.nrrd", "truth.nrrd", "one.nrrd", "one.nrrd", "--out", "f.png"), "same name"),
        (("figure", "volume.nrrd", "truth.nrrd", "one.nrrd", "--out", "f.png", "--name", "a", "--name", "b"), "2 times --name for 1 PRED"),
        (("figure", "volume.nrrd", "lost.nrrd", "one.nrrd", "--out", "f.png"), "lost.nrrd: no such file"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(files, monkeypatch, capfd, arguments, says):
    monkeypatch.chdir(files)
    before = sorted(p.name for p in files.iterdir())
    assert run(*arguments) == 2
    said = capfd.readouterr().err
    assert says in said and said.count("\n") == 1
    assert sorted(p.name for p in files.iterdir()) == before


def test_a_prediction_that_lies_elsewhere_is_the_one_that_is_named(files, capfd):
    far = sitk.ReadImage(files / "one.nrrd")
    far.SetOrigin((500, 0, 0))
    sitk.WriteImage(far, files / "far.nrrd")
    assert run("figure", files / "volume.nrrd", files / "truth.nrrd", files / "one.nrrd", files / "far.nrrd", "--out", files / "f.png") == 2
    said = capfd.readouterr().err
    assert f"{files / 'far.nrrd'} and {files / 'truth.nrrd'}: the two segmentations share no space" in said and said.count("\n") == 1
