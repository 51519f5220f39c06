"""What overlap with the true ovary a prediction promises, and where to cut an ovary that is too faint for the usual threshold.

If voxel i belongs to the ovary with probability p_i, a mask M has an expected Dice of about 2 sum_M p / (|M| + sum p); the fainter the ovary,
the lower the threshold that makes this highest. An ovary that reaches the usual one is better cut there.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..structures.ovary import choose_ovary

STEP = 0.05
COARSE_MM = 1.2  # fine enough to weigh thresholds, and quick
#: What is further away than this from the mask is another thing, and its probability no miss.
REACH_MM = 14.0
#: Where nothing reaches the usual threshold, an ovary that promises less than this was not found.
LEAST = 0.4


def select_ovary_threshold(probability, thresholds: dict, spacing_mm) -> tuple[dict, float]:
    """Lowers the ovary threshold for faint ovaries; returns (thresholds, expected Dice of the ovary at them, 0 to 1).

    probability: (D, H, W) of ovary on the model grid, an array or what is read as one; spacing_mm (x, y, z). thresholds: the bundle's. Only where no ovary reaches "ovary" it
    falls, no further than to "ovary_lowest", to where the expected Dice is highest; it stays where that is below LEAST, or where the bundle
    names no lowest. A lower one finds one ovary, not two ("most_ovaries"). The expected Dice is 0 where nothing is found.
    """
    usual, lowest = thresholds["ovary"], thresholds.get("ovary_lowest", thresholds["ovary"])
    stride = [max(1, round(COARSE_MM / s)) for s in reversed(tuple(spacing_mm))]
    coarse = np.asarray(probability[tuple(slice(step // 2, None, step) for step in stride)], np.float32)
    spacing = [s * step for s, step in zip(reversed(tuple(spacing_mm)), stride)]
    voxel_ml = float(np.prod(spacing)) / 1000
    organ, count = choose_ovary(coarse >= usual, voxel_ml)
    if count:
        return dict(thresholds), expected_dice(coarse, organ, spacing)
    lower = [round(usual - k * STEP, 4) for k in range(1, int(np.floor((usual - lowest) / STEP + 1e-6)) + 1)]
    promised = [(expected_dice(coarse, choose_ovary(coarse >= threshold, voxel_ml, 1)[0], spacing), threshold) for threshold in lower]
    dice, threshold = max(promised, default=(0.0, usual))
    if dice < LEAST:
        return dict(thresholds), 0.0
    return {**thresholds, "ovary": threshold, "most_ovaries": 1}, dice


def expected_dice(probability: np.ndarray, organ: np.ndarray, spacing_zyx) -> float:
    """The Dice that a mask `organ` (D, H, W) bool promises, 0 to 1, if each voxel's probability is right; 0 for an empty mask."""
    if not organ.any():
        return 0.0
    near = ndimage.maximum_filter(organ, [2 * round(REACH_MM / s) + 1 for s in spacing_zyx], mode="constant")
    return float(2 * probability[organ].sum(dtype=float) / (np.count_nonzero(organ) + probability[near].sum(dtype=float)))
