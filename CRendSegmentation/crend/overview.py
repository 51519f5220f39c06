"""The first look of a bundle that has one: a second network sees the whole volume coarsely, so that large or faint ovaries are seen whole.

What it sees says where to look closely, and is joined with what is seen there.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .grid import ModelGrid, to_model_grid
from .look import Look


#: A large follicle that the first look sees is missed by both together where they find less than this part of it.
MISSED = 0.3


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


def keep_large(joint: np.ndarray, close: np.ndarray, overview: np.ndarray, settings: dict, threshold: float, spacing_mm) -> np.ndarray:
    """Joint probabilities of follicles (D, H, W) with what the first look sees and they miss, where it is large.

    A first look hardly sees a follicle of two or three of its own voxels, so it counts for little among them; but where tissue is as dark as
    fluid it finds large ones that the close look, with less around it, takes for nothing. settings: `share`, what the overview counts for
    in looking for those, and `from_mm`, the diameter of equal volume that they have at least. spacing_mm (x, y, z): of the grid.
    """
    second = (1 - settings["share"]) * close + settings["share"] * overview
    blobs, _ = ndimage.label(second >= threshold)
    sizes = np.bincount(blobs.ravel())
    found = np.bincount(blobs[joint >= threshold], minlength=len(sizes))
    missed = (sizes * np.prod(spacing_mm) >= np.pi / 6 * settings["from_mm"] ** 3) & (found < MISSED * sizes)
    missed[0] = False
    # One voxel more than the blob: interpolation must see the values that place its boundary.
    return np.where(ndimage.binary_dilation(missed[blobs]), np.maximum(joint, second), joint)
