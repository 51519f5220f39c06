"""What masks measure, remembered: an edit changes one or two of them."""

import hashlib
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from crend.structures.measurements import measure

from .VolumeImage import setGeometry

#: Of segments that were measured before: an edit changes one or two, and measuring all again takes a second.
_KEPT = 500
_measured = OrderedDict()


def measureMask(mask, reference):
    """What a mask, as SegmentMeasurements.maskOf gives it, measures (crend's Ovary). reference: of `referenceGeometry`."""
    key = _keyOf(mask)
    if key not in _measured:
        empty = sitk.Image(mask.GetSize(), sitk.sitkUInt16)
        empty.CopyInformation(mask)
        _measured[key] = measure(mask, empty).ovary
    _measured.move_to_end(key)
    while len(_measured) > _KEPT:
        _measured.popitem(last=False)
    return replace(_measured[key], touches_border=_touchesBorder(mask, reference))


def _keyOf(mask):
    """What differs where a mask does."""
    voxels = hashlib.sha1(sitk.GetArrayViewFromImage(mask).tobytes(), usedforsecurity=False).digest()
    return voxels, mask.GetSize(), mask.GetSpacing(), mask.GetOrigin(), mask.GetDirection()


def remember(mask, measured):
    """Let `measured`, an Ovary, be what a mask, as maskOf gives it, measures."""
    _measured[_keyOf(mask)] = measured


def isMeasured(mask):
    """Whether it is known what a mask, as maskOf gives it, measures."""
    return _keyOf(mask) in _measured


def referenceGeometry(segmentation):
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
