"""From a result to a segmentation node: one Ovary segment and one per follicle."""

import numpy as np
import SimpleITK as sitk
import slicer
from vtk.util import numpy_support

from crend.structures import segments

from .SegmentMeasurements import ovaryIDs, tagAsModels, tagGuide
from .SegmentTags import isHidden
from .Surfaces import giveSurface, makeSurfaces
from .VolumeImage import ijkToRasMatrix


def writeSegmentation(segmentationNode, volumeNode, result, surfaces=()):
    """Replace the segments of `segmentationNode` by those of `result`, a crend Segmentation of `volumeNode`.

    The node is put under the volume's parent transform first, linear or not, and the labelmaps are given in the volume's own
    coordinates: so they coincide with the volume voxel by voxel and no transform is ever resampled. All follicles
    share one labelmap, cropped to where they are; the ovary, which contains them, has its own, and two ovaries share that. surfaces: {segment ID:
    vtkPolyData} in the volume's own coordinates, as far as they are known.
    """
    segmentationNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    segmentation = segmentationNode.GetSegmentation()
    segmentation.RemoveAllSegments()
    segmentation.SetSourceRepresentationName(_binaryLabelmap())
    labels = orientedLabelmap(result.organs)
    organs = [(segments.OVARY_ID, segments.OVARY, result.measurements.ovary)]
    if result.measurements.ovaries:
        organs = [(segments.ovary_id(k), ovary.segment, ovary) for k, ovary in enumerate(result.measurements.ovaries, start=1)]
    for label, (segmentID, name, ovary) in enumerate(organs, start=1):
        addSegment(segmentation, segmentID, name, 0, segments.OVARY_TERMINOLOGY, labels, label, surfaces)
        if result.ovary_source is not None:
            segmentation.GetSegment(segmentID).SetTag(segments.SOURCE_TAG, result.ovary_source)
        if ovary is not None:
            tagAsModels(segmentation.GetSegment(segmentID), ovary)
    tagGuide(segmentationNode)
    follicles = orientedLabelmap(result.follicles)
    for follicle in result.measurements.follicles:
        addSegment(
            segmentation,
            segments.follicle_id(follicle.id),
            segments.follicle_name(follicle.id),
            follicle.id,
            segments.FOLLICLE_TERMINOLOGY,
            follicles,
            follicle.id,
            surfaces,
        )
        tagAsModels(segmentation.GetSegment(segments.follicle_id(follicle.id)), follicle)


def showSegmentation(segmentationNode, surfaces=makeSurfaces):
    """Outline and translucent fill in slices, closed surfaces in 3D: the ovary translucent, the follicles solid.

    surfaces(segmentationNode) makes the surfaces that are missing.
    """
    segmentationNode.CreateDefaultDisplayNodes()
    display = segmentationNode.GetDisplayNode()
    surfaces(segmentationNode)
    display.SetPreferredDisplayRepresentationName3D(slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName())
    display.SetPreferredDisplayRepresentationName2D(_binaryLabelmap())
    segmentation = segmentationNode.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        showSegment(segmentationNode, segmentation.GetNthSegmentID(index))
    display.SetVisibility(True)


def dress(segmentationNode, surfaces=makeSurfaces):
    """Show a segmentation that comes from elsewhere as a result is shown, if it is not: with surfaces, and no opaque ovary over its follicles.

    surfaces(segmentationNode) makes the surfaces that are missing.
    """
    segmentationNode.CreateDefaultDisplayNodes()
    surfaces(segmentationNode)
    segmentation, display = segmentationNode.GetSegmentation(), segmentationNode.GetDisplayNode()
    ovaries = ovaryIDs(segmentation)
    if segmentation.GetNumberOfSegments() > 1 and any(display.GetSegmentOpacity3D(ovary) == 1.0 for ovary in ovaries):
        showSegmentation(segmentationNode, surfaces)


def showSegment(segmentationNode, segmentID):
    """Show one segment as its kind is shown at first; not one that is hidden."""
    display = segmentationNode.GetDisplayNode()
    ovary = segmentID in ovaryIDs(segmentationNode.GetSegmentation())
    display.SetSegmentVisibility(segmentID, not isHidden(segmentationNode.GetSegmentation().GetSegment(segmentID)))
    display.SetSegmentVisibility3D(segmentID, True)
    display.SetSegmentOpacity3D(segmentID, segments.OVARY_OPACITY_3D if ovary else segments.FOLLICLE_OPACITY_3D)
    display.SetSegmentOpacity2DFill(segmentID, segments.OVARY_OPACITY_2D_FILL if ovary else segments.FOLLICLE_OPACITY_2D_FILL)
    display.SetSegmentOpacity2DOutline(segmentID, 1.0)


def orientedLabelmap(image):
    """A vtkOrientedImageData of a SimpleITK label image, cropped to the labels that are not 0 (one voxel if there are none)."""
    labels = sitk.GetArrayViewFromImage(image)
    lower, upper = _bounds(labels)
    cropped = np.ascontiguousarray(labels[tuple(slice(a, b + 1) for a, b in zip(lower, upper))])
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetExtent(int(lower[2]), int(upper[2]), int(lower[1]), int(upper[1]), int(lower[0]), int(upper[0]))
    labelmap.GetPointData().SetScalars(numpy_support.numpy_to_vtk(cropped.ravel(), deep=True))
    labelmap.SetImageToWorldMatrix(ijkToRasMatrix(image))
    return labelmap


def _bounds(labels):
    """First and last index (z, y, x) with a label; the first voxel twice when there is none."""
    lower, upper = np.zeros(3, int), np.zeros(3, int)
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        present = np.flatnonzero(labels.any(axis=others))
        if not len(present):
            return np.zeros(3, int), np.zeros(3, int)
        lower[axis], upper[axis] = present[0], present[-1]
    return lower, upper


def addSegment(segmentation, segmentID, name, number, terminology, labelmap, label, surfaces=()):
    """Add a segment whose voxels are those of value `label` in `labelmap`; `number` chooses its colour, 0 is the ovary's.

    surfaces: {segment ID: vtkPolyData}; of a segment that is not in it Slicer makes the surface, if the others have one.
    """
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*segments.colour(number))
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), terminology)
    segment.SetLabelValue(label)
    segment.AddRepresentation(_binaryLabelmap(), labelmap)
    if segmentID in surfaces:
        giveSurface(segment, surfaces[segmentID])
    segmentation.AddSegment(segment, segmentID)


def _binaryLabelmap():
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
