"""Follicles changed by hand: delete, merge, divide, add; each can be taken back."""

from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
import slicer

from crend.editing import split_follicle
from crend.errors import InputError
from crend.structures import segments

from .SegmentationWriter import addSegment, orientedLabelmap, showSegment
from .SegmentMeasurements import maskOf, ovaryID

STATES = 20


class _Edit(NamedTuple):
    """What undo needs: the follicles' order before, {segment ID: (segment, mask)} of those that were changed, IDs of those that were made."""

    order: list
    changed: dict
    made: list


class FollicleEditing:
    """Edits one segmentation node; `undo` takes the last edit back and leaves all other segments as they are by then."""

    def __init__(self, segmentationNode):
        self.segmentationNode = self._node = segmentationNode
        self._edits = []

    @property
    def canUndo(self):
        """Whether there is an edit to take back."""
        return bool(self._edits)

    def undo(self):
        """Take the last edit back; nothing when there is none."""
        if not self._edits:
            return
        edit = self._edits.pop()
        segmentation = self._node.GetSegmentation()
        for segmentID in edit.made:
            segmentation.RemoveSegment(segmentID)
        for segmentID, (segment, mask) in edit.changed.items():
            if segmentation.GetSegment(segmentID) is None:
                fresh = slicer.vtkSegment()
                fresh.DeepCopy(segment)
                fresh.AddRepresentation(_labelmapName(), orientedLabelmap(mask))
                segmentation.AddSegment(fresh, segmentID)
            else:
                self._setMask(segmentID, mask)
        there = [segmentID for segmentID in edit.order if segmentation.GetSegment(segmentID) is not None]
        ovary = [ovaryID(segmentation)] if ovaryID(segmentation) is not None else []
        segmentation.ReorderSegments([*ovary, *there, *(segmentID for segmentID in self.follicleIDs() if segmentID not in there)])
        self._showAll()

    def delete(self, segmentIDs):
        """Remove follicles. InputError when none is given."""
        self._check(segmentIDs, 1, "delete")
        self._remember(segmentIDs)
        for segmentID in segmentIDs:
            self._node.GetSegmentation().RemoveSegment(segmentID)

    def merge(self, segmentIDs):
        """Make one follicle of several: the largest one takes the others in. Returns its segment ID. InputError for fewer than two."""
        self._check(segmentIDs, 2, "merge")
        masks = {segmentID: maskOf(self._node, segmentID) for segmentID in segmentIDs}
        volumes = {segmentID: _volume(mask) for segmentID, mask in masks.items()}
        largest = max(segmentIDs, key=volumes.get)
        union = _union([mask for mask in masks.values() if mask is not None])
        self._remember(segmentIDs)
        self._setMask(largest, union)
        for segmentID in segmentIDs:
            if segmentID != largest:
                self._node.GetSegmentation().RemoveSegment(segmentID)
        return largest

    def split(self, segmentID):
        """Divide a follicle at its neck, or in halves. Returns the segment IDs of its parts. InputError when it is too small."""
        mask = maskOf(self._node, segmentID)
        if mask is None:
            raise InputError("the follicle is empty; there is nothing to divide.")
        parts = split_follicle(sitk.GetArrayFromImage(mask) > 0, mask.GetSpacing()[::-1])
        self._remember([segmentID])
        made = [segmentID]
        for part in range(1, int(parts.max()) + 1):
            piece = _like(mask, parts == part)
            if part == 1:
                self._setMask(segmentID, piece)
            else:
                made.append(self._addFollicle(piece))
        return made

    def add(self, mask):
        """Add a follicle from a SimpleITK mask; what other follicles have already stays theirs. Returns its segment ID.

        InputError when nothing is left of it.
        """
        array = sitk.GetArrayFromImage(mask) > 0
        for segmentID in self.follicleIDs():
            other = maskOf(self._node, segmentID)
            if other is not None:
                array &= sitk.GetArrayFromImage(sitk.Resample(other, mask, sitk.Transform(), sitk.sitkNearestNeighbor)) == 0
        if not array.any():
            raise InputError("there is a follicle at this point already; delete or change that one.")
        self._remember([])
        return self._addFollicle(_like(mask, array))

    def follicleIDs(self):
        """Segment IDs of all segments but the ovary."""
        segmentation = self._node.GetSegmentation()
        every = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
        ovary = ovaryID(segmentation)
        return [segmentID for segmentID in every if segmentID != ovary]

    def _remember(self, segmentIDs):
        """Keep these segments and the list of all, before an edit changes them."""
        changed = {}
        for segmentID in segmentIDs:
            segment = slicer.vtkSegment()
            segment.DeepCopy(self._node.GetSegmentation().GetSegment(segmentID))
            segment.RemoveAllRepresentations()
            segment.SetLabelValue(1)
            changed[segmentID] = (segment, maskOf(self._node, segmentID))
        self._edits = [*self._edits[-STATES + 1 :], _Edit(self.follicleIDs(), changed, [])]

    def _check(self, segmentIDs, least, what):
        if len(segmentIDs) < least:
            raise InputError(f"select {'a follicle' if least == 1 else 'two or more follicles'} in the table to {what}.")

    def _addFollicle(self, mask):
        segmentation = self._node.GetSegmentation()
        number = 1
        while segmentation.GetSegment(segments.follicle_id(number)) is not None:
            number += 1
        segmentID = segments.follicle_id(number)
        addSegment(
            segmentation, segmentID, segments.follicle_name(number), number, segments.FOLLICLE_TERMINOLOGY, orientedLabelmap(mask), 1
        )
        self._edits[-1].made.append(segmentID)
        self._node.CreateClosedSurfaceRepresentation()
        showSegment(self._node.GetDisplayNode(), segmentID)
        return segmentID

    def _setMask(self, segmentID, mask):
        """Give a segment other voxels, in a labelmap of its own."""
        segmentation = self._node.GetSegmentation()
        segmentation.SeparateSegmentLabelmap(segmentID)
        segment = segmentation.GetSegment(segmentID)
        segment.SetLabelValue(1)
        segment.GetRepresentation(_labelmapName()).DeepCopy(orientedLabelmap(mask))
        self._node.CreateClosedSurfaceRepresentation()

    def _showAll(self):
        self._node.CreateClosedSurfaceRepresentation()
        for segmentID in self.follicleIDs():
            showSegment(self._node.GetDisplayNode(), segmentID)


