"""Where to cut the ovary's probability: not always at a half, but where the Dice that the probabilities promise is highest.

A faint ovary seldom reaches a half anywhere, or only around its follicles. If voxel i belongs to it with probability p_i, a mask M
has an expected Dice of about 2 sum_M p / (|M| + sum p); the best threshold is half of the Dice it reaches, so the fainter the lower.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .organ import choose_ovary

STEP = 0.05
COARSE_MM = 1.2  # fine enough to weigh thresholds, and quick
#: What is further away than this from the mask is another thing, and its probability no miss.
REACH_MM = 14.0
#: Where nothing reaches the usual threshold, an ovary that promises less than this was not found.
LEAST = 0.4


def suited(probability: np.ndarray, thresholds: dict, spacing_mm) -> tuple[dict, float]:
    """(`thresholds` with the ovary's suited to this volume, expected Dice of the ovary there, 0 to 1).

    probability: (D, H, W) of ovary on the model grid, spacing_mm (x, y, z). thresholds: the bundle's; the ovary's falls from "ovary"
    no further than to "ovary_lowest", and stays where the bundle names none. A lower one may make an ovary larger, but not replace it or
    add another: "most_ovaries" is how many there are at the usual one, at least 1. The expected Dice is 0 where nothing is found.
    """
    usual, lowest = thresholds["ovary"], thresholds.get("ovary_lowest", thresholds["ovary"])
    stride = [max(1, round(COARSE_MM / s)) for s in reversed(tuple(spacing_mm))]
    coarse = np.asarray(probability[tuple(slice(step // 2, None, step) for step in stride)], np.float32)
    spacing = [s * step for s, step in zip(reversed(tuple(spacing_mm)), stride)]
    voxel_ml = float(np.prod(spacing)) / 1000
    core, count = choose_ovary(coarse >= usual, voxel_ml)
    most = max(count, 1)
    best, best_dice = usual, expected_dice(coarse, core, spacing)
    for k in range(1, int(np.floor((usual - lowest) / STEP + 1e-6)) + 1):
        organ, _ = choose_ovary(coarse >= usual - k * STEP, voxel_ml, most)
        if (core & ~organ).any():
            continue
        dice = expected_dice(coarse, organ, spacing)
        if dice > best_dice + 1e-9:
            best, best_dice = usual - k * STEP, dice
    if not count and best_dice < LEAST:
        best, best_dice = usual, 0.0
    return {**thresholds, "ovary": round(best, 4), "most_ovaries": most}, best_dice


def expected_dice(probability: np.ndarray, organ: np.ndarray, spacing_zyx) -> float:
    """The Dice that a mask `organ` (D, H, W) bool promises, 0 to 1, if each voxel's probability is right; 0 for an empty mask."""
    if not organ.any():
        return 0.0
    near = ndimage.maximum_filter(organ, [2 * round(REACH_MM / s) + 1 for s in spacing_zyx], mode="constant")
    return float(2 * probability[organ].sum(dtype=float) / (np.count_nonzero(organ) + probability[near].sum(dtype=float)))
