"""The first look of a bundle that has one: a second network sees the whole volume coarsely, so that large or faint ovaries are seen whole.

What it sees says where to look closely, and is joined with what is seen there.
"""

from __future__ import annotations

import numpy as np

from .model_grid import ModelGrid, to_model_grid
from .sliding import Look


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
