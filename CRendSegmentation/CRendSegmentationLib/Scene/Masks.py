"""Masks on grids of their own: their union, their volume, what of one lies outside another."""

import numpy as np
import SimpleITK as sitk


def like(image, array):
    """A mask (uint8) of a boolean array in the geometry of `image`."""
    result = sitk.GetImageFromArray(array.astype(np.uint8))
    result.CopyInformation(image)
    return result


def millilitres(mask):
    """Voxels times the volume of one; 0 for None."""
    return 0.0 if mask is None else float(np.count_nonzero(sitk.GetArrayViewFromImage(mask))) * float(np.prod(mask.GetSpacing())) / 1000


def cropped(mask):
    """The box of a mask that holds its voxels; the whole mask when it is empty."""
    array = sitk.GetArrayViewFromImage(mask)
    ends = [np.flatnonzero(array.any(axis=tuple(a for a in range(3) if a != axis))) for axis in (2, 1, 0)]
    if not all(len(end) for end in ends):
        return mask
    return sitk.RegionOfInterest(mask, [int(end[-1] - end[0]) + 1 for end in ends], [int(end[0]) for end in ends])


def on(grid, mask):
    """A mask as a boolean array on the grid of another image, by the nearest voxel."""
    offset = _offset(grid, mask)
    if offset is not None:
        array = np.zeros(grid.GetSize()[::-1], bool)
        here, there = zip(*(_overlap(start, size, limit) for start, size, limit in zip(offset, mask.GetSize(), grid.GetSize())))
        array[here[::-1]] = sitk.GetArrayViewFromImage(mask)[there[::-1]] != 0
        return array
    return sitk.GetArrayFromImage(sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0


def labelsOn(grid, masks):
    """An array on the grid of an image: the number, from 1, of the mask that each voxel lies in; of the first one where they overlap, 0 outside all."""
    labels = np.zeros(grid.GetSize()[::-1], np.uint8)
    for number, mask in reversed(list(enumerate(masks, start=1))):
        labels[on(grid, mask)] = number
    return labels


def nearest(mask, others):
    """The key in {key: mask} of the one that most of `mask` lies in; where it lies outside all, of that whose middle is nearest."""
    if len(others) == 1:
        return next(iter(others))
    inside = {key: np.count_nonzero(on(mask, other) & (sitk.GetArrayViewFromImage(mask) > 0)) for key, other in others.items()}
    if any(inside.values()):
        return max(inside, key=inside.get)
    return min(others, key=lambda key: np.linalg.norm(_middle(others[key]) - _middle(mask)))


def _middle(mask):
    index = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0).mean(axis=0)[::-1]
    return np.array(mask.TransformContinuousIndexToPhysicalPoint(index.tolist()))


def _offset(grid, mask):
    """Index in `grid` of the first voxel of `mask` where the voxels of both lie on each other; else None."""
    if not (
        np.allclose(grid.GetSpacing(), mask.GetSpacing(), rtol=1e-5) and np.allclose(grid.GetDirection(), mask.GetDirection(), atol=1e-6)
    ):
        return None
    index = np.array(grid.TransformPhysicalPointToContinuousIndex(mask.GetOrigin()))
    whole = np.round(index)
    return whole.astype(int) if np.allclose(index, whole, atol=1e-3) else None


def _overlap(start, size, limit):
    """(slice of an axis of `limit` voxels, slice of one of `size` voxels) where the second lies on the first from `start` on."""
    first, last = max(int(start), 0), max(min(int(start) + size, limit), 0)
    last = max(first, last) if first < limit else first
    return slice(first, last), slice(first - int(start), last - int(start))


def outside(mask, other):
    """What of `mask` lies outside `other`, on the grid of `mask`; None when nothing does. other: None for an empty mask."""
    array = sitk.GetArrayFromImage(mask) > 0
    if other is not None:
        array &= ~on(mask, other)
    return like(mask, array) if array.any() else None


def union(masks):
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
        array |= on(canvas, mask)
    return like(canvas, array)
