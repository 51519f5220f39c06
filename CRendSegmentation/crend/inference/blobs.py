"""Connected blobs of a large mask, counted and looked up a few slices at a time: numpy's own ways take eight bytes a voxel of all of it."""

from __future__ import annotations

import numpy as np

ROWS = 16


def label(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """(labels (D, H, W) of the connected blobs (faces) of `mask`, int32, 0 outside; how many there are)."""
    from scipy import ndimage

    return ndimage.label(mask)


def sizes_of(labels: np.ndarray, count: int, inside: np.ndarray | None = None) -> np.ndarray:
    """Voxels of each label 0..count, of those where `inside` is True only; of label 0 none are counted."""
    sizes = np.zeros(count + 1, np.int64)
    for first in range(0, len(labels), ROWS):
        part = labels[first : first + ROWS]
        part = part.ravel() if inside is None else part[inside[first : first + ROWS]]
        sizes += np.bincount(part, minlength=count + 1)
    sizes[0] = 0
    return sizes


def looked_up(table: np.ndarray, labels: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """`table[labels]`, of the table's type; written into `out` where that is given."""
    found = np.empty(labels.shape, table.dtype) if out is None else out
    for first in range(0, len(labels), ROWS):
        found[first : first + ROWS] = table[labels[first : first + ROWS]]
    return found


def bounding_box(mask: np.ndarray, margin: int | tuple) -> tuple[slice, ...]:
    """The box around the True voxels of `mask` (bool), `margin` voxels wider on each side (one number, or one an axis), inside the array. ValueError if none."""
    from scipy import ndimage

    boxes = ndimage.find_objects(mask.view(np.uint8))
    if not boxes:
        raise ValueError("an empty mask has no bounding box")
    margins = (margin,) * mask.ndim if isinstance(margin, int) else margin
    return tuple(slice(max(s.start - m, 0), min(s.stop + m, n)) for s, m, n in zip(boxes[0], margins, mask.shape))
