"""Measurements from the segments as they are now, whoever drew them."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from crend.structures import segments
from crend.structures.measurements import Follicle, Measurements, Structure
from crend.structures.ovaries import most_frequent

from .MaskMeasurements import measureMask, referenceGeometry
from .Masks import labelsOn, union
from .SegmentTags import isHidden, isMarked, numbersOf, segmentsOf, tagOf, terminologyOf
from .VolumeImage import setGeometry

#: Of a segmentation: how many segments a run left in it.
SEGMENTS_ATTRIBUTE = "CRend.segments"
MODELS_TAG = segments.MODELS_TAG
CONFIDENCE_TAG = "CRend.confidence"
#: segments.SOURCE_TAG of an ovary whose outline is that of a box.
BOX = "box"
#: "1" on such an ovary that a click or a follicle has changed, which still measures nothing.
CHANGED_TAG = "CRend.GuideChanged"
_LABELMAP = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName


def measureSegments(segmentationNode):
    """Measurements of the ovary's segment and of the follicles, largest first, in the segmentation's own coordinates.

    Of several ovaries `ovary` is all together, and `ovaries` has each by itself, in the segments' order; the outline of a box is none of them.
    Follicles that nobody changed keep the model's confidence. Follicles keep their names; a follicle's id is the number in its name, or
    else the next free number. Left out: empty segments, those that are neither by name nor by terminology (see otherNames), and hidden ones.
    """
    return measureWithIDs(segmentationNode)[0]


def measureWithIDs(segmentationNode, hidden=False):
    """(what measureSegments returns, segment ID of each follicle in it): names can be changed, and given twice; IDs cannot.

    hidden: with the follicles that are hidden."""
    segmentationNode = withLabelmaps(segmentationNode)
    segmentation = segmentationNode.GetSegmentation()
    reference = referenceGeometry(segmentation)
    organs = {segmentID: maskOf(segmentationNode, segmentID) for segmentID in ovaryIDs(segmentation)}
    organs = {segmentID: mask for segmentID, mask in organs.items() if mask is not None}
    sized = {
        segmentID: replace(measureMask(mask, reference), segment=segmentation.GetSegment(segmentID).GetName())
        for segmentID, mask in organs.items()
    }
    drawn = [segmentID for segmentID, measured in sized.items() if not _isGuide(segmentation.GetSegment(segmentID), measured)]
    ovary, each = None, []
    if len(drawn) > 1:
        ovary, each = measureMask(union([organs[organ] for organ in drawn]), reference), [sized[organ] for organ in drawn]
    elif drawn:
        ovary = replace(sized[drawn[0]], segment=segments.OVARY)
    wanted = [segmentID for segmentID in follicleIDs(segmentation) if hidden or not isHidden(segmentation.GetSegment(segmentID))]
    found = [(segmentID, _measureSegment(segmentationNode, segmentID, reference)) for segmentID in wanted]
    found = [(segmentID, measured) for segmentID, measured in found if measured is not None]
    found.sort(key=lambda entry: -entry[1].volume_ml)
    names = [segmentation.GetSegment(segmentID).GetName() for segmentID, _ in found]
    follicles = [
        _withConfidence(segmentation.GetSegment(segmentID), _asFollicle(measured, name, number))
        for (segmentID, measured), name, number in zip(found, names, _numbers(names))
    ]
    numbers = [
        (1 if organs else None) if not each else _ovaryOf(segmentationNode, segmentID, [organs[organ] for organ in drawn])
        for segmentID, _ in found
    ]
    follicles = [replace(follicle, ovary=number) for follicle, number in zip(follicles, numbers)]
    return Measurements(ovary, tuple(follicles), tuple(each)), tuple(segmentID for segmentID, _ in found)


def ovaryIDs(segmentation):
    """IDs of the segments that are an ovary each, by ID, name or terminology; Slicer's order, which is that of their numbers."""
    return [
        segmentID
        for segmentID, segment in segmentsOf(segmentation)
        if segmentID == segments.OVARY_ID or segments.kind_of(segment.GetName(), terminologyOf(segment)) == "ovary"
    ]


