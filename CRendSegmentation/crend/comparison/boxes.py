"""Boxes around what is there, so that the cost of a comparison grows with the structures and not with the empty rest of the image."""

import numpy as np

# Planes handled together: few enough that a stray blob far from the rest does not make every plane's box large.
_SLAB = 16


def tiles(*arrays):
    """Boxes (three slices) that together hold everything non-zero in arrays (D, H, W) of one shape: at most one for each 16 planes."""
    found = []
    for start in range(0, len(arrays[0]), _SLAB):
        slab = slice(start, min(start + _SLAB, len(arrays[0])))
        flat = np.logical_or.reduce([_any(array[slab], axis=0) for array in arrays])
        rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
        if len(rows):
            found.append((slab, slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)))
    return found


def merged(*lists):
    """Boxes that hold all those of several lists of tiles of one shape."""
    slabs: dict[int, tuple[slice, ...]] = {}
    for box in (box for boxes in lists for box in boxes):
        old = slabs.get(box[0].start, box)
        slabs[box[0].start] = (box[0], *(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(box[1:], old[1:])))
    return [slabs[start] for start in sorted(slabs)]


def union_box(*arrays):
    """Slices of the smallest box that holds everything non-zero; the first voxel when nothing is."""
    found = tiles(*arrays)
    if not found:
        return (slice(0, 1),) * 3
    box = [slice(min(t[k].start for t in found), max(t[k].stop for t in found)) for k in range(3)]
    # A tile has all its planes; the first and the last tile may begin or end with empty ones.
    planes = np.flatnonzero(np.logical_or.reduce([_any(array[tuple(box)], axis=(1, 2)) for array in arrays]))
    box[0] = slice(box[0].start + int(planes[0]), box[0].start + int(planes[-1]) + 1)
    return tuple(box)


def voxels(array, boxes=None):
    """Where an array (D, H, W) is non-zero: indices (n, 3) z y x in that order, and the values (n,). boxes: its tiles, if known."""
    indices, values = [np.zeros((0, 3), np.int64)], [array.ravel()[:0]]
    for box in tiles(array) if boxes is None else boxes:
        part = array[box]
        flat = np.flatnonzero(part)
        values.append(part.ravel()[flat])
        indices.append(np.column_stack(np.unravel_index(flat, part.shape)) + [s.start for s in box])
    return np.concatenate(indices), np.concatenate(values)


def _any(array, axis):
    """np.any, several times faster on integers."""
    return array.any(axis=axis) if array.dtype == bool else array.max(axis=axis) != 0
