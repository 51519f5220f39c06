"""All seven systems, cross-validated on four small volumes, interrupted and resumed, and their tables."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from training_samples import ball_images, tiny
from typer.testing import CliRunner

from crend.errors import InputError
from crend.io.labels import write_labels
from crend.io.locking import locked
from crend_training.cli.app import app
from crend_training.configuration.experiment import SYSTEMS, CrossValidation, Data, experiment_from, for_system, phase_steps
from crend_training.data.folds import make_folds
from crend_training.data.volumes import Entry
from crend_training.study import fold_run
from crend_training.study.crossval import WATCHED, devices_of, run_study, run_study_on
from crend_training.study.study import open_study, parse_run, prepare_study
from crend_training.study.tables import write_tables

pytestmark = pytest.mark.timeout(900)
SIZE = 28  # of the volumes, whose fourteen runs take most of the time


def entries(count, patients=None):
    return [Entry(f"v{i:02d}", f"v{i}.nrrd", patient=patients[i] if patients else "") for i in range(count)]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Four volumes, two folds of one test volume each, and every run of it done."""
    folder = tmp_path_factory.mktemp("study")
    lines = ["image,label"]
    for number in range(4):
        volume, ovary, follicles = ball_images(number, SIZE)
        sitk.WriteImage(volume, str(folder / f"v{number}.nrrd"))
        write_labels(folder / f"v{number}-labels.nrrd", ovary, follicles)
        lines.append(f"v{number}.nrrd,v{number}-labels.nrrd")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    experiment = tiny(
        data=Data(kind="datalist", path=str(folder / "list.csv")),
        crossval=CrossValidation(folds=2, test=1, validation=1),
        overrides={"deeplab": {"steps": 3}},
        steps=2,
        validate_every=2,
    )
    (folder / "out").mkdir()
    study = prepare_study(experiment, folder / "data", folder / "out", processes=1)
    for system, fold in study.runs():
        fold_run.run_fold(study, system, fold, engine="torch", progress=False)
    return study


def test_the_paper_has_two_disjoint_test_sets_of_18_of_86():
    first, second = make_folds(entries(86), folds=2, test=18)
    assert len(first.test) == len(second.test) == 18 and not set(first.test) & set(second.test)
    for fold in (first, second):
        assert len(fold.training) == 68 and not set(fold.training) & set(fold.test)
    assert make_folds(entries(86), 2, 18) == [first, second]
    assert make_folds(entries(86), 2, 18, seed=1) != [first, second]


def test_all_volumes_are_divided_when_no_size_is_given():
    folds = make_folds(entries(11), folds=3, test=0, validation=2)
    assert sorted(len(fold.test) for fold in folds) == [3, 4, 4]
    assert sorted(name for fold in folds for name in fold.test) == [e.name for e in entries(11)]
    assert all(len(fold.validation) == 2 and len(set(fold.training + fold.validation + fold.test)) == 11 for fold in folds)


def test_volumes_of_one_patient_stay_together():
    patients = [f"p{i // 2}" for i in range(20)]
    for fold in make_folds(entries(20, patients), folds=2, test=6, validation=2):
        parts = [{patients[int(name[1:])] for name in part} for part in (fold.training, fold.validation, fold.test)]
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert len(fold.test) == 6 and len(fold.validation) == 2


def test_too_few_volumes_are_refused():
    with pytest.raises(InputError, match="2 test sets of 18 volumes do not fit 20 volumes"):
        make_folds(entries(20), 2, 18)


def test_every_system_is_trained_tested_and_bundled_on_the_same_folds(study):
    for system, fold in study.runs():
        folder = study.run_folder(system, fold)
        assert study.is_done(system, fold)
        assert [p.stem for p in (folder / "volumes").glob("*.json")] == list(study.folds[fold].test)
        assert json.loads((folder / "bundle" / "metadata.json").read_text())["crend"]["network"] == system
        assert (folder / "points.json").exists() == (system in ("rend", "crend"))
        assert json.loads((folder / "done.json").read_text())["steps"] == {"deeplab": 3, "context": 4}.get(system, 2)
    assert {system for system, _ in study.runs()} == set(SYSTEMS)


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_system_segments_as_a_bundle(study, system):
    from crend.predict import segment

    folder = study.run_folder(system, 0) / "bundle"
    image = ball_images(7, SIZE)[0]
    found = segment(image, folder, device="cpu", engine="torch")
    assert found.provenance["bundle"] == "bundle" and found.ovary.GetSize() == image.GetSize()
    assert found.provenance["rendered"] == (system in ("rend", "crend"))


