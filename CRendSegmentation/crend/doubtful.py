"""Small follicles that the model hardly believes in: speckle and small vessels look like them, so a bundle may ask more of those than of large ones.

A threshold decides voxel by voxel; a blob of a few voxels that just reaches it has half a chance in each. A small follicle that is one is
darker inside than at its rim, and the model sure of its middle.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .assessment import on_model_grid
from .follicles import by_size


def without_doubtful(follicles: np.ndarray, probability: np.ndarray, grid, settings: dict, where=(slice(None),) * 3) -> np.ndarray:
    """The instances in `follicles` (image_shape, uint16) at `where` (three slices around all of them), renumbered without doubtful ones.

    probability: (D, H, W) of follicles on the model grid. settings: a follicle of less than `below_mm` (diameter of equal volume) is doubtful
    when its mean probability is below `probability`.
    """
    labels = follicles[where]
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    small = np.flatnonzero((counts > 0) & (counts * np.prod(grid.image_spacing) < np.pi / 6 * settings["below_mm"] ** 3))
    if not len(small):
        return labels
    means = ndimage.mean(probability, on_model_grid(follicles, grid, small), small)
    doubtful = small[means < settings["probability"]]
    return by_size(np.where(np.isin(labels, doubtful), 0, labels)) if len(doubtful) else labels
