"""The cursor over a distance map in a real 3D view: the distance there, known by construction; a click moves the slices to that place."""

import numpy as np
import pytest
import slicer
from host import readers, samples, transforms
from test_panel import models, panel  # noqa: F401
from test_review_panel import compute

#: The compared ovary's radius is two voxels smaller, about the same centre.
GAP = samples.OVARY[1] - readers.OVARY[1]


@pytest.fixture(scope="module")
def made(request):
    """What the tests of this file share: nothing but the worker process."""
    from CRendSegmentationLib.Runs.ReviewRun import Reviewer

    found = Reviewer()
    yield found
    found.close()


@pytest.fixture
def section(panel, made, threeDViews, scene):  # noqa: F811
    """A review of two readers, under a parent transform, shown in real views that are drawn."""
    found = panel.panel.review
    found.reviewer = made
    volume = samples.addVolume("flipped")
    volume.SetAndObserveTransformNodeID(transforms.linear(scene).GetID())
    pair = readers.addTwoReaders(volume)
    found.ui.referenceSelector.setCurrentNode(pair[0])
    found.ui.comparedSelector.setCurrentNode(pair[1])
    compute(found)
    for view in threeDViews.views():
        view.forceRender()
    return found


def facing(view, radius):
    """(point of the world, its distance to the reference in mm): where an axis of the voxels leaves the compared ovary towards the camera.

    There, and there only, the nearest point of the larger ellipsoid about the same centre lies on the same axis.
    """
    toWorld = samples.ijkToRas("flipped")
    volume = slicer.mrmlScene.GetFirstNodeByName("Ultrasound")
    middle = np.array(samples.OVARY[0][::-1], float)
    eye = np.array(view.trame.get_camera_node().GetPosition())
    tips = []
    for axis in range(3):
        for sign in (-1, 1):
            index = middle.copy()
            index[axis] += sign * radius
            point = [0.0, 0.0, 0.0]
            volume.TransformPointToWorld((toWorld @ [*index, 1])[:3], point)
            tips.append((np.linalg.norm(eye - point), point, GAP * samples.SPACING[axis]))
    return min(tips)[1:]


def test_the_distance_under_the_cursor_is_shown_and_a_click_moves_the_slices_there(section, threeDViews, scene):
    assert section.probe.following == 2  # ovary and follicles
    view = threeDViews.view("CRendMap11")
    point, expected = facing(view, readers.OVARY[1])
    view.move(*view.pixelOf(point))
    said = section.ui.reviewDistanceLabel.text
    assert said.startswith("Ovary: ") and said.endswith(" mm to reference")
    assert float(said.split()[1]) == pytest.approx(expected, abs=0.15)
    assert view.cornerAnnotation().GetText(2) == said and view.rendersAsked
    view.click(*view.pixelOf(point))
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        place = [node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
        assert place == pytest.approx(point, abs=0.8)  # a voxel: a pixel of a surface that is seen aslant


def test_beside_the_map_nothing_is_said_and_a_turn_of_the_camera_is_no_click(section, threeDViews):
    view = threeDViews.view("CRendMap11")
    x, y = view.pixelOf(facing(view, readers.OVARY[1])[0])
    view.move(x, y)
    view.move(2, 2)
    assert section.ui.reviewDistanceLabel.text.startswith("Cursor over a map") and view.cornerAnnotation().GetText(2) == ""
    before = [slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()) for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")]
    view.click(x, y, x + 20, y)
    view.click(2, 2)
    after = [slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()) for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")]
    assert np.array_equal(before, after)


def test_the_ordinary_layout_leaves_no_observer_behind(section, threeDViews):
    view = threeDViews.view("CRendMap11")
    x, y = view.pixelOf(facing(view, readers.OVARY[1])[0])
    view.move(x, y)
    section.ui.ordinaryLayoutButton.click()
    assert section.probe.following == 0 and view.cornerAnnotation().GetText(2) == ""
    view.move(x + 1, y)
    assert view.cornerAnnotation().GetText(2) == ""
