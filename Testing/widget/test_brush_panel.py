"""Grow here and Shrink here from the panel: clicks into a real scene, segments, table and undo that follow."""

import numpy as np
import pytest
import slicer
from host import samples
from test_editing_panel import click, seeds, segmented, select  # noqa: F401
from test_panel import apply, cells, models, panel, wait  # noqa: F401

from CRendSegmentationLib.Runs.Predictors import Settings
from CRendSegmentationLib.Runs.WorkerJobs import PredictionFailed
from CRendSegmentationLib.Scene.SegmentMeasurements import measureSegments

(OZ, OY, OX), RADIUS = samples.OVARY


def place(x, y=OY, z=OZ):
    """A voxel's place in the world."""
    return (samples.ijkToRas() @ (x, y, z, 1))[:3]


def voxels(widget, segmentID="Ovary"):
    volume = widget.ui.inputVolumeSelector.currentNode()
    return slicer.util.arrayFromSegmentBinaryLabelmap(widget.panel.result.segmentationNode, segmentID, volume) > 0


def status(widget):
    return widget.ui.editStatusLabel.text


def clickAt(widget, scene, button, point, words):
    """Press a button, if it is not down, click, and wait for what is said."""
    if not button.checked:
        button.click()
    click(scene, point)
    wait(lambda: words in status(widget) and not widget.panel.run.running)


def away(x, y, z):
    grids = np.ogrid[tuple(slice(n) for n in samples.SHAPE)]
    return np.sqrt(sum(((g - c) * s) ** 2 for g, c, s in zip(grids, (z, y, x), samples.SPACING[::-1])))


def test_a_click_outside_grows_the_ovary_within_the_brush_and_undo_takes_it_back(segmented, scene):  # noqa: F811
    before, volume = voxels(segmented), measureSegments(segmented.panel.result.segmentationNode).ovary.volume_ml
    clickAt(segmented, scene, segmented.ui.growButton, place(OX - RADIUS - 3), "Ovary grown by")
    after = voxels(segmented)
    assert after[OZ, OY, OX - RADIUS - 3] and (after | before == after).all()
    assert away(OX - RADIUS - 3, OY, OZ)[after ^ before].max() <= 4.0
    grown = measureSegments(segmented.panel.result.segmentationNode).ovary.volume_ml
    assert grown > volume and f"{grown:.1f} ml" in segmented.ui.summaryLabel.text
    assert cells(segmented.ui.follicleTable, 8) == ["", "", ""], "no follicle was changed"
    said = segmented.ui.summaryLabel.text
    segmented.ui.undoButton.click()
    assert np.array_equal(voxels(segmented), before) and not segmented.ui.undoButton.enabled, "one click is one step"
    assert f"{volume:.1f} ml" in segmented.ui.summaryLabel.text
    segmented.ui.redoButton.click()
    assert np.array_equal(voxels(segmented), after) and segmented.ui.summaryLabel.text == said and status(segmented) == "Brought back."
    assert segmented.ui.undoButton.enabled and not segmented.ui.redoButton.enabled


def test_the_button_stays_down_for_the_next_click_and_a_right_click_ends_it(segmented, scene):  # noqa: F811
    clickAt(segmented, scene, segmented.ui.growButton, place(OX - RADIUS - 2), "Ovary grown by")
    assert segmented.ui.growButton.checked and seeds(scene) == [1, 1]
    clickAt(segmented, scene, segmented.ui.growButton, place(OX, OY - RADIUS - 2), "Ovary grown by")
    segmented.ui.shrinkButton.click()
    assert not segmented.ui.growButton.checked and seeds(scene) == [1, 1]
    segmented.ui.addButton.click()
    assert not segmented.ui.shrinkButton.checked and seeds(scene) == [1, 1]
    segmented.ui.growButton.click()
    assert not segmented.ui.addButton.checked
    scene.GetFirstNodeByClass("vtkMRMLInteractionNode").SwitchToViewTransformMode()
    wait(lambda: not segmented.ui.growButton.checked)
    assert seeds(scene) == [0, 0]


def test_the_brush_is_shown_as_a_circle_of_its_size_in_millimetres(segmented, scene):  # noqa: F811
    segmented.ui.growButton.click()
    display = scene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialDisplayNode")
    assert display.GetGlyphSize() == 8.0 and not display.GetUseGlyphScale() and display.GetGlyphType() == display.Sphere3D
    segmented.ui.brushSpinBox.value = 2.5
    assert display.GetGlyphSize() == 5.0


def test_under_a_transform_that_stretches_the_circle_is_as_large_as_what_changes_and_sizes_are_said_to_be_the_volumes_own(segmented, scene):  # noqa: F811
    volume, node = segmented.ui.inputVolumeSelector.currentNode(), segmented.panel.result.segmentationNode
    before, said = voxels(segmented), segmented.ui.summaryLabel.text
    stretch = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Stretch")
    stretch.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 1.5, 1.0, 1.0])))
    segmented.exit()
    for each in (volume, node):
        each.SetAndObserveTransformNodeID(stretch.GetID())
    segmented.enter()
    assert "Warning:" not in said and "the transform over the segmentation changes lengths by up to 50 %" in segmented.ui.summaryLabel.text
    segmented.ui.growButton.click()
    assert scene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialDisplayNode").GetGlyphSize() == pytest.approx(12.0)
    world = [0.0] * 3
    node.TransformPointToWorld(place(OX - RADIUS - 3), world)
    clickAt(segmented, scene, segmented.ui.growButton, world, "Ovary grown by")
    after = voxels(segmented)
    assert after[OZ, OY, OX - RADIUS - 3] and away(OX - RADIUS - 3, OY, OZ)[after ^ before].max() <= 4.0


