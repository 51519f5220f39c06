"""How selected follicles stand out: by a rim around each, a model node of its own that is never saved. A segmentation's own looks stay as they are.

Slicer tells nobody that a scene is about to be saved, so what is shown for a moment only must not be where it would be saved.
"""

import slicer
import vtk

from .SegmentationWriter import showSegment
from .SegmentMeasurements import follicleIDs, ovaryIDs
from .Surfaces import surfaceOf

#: mm outside the follicle, so that its boundary in the image stays seen; pixels of its line in the slices.
RIM_MM, LINE = 0.6, 3
#: Yellow: on grey ultrasound and beside the colours of the follicles.
COLOUR = (1.0, 0.92, 0.1)
_RIM = "CRend.Rim"
#: Of segmentations in scenes that an earlier version saved with all but the selected follicles dimmed.
_DIMMED = "CRend.highlighted"


def highlight(segmentationNode, segmentIDs):
    """Put a rim around these segments of a segmentation, in place of all rims that there are; none: no rim.

    A segment whose surface is still on its way gets none yet.
    """
    display = segmentationNode.GetDisplayNode() if segmentationNode is not None else None
    segmentation = segmentationNode.GetSegmentation() if segmentIDs else None
    chosen = [segmentation.GetSegment(segmentID) for segmentID in segmentIDs]
    surfaces = [surfaceOf(segment) for segment in chosen if segment is not None]
    surfaces = [surface for surface in surfaces if surface is not None and surface.GetNumberOfPoints()]
    if not surfaces or display is None or not display.GetVisibility():
        removeRim()
        return
    rim = rimOf() or _newRim()
    rim.SetAndObserveTransformNodeID(segmentationNode.GetTransformNodeID())
    rim.SetAndObservePolyData(_around(surfaces))
    shown = rim.GetDisplayNode()
    blocker = shown.StartModify()
    shown.RemoveAllViewNodeIDs()
    for viewID in display.GetViewNodeIDs():
        shown.AddViewNodeID(viewID)
    shown.EndModify(blocker)


def rimOf():
    """The model node of the rims, or None."""
    return next((node for node in slicer.util.getNodesByClass("vtkMRMLModelNode") if node.GetAttribute(_RIM)), None)


def removeRim():
    """No follicle stands out."""
    rim = rimOf()
    if rim is not None:
        display = rim.GetDisplayNode()
        slicer.mrmlScene.RemoveNode(rim)
        slicer.mrmlScene.RemoveNode(display)


def plainLooks():
    """Let no follicle be dimmed: after the opening of a scene that an earlier version saved so."""
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetAttribute(_DIMMED) and node.GetDisplayNode() is not None:
            segmentation = node.GetSegmentation()
            for segmentID in (*ovaryIDs(segmentation), *follicleIDs(segmentation)):
                showSegment(node, segmentID)
            node.RemoveAttribute(_DIMMED)


def centroidOf(follicleTableNode, segmentName):
    """(r, a, s) of a follicle as its table says, or None, also while it is not measured."""
    table = follicleTableNode.GetTable()
    for row in range(table.GetNumberOfRows()):
        if table.GetValueByName(row, "segment").ToString() == segmentName:
            point = [table.GetValueByName(row, f"centroid_{axis}_mm").ToDouble() for axis in "ras"]
            return None if any(value != value for value in point) else point
    return None


def _around(surfaces):
    """The surfaces, RIM_MM further out, as one vtkPolyData."""
    append = vtk.vtkAppendPolyData()
    for surface in surfaces:
        bare = vtk.vtkPolyData()  # without the arrays that not all of them have
        bare.SetPoints(surface.GetPoints())
        bare.SetPolys(surface.GetPolys())
        bare.SetStrips(surface.GetStrips())
        append.AddInputData(bare)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(append.GetOutputPort())
    normals.SplittingOff()
    normals.AutoOrientNormalsOn()
    out = vtk.vtkWarpVector()
    out.SetInputConnection(normals.GetOutputPort())
    out.SetInputArrayToProcess(0, 0, 0, vtk.vtkDataObject.FIELD_ASSOCIATION_POINTS, vtk.vtkDataSetAttributes.NORMALS)
    out.SetScaleFactor(RIM_MM)
    out.Update()
    return out.GetOutput()


def _newRim():
    """The model node of the rims. Hidden from lists before it is in the scene, since the subject hierarchy asks only then."""
    rim, display = (slicer.mrmlScene.CreateNodeByClass(name) for name in ("vtkMRMLModelNode", "vtkMRMLModelDisplayNode"))
    for node in (display, rim):
        node.UnRegister(None)
        node.SetName("CRend selection")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        slicer.mrmlScene.AddNode(node)
    rim.SetAttribute(_RIM, "1")
    rim.SetSelectable(False)
    display.SetColor(*COLOUR)
    display.SetVisibility2D(True)
    display.SetSliceIntersectionThickness(LINE)
    # In 3D the far side alone is drawn: so the rim is seen beside the follicle, and never covers it.
    display.SetFrontfaceCulling(True)
    display.SetBackfaceCulling(False)
    display.SetBackfaceColorHSVOffset(0.0, 0.0, 0.0)
    display.SetLighting(False)
    rim.SetAndObserveDisplayNodeID(display.GetID())
    return rim
