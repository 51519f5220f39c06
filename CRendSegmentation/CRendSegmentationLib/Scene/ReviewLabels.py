"""What a review compares: the labels of two segmentation nodes, the second ones in the coordinates of the first."""

import zlib
from dataclasses import replace
from typing import NamedTuple, Optional

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from crend.comparison.common_grid import joined
from crend.comparison.warping import displacement_field
from crend.errors import InputError
from crend.io.labels import Labels
from crend.structures import segments

from .SegmentMeasurements import isGuide, maskOf, withLabelmaps
from .SegmentTags import isHidden, segmentsOf, terminologyOf
from .VolumeImage import ijkToRasMatrix, setGeometry

_SHOWN_NAMES = 4


class ReviewInput(NamedTuple):
    """reference, compared: crend Labels. field: from the reference's coordinates to the compared one's (crend.comparison.warping), or None when
    they share them. names: for each of the two {follicle number: segment name}."""

    reference: Labels
    compared: Labels
    field: Optional[sitk.Image]
    names: tuple


def reviewInput(referenceNode, comparedNode):
    """ReviewInput of two segmentation nodes, under any parent transforms. The scene is not changed.

    Everything is in the reference's own coordinates and millimetres, before its parent transform. Raises InputError, in one line with
    the node's name, for a segmentation that is empty or has segments of unknown names.
    """
    for node in (referenceNode, comparedNode):
        if node is None:
            raise InputError("two segmentations are needed; choose a reference and one to compare with it.")
    if referenceNode is comparedNode:
        raise InputError(f"{referenceNode.GetName()}: is both the reference and the compared one; choose two different segmentations.")
    (reference, referenceNames), (compared, comparedNames) = (labelsOf(node) for node in (referenceNode, comparedNode))
    compared, field = _intoReference(reference, compared, referenceNode, comparedNode)
    return ReviewInput(reference, compared, field, (referenceNames, comparedNames))


def outlinesDigest(segmentationNode):
    """A short text that differs after a segment that is not hidden was changed, renamed, added or removed; the same when its scene is loaded again."""
    node, digest = withLabelmaps(segmentationNode), 0
    for segmentID, segment in segmentsOf(segmentationNode.GetSegmentation()):
        mask = None if isHidden(segment) else maskOf(node, segmentID)
        if mask is not None:
            place = [*(np.round(mask.GetOrigin(), 2) + 0.0), *np.round(mask.GetSpacing(), 3)]
            digest = zlib.crc32(f"{segment.GetName()} {mask.GetSize()} {place}".encode(), digest)
            digest = zlib.crc32(np.ascontiguousarray(sitk.GetArrayViewFromImage(mask)), digest)
    return f"{digest:08x}"


def labelsOf(segmentationNode):
    """(Labels, {follicle number: segment name}) of a segmentation without its hidden follicles, in its own coordinates. InputError as reviewInput."""
    node, segmentation = withLabelmaps(segmentationNode), segmentationNode.GetSegmentation()
    ovary, found, strangers = None, [], []
    for segmentID, segment in segmentsOf(segmentation):
        if isHidden(segment):
            continue
        name = segment.GetName()
        kind = segments.kind_of(name, terminologyOf(segment))
        mask = maskOf(node, segmentID)
        if kind is None:
            strangers.append(f"'{name}'")
        elif mask is None:
            continue
        elif kind == "ovary":
            ovary = mask if ovary is None else joined(ovary, {1: mask}).ovary
        elif kind == "follicles":
            parts = sitk.ConnectedComponent(mask)
            found += [(None, f"{name}, part {k}", parts == k) for k in range(1, int(sitk.GetArrayViewFromImage(parts).max()) + 1)]
        else:
            found.append((segments.follicle_number(name), name, mask))
    if strangers:
        more = f" and {len(strangers) - _SHOWN_NAMES} more" if len(strangers) > _SHOWN_NAMES else ""
        raise InputError(
            f"{segmentationNode.GetName()}: unknown segments {', '.join(strangers[:_SHOWN_NAMES])}{more}; "
            "name them 'Ovary' or 'Follicle 1', 'Follicle 2', ..."
        )
    if ovary is None and not found:
        raise InputError(f"{segmentationNode.GetName()}: is empty; choose a segmentation with an ovary or follicles.")
    numbers = [number for number, _, _ in found]
    if None in numbers or len(set(numbers)) < len(numbers) or max(numbers, default=0) > 65535:
        numbers = range(1, len(found) + 1)
    masks = {number: mask for number, (_, _, mask) in zip(numbers, found)}
    return replace(joined(ovary, masks), guide=isGuide(segmentationNode)), {number: name for number, (_, name, _) in zip(numbers, found)}


def _intoReference(reference, compared, referenceNode, comparedNode):
    """(the compared Labels, field or None): moved where a rigid transform or a scaling lies between the two, else with a field."""
    here, there = (node.GetParentTransformNode() for node in (referenceNode, comparedNode))
    if here is there:
        return compared, None
    forward, backward = vtk.vtkGeneralTransform(), vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(there, here, forward)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(here, there, backward)
    linear = vtk.vtkTransform()
    if slicer.vtkMRMLTransformNode.IsGeneralTransformLinear(forward, linear):
        try:
            return _moved(compared, slicer.util.arrayFromVTKMatrix(linear.GetMatrix())), None
        except InputError:
            pass  # sheared: no image can lie like that
    return compared, displacement_field(compared, reference.ovary, _applying(forward), _applying(backward))


def _moved(labels, matrix):
    images = []
    for image in (labels.ovary, labels.follicles):
        image = sitk.Image(image)
        setGeometry(image, matrix @ slicer.util.arrayFromVTKMatrix(ijkToRasMatrix(image)), "labels")
        images.append(image)
    return replace(labels, ovary=images[0], follicles=images[1])


def _applying(transform):
    """A VTK transform in RAS as a function of points (n, 3) in LPS."""

    def apply(points):
        before, after = vtk.vtkPoints(), vtk.vtkPoints()
        before.SetData(numpy_support.numpy_to_vtk(np.ascontiguousarray(points * (-1, -1, 1), dtype=float), deep=True))
        after.SetDataTypeToDouble()
        transform.TransformPoints(before, after)
        return numpy_support.vtk_to_numpy(after.GetData()) * (-1, -1, 1)

    return apply
