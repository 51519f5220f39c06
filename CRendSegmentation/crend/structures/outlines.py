"""Where a follicle ends: it is found at one probability, and its edge drawn at a higher one.

A model that doubts calls some tissue around a follicle its own. A higher threshold for all takes that away, but it also loses small faint follicles
and leaves slivers of large ones beside them; here each keeps what it was found as.
"""

from __future__ import annotations

import numpy as np

from .follicles import renumber_by_size

#: A follicle of which less than this part lies within its edge is faint, and stays as it was found.
FAINT = 0.75
# Follicles are told apart by steepest ascent over all neighbours: voxels of one may meet at a corner only.
CORNERS = np.ones((3, 3, 3), bool)


def edge_threshold(thresholds: dict) -> float:
    """The probability at which follicles end, by a bundle's "thresholds"; older ones do not say, and draw them as they are found."""
    return thresholds.get("follicles_edge", thresholds["follicles"])


def shrink_to_edge(instances: np.ndarray, inside_edge: np.ndarray, min_voxels: float) -> np.ndarray:
    """Follicles found at a low threshold, with their outlines at a higher one (hysteresis), renumbered 1 = largest.

    instances: (D, H, W) uint16, as found; inside_edge: bool, same shape, above the higher threshold. Of several pieces of a follicle the largest
    stays. A follicle of which less than FAINT, or fewer than `min_voxels`, would be left keeps its outline as found.
    """
    from scipy import ndimage

    result = instances.copy()
    for label, box in enumerate(ndimage.find_objects(instances), start=1):
        if box is None:
            continue
        whole = instances[box] == label
        pieces, count = ndimage.label(whole & inside_edge[box], CORNERS)
        sizes = np.bincount(pieces.ravel())[1:]
        if count and sizes.max() >= max(FAINT * np.count_nonzero(whole), min_voxels):
            result[box][whole & (pieces != sizes.argmax() + 1)] = 0
    return renumber_by_size(result)
