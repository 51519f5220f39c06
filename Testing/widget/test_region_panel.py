"""Region: automatic or in a box, from the panel, with Slicer's own ROI node."""

import numpy as np
import slicer
from host import samples, transforms
from test_panel import apply, models, panel, wait  # noqa: F401

from CRendSegmentationLib.Widgets.RegionTools import IN_A_BOX, REGIONS


def boxOf(panel):  # noqa: F811
    return panel.logic.getParameterNode().box


def choose(panel, region):  # noqa: F811
    panel.ui.regionComboBox.currentIndex = REGIONS.index(region)


def test_one_button_places_a_box_with_handles_and_the_next_run_is_in_it(panel, views):  # noqa: F811
    assert not panel.ui.placeBoxButton.enabled
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert panel.logic.predictor.settings[-1].box is None
    panel.ui.placeBoxButton.click()
    display = boxOf(panel).GetDisplayNode()
    assert display.GetVisibility() and display.GetHandlesInteractive() and display.GetScaleHandleVisibility()
    assert display.GetVisibility2D() and display.GetVisibility3D()
    assert panel.ui.regionComboBox.currentText == IN_A_BOX and "in the box" in panel.ui.applyButton.toolTip
    boxOf(panel).SetSize(30, 31, 32)
    apply(panel)
    assert np.allclose(panel.logic.predictor.settings[-1].box["size"], (30, 31, 32))
    panel.ui.placeBoxButton.click()
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsROINode") == [boxOf(panel)] and boxOf(panel).GetSize()[0] != 30


def test_a_box_is_hidden_while_the_region_is_automatic(panel, views):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.placeBoxButton.click()
    choose(panel, REGIONS[0])
    assert not boxOf(panel).GetDisplayNode().GetVisibility()
    apply(panel)
    assert panel.logic.predictor.settings[-1].box is None
    choose(panel, IN_A_BOX)
    assert boxOf(panel).GetDisplayNode().GetVisibility()


def test_apply_waits_for_the_box_also_after_it_was_deleted(panel, views, scene):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    choose(panel, IN_A_BOX)
    assert not panel.ui.applyButton.enabled and "Place the box" in panel.ui.applyButton.toolTip
    panel.ui.placeBoxButton.click()
    assert panel.ui.applyButton.enabled
    scene.RemoveNode(boxOf(panel))
    panel.logic.getParameterNode().parameterNode.Modified()
    assert not panel.ui.applyButton.enabled


def test_a_box_of_another_volume_does_not_count_also_when_that_is_gone(panel, views, scene):  # noqa: F811
    first, second = samples.addVolume(name="First"), samples.addVolume(name="Second")
    panel.ui.inputVolumeSelector.setCurrentNode(first)
    panel.ui.placeBoxButton.click()
    assert panel.ui.applyButton.enabled
    panel.ui.inputVolumeSelector.setCurrentNode(second)
    assert not panel.ui.applyButton.enabled and "Place the box" in panel.ui.applyButton.toolTip
    assert not boxOf(panel).GetDisplayNode().GetVisibility()
    panel.ui.inputVolumeSelector.setCurrentNode(first)
    assert panel.ui.applyButton.enabled and boxOf(panel).GetDisplayNode().GetVisibility()
    scene.RemoveNode(first)
    panel.ui.inputVolumeSelector.setCurrentNode(second)
    assert not panel.ui.applyButton.enabled
    panel.ui.placeBoxButton.click()
    assert panel.ui.applyButton.enabled


def test_a_box_that_will_not_do_is_said_below_apply(panel, views, scene):  # noqa: F811
    volume = samples.addVolume()
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    panel.ui.placeBoxButton.click()
    boxOf(panel).SetSize(30, 30, 3)
    apply(panel)
    assert "3 mm thin; it must be 5 mm or more" in panel.ui.statusLabel.text and panel.logic.predictor.settings == []
    volume.SetAndObserveTransformNodeID(transforms.thinPlate(scene).GetID())
    panel.ui.placeBoxButton.click()
    assert "non-linear transform" in panel.ui.statusLabel.text


def test_follicles_without_an_ovary_are_a_result_whose_ovary_has_no_size(panel, views):  # noqa: F811
    panel.logic.predictor = samples.KnownPredictor(guide=True)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.placeBoxButton.click()
    apply(panel)
    assert panel.ui.statusLabel.text == "3 follicles in the box; the ovary's outline is from the box, not measured."
    assert panel.ui.follicleTable.rowCount == 3 and "nan" not in panel.ui.summaryLabel.text