def _labelmapName():
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def _volume(mask):
    return 0.0 if mask is None else float(np.count_nonzero(sitk.GetArrayViewFromImage(mask))) * float(np.prod(mask.GetSpacing()))


def _like(image, array):
    result = sitk.GetImageFromArray(array.astype(np.uint8))
    result.CopyInformation(image)
    return result


def _union(masks):
    """One mask that covers all, on the grid of the first, large enough for every one."""
    first = masks[0]
    lower, upper = np.zeros(3), np.array(first.GetSize()) - 1.0
    for mask in masks:
        last = np.array(mask.GetSize()) - 1
        for corner in np.ndindex(2, 2, 2):
            point = mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in last * corner])
            index = first.TransformPhysicalPointToContinuousIndex(point)
            lower, upper = np.minimum(lower, np.floor(np.add(index, 1e-3))), np.maximum(upper, np.ceil(np.subtract(index, 1e-3)))
    canvas = sitk.Image([int(n) for n in upper - lower + 1], sitk.sitkUInt8)
    canvas.SetSpacing(first.GetSpacing())
    canvas.SetDirection(first.GetDirection())
    canvas.SetOrigin(first.TransformContinuousIndexToPhysicalPoint([float(v) for v in lower]))
    array = np.zeros(canvas.GetSize()[::-1], bool)
    for mask in masks:
        array |= sitk.GetArrayFromImage(sitk.Resample(mask, canvas, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
    return _like(canvas, array)
