"""Editing from the panel: buttons, table and summary follow each other."""

import numpy as np
import pytest
import slicer
from host import samples
from test_panel import apply, cells, models, panel, wait  # noqa: F401

from CRendSegmentationLib.Scene.SegmentMeasurements import measureWithIDs


@pytest.fixture
def segmented(panel):  # noqa: F811
    """The panel with a finished result."""
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    return panel


def numbers(widget):
    return [int(text) for text in cells(widget.ui.follicleTable, 0)]


def select(widget, *segmentIDs):
    widget.panel.result.table.select(segmentIDs)


def test_deleting_a_follicle_and_undo(segmented):
    assert not segmented.ui.undoButton.enabled
    select(segmented, "Follicle_2")
    segmented.ui.deleteButton.click()
    assert numbers(segmented) == [1, 3]
    assert segmented.ui.undoButton.enabled
    segmented.ui.undoButton.click()
    assert numbers(segmented) == [1, 2, 3]
    assert cells(segmented.ui.follicleTable, 8) == ["", "", ""]


def test_an_edited_result_is_not_written_over(segmented, scene):
    edited = segmented.panel.result.segmentationNode
    select(segmented, "Follicle_2", "Follicle_3")
    segmented.ui.mergeButton.click()
    apply(segmented)
    made = segmented.panel.result.segmentationNode
    assert made is not edited and made is segmented.logic.getParameterNode().segmentation
    assert edited.GetSegmentation().GetNumberOfSegments() == 3 and numbers(segmented) == [1, 2, 3]
    assert f"It is in {made.GetName()}; {edited.GetName()} stays as you edited it." in segmented.ui.statusLabel.text
    assert not segmented.ui.undoButton.enabled
    apply(segmented)
    assert segmented.panel.result.segmentationNode is made, "one that nobody edited is brought up to date"


@pytest.mark.parametrize("what", ["deleted", "painted ovary", "drawn beside", "taken back"])
def test_what_counts_as_edited(segmented, what):
    node = segmented.panel.result.segmentationNode
    if what in ("deleted", "taken back"):
        select(segmented, "Follicle_2")
        segmented.ui.deleteButton.click()
    if what == "taken back":
        segmented.ui.undoButton.click()
    if what == "painted ovary":
        array = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Ovary")
        array[20, 24, 20:30] = 0
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, "Ovary")
    if what == "drawn beside":
        node.GetSegmentation().AddEmptySegment("Endometrioma", "Endometrioma")
    apply(segmented)
    assert (segmented.panel.result.segmentationNode is node) == (what == "taken back")


def test_what_is_edited_while_a_run_is_on_is_not_written_over_either(segmented):
    node = segmented.panel.result.segmentationNode
    segmented.ui.applyButton.click()
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Ovary")
    array[20, 24, 20:30] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, "Ovary")
    wait(lambda: not segmented.panel.run.running)
    assert segmented.panel.result.segmentationNode is not node and "stays as you edited it" in segmented.ui.statusLabel.text


def test_merging_and_splitting_are_marked_as_edited(segmented):
    select(segmented, "Follicle_2", "Follicle_3")
    segmented.ui.mergeButton.click()
    assert numbers(segmented) == [1, 2] and cells(segmented.ui.follicleTable, 8) == ["", "edited"]
    select(segmented, "Follicle_1")
    segmented.ui.splitButton.click()
    assert sorted(numbers(segmented)) == [1, 2, 3]
    assert cells(segmented.ui.follicleTable, 8) == ["edited"] * 3


def seeds(scene):
    """How many nodes there are of a seed and of what shows it."""
    return [scene.GetNumberOfNodesByClass(f"vtkMRMLMarkups{kind}Node") for kind in ("Fiducial", "Display")]


def click(scene, point):
    """Place the seed as a view does: by its display node, while nobody else holds the seed."""
    event = slicer.vtkMRMLInteractionEventData()
    event.SetWorldPosition([float(value) for value in point])
    display = scene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialDisplayNode")
    display.UpdateActiveControlPointWorld(0, event, [1, 0, 0, 0, 1, 0, 0, 0, 1], "", "", slicer.vtkMRMLMarkupsNode.PositionDefined)


def follicle():
    """A point where the panel finds another follicle."""
    return (samples.ijkToRas() @ (28, 36, 12, 1))[:3]


def test_a_click_at_a_follicle_adds_it(segmented, scene):
    segmented.ui.addButton.click()
    assert seeds(scene) == [1, 1] and segmented.ui.addButton.checked
    click(scene, follicle())
    wait(lambda: segmented.ui.editStatusLabel.text.startswith("Follicle 4 added."))
    assert sorted(numbers(segmented)) == [1, 2, 3, 4]
    assert seeds(scene) == [0, 0] and not segmented.ui.addButton.checked
    assert segmented.ui.undoButton.enabled


def test_the_seed_outlives_its_click(segmented, scene):
    segmented.ui.addButton.click()
    gone = []
    scene.AddObserver(scene.NodeRemovedEvent, lambda *_: gone.append(True))
    click(scene, follicle())
    assert not gone, "the view goes on with the seed after the click: removed by then, it would crash Slicer"
    wait(lambda: gone)


def test_a_right_click_ends_adding(segmented, scene):
    segmented.ui.addButton.click()
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    interaction.SwitchToViewTransformMode()
    wait(lambda: not segmented.ui.addButton.checked)
    assert seeds(scene) == [0, 0] and not segmented.panel.run.running