def test_a_selected_follicle_is_changed_takes_nothing_from_others_and_extends_the_ovary(segmented, scene):  # noqa: F811
    (z, y, x), radius = samples.FOLLICLES[0]
    others = {segmentID: voxels(segmented, segmentID) for segmentID in ("Follicle_2", "Follicle_3")}
    select(segmented, "Follicle_1")
    clickAt(segmented, scene, segmented.ui.growButton, place(x + radius + 4, y, z), "Follicle 1 grown by")
    assert "The ovary was extended by" in status(segmented)
    grown, ovary = voxels(segmented, "Follicle_1"), voxels(segmented)
    assert grown[z, y, x + radius + 4] and (ovary | grown == ovary).all()
    assert all(np.array_equal(voxels(segmented, segmentID), mask) and not (mask & grown).any() for segmentID, mask in others.items())
    assert cells(segmented.ui.follicleTable, 8) == ["edited", "", ""] and cells(segmented.ui.follicleTable, 7)[0] == ""
    segmented.ui.growButton.click()
    select(segmented, "Follicle_1")
    clickAt(segmented, scene, segmented.ui.shrinkButton, place(x + radius - 1, y, z), "Follicle 1 shrunk by")
    assert not voxels(segmented, "Follicle_1")[z, y, x + radius - 1]


def test_the_ovary_shrinks_but_keeps_its_follicles(segmented, scene):  # noqa: F811
    before, inside = voxels(segmented), place(OX - RADIUS + 2)
    clickAt(segmented, scene, segmented.ui.shrinkButton, inside, "Ovary shrunk by")
    after = voxels(segmented)
    assert not after[OZ, OY, OX - RADIUS + 2] and (after & before == after).all()
    (z, y, x), _ = samples.FOLLICLES[0]
    clickAt(segmented, scene, segmented.ui.shrinkButton, place(x, y, z), "Follicle 1 is here, a part of the ovary")
    assert np.array_equal(voxels(segmented), after)


def test_a_click_acts_without_the_network_and_says_so(segmented, scene):  # noqa: F811
    segmented.logic.predictor = samples.KnownPredictor(error=PredictionFailed("the worker process ended unexpectedly"))
    clickAt(segmented, scene, segmented.ui.growButton, place(OX - RADIUS - 3), "By the image alone")
    assert "ended unexpectedly" in status(segmented) and voxels(segmented)[OZ, OY, OX - RADIUS - 3]


@pytest.mark.parametrize(
    "button, point, words",
    [
        ("growButton", place(OX), "belongs to Ovary already"),
        ("shrinkButton", place(2), "does not belong to Ovary"),
        ("growButton", place(300), "outside the volume"),
        ("growButton", place(1, 1, 1), "out of the brush's reach"),
    ],
)
def test_clicks_that_cannot_be_are_refused_in_words_and_change_nothing(segmented, scene, button, point, words):  # noqa: F811
    before = voxels(segmented)
    clickAt(segmented, scene, getattr(segmented.ui, button), point, words)
    assert np.array_equal(voxels(segmented), before) and not segmented.ui.undoButton.enabled
    assert getattr(segmented.ui, button).checked, "the next click may be a better one"


def test_what_was_painted_while_the_network_was_asked_stays(segmented, scene):  # noqa: F811
    before = voxels(segmented)
    editing, node = segmented.panel.edit.editing, segmented.panel.result.segmentationNode
    run = segmented.logic.startOutline(editing, None, list(place(OX - RADIUS - 3)), True, 4.0, Settings())
    painted = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Ovary", segmented.ui.inputVolumeSelector.currentNode())
    painted[OZ, OY, OX + RADIUS + 1 : OX + RADIUS + 4] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, "Ovary", segmented.ui.inputVolumeSelector.currentNode())
    run.wait()
    after = voxels(segmented)
    assert after[OZ, OY, OX - RADIUS - 3] and after[OZ, OY, OX + RADIUS + 3] and (after | before == after).all()


def test_two_selected_follicles_are_too_many(segmented, scene):  # noqa: F811
    select(segmented, "Follicle_1", "Follicle_2")
    clickAt(segmented, scene, segmented.ui.growButton, place(2), "elect one follicle")


def test_without_a_segmentation_there_is_nothing_to_grow(panel):  # noqa: F811
    assert not panel.ui.editSection.enabled


def test_a_click_on_the_outline_of_a_box_says_that_it_is_still_not_measured(panel, scene):  # noqa: F811
    panel.logic.predictor = samples.KnownPredictor(guide=True)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.placeBoxButton.click()
    panel.logic.getParameterNode().box.SetSize(60, 60, 60)
    apply(panel)
    clickAt(
        panel, scene, panel.ui.growButton, place(OX - RADIUS - 3), "It is still the box's outline and not measured; draw it from contours"
    )
    assert measureSegments(panel.panel.result.segmentationNode).ovary is None
