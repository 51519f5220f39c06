"""Measurements from the segments as they are now, whoever drew them."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from crend.structures import segments
from crend.structures.measurements import Follicle, Measurements, measure

from .VolumeImage import setGeometry

MODELS_TAG = "CRend.drawnByModel"
CONFIDENCE_TAG = "CRend.confidence"


def measureSegments(segmentationNode):
    """Measurements of the ovary's segment and of every other segment as a follicle, largest first, in the segmentation's own coordinates.

    Follicles that nobody changed keep the model's confidence. Follicles keep their names; a follicle's id is the number in its name, or
    else the next free number. Empty segments are left out.
    """
    return measureWithIDs(segmentationNode)[0]


def measureWithIDs(segmentationNode):
    """(what measureSegments returns, segment ID of each follicle in it): names can be changed, and given twice; IDs cannot."""
    segmentation = segmentationNode.GetSegmentation()
    reference = _referenceGeometry(segmentation)
    ovary, found = None, []
    for index in range(segmentation.GetNumberOfSegments()):
        segmentID = segmentation.GetNthSegmentID(index)
        measured = _measureSegment(segmentationNode, segmentID, reference)
        if measured is None:
            continue
        if segmentID == ovaryID(segmentation):
            ovary = measured
        else:
            found.append((segmentID, measured))
    found.sort(key=lambda entry: -entry[1].volume_ml)
    names = [segmentation.GetSegment(segmentID).GetName() for segmentID, _ in found]
    follicles = [
        _withConfidence(segmentation.GetSegment(segmentID), _asFollicle(measured, name, number))
        for (segmentID, measured), name, number in zip(found, names, _numbers(names))
    ]
    return Measurements(ovary, tuple(follicles)), tuple(segmentID for segmentID, _ in found)


def ovaryID(segmentation):
    """ID of the ovary's segment, which may have been renamed; None when there is none."""
    if segmentation.GetSegment(segments.OVARY_ID) is not None:
        return segments.OVARY_ID
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        if segments.kind_of(segment.GetName(), terminologyOf(segment)) == "ovary":
            return segmentation.GetNthSegmentID(index)
    return None


def terminologyOf(segment):
    """A segment's terminology entry as Slicer writes it, "" when it has none."""
    text = vtk.reference("")
    return str(text) if segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text) else ""


def maskOf(segmentationNode, segmentID):
    """A segment as a SimpleITK mask (uint8), cropped to its voxels; None when it is empty."""
    labelmap = slicer.vtkOrientedImageData()
    if not segmentationNode.GetBinaryLabelmapRepresentation(segmentID, labelmap) or labelmap.GetNumberOfPoints() == 0:
        return None
    extent = labelmap.GetExtent()
    array = numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(labelmap.GetDimensions()[::-1]) != 0
    if not array.any():
        return None
    box = [_range(array.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    image = sitk.GetImageFromArray(array[tuple(box)].astype(np.uint8))
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    toRas = slicer.util.arrayFromVTKMatrix(matrix)
    first = [extent[0] + box[2].start, extent[2] + box[1].start, extent[4] + box[0].start]
    toRas[:3, 3] = (toRas @ [*first, 1])[:3]
    setGeometry(image, toRas, segmentID)
    return image


def tagAsModels(segment, follicle):
    """Note on a segment what the model drew, and how sure it was: if it measures otherwise later, somebody changed it, and the model
    has no say in it any more. Saved with the segmentation."""
    segment.SetTag(MODELS_TAG, " ".join(f"{value:.6f}" for value in _fingerprint(follicle)))
    if follicle.confidence is not None:
        segment.SetTag(CONFIDENCE_TAG, f"{follicle.confidence:.6f}")


def isManual(segment, follicle):
    """Whether a segment, measured as `follicle` now, is not what the model drew."""
    text = vtk.reference("")
    if not segment.GetTag(MODELS_TAG, text):
        return True
    return not np.allclose([float(value) for value in str(text).split()], _fingerprint(follicle), rtol=0, atol=1e-5)


def manualNames(segmentationNode, measurements):
    """Names of the follicles that were drawn or changed by hand."""
    segmentation = segmentationNode.GetSegmentation()
    return {
        follicle.segment
        for follicle in measurements.follicles
        if isManual(segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(follicle.segment)), follicle)
    }


def _fingerprint(follicle):
    return (follicle.volume_ml, *follicle.centroid_ras)


def _measureSegment(segmentationNode, segmentID, reference):
    mask = maskOf(segmentationNode, segmentID)
    if mask is None:
        return None
    empty = sitk.Image(mask.GetSize(), sitk.sitkUInt16)
    empty.CopyInformation(mask)
    return replace(measure(mask, empty).ovary, touches_border=_touchesBorder(mask, reference))


def _asFollicle(measured, name, number):
    fields = {field: getattr(measured, field) for field in measured.__dataclass_fields__}
    return Follicle(**{**fields, "segment": name, "id": number})


def _numbers(names):
    """A number for each name: the one in it, unless a name before it has that; else the next free one."""
    stated = [segments.follicle_number(name) for name in names]
    stated = [None if number in stated[:index] else number for index, number in enumerate(stated)]
    free = (number for number in range(1, 2 * len(names) + 1) if number not in stated)
    return [number or next(free) for number in stated]


def _withConfidence(segment, follicle):
    """The follicle with the model's confidence, if its segment is as the model drew it."""
    text = vtk.reference("")
    if isManual(segment, follicle) or not segment.GetTag(CONFIDENCE_TAG, text):
        return follicle
    return replace(follicle, confidence=float(str(text)))


def _referenceGeometry(segmentation):
    """(inverse of the index-to-LPS matrix, size) of the volume that was segmented, or None."""
    text = segmentation.GetConversionParameter(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName())
    geometry = slicer.vtkOrientedImageData()
    if not text or not slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, geometry, False):
        return None
    matrix = vtk.vtkMatrix4x4()
    geometry.GetImageToWorldMatrix(matrix)
    image = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    setGeometry(image, slicer.util.arrayFromVTKMatrix(matrix), "reference")
    return image, np.array(geometry.GetDimensions())


def _touchesBorder(mask, reference):
    """Whether the mask's box reaches the first or last voxel of the reference along any axis."""
    if reference is None:
        return False
    image, size = reference
    last = np.array(mask.GetSize()) - 1
    corners = [
        image.TransformPhysicalPointToContinuousIndex(mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in last * corner]))
        for corner in np.ndindex(2, 2, 2)
    ]
    return bool((np.min(corners, axis=0) < 0.5).any() or (np.max(corners, axis=0) > size - 1.5).any())


def _range(present):
    where = np.flatnonzero(present)
    return slice(int(where[0]), int(where[-1]) + 1)
