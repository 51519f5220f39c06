"""The ovary from contours, from the panel: drawn in real slice nodes with real curves, computed, undone; and what cannot be, in words."""

import numpy as np
import pytest
import slicer
from host import samples, transforms
from ovary_shapes import Ovary
from test_panel import apply, cells, models, panel, wait  # noqa: F401

CENTRE = np.array([20, 24, 28])
#: Of the sample's ovary, a ball of 16 voxels: its half axes in mm along the volume's own x, y, z.
HALF_AXES = 16 * np.array(samples.SPACING)


@pytest.fixture
def drawn(panel, views):  # noqa: F811
    """The panel with a volume; views to draw in."""
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    return panel


def world(points):
    """Points (n, 3), mm along the volume's axes from the middle of its ovary, in the world (RAS)."""
    matrix = samples.ijkToRas()
    index = np.asarray(points) / samples.SPACING + CENTRE[::-1]
    return index @ matrix[:3, :3].T + matrix[:3, 3]


def contours(planes, scale=1.0):
    return [world(scale * contour) for contour in Ovary(half_axes=HALF_AXES).turning(planes, points=12)]


def draw(panel, points):  # noqa: F811
    """Press Draw contour, click the points into a view, end with a right click. Returns the curve."""
    panel.ui.drawContourButton.click()
    interaction = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    selection = slicer.app.applicationLogic().GetSelectionNode()
    node = slicer.mrmlScene.GetNodeByID(selection.GetActivePlaceNodeID())
    assert selection.GetActivePlaceNodeClassName() == node.GetClassName() == "vtkMRMLMarkupsClosedCurveNode"
    for point in points:
        node.AddControlPointWorld(*map(float, point))
    interaction.SwitchToViewTransformMode()
    wait(lambda: not panel.ui.drawContourButton.checked)
    return node


def status(panel):  # noqa: F811
    return panel.ui.contourStatusLabel.text


def ovaryMl(panel):  # noqa: F811
    from CRendSegmentationLib.Scene.SegmentMeasurements import measureSegments

    return measureSegments(panel.panel.result.segmentationNode).ovary.volume_ml


def test_without_a_volume_nothing_can_be_drawn(panel):  # noqa: F811
    assert not panel.ui.contourSection.enabled


def test_contours_make_an_ovary_where_no_run_was_made(drawn, scene):
    for points in contours(3):
        draw(drawn, points)
    assert "3 contours" in status(drawn)
    drawn.ui.contoursButton.click()
    assert status(drawn).startswith("Ovary of 4.1 ml from 3 contours."), status(drawn)
    node = drawn.logic.getParameterNode().segmentation
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Ovary", drawn.ui.inputVolumeSelector.currentNode()) > 0
    truth = samples.ball(*samples.OVARY)
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.97
    assert "Ovary volume" in drawn.ui.summaryLabel.text and "4.1 ml" in drawn.ui.summaryLabel.text
    apply(drawn)
    assert drawn.panel.result.segmentationNode is not node, "what was drawn is not written over"


def test_contours_that_leave_a_side_open_say_so(drawn):
    for number in (0, 1, 2):
        draw(drawn, contours(6)[number])
    drawn.ui.contoursButton.click()
    assert status(drawn).startswith(
        "Ovary of 4.0 ml from 3 contours. A part of the outline is 1"
    ) and "mm from all contours, and a guess" in status(drawn)


def test_contours_replace_the_models_ovary_and_undo_brings_it_back(drawn):
    apply(drawn)
    before = ovaryMl(drawn)
    for points in contours(3, 0.75):
        draw(drawn, points)
    drawn.ui.contoursButton.click()
    assert "since Follicle" in status(drawn) and "The ovary was extended by" in status(drawn)
    assert 0.41 * before < ovaryMl(drawn) < 0.5 * before
    node = drawn.panel.result.segmentationNode
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Ovary", drawn.ui.inputVolumeSelector.currentNode()) > 0
    assert all(mask[samples.ball(*follicle)].all() for follicle in samples.FOLLICLES), "a follicle is a part of the ovary"
    assert [int(text) for text in cells(drawn.ui.follicleTable, 0)] == [1, 2, 3]
    drawn.ui.undoButton.click()
    assert ovaryMl(drawn) == pytest.approx(before) and not drawn.ui.undoButton.enabled


