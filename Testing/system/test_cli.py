"""The command line as a user meets it: files in, files out, exit codes. Real processes where the process is the point."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from tiny import save_bundle, volume

import crend
from crend.cli import main
from crend.io.labels import read_labels, write_labels
from crend.structures.measurements import Measurements

HOME = Path(crend.__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    save_bundle(folder / "everything", ovary=9.0)
    save_bundle(folder / "nothing", ovary=-9.0)
    return folder


@pytest.fixture
def scan(tmp_path):
    sitk.WriteImage(volume(), str(tmp_path / "scan.nrrd"))
    return tmp_path / "scan.nrrd"


def process(*arguments, **options):
    """A real `python -m crend`."""
    environment = {**os.environ, "PYTHONPATH": str(HOME), "COLUMNS": "100"}
    command = [sys.executable, "-m", "crend", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, timeout=120, **options)


def run(*arguments):
    return main([str(a) for a in arguments])


def test_version_in_a_real_process():
    done = process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"crend {crend.__version__}\n", "")


@pytest.mark.skipif(os.name == "nt", reason="needs the resource module of Unix")
def test_version_takes_less_than_half_a_second_of_the_processor():
    import resource

    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    process("--version")
    assert spent() - before < 0.5


def test_version_and_help_load_nothing_heavy():
    code = (
        "import sys; from crend.cli import main; main(['--version']); main(['segment', '--help']);"
        "print([m for m in ('torch', 'SimpleITK', 'vtk', 'scipy', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": str(HOME)})
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.slow
def test_segment_in_a_real_process_writes_everything(scan, bundles):
    out, table, report = (scan.with_name(name) for name in ("out.seg.nrrd", "out.csv", "out.json"))
    done = process("segment", scan, out, "--table", table, "--json", report, "--model", bundles / "everything")
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if " % " not in line]
    assert [line.split(",")[0] for line in said] == [
        "warning: The spacing is 1.0 x 1.0 x 1.0 mm",
        "warning: Every part of the volume holds echoes",
    ]
    assert "100 % done" in done.stderr.splitlines()
    assert "1 ovary of 13.4 ml without follicles" in done.stdout and "Research use only" in done.stdout
    labels = read_labels(out)
    assert labels.ovary.GetSize() == (28, 24, 20) and sitk.GetArrayViewFromImage(labels.ovary).all()
    assert table.read_text(encoding="utf-8-sig") == ",".join(Measurements.COLUMNS) + "\n"
    data = json.loads(report.read_text())
    assert data["message"] == "1 ovary of 13.4 ml without follicles; doubtful: spacing of 1.0 mm, no sector"
    assert [flag["key"] for flag in data["flags"]] == ["unit_spacing", "sector"] and data["provenance"]["bundle"] == "everything"
    assert sorted(p.name for p in scan.parent.iterdir()) == ["out.csv", "out.json", "out.seg.nrrd", "scan.nrrd"]


def test_a_corrected_segmentation_is_kept_when_its_volume_is_segmented_again(scan, bundles, capfd):
    out = scan.with_name("out.seg.nrrd")
    again = ("segment", scan, out, "--model", bundles / "everything", "--engine", "torch")
    assert run(*again) == run(*again) == 0
    assert sorted(path.name for path in scan.parent.iterdir()) == ["out.seg.nrrd", "scan.nrrd"]
    corrected = sitk.ReadImage(str(out))
    corrected[3, 4, 5] = 0
    sitk.WriteImage(corrected, str(out))
    capfd.readouterr()
    assert run(*again) == 0
    assert f"note: {out} was not as a run had written it; it is kept as out.kept-1.seg.nrrd." in capfd.readouterr().err
    assert sitk.ReadImage(str(scan.with_name("out.kept-1.seg.nrrd")))[3, 4, 5] == 0 and sitk.ReadImage(str(out))[3, 4, 5] == 1
    assert run(*again) == 0 and len(list(scan.parent.iterdir())) == 3


@pytest.mark.parametrize("name", ["out.nrrd", "out.nii.gz", "out.mha", "out.nii", "a.b.c.nrrd"])
def test_label_images_keep_the_geometry(scan, bundles, name, capfd):
    assert run("segment", scan, scan.with_name(name), "--model", bundles / "everything", "--engine", "torch") == 0
    result, image = sitk.ReadImage(str(scan.with_name(name))), volume()
    assert result.GetSize() == image.GetSize() and (sitk.GetArrayViewFromImage(result) == 1).all()
    for part in ("Spacing", "Origin", "Direction"):
        assert np.allclose(getattr(result, f"Get{part}")(), getattr(image, f"Get{part}")(), atol=1e-5)


def test_no_ovary_is_said_in_words_and_is_no_failure(scan, bundles, capfd):
    out, report = scan.with_name("out.seg.nrrd"), scan.with_name("out.json")
    assert run("segment", scan, out, "--json", report, "--model", bundles / "nothing", "--engine", "torch") == 0
    assert capfd.readouterr().out.startswith("no ovary found\n")
    assert not sitk.GetArrayViewFromImage(read_labels(out).ovary).any()
    data = json.loads(report.read_text())
    assert data["message"] == "no ovary found" and data["summary"]["ovary_volume_ml"] is None
    assert "no_ovary" in [flag["key"] for flag in data["flags"]]


def test_a_link_to_the_input_is_still_the_input(scan, bundles, capfd):
    before = scan.read_bytes()
    scan.with_name("link.nrrd").symlink_to(scan)
    assert run("segment", scan, scan.with_name("link.nrrd"), "--model", bundles / "everything") == 2
    assert scan.read_bytes() == before


def start_with_terminal(*arguments):
    """A real process whose stderr is a terminal; returns it and the terminal's other end."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(HOME), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "crend", *map(str, arguments)]
    # A shell's background job ignores Ctrl-C, and its children inherit that; a terminal's user has it.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment)
    finally:
        signal.signal(signal.SIGINT, inherited)
    os.close(theirs)
    return running, ours


