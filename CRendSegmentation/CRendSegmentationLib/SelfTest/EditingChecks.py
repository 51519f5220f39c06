"""Checks of editing: split, merge, delete, undo, add, marks, brush, contours, Segment Editor and back, a box."""

import numpy as np
import slicer

from crend.errors import InputError

from ..Scene.Contours import contoursOf, newContour
from ..Scene.Display import centroidOf, rimOf
from ..Scene.FollicleMarks import hasConfidences
from ..Scene.Results import FOLLICLE_TABLE_ROLE, tableOf
from ..Scene.SegmentMeasurements import ovaryID, voxelState
from .Session import check, equal, skip


def selection(session):
    """A selected follicle has a rim, of which nothing is saved, and the looks of the result stay as they are."""
    session.segmentation()
    if not session.rows():
        skip("there is no follicle")
    display, scene = session.node.GetDisplayNode(), slicer.mrmlScene
    before = display.GetMTime()
    session.panel.result.table.select([session.follicles()[0]])
    session.panel.result.onRowsSelected([session.follicles()[0]])
    rim = rimOf()
    check(rim is not None, "nothing stands out")
    equal(display.GetMTime(), before, "state of the display node")
    scene.SetSaveToXMLString(1)
    try:
        check(bool(scene.Commit()), "the scene cannot be written")
    finally:
        scene.SetSaveToXMLString(0)
    check(
        rim.GetID() not in scene.GetSceneXMLString() and rim.GetName() not in scene.GetSceneXMLString(), "the rim is saved with the scene"
    )
    session.ui.follicleTable.clearSelection()
    check(rimOf() is None, "the rim stays without a selection")


def splitMergeUndo(session):
    """Split and merge change the table by a row, undo brings every voxel back."""
    segmentation = session.segmentation()
    if not session.rows():
        skip("there is no follicle")
    rows, largest = session.rows(), session.follicles()[0]
    before = voxels(session, largest)
    session.panel.result.table.select([largest])
    session.ui.splitButton.click()
    session.settle()
    equal(session.rows(), rows + 1, "rows after a split")
    made = segmentation.GetNthSegmentID(segmentation.GetNumberOfSegments() - 1)
    session.panel.result.table.select([largest, made])
    session.ui.mergeButton.click()
    session.settle()
    equal(session.rows(), rows, "rows after a merge")
    check(np.array_equal(voxels(session, largest), before), "the merged halves are not what was split")
    for _ in range(2):
        session.ui.undoButton.click()
    session.settle()
    equal(session.rows(), rows, "rows after undo")
    check(np.array_equal(voxels(session, largest), before), "undo did not bring the voxels back")


def deleteAndAdd(session):
    """A follicle that was deleted is found again by a click at its middle."""
    session.segmentation()
    if not session.rows():
        skip("there is no follicle")
    rows, largest = session.rows(), session.follicles()[0]
    name = session.node.GetSegmentation().GetSegment(largest).GetName()
    point = centroidOf(tableOf(session.node, FOLLICLE_TABLE_ROLE), name)
    session.panel.result.table.select([largest])
    session.ui.deleteButton.click()
    equal(session.rows(), rows - 1, "rows after Delete")
    session.panel.onAddFollicle(session.panel.edit.editing, point)
    session.waitForRun(session.panel.run, session.ui.editStatusLabel)
    session.settle()
    equal(session.rows(), rows, "rows after Add")
    while session.ui.undoButton.enabled:
        session.ui.undoButton.click()
    session.settle()
    equal(session.rows(), rows, "rows after undo")


def marks(session):
    """The slider hides follicles below a confidence, and undo shows them again."""
    session.segmentation()
    if not hasattr(session.ui, "confidenceSlider"):
        skip("not in this version")
    if not hasConfidences(session.node):
        skip("no follicle has a confidence")
    rows = session.rows()
    session.ui.confidenceSlider.value = session.ui.confidenceSlider.maximum
    session.settle()
    check(session.rows() < rows, "the slider hid nothing")
    session.ui.undoButton.click()
    session.settle()
    equal(session.rows(), rows, "rows after undo")