def test_a_click_is_a_seed_even_if_its_view_leaves_place_mode_with_it(segmented, scene):
    segmented.ui.addButton.click()
    click(scene, follicle())
    scene.GetFirstNodeByClass("vtkMRMLInteractionNode").SwitchToViewTransformMode()
    wait(lambda: segmented.ui.editStatusLabel.text.startswith("Follicle 4 added."))


def lines(scene):
    return scene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode")


def clickAtSides(scene, *points):
    for point in points:
        scene.GetFirstNodeByClass("vtkMRMLMarkupsLineNode").AddControlPointWorld(*map(float, point))


def test_two_clicks_at_its_sides_add_a_follicle_that_the_model_does_not_see(segmented, scene):
    before = segmented.ui.summaryLabel.text
    segmented.ui.diameterButton.click()
    assert lines(scene) == 1 and "two opposite sides" in segmented.ui.editStatusLabel.text
    clickAtSides(scene, follicle() - np.array([3, 0, 0]))
    slicer.app.processEvents()
    assert lines(scene) == 1 and segmented.ui.diameterButton.checked, "one point is no diameter"
    clickAtSides(scene, follicle() + np.array([3, 0, 0]))
    wait(lambda: segmented.ui.editStatusLabel.text.startswith("Follicle 4 added as a ball"))
    assert lines(scene) == 0 and not segmented.ui.diameterButton.checked and not segmented.panel.run.running
    measured, segmentIDs = measureWithIDs(segmented.ui.segmentationSelector.currentNode())
    (added,) = (each for each, segmentID in zip(measured.follicles, segmentIDs) if segmentID == "Follicle_4")
    assert added.mean_diameter_mm == pytest.approx(6, abs=0.4) and added.confidence is None
    assert np.allclose(added.centroid_ras, follicle(), atol=0.3)
    assert cells(segmented.ui.follicleTable, 8).count("edited") == 1
    segmented.ui.undoButton.click()
    assert sorted(numbers(segmented)) == [1, 2, 3] and segmented.ui.summaryLabel.text == before


def test_a_diameter_ends_with_a_right_click_and_gives_way_to_the_other_clicks(segmented, scene):
    segmented.ui.diameterButton.click()
    clickAtSides(scene, follicle())
    scene.GetFirstNodeByClass("vtkMRMLInteractionNode").SwitchToViewTransformMode()
    wait(lambda: not segmented.ui.diameterButton.checked)
    assert lines(scene) == 0 and sorted(numbers(segmented)) == [1, 2, 3]
    for name in ("addButton", "growButton", "shrinkButton"):
        segmented.ui.diameterButton.click()
        other = getattr(segmented.ui, name)
        other.click()
        assert other.checked and not segmented.ui.diameterButton.checked and lines(scene) == 0
        segmented.ui.diameterButton.click()
        assert segmented.ui.diameterButton.checked and not other.checked and lines(scene) == 1
        segmented.ui.diameterButton.click()
    segmented.ui.diameterButton.click()
    clickAtSides(scene, follicle(), follicle() + np.array([0.2, 0, 0]))
    wait(lambda: "0.2 mm apart" in segmented.ui.editStatusLabel.text)
    assert sorted(numbers(segmented)) == [1, 2, 3] and not segmented.ui.undoButton.enabled


def test_leaving_the_module_or_the_scene_ends_adding(segmented, scene):
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    segmented.ui.addButton.click()
    segmented.exit()
    assert not segmented.ui.addButton.checked and seeds(scene) == [0, 0]
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
    segmented.enter()
    segmented.ui.addButton.click()
    click(scene, follicle())
    segmented.exit()
    slicer.app.processEvents()
    assert not segmented.panel.run.running, "a click of which the user left the module starts nothing"
    segmented.enter()
    segmented.ui.addButton.click()
    scene.Clear(0)
    assert not segmented.ui.addButton.checked and seeds(scene) == [0, 0]


def test_what_cannot_be_is_said_in_words(segmented):
    segmented.ui.deleteButton.click()
    assert "select a follicle" in segmented.ui.editStatusLabel.text.lower()
    segmented.ui.mergeButton.click()
    assert "two or more" in segmented.ui.editStatusLabel.text
    segmented.ui.splitButton.click()
    assert "one follicle" in segmented.ui.editStatusLabel.text


def test_painting_elsewhere_updates_the_table_by_itself(segmented):
    node = segmented.ui.segmentationSelector.currentNode()
    node.GetSegmentation().RemoveSegment("Follicle_1")
    wait(lambda: numbers(segmented) == [2, 3])
    painted = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Follicle_2")
    painted[16, 18, 14:22] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, "Follicle_2")
    wait(lambda: cells(segmented.ui.follicleTable, 8) == ["edited", ""])


def test_edits_can_be_taken_back_after_another_segmentation_was_shown_unless_something_else_changed_it(segmented):
    first = segmented.ui.segmentationSelector.currentNode()
    select(segmented, "Follicle_2")
    segmented.ui.deleteButton.click()
    apply(segmented)  # an edited one stays: the result goes into a new one
    second = segmented.ui.segmentationSelector.currentNode()
    assert second is not first and not segmented.ui.undoButton.enabled
    segmented.ui.segmentationSelector.setCurrentNode(first)
    segmented.ui.undoButton.click()
    assert numbers(segmented) == [1, 2, 3] and segmented.ui.redoButton.enabled
    segmented.ui.segmentationSelector.setCurrentNode(second)
    first.GetSegmentation().RemoveSegment("Follicle_1")
    segmented.ui.segmentationSelector.setCurrentNode(first)
    assert not segmented.ui.undoButton.enabled and not segmented.ui.redoButton.enabled


def test_without_a_result_nothing_can_be_edited(panel):  # noqa: F811
    assert not panel.ui.editSection.enabled
