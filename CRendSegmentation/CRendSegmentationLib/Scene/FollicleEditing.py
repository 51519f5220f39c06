"""Follicles changed by hand: delete, merge, divide, add, the ovary extended over them; each can be taken back."""

import SimpleITK as sitk

from crend.editing import split_follicle
from crend.errors import InputError
from crend.structures import segments
from crend.structures.ball import ball_between

from .EditHistory import EditHistory, allIDs, setMask
from .MaskMeasurements import referenceGeometry
from .Masks import cropped, like, millilitres, nearest, on, outside, union
from .SegmentationWriter import addSegment, orientedLabelmap, showSegment
from .SegmentMeasurements import CHANGED_TAG, follicleIDs, isGuide, manualIDs, maskOf, ovaryID, ovaryIDs, tagGuide
from .SegmentTags import hiddenIDs, setTag
from .Surfaces import emptySurface, makeSurfaces, markStale, united


class FollicleEditing:
    """Edits one segmentation node; `undo` takes the last edit back and leaves all other segments as they are by then, `redo` does the same to `undo`:
    what was painted elsewhere over an edit that is taken back comes with it again.

    surfaces(segmentationNode) is called after each edit, to make the surfaces that are stale by it.
    extendedMl: by how much the last edit extended the ovary, since a follicle reached out of it.
    """

    def __init__(self, segmentationNode, surfaces=makeSurfaces):
        self.segmentationNode = self._node = segmentationNode
        self._surfaces = surfaces
        self._history = EditHistory(segmentationNode)
        self.extendedMl = 0.0
        self.imageOfVolume = (None, None)  # (what the volume held, its image), kept by who needs it for every click

    @property
    def canUndo(self):
        """Whether there is an edit to take back."""
        return self._history.canUndo

    @property
    def canRedo(self):
        """Whether there is an edit that was taken back, and nothing was edited since."""
        return self._history.canRedo

    def undo(self):
        """Take the last edit back; nothing when there is none."""
        self._goBack(self._history.undo)

    def redo(self):
        """Bring back what `undo` took back last; nothing when there is none."""
        self._goBack(self._history.redo)

    def mark(self, change, kind, goOn=False):
        """Hide or confirm follicles: call change(segmentation node) and return what that returns.

        kind, goOn: a change of the same kind as the one before that goes on with it, as a slider that is drawn, is taken back with that.
        """
        if not (goOn and self._history.goesOn(kind)):
            self._remember([], kind)
        return change(self._node)

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
        largest = max(segmentIDs, key=lambda segmentID: millilitres(masks[segmentID]))
        merged = union([mask for mask in masks.values() if mask is not None])
        self._remember(segmentIDs)
        segmentation = self._node.GetSegmentation()
        before = united([segmentation.GetSegment(segmentID) for segmentID in segmentIDs])
        setMask(self._node, largest, merged)
        markStale(segmentation.GetSegment(largest), before)
        for segmentID in segmentIDs:
            if segmentID != largest:
                self._node.GetSegmentation().RemoveSegment(segmentID)
        self._extendOver([merged])
        self._surfaces(self._node)
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
            piece = like(mask, parts == part)
            if part == 1:
                setMask(self._node, segmentID, piece)
            else:
                made.append(self._addFollicle(piece))
        self._surfaces(self._node)
        return made

    def add(self, mask):
        """Add a follicle from a SimpleITK mask; what other follicles have already stays theirs, and the ovary is extended over the rest.

        Returns its segment ID. InputError when nothing is left of it.
        """
        mask = cropped(mask)
        array = sitk.GetArrayFromImage(mask) > 0
        hidden = hiddenIDs(self._node.GetSegmentation())
        for segmentID in self.follicleIDs():
            other = maskOf(self._node, segmentID)
            left = array & ~on(mask, other) if other is not None else array
            if segmentID in hidden and 2 * left.sum() < array.sum():
                name = self._node.GetSegmentation().GetSegment(segmentID).GetName()
                raise InputError(f"{name} is at this point, but hidden; show it again with the slider above the table.")
            array = left
        if not array.any():
            raise InputError("there is a follicle at this point already; delete or change that one.")
        self._remember([])
        segmentID = self._addFollicle(like(mask, array))
        self._extendOver([like(mask, array)])
        self._surfaces(self._node)
        return segmentID

    def addBall(self, first, second):
        """Add a ball whose diameter ends at two points (r, a, s in mm, the segmentation's own coordinates), as `add` adds a mask.

        Returns its segment ID. InputError as `add` and `ball_between`.
        """
        ends = ([-r, -a, s] for r, a, s in (first, second))
        return self.add(ball_between(self._grid(), *ends))

    def extendOvary(self):
        """Extend the ovary over all that follicles changed by hand, here or in Segment Editor, hold outside it: a follicle is a part of it.

        Returns the names of these follicles. An edit of its own, if there are any.
        """
        segmentation = self._node.GetSegmentation()
        ovary = self._ovaryMask()
        if ovary is None:
            return []
        masks = {segmentID: maskOf(self._node, segmentID) for segmentID in manualIDs(self._node)}
        reaching = {segmentID: mask for segmentID, mask in masks.items() if mask is not None and outside(mask, ovary) is not None}
        if not reaching:
            return []
        self._remember([])
        self._extendOver(list(reaching.values()))
        self._surfaces(self._node)
        return [segmentation.GetSegment(segmentID).GetName() for segmentID in reaching]

    def setOvary(self, mask):
        """Draw the ovary anew, of several the nearest one, from a SimpleITK mask, extended over all shown follicles that end outside; where there is no
        ovary it is made. What another ovary has stays its own.

        Returns its segment's name, and the names of the follicles that it was extended over.
        """
        segmentation = self._node.GetSegmentation()
        ovaries = self._ovaryMasks()
        segmentID = nearest(mask, ovaries) if ovaries else ovaryID(segmentation)
        for other in (ovary for each, ovary in ovaries.items() if each != segmentID):
            mask = outside(mask, other)
            if mask is None:
                raise InputError("another ovary fills all of this; draw the contours round the one that you mean.")
        if segmentID is not None:
            self._remember([segmentID])
            setMask(self._node, segmentID, mask)
            setTag(segmentation.GetSegment(segmentID), segments.SOURCE_TAG, "")  # no guide any more, if it was one
        else:
            segmentID = segments.OVARY_ID
            self._remember([])
            self._addOvary(mask)
        ovary = self._ovaryMask()
        hidden = hiddenIDs(segmentation)
        masks = {each: maskOf(self._node, each) for each in self.follicleIDs() if each not in hidden}
        reaching = {each: mask for each, mask in masks.items() if mask is not None and outside(mask, ovary) is not None}
        self._extendOver(list(reaching.values()))
        self._surfaces(self._node)
        return segmentation.GetSegment(segmentID).GetName(), [segmentation.GetSegment(each).GetName() for each in reaching]

    def change(self, segmentID, mask):
        """Give the ovary or a follicle another mask (SimpleITK); the ovary is extended over what a follicle gains outside it, and over no more."""
        self._remember([segmentID])
        if segmentID in ovaryIDs(self._node.GetSegmentation()):
            self._changeOvary(segmentID, mask)
        else:
            before = maskOf(self._node, segmentID)
            setMask(self._node, segmentID, mask)
            grown = outside(mask, before)
            self._extendOver([grown] if grown is not None else [])
        self._surfaces(self._node)

    def follicleIDs(self):
        """Segment IDs of the follicles."""
        return follicleIDs(self._node.GetSegmentation())

    def _grid(self):
        """An empty image on the grid of the volume that was segmented."""
        known = referenceGeometry(self._node.GetSegmentation())
        if known is None:
            raise InputError("the grid of the volume is not known; draw the follicle in Segment Editor.")
        image, size = known
        grid = sitk.Image(size.tolist(), sitk.sitkUInt8)
        grid.SetSpacing(image.GetSpacing())
        grid.SetDirection(image.GetDirection())
        grid.SetOrigin(image.GetOrigin())
        return grid

    def _ovaryMasks(self):
        """{segment ID: mask} of the ovary, or of several."""
        masks = {segmentID: maskOf(self._node, segmentID) for segmentID in ovaryIDs(self._node.GetSegmentation())}
        return {segmentID: mask for segmentID, mask in masks.items() if mask is not None}

    def _ovaryMask(self):
        """All ovaries together, or None."""
        masks = list(self._ovaryMasks().values())
        return union(masks) if len(masks) > 1 else next(iter(masks), None)

    def _extendOver(self, masks):
        """Let the ovary, if there is one, of several the nearest, hold these masks; a part of the edit that is under way."""
        ovaries, whole = self._ovaryMasks(), self._ovaryMask()
        for segmentID, ovary in ovaries.items():
            own = [mask for mask in masks if nearest(mask, ovaries) == segmentID]
            beyond = [part for part in (outside(mask, whole) for mask in own) if part is not None]
            if not beyond:
                continue
            extended = union([ovary, *beyond])
            self._history.alsoChanges(segmentID)
            self._changeOvary(segmentID, extended)
            self.extendedMl += millilitres(extended) - millilitres(ovary)

    def _changeOvary(self, segmentID, mask):
        """Give the ovary another mask; the outline of a box stays a guide, since most of it is still the box's."""
        segmentation = self._node.GetSegmentation()
        guide = segmentID == ovaryID(segmentation) and isGuide(self._node)
        setMask(self._node, segmentID, mask)
        if guide:
            tagGuide(self._node)
            setTag(segmentation.GetSegment(segmentID), CHANGED_TAG, "1")

    def _remember(self, segmentIDs, kind=""):
        """Keep these segments, the list of all and their marks, before an edit changes them."""
        self.extendedMl = 0.0
        self._history.remember(segmentIDs, kind)

    def _goBack(self, step):
        self.extendedMl = 0.0
        if step():
            self._surfaces(self._node)

    def _check(self, segmentIDs, least, what):
        if len(segmentIDs) < least:
            raise InputError(f"select {'a follicle' if least == 1 else 'two or more follicles'} in the table to {what}.")

    def _addFollicle(self, mask):
        segmentation = self._node.GetSegmentation()
        number = 1
        while segmentation.GetSegment(segments.follicle_id(number)) is not None:
            number += 1
        segmentID = segments.follicle_id(number)
        name, labelmap, surface = segments.follicle_name(number), orientedLabelmap(mask), {segmentID: emptySurface()}
        addSegment(segmentation, segmentID, name, number, segments.FOLLICLE_TERMINOLOGY, labelmap, 1, surface)
        self._history.alsoMade(segmentID)
        showSegment(self._node, segmentID)
        return segmentID

    def _addOvary(self, mask):
        segmentation = self._node.GetSegmentation()
        labelmap, surface = orientedLabelmap(mask), {segments.OVARY_ID: emptySurface()}
        addSegment(segmentation, segments.OVARY_ID, segments.OVARY, 0, segments.OVARY_TERMINOLOGY, labelmap, 1, surface)
        self._history.alsoMade(segments.OVARY_ID)
        segmentation.ReorderSegments([segments.OVARY_ID, *(each for each in allIDs(segmentation) if each != segments.OVARY_ID)])
        showSegment(self._node, segments.OVARY_ID)