def segmentEditor(session):
    """Segment Editor opens with segmentation, volume and overlap allowed; what is painted beyond the ovary extends it on the way back."""
    segmentation = session.segmentation()
    if slicer.util.mainWindow() is None and not hasattr(slicer.modules, "SegmentEditorWidget"):
        skip("no main window, so no other module opens")
    if not session.rows():
        skip("there is no follicle")
    follicle, ovary = session.follicles()[0], ovaryID(segmentation)
    session.panel.result.table.select([follicle])
    session.ui.segmentEditorButton.click()
    settings = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentEditorNode")
    check(settings is not None and settings.GetSegmentationNode() is session.node, "Segment Editor has another segmentation")
    equal(settings.GetOverwriteMode(), slicer.vtkMRMLSegmentEditorNode.OverwriteNone, "overwrite mode")
    equal(settings.GetSelectedSegmentID(), follicle, "selected segment")
    whole = voxels(session, ovary)
    inside = np.argwhere(whole)
    z, y, x = inside[inside[:, 2].argmax()]
    painted = voxels(session, follicle)
    spot = tuple(slice(max(centre - 2, 0), centre + 3) for centre in (z, y, x))
    painted[spot] = True
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted.astype(np.uint8), session.node, follicle, session.volume)
    check(np.array_equal(voxels(session, ovary), whole), "painting a follicle changed the ovary")
    slicer.util.selectModule("CRendSegmentation")
    session.settle()
    check(bool(voxels(session, ovary)[spot].all()), "the ovary was not extended over what was painted")
    check("reached out" in session.ui.editStatusLabel.text, f"nothing is said of it: {session.ui.editStatusLabel.text}")
    session.ui.undoButton.click()
    session.settle()
    check(np.array_equal(voxels(session, ovary), whole), "undo did not bring the ovary back")


def brush(session):
    """Grow here: a click moves the ovary's outline, undo takes it back."""
    segmentation = session.segmentation()
    if not hasattr(session.panel, "onBrushClick"):
        skip("not in this version")
    ovary = ovaryID(segmentation)
    before = voxelState(session.node)
    whole = np.argwhere(voxels(session, ovary))
    edge = whole[whole[:, 2].argmax()][::-1] + (2, 0, 0)  # just outside
    point = np.array(_ijkToRas(session.volume) @ [*edge, 1.0])[:3]
    session.panel.onBrushClick(session.panel.edit.editing, ovary, [float(value) for value in point], True, 4.0)
    session.wait(lambda: not session.panel.run.running, "the outline")
    session.settle()
    if voxelState(session.node) == before:
        skip(f"the model changes nothing there: {session.ui.editStatusLabel.text}")
    while session.ui.undoButton.enabled:
        session.ui.undoButton.click()
    session.settle()


def contours(session):
    """Three closed curves become the ovary, extended over its follicles; undo brings the former one back."""
    segmentation = session.segmentation()
    if not hasattr(session.ui, "contoursButton"):
        skip("not in this version")
    ovary = ovaryID(segmentation)
    before = voxels(session, ovary)
    toRas = _ijkToRas(session.volume)
    size = np.array(session.volume.GetImageData().GetDimensions())
    middle, half = (size - 1) / 2, size.min() / 4
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        node = newContour(session.volume)
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
            index = middle.copy()
            index[others] += half * np.array([np.cos(angle), np.sin(angle)])
            world = [0.0, 0.0, 0.0]
            session.volume.TransformPointToWorld([float(value) for value in (toRas @ [*index, 1.0])[:3]], world)
            node.AddControlPointWorld(slicer.vtkVector3d(*world) if hasattr(slicer, "vtkVector3d") else world)
    try:
        session.ui.contoursButton.click()
        session.settle()
        check(not np.array_equal(voxels(session, ovary), before), session.ui.contourStatusLabel.text)
        session.ui.undoButton.click()
        session.settle()
        check(np.array_equal(voxels(session, ovary), before), "undo did not bring the ovary back")
    finally:
        for node in contoursOf(session.volume):
            slicer.mrmlScene.RemoveNode(node)


def box(session):
    """A box is placed round the ovary, and the follicles in it are found."""
    session.segmentation()
    if not hasattr(session.ui, "placeBoxButton"):
        skip("not in this version")
    settings = session.logic.getParameterNode()
    kept = session.node
    session.ui.placeBoxButton.click()
    check(settings.box is not None, session.ui.statusLabel.text)
    box = settings.box
    try:
        settings.segmentation = None
        session.ui.applyButton.click()
        session.waitForRun(session.panel.run, session.ui.statusLabel)
        check(settings.segmentation is not None and settings.segmentation is not kept, "no segmentation came out")
        made = settings.segmentation
    except InputError as error:
        raise AssertionError(str(error)) from error
    finally:
        settings.region = "automatic"
        settings.box = None
        slicer.mrmlScene.RemoveNode(box)
    slicer.mrmlScene.RemoveNode(made)
    settings.segmentation = kept


def voxels(session, segmentID):
    """A segment as a bool array on the volume's grid."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(session.node, segmentID, session.volume) > 0


def _ijkToRas(volumeNode):
    from ..Scene.VolumeImage import ijkToRas

    return ijkToRas(volumeNode)


EDITING = (
    ("A selection stands out", selection),
    ("Split, merge and undo", splitMergeUndo),
    ("Delete, and Add by a click", deleteAndAdd),
    ("Follicles hidden below a confidence", marks),
    ("To Segment Editor and back", segmentEditor),
    ("Grow an outline by a click", brush),
    ("The ovary from contours", contours),
    ("Follicles in a box", box),
)