def test_tables_of_a_study_name_every_system_and_keep_every_volume(study):
    text = write_tables(study.folder)
    for name in ("U-Net", "Context", "Edge", "Deeplab", "Entropy", "Rend", "C-Rend"):
        assert f"| {name} |" in text
    out = study.folder / "tables"
    assert len((out / "per_volume.csv").read_text().splitlines()) == 1 + 7 * 2
    assert "corrected percent follicles" in (out / "points.md").read_text()
    about = (out / "about.json").read_text()
    assert str(study.folder.parent) not in about and len(json.loads(about)["runs"]) == 14
    for name in (
        "learning_curves.png",
        "table1.md",
        "table1.csv",
        "table1.tex",
        "table2.tex",
        "tests.csv",
        "boxplots_table1.png",
        "bland_altman_count.svg",
    ):
        assert (out / name).stat().st_size > 100


def test_a_run_goes_on_where_it_stopped_and_leaves_done_work_alone(study, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    shutil.copytree(study.folder, folder)
    copy = open_study(folder, study.cases.parent)
    run = copy.run_folder("unet", 0)
    (run / "done.json").unlink()
    before = (run / "last.ckpt").read_bytes(), {p: p.stat().st_mtime_ns for p in (run / "volumes").glob("*.json")}

    def no_segmentation(*arguments, **keywords):
        raise AssertionError("segmented again")

    monkeypatch.setattr("crend.predict.segment", no_segmentation)
    fold_run.run_fold(copy, "unet", 0, engine="torch", progress=False)
    assert copy.is_done("unet", 0)
    assert before == ((run / "last.ckpt").read_bytes(), {p: p.stat().st_mtime_ns for p in (run / "volumes").glob("*.json")})


def test_one_failing_run_does_not_lose_the_others(study, tmp_path):
    copy = open_study(shutil.copytree(study.folder, tmp_path / "out"), study.cases.parent)
    for run in (("unet", 0), ("edge", 0), ("rend", 1)):
        (copy.run_folder(*run) / "done.json").unlink()

    def command(system, fold):
        done = copy.run_folder(system, fold) / "done.json"
        return ["sh", "-c", "echo broken >&2; exit 3" if system == "edge" else f"cp {study.run_folder(system, fold)}/done.json {done}"]

    told = []
    assert run_study(copy, command, devices=["cpu", "cpu"], tell=told.append) == [("edge", 0)]
    assert copy.is_done("unet", 0) and copy.is_done("rend", 1)
    assert any(line.startswith("edge:0 failed: broken (see ") for line in told)
    text = write_tables(copy.folder, plots=False)
    assert "Not finished: edge:0." in text


def test_an_error_in_a_run_is_kept_beside_it(study, tmp_path, monkeypatch):
    copy = open_study(shutil.copytree(study.folder, tmp_path / "out"), study.cases.parent)
    folder = copy.run_folder("unet", 0)
    (folder / "done.json").unlink()
    for path in (folder / "volumes").glob("*.json"):
        path.unlink()
    image = copy.entries[copy.folds[0].test[0]].image
    whole = image.read_bytes()
    try:
        image.write_bytes(whole[:1000])
        with pytest.raises(InputError, match="damaged|truncated|incomplete"):
            fold_run.run_fold(copy, "unet", 0, engine="torch", progress=False)
    finally:
        image.write_bytes(whole)
    assert "InputError" in (folder / "failed.txt").read_text()


def test_a_study_with_other_settings_is_not_mixed_in(study):
    with pytest.raises(InputError, match=r"a study with other settings \(steps\)"):
        prepare_study(dataclasses.replace(study.experiment, steps=9), study.cases.parent, study.folder)
    assert np.array_equal(study.folds[0].test, open_study(study.folder).folds[0].test)


def test_settings_of_a_system_are_checked_when_the_file_is_read():
    experiment = experiment_from({"overrides": {"entropy": {"adversarial_weight": 0.5}}}, "a.yaml")
    assert for_system(experiment, "entropy").adversarial_weight == 0.5
    assert for_system(experiment, "unet").adversarial_weight == 0.01
    for values, message in (
        ({"overrides": {"entrophy": {}}}, "unknown system 'entrophy'"),
        ({"overrides": {"unet": {"stepps": 3}}}, "overrides: unet: unknown key 'stepps'"),
        ({"crossval": {"systems": ["unet", "vnet"]}}, "'crossval: systems' has 'vnet'"),
        ({"data": {"kind": "dicom"}}, "'data: kind' is 'dicom'; known are simulated, datalist, usova3d"),
        ({"patch": [192, 192, 100]}, "'patch' must be three multiples of 16"),
        ({"semi_weight": 1.0}, "'semi_weight' needs 'average_decay'"),
    ):
        with pytest.raises(InputError, match=message):
            experiment_from(values, "a.yaml")


def test_epochs_count_patches_of_every_training_volume():
    assert phase_steps(experiment_from({"epochs": 150}, ""), 68) == 10200
    assert phase_steps(experiment_from({"epochs": 150, "devices": 4}, ""), 68) == 2550
    assert phase_steps(experiment_from({"steps": 7}, ""), 68) == 7


def test_runs_and_devices_are_named():
    assert parse_run("crend:1") == ("crend", 1)
    assert devices_of("cuda:0,1") == ["0", "1"] and devices_of("cpu,cpu") == ["cpu", "cpu"]
    for wrong, call in (("crend", parse_run), ("gpu", devices_of)):
        with pytest.raises(InputError, match=f"{wrong}: "):
            call(wrong)


@pytest.fixture(scope="module")
def config(study):
    import yaml

    path = study.folder.parent / "study.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(dataclasses.asdict(study.experiment)))))
    return str(path)


def run_command(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.exception


def test_the_commands_of_a_study_run_from_its_configuration(study, config):
    places = ("--data", study.cases.parent, "--out", study.folder)
    assert run_command("crossval", config, *places, "--only", "unet:0", "--only", "crend:1")[0] == 0
    assert run_command("crossval", config, *places, "--devices", "cpu")[0] == 0
    _, _, error = run_command("crossval", config, *places, "--only", "unet:7")
    assert isinstance(error, InputError) and "--only unet:7: not in this study; runs are unet:0" in str(error)
    code, text, _ = run_command("tables", study.folder, "--no-plots")
    assert code == 0 and "**Table 2**" in text


def test_points_are_counted_for_a_run_that_renders(study, config):
    code, text, _ = run_command("points", config, "--data", study.cases, "--run", study.run_folder("crend", 0))
    found = json.loads(text)
    assert code == 0 and found["patches"] == 4 and found["rendered_percent"] == 12.5
    assert 0 <= found["harmed_percent_follicles"] <= 100


def test_check_ends_with_2_when_something_is_wrong(study, tmp_path):
    code, text, _ = run_command("check", study.folder.parent / "list.csv")
    assert code == 0 and text.splitlines()[-1] == "4 volumes, 4 of them labelled; 0 wrong"
    (tmp_path / "list.csv").write_text("image,label\nmissing.nrrd,missing.nrrd\n")
    code, text, _ = run_command("check", tmp_path / "list.csv")
    assert code == 2 and "missing.nrrd: no such file." in text and "1 wrong" in text


def test_a_cluster_does_the_runs_of_a_study_and_names_those_that_fail(study, config, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the optional package distributed is not installed")
    copy = open_study(shutil.copytree(study.folder, tmp_path / "out"), study.cases.parent)
    for run in (("unet", 0), ("edge", 0)):
        (copy.run_folder(*run) / "done.json").unlink()

    def words(system, fold):
        if system == "edge":
            return ["check", tmp_path / "nothing.csv"]
        return ["crossval", config, "--data", study.cases.parent, "--out", copy.folder, "--only", f"{system}:{fold}"]

    told = []
    local = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
    with local as cluster, distributed.Client(cluster, set_as_default=False) as client:
        assert run_study_on((client, None), copy, words, tell=told.append) == [("edge", 0)]
    assert copy.is_done("unet", 0) and not copy.is_done("edge", 0)
    assert any(line.startswith("unet:0 done on ") for line in told)
    assert any("edge:0 failed: " in line and "nothing.csv" in line for line in told)
    _, _, error = run_command("crossval", config, "--data", tmp_path, "--out", tmp_path / "o", "--scheduler", "slurm", "--devices", "0")
    assert isinstance(error, InputError) and "without --only and --devices" in str(error)


def test_a_run_on_a_worker_ends_with_the_worker(config, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", WATCHED, "crossval", config, "--data", tmp_path, "--out", tmp_path, "--prepare-only"]
    with locked(tmp_path), subprocess.Popen([str(part) for part in command], env=environment, stdin=subprocess.PIPE) as process:
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for the folder
            process.wait(2)
        process.stdin.close()
        assert process.wait(60) == 1
