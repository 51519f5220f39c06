"""The box round an ovary: Slicer's own ROI markup, put onto a volume, and read in that volume's coordinates."""

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from crend.errors import InputError
from crend.structures.box import Box

from .SegmentMeasurements import isGuide, maskOf, ovaryID
from .VolumeImage import ijkToRas

MARGIN_MM = 4.0  # between what the model found and the faces
SIDE_MM = 45.0  # of a box that is put into the middle of the views
#: From a box to the volume that it was placed on.
VOLUME_ROLE = "CRend.BoxVolume"
#: Of a box that was placed on a volume: the reference to it goes with the volume, and the box must not count for others then.
PLACED_ATTRIBUTE = "CRend.PlacedOnVolume"
_FLAT = 1e-9  # determinant of a transform that cannot be undone


def placeBox(volumeNode, segmentationNode=None, roiNode=None):
    """Put a box round the ovary that the model found in a volume, else into the middle of the slice views. Returns its ROI node.

    segmentationNode: the volume's result, or None. roiNode: one to be used again, or None. InputError for a volume under a non-linear transform.
    """
    _checkLinear(volumeNode)
    bounds = _boundsOfOvary(volumeNode, segmentationNode) if segmentationNode is not None else None
    low, high = bounds if bounds is not None else _middle(volumeNode)
    if roiNode is None:
        roiNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", slicer.mrmlScene.GenerateUniqueName("Ovary box"))
        roiNode.CreateDefaultDisplayNodes()
        _showHandles(roiNode.GetDisplayNode())
    # Under the volume's own transform, so that it stays where it is in the volume, whatever becomes of that.
    roiNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    roiNode.SetAndObserveObjectToNodeMatrix(vtk.vtkMatrix4x4())
    roiNode.SetCenter(*(float(value) for value in (low + high) / 2))
    roiNode.SetSize(*(float(value) for value in high - low))
    roiNode.SetNodeReferenceID(VOLUME_ROLE, volumeNode.GetID())
    roiNode.SetAttribute(PLACED_ATTRIBUTE, "1")
    return roiNode


def isOfAnother(roiNode, volumeNode):
    """Whether a box was placed on another volume, in which its place says nothing of an ovary in this one."""
    placedOn = roiNode.GetNodeReference(VOLUME_ROLE)
    return placedOn is not volumeNode and (placedOn is not None or bool(roiNode.GetAttribute(PLACED_ATTRIBUTE)))


def boxIn(volumeNode, roiNode):
    """The box of a ROI node in a volume's own coordinates, as crend takes it: centre, axes and size in mm, RAS.

    InputError, one line, for one that is not placed yet, too thin, sheared, or under a non-linear transform.
    """
    _checkLinear(volumeNode)
    _checkLinear(roiNode)
    if roiNode.GetNumberOfControlPoints() < 1 or min(roiNode.GetSize()) <= 0:
        raise InputError(f"{roiNode.GetName()}: the box is not placed yet; press Place box.")
    box = slicer.util.arrayFromVTKMatrix(roiNode.GetObjectToNodeMatrix())
    toVolume = np.linalg.inv(_toWorld(volumeNode)) @ _toWorld(roiNode) @ box
    scales = np.linalg.norm(toVolume[:3, :3], axis=0)
    axes = (toVolume[:3, :3] / scales).T
    size = np.array(roiNode.GetSize()) * scales
    return Box.of({"centre": toVolume[:3, 3].tolist(), "axes": axes.tolist(), "size": size.tolist()}).as_dict()


def showBox(roiNode, visible):
    """Show or hide a box."""
    if roiNode is not None and roiNode.GetDisplayNode() is not None:
        roiNode.GetDisplayNode().SetVisibility(bool(visible))


def _showHandles(display):
    display.SetFillVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetHandlesInteractive(True)
    for kind in ("Translation", "Rotation", "Scale"):
        getattr(display, f"Set{kind}HandleVisibility")(True)


def _boundsOfOvary(volumeNode, segmentationNode):
    """(lowest, highest) corner of a box round the ovary, in the volume's own RAS; None where no ovary was outlined but by a box."""
    segmentID = ovaryID(segmentationNode.GetSegmentation())
    mask = maskOf(segmentationNode, segmentID) if segmentID is not None and not isGuide(segmentationNode) else None
    if mask is None:
        return None
    index = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    matrix = np.reshape(mask.GetDirection(), (3, 3)) * np.array(mask.GetSpacing())
    points = (index @ matrix.T + np.array(mask.GetOrigin())) * [-1, -1, 1]
    _checkLinear(segmentationNode)
    toVolume = np.linalg.inv(_toWorld(volumeNode)) @ _toWorld(segmentationNode)
    points = points @ toVolume[:3, :3].T + toVolume[:3, 3]
    return points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM


def _middle(volumeNode):
    """The same of a box in the middle of the slice views, or of the volume where they look past it."""
    toRas, size = ijkToRas(volumeNode), np.array(volumeNode.GetImageData().GetDimensions())
    sides = np.minimum(np.abs(toRas[:3, :3]) @ size, SIDE_MM)
    middle = (toRas @ [*(size - 1) / 2, 1])[:3]
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    view = next((node for node in views if node.GetLayoutName() == "Red"), views[0] if views else None)
    if view is not None:
        world = slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:, 3]
        seen = (np.linalg.inv(_toWorld(volumeNode)) @ world)[:3]
        place = (np.linalg.inv(toRas) @ [*seen, 1])[:3]
        middle = seen if ((place >= 0) & (place <= size - 1)).all() else middle
    return middle - sides / 2, middle + sides / 2


def _toWorld(node):
    matrix = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(node.GetParentTransformNode(), None, matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _checkLinear(node):
    transform = node.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise InputError(
            f"{node.GetName()}: is under a non-linear transform, in which a box is none; harden it in the module Transforms first."
        )
    if abs(np.linalg.det(_toWorld(node))) < _FLAT:
        raise InputError(f"{node.GetName()}: is under a transform that flattens it; give it another one in the module Transforms.")
