"""Contours of an ovary: Slicer's closed curves, drawn in slice views that turn about the ovary's long axis."""

import numpy as np
import slicer
from slicer.i18n import tr as _

from crend.errors import InputError
from crend.structures.contour_check import FEWEST_PLANES, FEWEST_POINTS, Contour
from crend.structures.contours import ovary_from_contours, unseen_mm

from .SegmentMeasurements import maskOf, ovaryID
from .VolumeImage import imageFromVolumeNode, lpsPoint

#: From a curve to the volume that it was drawn on.
VOLUME_ROLE = "CRend.ContourVolume"
#: Of a curve that was drawn on a volume: the reference to it goes with the volume, and the curve must not count for others then.
DRAWN_ATTRIBUTE = "CRend.DrawnOnVolume"
STEP_DEGREES = 30
PLANES = 180 // STEP_DEGREES


def newContour(volumeNode):
    """A closed curve without points for this volume's ovary; Slicer's next clicks set its points once it is the active one."""
    taken = {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")}
    name = next(name for name in (f"Ovary contour {number}" for number in range(1, len(taken) + 2)) if name not in taken)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode", name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetPointLabelsVisibility(False)
    node.SetNodeReferenceID(VOLUME_ROLE, volumeNode.GetID())
    node.SetAttribute(DRAWN_ATTRIBUTE, "1")
    return node


def contoursOf(volumeNode):
    """The visible curves with points that were drawn on this volume; those of Slicer's Markups, drawn on none, count for all."""
    found = []
    for node in slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode"):
        drawnOn = node.GetNodeReference(VOLUME_ROLE)
        counts = drawnOn is volumeNode or (drawnOn is None and not node.GetAttribute(DRAWN_ATTRIBUTE))
        if counts and node.GetDisplayVisibility() and node.GetNumberOfDefinedControlPoints() > 0:
            found.append(node)
    return found


def ovaryFromContours(volumeNode):
    """The ovary through the contours of a volume, as a SimpleITK mask on its grid, how many contours there are, and how far (mm) the outline goes from all
    of them where that is far for a smooth outline, else None.

    InputError, one line, when the volume cannot be used or the contours are too few, open, crossing, or contradict each other.
    """
    image = imageFromVolumeNode(volumeNode)
    nodes = contoursOf(volumeNode)
    points = [[lpsPoint(_fromWorld(volumeNode, point)) for point in _pointsOf(node)] for node in nodes]
    try:
        mask = ovary_from_contours(points, image, [node.GetName() for node in nodes])
        return mask, len(nodes), unseen_mm(points, mask)
    except InputError as error:
        transform = volumeNode.GetParentTransformNode()
        if transform is None or transform.IsTransformToWorldLinear() or len(nodes) < FEWEST_PLANES:
            raise
        # A plane of a view is none in the volume's own coordinates.
        words = _("{volume}: is under a non-linear transform, which bends contours; harden it in the module Transforms first ({error})")
        raise InputError(words.format(volume=volumeNode.GetName(), error=str(error).rstrip("."))) from error


def turnSlice(volumeNode, segmentationNode=None, sliceNode=None):
    """Turn a slice view by STEP_DEGREES about the ovary's long axis: that of the first contour, else of the ovary's segment, else the view's
    own vertical through its middle. Without a view it is the one that shows the last contour, else the red one.

    Returns (how far it is turned from the first contour's plane, the view), or None when there is no slice view.
    """
    contours = [_contour(node) for node in contoursOf(volumeNode) if node.GetNumberOfDefinedControlPoints() >= FEWEST_POINTS]
    sliceNode = sliceNode or _viewOf(contours[-1] if contours else None)
    if sliceNode is None:
        return None
    if contours:
        centre, (axis, __, normal) = contours[0].centre, contours[0].axes
    else:
        centre, axis, normal = _axisOfOvary(segmentationNode) or _axisOfView(sliceNode)
    return _turn(sliceNode, centre, axis, normal), sliceNode


def _turn(sliceNode, centre, axis, normal):
    """Let a view look at the next plane through an axis; its vertical becomes the axis. Returns the plane's degrees from `normal`."""
    across = np.cross(axis, normal)
    now = _matrix(sliceNode)[:3, 2]
    degrees = 0
    if abs(now @ axis) < np.sin(np.radians(1)):
        degrees = (round(np.degrees(np.arctan2(now @ across, now @ normal)) / STEP_DEGREES) + 1) * STEP_DEGREES % 180
    angle = np.radians(degrees)
    looks = np.cos(angle) * normal + np.sin(angle) * across
    sliceNode.SetSliceToRASByNTP(*looks, *np.cross(axis, looks), *centre, 0)
    return int(degrees)


def _axisOfOvary(segmentationNode):
    """(centre, long axis, a direction across it) of the ovary's segment in the world, or None."""
    segmentID = ovaryID(segmentationNode.GetSegmentation()) if segmentationNode is not None else None
    mask = maskOf(segmentationNode, segmentID) if segmentID is not None else None
    if mask is None:
        return None
    import SimpleITK as sitk

    index = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    places = index[:: len(index) // 2000 + 1]
    points = []
    for place in places.tolist():
        world = [0.0, 0.0, 0.0]
        segmentationNode.TransformPointToWorld(lpsPoint(mask.TransformIndexToPhysicalPoint(place)), world)
        points.append(world)
    centre = np.mean(points, axis=0)
    axis, __, across = np.linalg.svd(points - centre, full_matrices=False)[2]
    return centre, axis, across


def _axisOfView(sliceNode):
    matrix = _matrix(sliceNode)
    return matrix[:3, 3], matrix[:3, 1], matrix[:3, 2]


def _viewOf(contour):
    """The slice view that shows a contour best; without one the red view, or whichever there is."""
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    if contour is None:
        return next((view for view in views if view.GetLayoutName() == "Red"), views[0] if views else None)

    def misses(view):  # mm from the view's plane to a point of the contour
        matrix = _matrix(view)
        return np.abs((contour.points - matrix[:3, 3]) @ matrix[:3, 2]).max()

    return min(views, key=misses, default=None)


def _matrix(sliceNode):
    return slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())


def _contour(node):
    return Contour.through(node.GetName(), np.array(_pointsOf(node)))


def _pointsOf(node):
    """Points (r, a, s) of a curve in the world: as it is seen, or what was clicked where that is too little for a curve."""
    number = node.GetNumberOfDefinedControlPoints()
    curve = node.GetCurvePointsWorld() if number >= FEWEST_POINTS else None
    if curve is not None:
        return [curve.GetPoint(index) for index in range(curve.GetNumberOfPoints())]
    points = []
    for index in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined:
            point = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(index, point)
            points.append(point)
    return points


def _fromWorld(node, point):
    local = [0.0, 0.0, 0.0]
    node.TransformPointFromWorld(point, local)
    return local