def ovaryID(segmentation):
    """ID of the ovary's segment, of several the first; None when there is none."""
    found = ovaryIDs(segmentation)
    return segments.OVARY_ID if segments.OVARY_ID in found else next(iter(found), None)


def follicleIDs(segmentation):
    """IDs of the segments that are a follicle each, by name or by terminology; hidden ones as well."""
    return [segmentID for segmentID, segment in _others(segmentation) if _isFollicle(segment)]


def otherNames(segmentation):
    """Names of the segments that are neither the ovary nor a follicle: nothing counts or measures them."""
    return [segment.GetName() for _, segment in _others(segmentation) if not _isFollicle(segment)]


def withLabelmaps(segmentationNode):
    """The node itself, or, where it has surfaces only, a copy outside the scene with labelmaps."""
    segmentation = segmentationNode.GetSegmentation()
    if segmentation.GetNumberOfSegments() == 0 or segmentation.ContainsRepresentation(_LABELMAP()):
        return segmentationNode
    copy = slicer.vtkMRMLSegmentationNode()
    copy.SetName(segmentationNode.GetName())
    copy.GetSegmentation().DeepCopy(segmentation)
    copy.GetSegmentation().CreateRepresentation(_LABELMAP())
    return copy


def voxelState(segmentationNode):
    """What differs after somebody changed the voxels of a segment, or added or removed one."""
    segmentation = segmentationNode.GetSegmentation()
    name = segmentation.GetSourceRepresentationName()
    state = []
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        voxels = segment.GetRepresentation(name)
        state.append((segmentation.GetNthSegmentID(index), segment.GetLabelValue(), voxels and voxels.GetMTime()))
    return tuple(state)


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


def isFromBox(segmentationNode):
    """Whether the ovary's outline was the ellipsoid of a box and was not drawn anew, though it may have been changed."""
    whole = ovaryID(segmentationNode.GetSegmentation())
    return whole is not None and tagOf(segmentationNode.GetSegmentation().GetSegment(whole), segments.SOURCE_TAG) == BOX


def isGuide(segmentationNode):
    """Whether the ovary's outline is the ellipsoid of a box, as a run drew it: a guide that is not measured. Changed by hand it is an ovary."""
    if not isFromBox(segmentationNode):
        return False
    whole = ovaryID(segmentationNode.GetSegmentation())
    ovary = _measureSegment(segmentationNode, whole, None)
    return ovary is not None and _isGuide(segmentationNode.GetSegmentation().GetSegment(whole), ovary)


def tagGuide(segmentationNode):
    """Note what the outline of a box measures now, so that a change by hand is seen; nothing for an ovary that is none from a box."""
    whole = ovaryID(segmentationNode.GetSegmentation())
    ovary = _measureSegment(segmentationNode, whole, None) if isFromBox(segmentationNode) else None
    if ovary is not None:
        tagAsModels(segmentationNode.GetSegmentation().GetSegment(whole), ovary)


def tagAsModels(segment, structure):
    """Note on a segment what the model drew, and of a follicle how sure it was: if it measures otherwise later, somebody changed it, and
    the model has no say in it any more. Saved with the segmentation."""
    segment.SetTag(MODELS_TAG, " ".join(f"{value:.6f}" for value in _fingerprint(structure)))
    if getattr(structure, "confidence", None) is not None:
        segment.SetTag(CONFIDENCE_TAG, f"{structure.confidence:.6f}")


def isManual(segment, follicle):
    """Whether a segment, measured as `follicle` now, is not what the model drew."""
    noted, now = numbersOf(segment, MODELS_TAG), _fingerprint(follicle)
    return len(noted) != len(now) or not np.allclose(noted, now, rtol=0, atol=1e-5)


def manualNames(segmentationNode, measurements):
    """Names of the follicles that were drawn or changed by hand."""
    segmentation = segmentationNode.GetSegmentation()
    return {
        follicle.segment
        for follicle in measurements.follicles
        if isManual(segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(follicle.segment)), follicle)
    }


def manualIDs(segmentationNode):
    """IDs of the follicles that were drawn or changed by hand."""
    measurements, segmentIDs = measureWithIDs(segmentationNode)
    segmentation = segmentationNode.GetSegmentation()
    found = zip(measurements.follicles, segmentIDs)
    return [segmentID for follicle, segmentID in found if isManual(segmentation.GetSegment(segmentID), follicle)]


