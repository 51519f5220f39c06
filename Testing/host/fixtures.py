"""pytest fixtures for tests on real MRML: import them in a conftest.py."""

import pytest
import slicer

import host

host.install()

from . import samples  # noqa: E402
from .segment_editor import SegmentEditor  # noqa: E402
from .views import Views  # noqa: E402


@pytest.fixture
def scene():
    """A fresh slicer.mrmlScene, empty but for what Slicer puts there at start. Nothing of a former test is left."""
    fresh = host.newScene()
    yield fresh
    slicer.app.processEvents()
    fresh.Clear(1)


@pytest.fixture
def layouts(scene):
    """Slicer's layouts, in the one that Slicer starts with: the layout node, and the view nodes of whatever layout is set in it."""
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    yield logic
    logic.SetMRMLScene(None)


@pytest.fixture
def views(layouts, scene):
    """What Slicer's views make of the layout: slice logics with composite nodes, and a camera for every 3D view, also those to come."""
    made = Views(scene)
    yield made
    made.close()


@pytest.fixture
def threeDViews(layouts, scene, monkeypatch):
    """slicer.app.layoutManager() with real 3D views, drawn into memory."""
    from .three_d import LayoutManager

    manager = LayoutManager()
    monkeypatch.setattr(slicer.app, "layoutManager", lambda: manager)
    yield manager
    manager.close()


@pytest.fixture
def segmentEditor(widget, monkeypatch):
    """Slicer's Segment Editor module; slicer.util.selectModule opens it, and leaves the module's widget."""
    return SegmentEditor(widget, monkeypatch)


@pytest.fixture
def widget(scene, monkeypatch):
    """The module's widget in a fresh scene, entered as a user does. No network runs: the predictor knows the answer, and is asked for it often."""
    from CRendSegmentationLib.Widgets import RunControl

    monkeypatch.setattr(RunControl, "INTERVAL_MS", 10)
    made = host.loadModule()
    made.logic.predictor = samples.KnownPredictor()
    made.parent.enter()
    made.enter()
    yield made
    slicer.app.moduleManager().unload("CRendSegmentation")
    made.parent.deleteLater()
    slicer.app.processEvents()


@pytest.fixture
def logic(widget):
    """The logic, obtained as from Slicer's console."""
    return slicer.util.getModuleLogic("CRendSegmentation")


@pytest.fixture
def known(logic):
    """The logic with a predictor that returns what is known of the sample volume."""
    logic.predictor = samples.KnownPredictor()
    return logic


@pytest.fixture(scope="module")
def reviewer():
    """What reviews, with one worker process for all tests of a file."""
    from CRendSegmentationLib.Runs.ReviewRun import Reviewer

    made = Reviewer()
    yield made
    made.close()


def describeScene(scene):
    """Everything in a scene that a failure must not change: each node's ID with its printed content."""
    description = {}
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        lines = [line for line in str(node).splitlines() if not any(word in line for word in _VOLATILE)]
        description[node.GetID()] = lines
    return description


# An unset value reads "(none)", and asking for a node reference that was never there makes it such.
_VOLATILE = (": (none)", "Modified Time", "Reference Count", "MTime", "(0x", "ModifiedSinceRead", "Registered Events", "Debug:")


@pytest.fixture
def readers(scene, monkeypatch):
    """slicer.util.loadVolume and loadSegmentation: Slicer's readers are Qt, their storage nodes are here."""

    def read(className, path):
        node = slicer.mrmlScene.AddNewNodeByClass(className)
        node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(str(path))
        assert node.GetStorageNode().ReadData(node)
        return node

    monkeypatch.setattr(slicer.util, "loadSegmentation", lambda path: read("vtkMRMLSegmentationNode", path))
    monkeypatch.setattr(slicer.util, "loadVolume", lambda path: read("vtkMRMLScalarVolumeNode", path))
