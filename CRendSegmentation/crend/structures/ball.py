"""A follicle that a user measures where the model sees none: the ball of a diameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError

SMALLEST_MM, LARGEST_MM = 1.0, 40.0  # diameters of follicles that can be told from a slip of the mouse


def ball_between(grid, first: Sequence[float], second: Sequence[float]):
    """Mask (SimpleITK, uint8) of the ball whose diameter ends at two points (x, y, z; LPS, mm), on the part of a SimpleITK image's grid that it needs.

    A voxel is in it when its centre is. InputError for a diameter below SMALLEST_MM or above LARGEST_MM, a middle outside the grid, and a ball
    between the voxels.
    """
    import SimpleITK as sitk

    first, second = np.asarray(first, float), np.asarray(second, float)
    diameter, middle = float(np.linalg.norm(second - first)), (first + second) / 2
    if not SMALLEST_MM <= diameter <= LARGEST_MM:
        raise InputError(
            f"the points are {diameter:.1f} mm apart; click at two opposite sides of a follicle, {SMALLEST_MM:g} to {LARGEST_MM:g} mm apart."
        )
    size, spacing = np.array(grid.GetSize()), np.array(grid.GetSpacing())
    index = np.array(grid.TransformPhysicalPointToContinuousIndex(middle.tolist()))
    if not ((index >= -0.5) & (index <= size - 0.5)).all():
        raise InputError("the middle of the points lies outside the volume; click at two opposite sides of a follicle in the image.")
    reach = diameter / 2 / spacing
    start = np.clip(np.floor(index - reach), 0, None).astype(int)
    stop = np.minimum(np.ceil(index + reach).astype(int) + 1, size)
    away = [(np.arange(low, high) - at) * step for low, high, at, step in zip(start, stop, index, spacing)]
    x, y, z = np.meshgrid(*away, indexing="ij", sparse=True)
    inside = (x**2 + y**2 + z**2 <= diameter**2 / 4).T
    if not inside.any():
        raise InputError("the ball lies between the voxels of the volume; a follicle this small cannot be added to it.")
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    mask.SetSpacing(grid.GetSpacing())
    mask.SetDirection(grid.GetDirection())
    mask.SetOrigin(grid.TransformIndexToPhysicalPoint(start.tolist()))
    return mask
