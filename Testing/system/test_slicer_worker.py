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
from host.fixtures import describeScene, logic, scene, widget  # noqa: F401

from crend.bundle import bundle as bundles
from crend.errors import Cancelled, InputError
from crend.predict import segment
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


@pytest.mark.skipif(not bundles.available(), reason="no bundled model")
def test_slicers_self_test_passes(scene, monkeypatch):  # noqa: F811
    import CRendSegmentation

    def load(path):
        # Half as fine: the self test is about the way, and here it shall not take long.
        image = sitk.BinShrink(sitk.ReadImage(path), [2, 2, 2])
        matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.diag([*image.GetSpacing(), 1.0])
        return slicer.util.addVolumeFromArray(sitk.GetArrayFromImage(image), ijkToRAS=matrix, name="Sample")

    monkeypatch.setattr(slicer.util, "loadVolume", load)
    CRendSegmentation.CRendSegmentationTest().runTest()