def test_the_view_turns_about_the_long_axis_of_the_first_contour_by_thirty_degrees(drawn, scene):
    red = next(node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode") if node.GetLayoutName() == "Red")
    points = contours(6)
    centre, axis = world(np.zeros((1, 3)))[0], np.array([0.0, 0.0, 0.0])
    axis = np.subtract(*world([[1, 0, 0], [0, 0, 0]]))
    normal = np.cross(points[0][3] - centre, axis)
    red.SetSliceToRASByNTP(*(normal / np.linalg.norm(normal)), *axis, *centre, 0)
    draw(drawn, points[0])
    for number in range(1, 6):
        drawn.ui.turnButton.click()
        assert f"at {30 * number} degrees" in status(drawn) and f"plane {number + 1} of 6" in status(drawn)
        matrix = slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS())
        off = [np.abs((plane - matrix[:3, 3]) @ matrix[:3, 2]).max() for plane in points]
        assert min(off[number], off[-number]) < 0.2, "the next contour lies in the view"
        assert abs(matrix[:3, 1] @ axis) == pytest.approx(1, abs=0.01)
    drawn.ui.turnButton.click()
    assert "at 0 degrees" in status(drawn)


def test_what_cannot_be_is_said_in_words_and_nothing_is_lost(drawn, scene):
    drawn.ui.contoursButton.click()
    assert "No contour is too few" in status(drawn)
    points = contours(2)
    draw(drawn, points[0])
    draw(drawn, points[0][::-1])
    drawn.ui.contoursButton.click()
    assert "All contours lie in one plane" in status(drawn)
    drawn.ui.deleteContourButton.click()
    draw(drawn, points[1][:3])
    assert "Ovary contour 2 has fewer than 4 points" in status(drawn)
    drawn.ui.contoursButton.click()
    assert "Ovary contour 2: has 3 points" in status(drawn)
    drawn.ui.deleteContourButton.click()
    draw(drawn, points[1] + [200, 0, 0])
    drawn.ui.contoursButton.click()
    assert "lie beside each other; delete one" in status(drawn)
    drawn.ui.deleteContourButton.click()
    openCurve = scene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode", "Arc")
    for point in points[1][:7]:
        openCurve.AddControlPointWorld(*map(float, point))
    drawn.ui.contoursButton.click()
    assert status(drawn).startswith("Arc: is open")
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsClosedCurveNode") == 1


def test_contours_that_a_transform_bends_are_told_what_to_do(drawn, scene):
    volume = drawn.ui.inputVolumeSelector.currentNode()
    for points in contours(3):
        draw(drawn, points)
    bent = transforms.grid(scene)
    slicer.util.arrayFromGridTransform(bent)[:] *= 3
    slicer.util.arrayFromGridTransformModified(bent)
    volume.SetAndObserveTransformNodeID(bent.GetID())
    drawn.ui.contoursButton.click()
    assert status(drawn).startswith(f"{volume.GetName()}: is under a non-linear transform, which bends contours; harden it"), status(drawn)
    volume.SetAndObserveTransformNodeID(None)
    drawn.ui.contoursButton.click()
    assert status(drawn).startswith("Ovary of 4.1 ml from 3 contours.")


def test_ending_without_a_click_or_leaving_the_module_leaves_no_empty_contour(drawn, scene):
    draw(drawn, [])
    drawn.ui.drawContourButton.click()
    drawn.exit()
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsClosedCurveNode") == 0


def test_contours_of_another_volume_do_not_count_nor_when_that_one_is_gone(drawn, scene):
    for points in contours(2):
        draw(drawn, points)
    first = drawn.ui.inputVolumeSelector.currentNode()
    drawn.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name="Other patient"))
    drawn.ui.contoursButton.click()
    assert "No contour is too few" in status(drawn)
    scene.RemoveNode(first)
    drawn.ui.contoursButton.click()
    assert "No contour is too few" in status(drawn)
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsClosedCurveNode") == 2, "they are not deleted either"