def read_until(terminal, words, seconds=60):
    text, end = "", time.monotonic() + seconds
    while words not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                text += os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the other end is closed
                break
    return text


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs a Unix terminal")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_being_stopped_amid_the_work_is_130_and_leaves_nothing(tmp_path, bundles, stop):
    sitk.WriteImage(volume((160, 160, 160)), str(tmp_path / "scan.nrrd"))
    out = tmp_path / "out.nrrd"
    out.write_text("old")
    running, terminal = start_with_terminal("segment", tmp_path / "scan.nrrd", out, "--model", bundles / "everything", "--engine", "torch")
    try:
        assert "search" in read_until(terminal, "search"), "the progress bar names the stage"
        running.send_signal(stop)
        assert "cancelled, nothing was written" in read_until(terminal, "nothing was written")
        assert running.wait(60) == 130
    finally:
        running.kill()
        running.stdout.close()
        os.close(terminal)
    assert out.read_text() == "old" and sorted(p.name for p in tmp_path.iterdir()) == ["out.nrrd", "scan.nrrd"]


def test_a_failure_of_ours_is_1_in_one_line_and_debug_shows_where(scan, bundles, capfd, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("crend.predict.segment", fail)
    assert run("segment", scan, scan.with_name("out.nrrd")) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and "RuntimeError: first line" in error and "--debug" in error
    assert run("--debug", "segment", scan, scan.with_name("out.nrrd")) == 1
    assert "Traceback" in capfd.readouterr().err
    assert not scan.with_name("out.nrrd").exists()


def test_models_as_a_table_and_as_json(bundles, capfd, monkeypatch):
    monkeypatch.setattr("crend.bundle.bundle.search_folders", lambda: [bundles])
    assert run("models") == 0
    assert "everything" in capfd.readouterr().out
    assert run("models", "--json") == 0
    data = json.loads(capfd.readouterr().out)
    assert [m["name"] for m in data] == ["everything", "nothing"] and [m["default"] for m in data] == [True, False]
    assert data[0]["network"] == "crend" and data[0]["spacing_mm"] == [1, 1, 1] and data[0]["version"] == "0.0.1"


def test_models_without_any_says_what_to_do(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("crend.bundle.bundle.search_folders", lambda: [tmp_path])
    assert run("models") == 0
    assert "no model is installed" in capfd.readouterr().out


def test_doctor_says_how_fast_it_is_when_all_is_well(bundles, capfd, monkeypatch):
    monkeypatch.setattr("crend.bundle.bundle.search_folders", lambda: [bundles])
    assert run("doctor") == 0
    out, err = capfd.readouterr()
    assert err == "" and out.endswith("everything works.\n")
    assert "one window of everything takes" in out and "checksum is right" in out and "torch" in out


def test_doctor_says_what_to_do_without_a_model(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("crend.bundle.bundle.search_folders", lambda: [tmp_path])
    assert run("doctor") == 1
    out = capfd.readouterr().out
    assert "BAD  models: none installed" in out and f"put a bundle's folder into {tmp_path}" in out


def test_doctor_finds_a_damaged_model(bundles, tmp_path, capfd, monkeypatch):
    shutil.copytree(bundles / "nothing", tmp_path / "nothing")
    (tmp_path / "nothing" / "model.safetensors").write_bytes(b"0" * 100)
    monkeypatch.setattr("crend.bundle.bundle.search_folders", lambda: [tmp_path])
    assert run("doctor") == 1
    out = capfd.readouterr().out
    assert "BAD  model nothing:" in out and "copy the bundle again" in out and "1 of these must be put right" in out


def labels_on(path, *boxes):
    image = volume((30, 30, 30))
    ovary, follicles = np.zeros((30, 30, 30), np.uint8), np.zeros((30, 30, 30), np.uint16)
    ovary[5:25, 5:25, 5:25] = 1
    for k, box in enumerate(boxes, 1):
        follicles[box] = k
    images = [sitk.GetImageFromArray(array) for array in (ovary, follicles)]
    for part in images:
        part.CopyInformation(image)
    write_labels(path, *images)
    return path


CUBE = (slice(8, 12),) * 3
MOVED = (slice(8, 12), slice(8, 12), slice(9, 13))
OTHER = (slice(15, 21),) * 3


def test_compare_by_hand(tmp_path, capfd):
    a, b = labels_on(tmp_path / "a.seg.nrrd", CUBE, OTHER), labels_on(tmp_path / "b.nii.gz", MOVED)
    assert run("compare", a, b, "--json", tmp_path / "c.json") == 0
    out, err = capfd.readouterr()
    assert err == "" and "Dice" in out and "Hausdorff" in out
    data = json.loads((tmp_path / "c.json").read_text())
    assert data["ovary"]["dsc"] == 1 and data["ovary"]["hd"] == 0
    # 48 of 64 + 216 and of 64 voxels are shared.
    assert data["follicles"]["dsc"] == pytest.approx(2 * 48 / (280 + 64))
    detection = data["detection"]
    assert (detection["count_reference"], detection["count_prediction"], detection["count_error"]) == (2, 1, 1)
    assert (detection["fd"], detection["md"]) == (0, 50)


def test_compare_a_file_with_itself(tmp_path, capfd):
    a = labels_on(tmp_path / "a.nrrd", CUBE)
    assert run("compare", a, a) == 0


def test_compare_names_both_files_when_they_share_no_space(tmp_path, capfd):
    a = labels_on(tmp_path / "a.nrrd", CUBE)
    far = sitk.ReadImage(str(a))
    far.SetOrigin((5000, 0, 0))
    sitk.WriteImage(far, str(tmp_path / "far.nrrd"))
    assert run("compare", a, tmp_path / "far.nrrd") == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and "a.nrrd" in error and "far.nrrd" in error


def test_compare_writes_surfaces_and_a_picture(tmp_path, capfd):
    import vtk

    a, b = labels_on(tmp_path / "a.nrrd", CUBE), labels_on(tmp_path / "b.nrrd", MOVED)
    assert run("compare", a, b, "--surface", tmp_path / "s.vtp", "--png", tmp_path / "p.png") == 0, capfd.readouterr().err
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "s.vtp"))
    reader.Update()
    assert reader.GetOutput().GetNumberOfPoints() > 100
    assert sitk.ReadImage(str(tmp_path / "p.png")).GetDimension() == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nrrd", "b.nrrd", "p.png", "s.vtp"]


def test_compare_with_an_empty_one_has_no_surface_and_writes_nothing(tmp_path, capfd):
    a = labels_on(tmp_path / "a.nrrd", CUBE)
    empty = sitk.ReadImage(str(a)) * 0
    sitk.WriteImage(empty, str(tmp_path / "empty.nrrd"))
    assert run("compare", a, tmp_path / "empty.nrrd") == 0
    assert run("compare", a, tmp_path / "empty.nrrd", "--json", tmp_path / "c.json", "--surface", tmp_path / "s.vtp") == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and "empty.nrrd" in error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nrrd", "empty.nrrd"]


def test_help_alone_and_for_each_command(capfd):
    assert run() == 0
    shown = capfd.readouterr().out
    assert all(name in shown for name in ("segment", "compare", "models", "doctor"))
    for name in ("segment", "compare", "models", "doctor"):
        assert run(name, "--help") == 0
