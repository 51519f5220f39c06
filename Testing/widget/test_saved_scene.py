"""A saved scene is opened while the panel is shown: the panel shows what was in it."""

import zipfile

import pytest
import slicer
from host import samples
from test_panel import apply, cells, models, panel, wait  # noqa: F401

from CRendSegmentationLib.Widgets.RegionTools import IN_A_BOX


@pytest.fixture
def saved(panel, tmp_path):  # noqa: F811
    """A scene file with a volume, its result and the panel's settings."""
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    panel.ui.placeBoxButton.click()
    panel.logic.getParameterNode().box.SetSize(30, 31, 32)
    bundle = tmp_path / "saved.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(bundle))
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "saved" / "saved.mrml"


def opened(path):
    slicer.mrmlScene.SetURL(str(path))
    assert slicer.mrmlScene.Connect()


def test_the_panel_shows_the_opened_scene(panel, saved):  # noqa: F811
    opened(saved)
    node = slicer.util.getNode("Ultrasound")
    assert panel.ui.inputVolumeSelector.currentNode() is node
    parameters = panel.logic.getParameterNode()
    assert parameters.inputVolume is node
    assert parameters.segmentation is slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert [int(text) for text in cells(panel.ui.follicleTable, 0)] == [1, 2, 3]
    assert panel.ui.applyButton.enabled
    assert parameters.region == IN_A_BOX and parameters.box is slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLMarkupsROINode")
    assert parameters.box.GetSize() == (30, 31, 32) and not panel.panel.region.missing


def test_a_panel_that_is_not_shown_shows_it_when_it_is_entered(panel, saved):  # noqa: F811
    panel.parent.leave()
    panel.exit()
    opened(saved)
    panel.parent.enter()
    panel.enter()
    assert panel.ui.inputVolumeSelector.currentNode() is slicer.util.getNode("Ultrasound")
    assert [int(text) for text in cells(panel.ui.follicleTable, 0)] == [1, 2, 3]


def test_an_opened_review_is_shown_anew_once_its_views_are_there(widget, scene, monkeypatch):
    shown = []
    monkeypatch.setattr("CRendSegmentationLib.Scene.ReviewLayout.ReviewLayout.showAgain", lambda layout: shown.append(type(layout)))
    scene.InvokeEvent(scene.EndImportEvent)
    assert not shown, "Slicer makes the views after this event"
    wait(lambda: shown)
