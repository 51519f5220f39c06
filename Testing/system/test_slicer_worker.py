"""The module with its real worker process and a real network: logic, panel, cancel, self test."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from host import samples
from host.bundles import ultrasoundLike, writeBundle
from host.fixtures import describeScene, layouts, logic, readers, reviewer, scene, segmentEditor, threeDViews, widget  # noqa: F401
from training_samples import SMALL

from crend.bundle import bundle as bundles
from crend.errors import Cancelled, InputError
from crend.predict import segment
from crend_training.phantom import make_phantom
from CRendSegmentationLib.Runs.Predictors import Settings, WorkerPredictor
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

CPU = {"device": "cpu", "engine": "torch"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(writeBundle(tmp_path_factory.mktemp("models") / "untrained"))


@pytest.fixture(scope="module")
def predictor():
    made = WorkerPredictor()
    yield made
    made.close()


@pytest.fixture
def working(logic, predictor):  # noqa: F811
    """The logic with one worker for all tests."""
    logic.predictor = predictor
    yield logic
    logic.predictor = samples.KnownPredictor()


@pytest.fixture
def volume(scene):  # noqa: F811
    return samples.addVolume("flipped", array=ultrasoundLike((32, 40, 32)))


def test_the_scene_holds_what_predict_found_voxel_by_voxel(working, volume, model):
    nodes = working.segment(volume, model=model, **CPU)
    expected = segment(imageFromVolumeNode(volume), model, **CPU)
    read = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, "Ovary", volume)
    assert np.array_equal(read, sitk.GetArrayFromImage(expected.ovary))
    assert nodes.segmentationNode.GetSegmentation().GetNumberOfSegments() == 1 + len(expected.measurements.follicles)
    assert nodes.message == expected.message


def test_cancel_takes_less_than_a_second_and_leaves_no_process_and_no_change(working, predictor, model, scene):  # noqa: F811
    large = samples.addVolume("axial", array=np.kron(ultrasoundLike(), np.ones((2, 2, 2), np.uint8)))
    before = describeScene(scene)
    run = working.start(large, None, Settings(model=model, search=False, **CPU))
    while run.stage != "windows":
        assert run.poll() is None
        time.sleep(0.01)
    pid, began = predictor._client.pid, time.monotonic()
    run.cancel()
    with pytest.raises(Cancelled):
        run.wait()
    assert time.monotonic() - began < 1
    assert describeScene(scene) == before
    predictor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_model_that_is_not_there_is_bad_input_and_the_scene_stays(working, volume, scene):  # noqa: F811
    before = describeScene(scene)
    with pytest.raises(InputError, match="no-such-model"):
        working.segment(volume, model="no-such-model", **CPU)
    assert describeScene(scene) == before


def test_the_panel_segments_with_the_worker_while_the_window_lives(widget, predictor, volume, model):  # noqa: F811
    widget.logic.predictor = predictor
    widget.ui.inputVolumeSelector.setCurrentNode(volume)
    widget.logic.getParameterNode().model = model
    said = set()
    widget.ui.applyButton.click()
    until = time.monotonic() + 120
    while widget.panel.run.running and time.monotonic() < until:
        slicer.app.processEvents()
        said.add(widget.ui.statusLabel.text.split(",")[0])
        time.sleep(0.01)
    widget.logic.predictor = samples.KnownPredictor()
    assert widget.ui.segmentationSelector.currentNode() is not None, widget.ui.statusLabel.text
    assert len(said) >= 3


def test_no_torch_comes_into_slicers_process_when_it_segments(model):
    code = (
        "import sys; sys.path.insert(0, 'Testing'); import host; host.install(); host.newScene(); w = host.loadModule();"
        "from host import samples; v = samples.addVolume('axial');"
        f"n = w.logic.segment(v, model={model!r}, device='cpu', engine='torch'); w.logic.close();"
        "print(n.segmentationNode is not None, 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True)
    assert run.stdout.strip().endswith("True False"), run.stdout + run.stderr


@pytest.fixture
def small(tmp_path):
    """A volume of a tenth of the sample's millimetres, with an ovary of five follicles: the self test is about the way, and segments often."""
    path = tmp_path / "sample.nrrd"
    sitk.WriteImage(make_phantom(1, **SMALL).volume, str(path))
    return path


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not bundles.available(), reason="no bundled model")
def test_slicers_self_test_passes(widget, predictor, small, threeDViews, segmentEditor, readers, reviewer):  # noqa: F811
    from CRendSegmentationLib.SelfTest.Run import CHECKS, runChecks

    # Where Slicer unpacks a scene's file; its application sets this.
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(small.parent))
    files.SetCacheManager(cache)
    slicer.mrmlScene.SetDataIOManager(files)
    widget.logic.predictor, widget.logic.reviewer, lines = predictor, reviewer, []
    widget.panel.review.reviewer = reviewer
    failed, totals = runChecks(small, lines.append)
    print(*lines, sep="\n")
    widget.logic.predictor = samples.KnownPredictor()
    assert failed == [] and lines[-1] == totals, "\n".join(lines)
    assert [line.split()[1] for line in lines[:-1]] == [str(number) for number in range(1, len(CHECKS) + 1)]
    skipped = [line for line in lines if line.startswith("SKIP")]
    # What is not there on this machine, or not in this version; nothing else.
    reasons = ("not in this version", "CUDA", "cuda", "the model changes nothing there", "no follicle has a confidence")
    assert [line for line in skipped if not any(reason in line for reason in reasons)] == []


def test_a_check_that_fails_stops_no_other_and_is_named(widget, monkeypatch, capsys):  # noqa: F811
    import CRendSegmentation
    from CRendSegmentationLib.SelfTest import Run, Session

    def broken(session):
        raise ValueError("of\nno use")

    checks = (
        ("Good", lambda session: None),
        ("Bad", lambda session: Session.equal(1, 2, "rows")),
        ("Broken", broken),
        ("Left out", lambda session: Session.skip("there is none")),
        ("Good again", lambda session: None),
    )
    monkeypatch.setattr(Run, "CHECKS", checks)
    with pytest.raises(AssertionError, match="2 passed, 2 failed, 1 skipped of 5"):
        CRendSegmentation.CRendSegmentationTest().runTest()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.split()[0] in ("PASS", "FAIL", "SKIP", "CRend")]
    assert lines[1:4] == ["FAIL 2 Bad: rows: 1 in place of 2", "FAIL 3 Broken: ValueError: of no use", "SKIP 4 Left out: there is none"]
    assert lines[0].startswith("PASS 1 Good (") and lines[4].startswith("PASS 5 Good again (")
    assert lines[5] == "CRend self test: 2 passed, 2 failed, 1 skipped of 5"
