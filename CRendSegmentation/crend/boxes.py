"""Boxes around what is there, so that the cost of a comparison does not grow with the empty rest of the image."""

import numpy as np


def union_box(*arrays):
    """Slices of the smallest box that holds everything non-zero; the first voxel when nothing is."""
    box = ()
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        used = np.flatnonzero(np.logical_or.reduce([array.max(axis=others, initial=0) for array in arrays]))
        cut = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        arrays = [array[(slice(None),) * axis + (cut,)] for array in arrays]
        box += (cut,)
    return box