def isEdited(segmentationNode):
    """Whether anything is not as a run left it: a segment was changed, drawn, removed, hidden or confirmed, or no run made it at all."""
    segmentation = segmentationNode.GetSegmentation()
    if segmentation.GetNumberOfSegments() == 0:
        return False
    if segmentationNode.GetAttribute(SEGMENTS_ATTRIBUTE) != str(segmentation.GetNumberOfSegments()) or isMarked(segmentation):
        return True
    measurements = measureSegments(segmentationNode)
    if len(measurements.follicles) < len(follicleIDs(segmentation)):  # somebody erased all of one
        return True
    return isOvaryManual(segmentationNode, measurements) or bool(manualIDs(segmentationNode))


def isOvaryManual(segmentationNode, measurements):
    """Whether the ovary, or one of several, is not what the model drew. measurements: as `measureSegments` gives them."""
    segmentation = segmentationNode.GetSegmentation()
    if not measurements.ovaries:
        whole = ovaryID(segmentation)
        segment = segmentation.GetSegment(whole) if whole is not None else None
        if measurements.ovary is not None:
            return isManual(segment, measurements.ovary)
        # Nothing is measured of a guide, even a changed one, nor of an ovary that somebody has erased.
        return segment is not None and bool(tagOf(segment, CHANGED_TAG) or (tagOf(segment, MODELS_TAG) and not isGuide(segmentationNode)))
    found = {segmentation.GetSegment(segmentID).GetName(): segmentation.GetSegment(segmentID) for segmentID in ovaryIDs(segmentation)}
    return any(isManual(found[ovary.segment], ovary) for ovary in measurements.ovaries)


def _isGuide(segment, ovary):
    if tagOf(segment, segments.SOURCE_TAG) != BOX:
        return False
    # Without a note of what was drawn, as in a file from the command line, nobody can have changed it here. Its place says nothing: a transform that
    # was hardened moves it.
    noted = numbersOf(segment, MODELS_TAG)
    return not noted or bool(np.isclose(noted[0], ovary.volume_ml, rtol=1e-6, atol=1e-5))


def _others(segmentation):
    """[(segment ID, segment)] of all but the ovaries."""
    ovaries = ovaryIDs(segmentation)
    return [(segmentID, segment) for segmentID, segment in segmentsOf(segmentation) if segmentID not in ovaries]


def _isFollicle(segment):
    return segments.kind_of(segment.GetName(), terminologyOf(segment)) == "follicle"


def _fingerprint(structure):
    return (structure.volume_ml, *structure.centroid_ras)


def _measureSegment(segmentationNode, segmentID, reference):
    mask = maskOf(segmentationNode, segmentID)
    return None if mask is None else measureMask(mask, reference)


def _ovaryOf(segmentationNode, segmentID, ovaries):
    """Number of the ovary (masks) that most of a follicle lies in, from 1; None outside all."""
    mask = maskOf(segmentationNode, segmentID)
    return most_frequent(labelsOn(mask, ovaries)[sitk.GetArrayViewFromImage(mask) > 0])


def _asFollicle(measured, name, number):
    fields = {field: getattr(measured, field) for field in Structure.__dataclass_fields__}
    return Follicle(**{**fields, "segment": name, "id": number})


def _numbers(names):
    """A number for each name: the one in it, unless a name before it has that; else the next free one."""
    stated = [segments.follicle_number(name) for name in names]
    stated = [None if number in stated[:index] else number for index, number in enumerate(stated)]
    free = (number for number in range(1, 2 * len(names) + 1) if number not in stated)
    return [number or next(free) for number in stated]


def _withConfidence(segment, follicle):
    """The follicle with the model's confidence, if its segment is as the model drew it."""
    noted = numbersOf(segment, CONFIDENCE_TAG)
    if len(noted) != 1 or not 0 <= noted[0] <= 1 or isManual(segment, follicle):
        return follicle
    return replace(follicle, confidence=noted[0])


def _range(present):
    where = np.flatnonzero(present)
    return slice(int(where[0]), int(where[-1]) + 1)
