"""The ovary in a box that a user set: its most plausible outline there, or none. Follicles in a box do not depend on it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..structures.ovary import choose_ovary
from .expected_dice import expected_dice

HIGHEST, STEP = 0.9, 0.05
#: An outline that promises a lower Dice is not plausible: the ellipsoid of a box a few millimetres too wide does no worse.
LEAST = 0.6
#: Nor is one of less than this part of the ellipsoid's volume: somebody says that the box is filled by an ovary.
SMALLEST_PART = 0.1
#: Part of an outline's surface that may lie on faces of the box beyond which the ovary goes on.
MOST_CUT = 0.1


def outline_in_box(probability: np.ndarray, inside: np.ndarray, thresholds: dict, spacing_zyx) -> tuple[np.ndarray, dict, float]:
    """(outline (D, H, W) bool, the thresholds with "ovary" as it was drawn, expected Dice 0 to 1); an empty outline where none is plausible.

    probability: (D, H, W) of ovary on the model grid, inside: bool, whether a voxel lies in the box. thresholds: the bundle's. Somebody says that
    one ovary lies in the box, so of all thresholds down to "ovary_lowest" the one counts whose outline promises the highest Dice.
    """
    within = np.where(inside, probability, np.float32(0))
    voxel_ml = float(np.prod(spacing_zyx)) / 1000
    least_ml = SMALLEST_PART * np.pi / 6 * np.count_nonzero(inside) * voxel_ml
    lowest = thresholds.get("ovary_lowest", thresholds["ovary"])
    best = np.zeros(inside.shape, bool), dict(thresholds), 0.0
    for threshold in np.arange(HIGHEST, lowest - STEP / 2, -STEP).round(4):
        organ, count = choose_ovary(within >= threshold, voxel_ml, 1)
        large = count and np.count_nonzero(organ) * voxel_ml >= least_ml
        promised = expected_dice(within, organ, spacing_zyx) if large else 0.0
        if promised > best[2]:
            best = organ, {**thresholds, "ovary": float(threshold)}, promised
    return best if best[2] >= LEAST else (np.zeros(inside.shape, bool), dict(thresholds), 0.0)


def is_cut(above: np.ndarray, organ: np.ndarray, inside: np.ndarray) -> bool:
    """Whether the box cuts the ovary: much of the outline `organ` lies on its faces, and what was outlined goes on beyond them.

    above: (D, H, W) bool, whether the ovary's probability reaches its threshold; inside: whether a voxel lies in the box.
    """
    around = ndimage.binary_dilation(organ) & ~organ
    return bool(organ.any() and np.count_nonzero(around & above & ~inside) > MOST_CUT * np.count_nonzero(around))
