"""A second environment with what `pip install crend` brings, and no torch in it: segment, compare, batch, the worker, the library."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import SimpleITK as sitk
from tiny import save_bundle, volume
from training_samples import SMALL

from crend.predict import segment
from crend.worker.client import WorkerClient
from crend_training.phantom import make_phantom

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of that environment."""
    folder = tmp_path_factory.mktemp("lite") / "venv"
    made = subprocess.run([sys.executable, ROOT / "tools" / "lite_venv.py", folder], capture_output=True, text=True)
    if "No package metadata" in made.stderr:
        pytest.skip(f"a package of crend's own list is not installed here ({made.stderr.strip().splitlines()[-1]})")
    assert made.returncode == 0, made.stderr
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    tried = subprocess.run([python, "-c", "import onnxruntime, safetensors, torch"], capture_output=True, text=True)
    assert "No module named 'torch'" in tried.stderr
    return str(python)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a bundle that calls everything ovary, one like it without a graph, and two volumes."""
    folder = tmp_path_factory.mktemp("work")
    save_bundle(folder / "everything", ovary=9.0)
    save_bundle(folder / "old", ovary=9.0)
    metadata = json.loads((folder / "old" / "metadata.json").read_text())
    del metadata["crend"]["graphs"]
    (folder / "old" / "metadata.json").write_text(json.dumps(metadata))
    (folder / "scans").mkdir()
    for name in ("a", "b"):
        sitk.WriteImage(volume(), str(folder / "scans" / f"{name}.nrrd"))
    return folder


def run(python, *arguments, code=0):
    done = subprocess.run([python, *map(str, arguments)], capture_output=True, text=True, timeout=280)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_segment_and_compare(python, place):
    scan, out, report = place / "scans" / "a.nrrd", place / "a.seg.nrrd", place / "a.json"
    said = run(python, "-m", "crend", "segment", scan, out, "--json", report, "--model", place / "everything")
    assert "onnxruntime on cpu" in said and json.loads(report.read_text())["provenance"]["engine"] == "onnxruntime"
    run(python, "-m", "crend", "compare", out, out, "--json", place / "same.json")
    assert json.loads((place / "same.json").read_text())["ovary"]["dsc"] == 1


def test_batch_and_the_list_of_models(python, place):
    run(python, "-m", "crend", "batch", place / "scans", "--out", place / "batch", "--model", place / "everything")
    assert (place / "batch" / "b.seg.nrrd").is_file() and "crend-sim" in run(python, "-m", "crend", "models")


def test_the_library_segments_and_follicles_are_found_at_a_point(python, place):
    code = (
        "import sys, SimpleITK as sitk; from crend.predict import segment;"
        f"found = segment(sitk.ReadImage({str(place / 'scans' / 'a.nrrd')!r}), {str(place / 'everything')!r});"
        "print(found.provenance['engine'], found.measurements.ovary is not None)"
    )
    assert "onnxruntime True" in run(python, "-c", code)


def test_the_worker_describes_itself_and_segments(python, place):
    client = WorkerClient([python])
    try:
        described = finish(client, client.ask("describe", device="cpu"))
        assert described["text"] == "CPU, ONNX Runtime"
        request = client.ask("segment", image=str(place / "scans" / "a.nrrd"), name="a", folder=str(place), model=str(place / "everything"))
        done = finish(client, request)
        assert done["event"] == "result" and done["provenance"]["engine"] == "onnxruntime"
    finally:
        client.close()


def finish(client, number):
    until = time.monotonic() + 90
    while time.monotonic() < until:
        for event in client.poll(number):
            if event["event"] in ("result", "description", "failure", "input_error"):
                return event
        time.sleep(0.05)
    raise AssertionError("the worker did not answer")


def test_what_needs_torch_says_so_in_one_line(python, place):
    scan = place / "scans" / "a.nrrd"
    said = run(python, "-m", "crend", "segment", scan, place / "x.seg.nrrd", "--model", place / "old", code=2)
    assert "this needs torch" in said and "install it" in said and len(said.strip().splitlines()) == 1
    said = run(python, "-m", "crend", "segment", scan, place / "x.seg.nrrd", "--model", place / "everything", "--engine", "torch", code=2)
    assert "engine torch: not installed here; install the package torch" in said
    assert not (place / "x.seg.nrrd").exists()


def test_the_doctor_finds_everything_in_order(python):
    said = run(python, "-m", "crend", "doctor")
    assert "note torch: not installed" in said and "everything works." in said and "with onnxruntime on cpu" in said


def test_nothing_imports_torch_where_it_is_installed_but_not_asked_for(place):
    code = (
        "import sys; from crend.cli import main;"
        f"codes = [main(['segment', {str(place / 'scans' / 'a.nrrd')!r}, {str(place / 'quiet.nrrd')!r}, '--model', {str(place / 'everything')!r}]),"
        f"main(['compare', {str(place / 'quiet.nrrd')!r}, {str(place / 'quiet.nrrd')!r}])];"
        "print(codes, [name for name in ('torch', 'openvino', 'onnx') if name in sys.modules])"
    )
    assert "[0, 0] []" in run(sys.executable, "-c", code, "--device=cpu")


@pytest.mark.slow
def test_the_bundled_model_finds_the_same_follicles_with_and_without_torch(python, place):
    scan = place / "small.nrrd"
    sitk.WriteImage(make_phantom(1, **SMALL).volume, str(scan))
    run(python, "-m", "crend", "segment", scan, place / "without.nrrd", "--json", place / "without.json", "--device", "cpu")
    report = json.loads((place / "without.json").read_text())
    assert report["provenance"]["engine"] == "onnxruntime"
    ours, theirs = report["follicles"], segment(sitk.ReadImage(str(scan)), engine="torch", device="cpu").measurements.follicles
    assert len(ours) == len(theirs) > 2
    assert all(abs(a["dv_mm"] - b.dv_mm) < 0.01 for a, b in zip(ours, theirs))
