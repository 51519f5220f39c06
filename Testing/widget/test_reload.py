"""Reload module, as a developer presses it: Slicer's own reloadScriptedModule, real worker process, one panel afterwards."""

import os
import sys

import pytest
import slicer
from host import samples
from test_panel import apply, cells, models  # noqa: F401

from crend.worker.client import WorkerClient
from CRendSegmentationLib.Runs.Predictors import WorkerPredictor

PACKAGES = ("CRendSegmentation", "CRendSegmentationLib", "crend")


@pytest.fixture
def packages():
    """The modules that reloading replaces are put back: other tests hold classes of theirs."""
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] in PACKAGES}
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.fixture
def reloaded(packages, models, widget):  # noqa: F811
    """(the widget before, the widget after), with a result in the scene and a worker started by the first."""
    widget.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(widget)
    widget.logic.predictor = WorkerPredictor(WorkerClient())
    widget.panel.enter()
    widget.worker = widget.logic.predictor._client.pid
    assert widget.worker is not None
    widget.observed = observers(slicer.mrmlScene)
    widget.onReload()
    after = slicer.modules.CRendSegmentationWidget
    yield widget, after
    after.cleanup()
    after.logic.close()


def observers(scene):
    """How many wait for the closing of the scene, by what VTK prints."""
    return str(scene).count(f"Event: {scene.StartCloseEvent}\n")


def test_the_code_is_new_and_the_panel_works_as_before(reloaded, scene):
    before, after = reloaded
    assert type(after) is not type(before) and type(after.panel) is not type(before.panel)
    assert slicer.util.getModuleLogic("CRendSegmentation") is after.logic
    assert [int(text) for text in cells(after.ui.follicleTable, 0)] == [1, 2, 3]
    after.logic.predictor = samples.KnownPredictor(follicles=1)
    assert after.ui.applyButton.enabled
    apply(after)
    assert after.ui.follicleTable.rowCount == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode") == 1


def test_the_old_panel_has_let_go_of_everything_its_worker_too_and_nothing_is_observed_twice(reloaded, scene):
    before, after = reloaded
    assert before.observed == observers(scene) >= 1
    assert before.Observations == [] and before.panel.result.observed == []
    assert before.panel.result.segmentationNode is None and not before.panel.run.running
    after.logic.predictor = samples.KnownPredictor(follicles=2)
    apply(after)
    assert before.ui.follicleTable.rowCount == 0
    with pytest.raises(ProcessLookupError):
        os.kill(before.worker, 0)
