"""The first look of a bundle that has one: a second network sees the whole volume coarsely, so that large or faint ovaries are seen whole.

What it sees says where to look closely, and is joined with what is seen there.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .grid import ModelGrid, to_model_grid
from .look import Look


#: The close look's probability counts so many times at most: where it is below half the threshold, no first look makes a follicle of it.
MOST_ABOVE_CLOSE = 2.0


def look_over(image, bundle, engine, render: bool, run, grid: ModelGrid) -> tuple[np.ndarray, int]:
    """What the overview network sees in `image`, brought to `grid`, and in how many windows.

    Returns probabilities (2, D, H, W) of ovary and follicles, 0 where there is no echo, and the number of windows.
    """
    settings = bundle.metadata["crend"]["overview"]
    values, coarse = to_model_grid(image, settings["spacing_mm"])
    look = Look(values, settings, engine.beside(bundle.overview), render, run)
    probabilities = look.closely(look.everywhere())
    return np.stack([coarse.onto(grid, channel) for channel in probabilities]), look.counts["run"]


def join(close: np.ndarray, overview: np.ndarray, share: dict) -> np.ndarray:
    """Means of two predictions (2, D, H, W), the overview's counting `share` of 1 in each channel ("ovary", "follicles").

    Where nothing was looked at closely `close` is 0, and there the overview saw next to nothing, too.
    """
    part = np.array([share["ovary"], share["follicles"]], np.float32).reshape(2, 1, 1, 1)
    return (1 - part) * close + part * overview


def heed_close(joint: np.ndarray, close: np.ndarray, threshold: float, small_mm: float, spacing_mm) -> np.ndarray:
    """Joint probabilities of follicles (D, H, W), changed where the close look knows better than both together.

    A first look blurs the gap between two follicles that touch, and hardly sees one of two or three of its own voxels. So what the close look
    is sure to be none (`MOST_ABOVE_CLOSE`) is none, and a blob of it that reaches `threshold` is kept whole where its diameter of equal volume
    is at most small_mm. spacing_mm (x, y, z): of the grid.
    """
    joint = np.minimum(joint, MOST_ABOVE_CLOSE * close)
    blobs, _ = ndimage.label(close >= threshold)
    most = np.pi / 6 * small_mm**3 / np.prod(spacing_mm)
    small = np.bincount(blobs.ravel()) <= most
    small[0] = False
    # One voxel more than the blob: interpolation must see the values that place its boundary.
    where = ndimage.binary_dilation(small[blobs])
    return np.where(where, np.maximum(joint, close), joint)
