"""A segment's outline moved by a click: which voxels of a segmentation may change, and what is said where none can."""

import numpy as np
import SimpleITK as sitk

from crend.errors import InputError
from crend.structures.brush import crop_around, reshape

from .Masks import like, on, union
from .SegmentMeasurements import follicleIDs, maskOf, ovaryID, ovaryIDs
from .SegmentTags import hiddenIDs
from .VolumeImage import lpsPoint


class Click:
    """A click into a segmentation: on which segment, where, in or out, with which brush.

    point: (r, a, s) in the segmentation's own coordinates. image: the volume as a SimpleITK image. segmentID: a follicle; None: the ovary, of several
    the one whose outline is nearest.
    Raises InputError, one line, where nothing can be changed.
    """

    def __init__(self, segmentationNode, segmentID, image, point, grow, radiusMm, name):
        segmentation = segmentationNode.GetSegmentation()
        self._node, self.grow, self.radiusMm = segmentationNode, grow, radiusMm
        self.isOvary = segmentID is None or segmentID in ovaryIDs(segmentation)
        self.point = lpsPoint(point)
        self._part = crop_around(image, self.point, radiusMm, name)
        self._position = self._part.TransformPhysicalPointToContinuousIndex(self.point)[::-1]
        self.segmentID = self._nearestOvary() if segmentID is None else segmentID
        self._mask = maskOf(segmentationNode, self.segmentID) if self.segmentID is not None else None
        if self._mask is None:
            raise InputError("there is no outline yet to move; draw the ovary by its contours, or add the follicle.")
        self.name = segmentation.GetSegment(self.segmentID).GetName()
        self._before = on(self._part, self._mask)
        self._others = {
            other: on(self._part, mask) for other in self._inTheWay(segmentation) if (mask := maskOf(segmentationNode, other)) is not None
        }
        self._check()

    def changed(self, probability=None):
        """The segment's mask after the click, and by how many ml it grew (below 0: shrank). probability: the segment's, near the click; None: unknown."""
        values = sitk.GetArrayFromImage(self._part)
        chance = sitk.GetArrayFromImage(probability) if probability is not None else None
        if chance is not None and chance.shape != values.shape:
            chance = None
        try:
            after = reshape(
                self._before,
                self._position,
                self._part.GetSpacing()[::-1],
                grow=self.grow,
                radius_mm=self.radiusMm,
                values=values,
                probability=chance,
                fixed=self._fixed(),
            )
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error
        voxel = float(np.prod(self._part.GetSpacing())) / 1000
        change = (np.count_nonzero(after) - np.count_nonzero(self._before)) * voxel
        if self.grow:
            return union([self._mask, like(self._part, after & ~self._before)]), change
        gone = on(self._mask, like(self._part, self._before & ~after))
        left = (sitk.GetArrayFromImage(self._mask) > 0) & ~gone
        if not left.any():
            raise InputError(f"{self.name}: nothing would be left of it; delete it instead.")
        return like(self._mask, left), change

    def _nearestOvary(self):
        """Segment ID of the ovary, of several that whose outline is nearest to the click; None without one."""
        found = ovaryIDs(self._node.GetSegmentation())
        if len(found) < 2:
            return ovaryID(self._node.GetSegmentation())

        def away(segmentID):
            mask = maskOf(self._node, segmentID)
            index = np.argwhere(on(self._part, mask)) if mask is not None else np.empty((0, 3))
            return np.linalg.norm((index - self._position) * self._part.GetSpacing()[::-1], axis=1).min(initial=np.inf)

        return min(found, key=away)

    def _inTheWay(self, segmentation):
        """IDs of the segments that the click takes nothing from: a follicle none from another one, an ovary none from another one, and none of its own."""
        if self.isOvary and self.grow:
            return [other for other in ovaryIDs(segmentation) if other != self.segmentID]
        if not self.isOvary and not self.grow:
            return []
        hidden = hiddenIDs(segmentation) if self.isOvary else []  # no part of the ovary, but shown again one day
        return [other for other in follicleIDs(segmentation) if other != self.segmentID and other not in hidden]

    def _fixed(self):
        """What others hold that must not change; None for nothing."""
        return np.any(list(self._others.values()), axis=0) if self._others else None

    def _check(self):
        index = tuple(int(np.clip(np.floor(p + 0.5), 0, n - 1)) for p, n in zip(self._position, self._before.shape))
        if self._before[index] and self.grow:
            raise InputError(f"this place belongs to {self.name} already; click outside its outline, or press Shrink here.")
        if not self._before[index] and not self.grow:
            raise InputError(f"this place does not belong to {self.name}; click inside its outline, or press Grow here.")
        fixed = self._fixed()
        if fixed is None or not fixed[index]:
            return
        here = next(other for other, mask in self._others.items() if mask[index])
        there = self._node.GetSegmentation().GetSegment(here).GetName()
        if self.isOvary and self.grow:
            raise InputError(f"{there} is here, and ovaries do not overlap; shrink that one first.")
        if self.isOvary:
            raise InputError(f"{there} is here, a part of the ovary; shrink or delete that follicle first.")
        raise InputError(f"{there} is here, and follicles do not overlap; shrink that one first, or merge the two.")
