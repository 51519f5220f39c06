"""Dice where it is decided: near the reference's surface, which rendering is meant to place."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

WITHIN_MM = 1.0


def boundary_dice(reference, prediction, spacing_mm, within_mm: float = WITHIN_MM):
    """Dice of two masks (D, H, W) among the voxels whose centre lies within `within_mm` of the reference's surface.

    spacing_mm in the arrays' order (z, y, x). The surface runs between voxels, half a voxel from the centres beside it. None for
    an empty reference or one without a voxel that near: both can happen, and neither is a figure.
    """
    reference, prediction = np.asarray(reference) != 0, np.asarray(prediction) != 0
    found = ndimage.find_objects(reference.astype(np.uint8))
    if not found:
        return None
    margin = [int(np.ceil(within_mm / s)) + 1 for s in spacing_mm]
    box = tuple(slice(max(0, part.start - m), part.stop + m) for part, m in zip(found[0], margin))
    reference, prediction = reference[box], prediction[box]
    # The image's border is no surface: outside the image nobody knows what the organ does.
    inside, outside = (
        ndimage.distance_transform_edt(mask, sampling=spacing_mm) if not mask.all() else np.full(mask.shape, np.inf)
        for mask in (reference, ~reference)
    )
    near = np.where(reference, inside, outside) - min(spacing_mm) / 2 <= within_mm
    a, b = reference & near, prediction & near
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else None
