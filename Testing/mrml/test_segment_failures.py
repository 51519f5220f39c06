"""What goes wrong in logic.segment is said in one line, and the scene stays as it was."""

import numpy as np
import pytest
import slicer
from host import samples
from host.fixtures import describeScene

from crend.errors import Cancelled, InputError

BAD_VOXELS = {
    "flat": np.zeros((1, 40, 40), np.uint8) + 3,
    "tiny": np.arange(27, dtype=np.uint8).reshape(3, 3, 3),
    "constant": np.full((20, 20, 20), 7, np.uint8),
    "not a number": np.where(np.arange(8000).reshape(20, 20, 20) == 5, np.nan, 1.0),
    "infinite": np.where(np.arange(8000).reshape(20, 20, 20) == 5, np.inf, 1.0),
}


@pytest.mark.parametrize("what", BAD_VOXELS)
def test_bad_voxels_are_refused_in_one_line_and_the_scene_stays(scene, known, what):
    volume = samples.addVolume(name="Poor scan", array=BAD_VOXELS[what])
    before = describeScene(scene)
    with pytest.raises(InputError, match="^Poor scan: [^\n]+$"):
        known.segment(volume)
    assert describeScene(scene) == before
    assert known.predictor.settings == []


@pytest.mark.parametrize("error", [InputError("the model is broken"), Cancelled(), RuntimeError("out of memory")])
def test_the_scene_stays_when_the_prediction_does_not_end_well(scene, known, error):
    volume = samples.addVolume()
    known.predictor = samples.KnownPredictor(error=error)
    before = describeScene(scene)
    with pytest.raises(type(error)):
        known.segment(volume)
    assert describeScene(scene) == before


def test_a_volume_removed_or_moved_on_the_way_is_an_error_and_the_scene_stays(scene, known):
    volume = samples.addVolume()
    run = known.start(volume)
    volume.SetOrigin(0, 0, 0)
    before = describeScene(scene)
    with pytest.raises(InputError, match="^Ultrasound: was moved"):
        run.wait()
    run = known.start(volume)
    scene.RemoveNode(volume)
    with pytest.raises(InputError, match="^Ultrasound: was removed"):
        run.wait()
    assert set(describeScene(scene)) <= set(before)


def test_progress_is_told_and_cancel_leaves_the_scene(scene, known):
    known.predictor = samples.KnownPredictor(hold=True)
    volume = samples.addVolume()
    before, told = describeScene(scene), []
    with pytest.raises(Cancelled):
        known.segment(volume, progress=lambda *what: told.append(what), cancelled=lambda: len(told) > 2)
    assert told[0] == ("windows", 0.25)
    assert describeScene(scene) == before


@pytest.mark.parametrize("existing", [False, True])
def test_the_scene_stays_when_writing_the_result_fails(scene, known, existing, monkeypatch):
    from CRendSegmentationLib.Scene import Results

    volume = samples.addVolume()
    node = known.segment(volume).segmentationNode if existing else None
    known.predictor = samples.KnownPredictor(follicles=1)
    before = describeScene(scene)

    def fail(segmentationNode):
        raise MemoryError

    monkeypatch.setattr(Results, "showSegmentation", fail)
    with pytest.raises(MemoryError):
        known.segment(volume, node)
    assert describeScene(scene) == before
    if existing:
        assert slicer.util.arrayFromSegmentBinaryLabelmap(node, "Follicle_3", volume).sum() == samples.ball(*samples.FOLLICLES[2]).sum()
