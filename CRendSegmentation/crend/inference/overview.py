"""The overview of a bundle that has one: a second network predicts the whole volume at a coarse spacing, so that large or faint ovaries are seen whole.

Its prediction says where the fine network runs, and is fused with that network's.
"""

from __future__ import annotations

import numpy as np

from .engines import engine_for_network
from .model_grid import ModelGrid, grid_spacing, normalise, to_model_grid
from .sliding import SlidingWindow


def predict_overview(image, bundle, engine, render: bool, run, grid: ModelGrid, box=None) -> tuple[np.ndarray, int]:
    """Probabilities of the overview network, resampled to `grid`, and the number of windows it took.

    box: a `structures.box.Box`, over which alone it looks; None: everywhere.

    Returns probabilities (2, D, H, W) of ovary and follicles, 0 where there is no echo, and the number of windows.
    """
    settings = bundle.metadata["crend"]["overview"]
    values, coarse = to_model_grid(image, grid_spacing(image, settings))
    normalised = normalise(values, settings["normalisation"])
    sliding = SlidingWindow(values, normalised, settings, engine_for_network(engine, bundle.overview_model), render, run)
    probabilities = sliding.predict(sliding.all_windows() if box is None else sliding.windows_over(box.voxels(*coarse.voxels)))
    return np.stack([coarse.resample_to(grid, channel) for channel in probabilities]), sliding.counts["run"]


def fuse_predictions(close: np.ndarray, overview: np.ndarray, share: dict) -> np.ndarray:
    """The weighted mean of two predictions (2, D, H, W), in the memory of `close`; `overview` is used up, too.

    The overview's weight is `share` (0 to 1) of each channel ("ovary", "follicles"). Where the fine network did not run `close` is 0, and there
    the overview predicted next to nothing, too.
    """
    part = np.array([share["ovary"], share["follicles"]], np.float32).reshape(2, 1, 1, 1)
    close *= 1 - part
    overview *= part
    close += overview
    return close
