"""What was edited of a segmentation, to be taken back and brought back step by step."""

from typing import NamedTuple

import SimpleITK as sitk
import slicer

from crend.structures import segments

from .FollicleMarks import marksOf, restoreMarks
from .SegmentationWriter import orientedLabelmap, showSegment
from .SegmentMeasurements import CHANGED_TAG, MODELS_TAG, maskOf
from .SegmentTags import segmentsOf, setTag, tagOf
from .Surfaces import emptySurface, giveSurface, markStale, surfaceOf

STATES = 20


class _Step(NamedTuple):
    """What leads back over an edit: the segments' order before, {segment ID: (segment with its surface, mask)} of those that it changed, IDs of those
    that it made, and what was hidden and confirmed. kind: of one that only marks, else ""."""

    order: list
    changed: dict
    made: list
    marks: tuple
    kind: str = ""


class EditHistory:
    """The last edits of a segmentation node. Segments that an edit did not concern stay as they are when it is taken back; what somebody painted since
    over one that it did is taken back with it, and brought back with it."""

    def __init__(self, segmentationNode):
        self._node = segmentationNode
        self._done, self._undone = [], []

    canUndo = property(lambda self: bool(self._done), doc="Whether there is an edit to take back.")
    canRedo = property(lambda self: bool(self._undone), doc="Whether there is an edit to bring back.")

    def remember(self, segmentIDs, kind=""):
        """An edit begins that changes or removes these segments."""
        changed = {segmentID: self._asNow(segmentID) for segmentID in segmentIDs}
        step = _Step(allIDs(self._node.GetSegmentation()), changed, [], marksOf(self._node), kind)
        self._done, self._undone = [*self._done[-STATES + 1 :], step], []

    def alsoChanges(self, segmentID):
        """The edit that has begun is about to change this segment, too."""
        if segmentID not in (*self._done[-1].changed, *self._done[-1].made):  # else it is known how it was before
            self._done[-1].changed[segmentID] = self._asNow(segmentID)

    def alsoMade(self, segmentID):
        """The edit that has begun made this segment."""
        self._done[-1].made.append(segmentID)

    def goesOn(self, kind):
        """Whether the last edit only marked, is of this kind, and was not followed by anything."""
        return bool(self._done) and self._done[-1].kind == kind and not self._undone

    def undo(self):
        """Take the last edit back. Returns whether there was one."""
        return self._goBack(self._done, self._undone)

    def redo(self):
        """Bring back what was taken back last. Returns whether there was something."""
        return self._goBack(self._undone, self._done)

    def _goBack(self, steps, others):
        """Go the last one of `steps`, and keep among `others` what leads here again."""
        if not steps:
            return False
        step = steps.pop()
        segmentation = self._node.GetSegmentation()
        here = [segmentID for segmentID in (*step.changed, *step.made) if segmentation.GetSegment(segmentID) is not None]
        gone = [segmentID for segmentID in step.changed if segmentID not in here]
        now = {segmentID: self._asNow(segmentID) for segmentID in here}
        others.append(_Step(allIDs(segmentation), now, gone, marksOf(self._node), step.kind))
        for segmentID in step.made:
            segmentation.RemoveSegment(segmentID)
        for segmentID, (segment, mask) in step.changed.items():
            self._give(segmentID, segment, mask)
        there = [segmentID for segmentID in step.order if segmentation.GetSegment(segmentID) is not None]
        segmentation.ReorderSegments([*there, *(segmentID for segmentID in allIDs(segmentation) if segmentID not in there)])
        restoreMarks(self._node, step.marks)
        return True

    def _give(self, segmentID, segment, mask):
        """Let a segment be as it was, or be there again."""
        segmentation = self._node.GetSegmentation()
        if segmentation.GetSegment(segmentID) is not None:
            setMask(self._node, segmentID, mask, surfaceOf(segment))
            for name in (segments.SOURCE_TAG, MODELS_TAG, CHANGED_TAG):
                setTag(segmentation.GetSegment(segmentID), name, tagOf(segment, name))
            return
        fresh = slicer.vtkSegment()
        fresh.DeepCopyMetadata(segment)
        fresh.SetLabelValue(1)
        fresh.AddRepresentation(_labelmapName(), _labelmapOf(mask))
        giveSurface(fresh, surfaceOf(segment))
        segmentation.AddSegment(fresh, segmentID)
        showSegment(self._node, segmentID)

    def _asNow(self, segmentID):
        """(a copy of a segment with its surface and without its voxels, its mask)."""
        former = self._node.GetSegmentation().GetSegment(segmentID)
        segment = slicer.vtkSegment()
        segment.DeepCopyMetadata(former)
        giveSurface(segment, surfaceOf(former) or emptySurface())
        return segment, maskOf(self._node, segmentID)


def allIDs(segmentation):
    """IDs of all segments, in their order."""
    return [segmentID for segmentID, _ in segmentsOf(segmentation)]


def setMask(segmentationNode, segmentID, mask, surface=None):
    """Give a segment other voxels (SimpleITK), in a labelmap of its own; None: no voxels. surface: theirs; None: the segment's is stale then.

    A new labelmap, not other voxels in the one that is there: over those Slicer would drop the surfaces of all segments.
    """
    segmentation = segmentationNode.GetSegmentation()
    segmentation.SeparateSegmentLabelmap(segmentID)
    segment = segmentation.GetSegment(segmentID)
    if surface is None:
        markStale(segment)
    else:
        giveSurface(segment, surface)
    segment.SetLabelValue(1)
    segment.AddRepresentation(_labelmapName(), _labelmapOf(mask))


def _labelmapOf(mask):
    """As `orientedLabelmap`; of None, an empty segment's, one voxel that is none of it."""
    return orientedLabelmap(mask if mask is not None else sitk.Image([1, 1, 1], sitk.sitkUInt8))


def _labelmapName():
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
