"""Small follicles of low probability are dropped: speckle, small vessels and dark patches of tissue look like them.

A threshold decides voxel by voxel; a blob that just reaches it has half a chance in each. Of a follicle that is one the model is sure in
its middle.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..inference.model_grid import labels_on_model_grid
from .follicles import renumber_by_size, sphere_voxels

#: What two means may differ by from rounding alone.
SAME = 1e-6


def drop_low_probability(follicles: np.ndarray, probability: np.ndarray, grid, settings: dict, where, region) -> np.ndarray:
    """Instances without the small ones of low mean probability, renumbered.

    follicles: (image_shape) uint16; only `where` (three slices around all of them) is read and returned.

    probability: (d, h, w) of follicles in the `region` (three slices) of the model grid that holds them. settings: a follicle whose diameter of equal
    volume is less than `below_mm` is doubtful when its mean probability is below `small`.
    """
    labels = follicles[where]
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    small = np.flatnonzero((counts > 0) & (counts < sphere_voxels(settings["below_mm"], grid.image_spacing)))
    if not len(small):
        return labels
    means = ndimage.mean(probability, labels_on_model_grid(follicles, grid, small.tolist(), region), small)
    doubtful = small[means < settings["small"] - SAME]
    return renumber_by_size(np.where(np.isin(labels, doubtful), 0, labels)) if len(doubtful) else labels
