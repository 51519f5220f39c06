"""Where a follicle ends: it is found at one probability, and its edge drawn at a higher one.

A model that doubts calls some tissue around a follicle its own. A higher threshold for all takes that away, but it also loses small faint follicles
and leaves slivers of large ones beside them; here each keeps what it was found as.
"""

from __future__ import annotations

import numpy as np

from .follicles import by_size

#: A follicle of which less than this part lies within its edge is faint, and stays as it was found.
FAINT = 0.75
# Follicles are told apart by steepest ascent over all neighbours: voxels of one may meet at a corner only.
CORNERS = np.ones((3, 3, 3), bool)


def edge_of(thresholds: dict) -> float:
    """The probability at which follicles end, by a bundle's "thresholds"; older ones do not say, and draw them as they are found."""
    return thresholds.get("follicles_edge", thresholds["follicles"])


def drawn_in(follicles: np.ndarray, within: np.ndarray, least: float) -> np.ndarray:
    """Instances (D, H, W) uint16 cut back to what is `within` (bool, same shape) the edge, one piece of each, renumbered 1 = largest.

    Of several pieces the largest stays. A follicle of which less than FAINT, or fewer than `least` voxels, would be left stays whole.
    """
    from scipy import ndimage

    result = follicles.copy()
    for label, box in enumerate(ndimage.find_objects(follicles), start=1):
        if box is None:
            continue
        whole = follicles[box] == label
        pieces, count = ndimage.label(whole & within[box], CORNERS)
        sizes = np.bincount(pieces.ravel())[1:]
        if count and sizes.max() >= max(FAINT * np.count_nonzero(whole), least):
            result[box][whole & (pieces != sizes.argmax() + 1)] = 0
    return by_size(result)
