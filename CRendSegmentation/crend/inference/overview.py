"""The overview of a bundle that has one: a second network predicts the whole volume at a coarse spacing, so that large or faint ovaries are seen whole.

Its prediction says where the fine network runs, and is fused with that network's (`probabilities`).
"""

from __future__ import annotations

from .engines import engine_for_network
from .grey_values import GreyValues, Scale
from .model_grid import ModelGrid, grid_spacing
from .probabilities import Overview
from .sliding import SlidingWindow


def predict_overview(image, bundle, engine, render: bool, run, grid: ModelGrid, box=None) -> tuple[Overview, int]:
    """(What the overview network predicts, to be read on `grid`; the number of windows it took).

    box: a `structures.box.Box`, over which alone it looks; None: everywhere. Its probabilities are 0 where there is no echo.
    """
    settings = bundle.metadata["crend"]["overview"]
    values = GreyValues(image, grid_spacing(image, settings))
    scale = Scale.of(values.slabs(), settings["normalisation"])
    sliding = SlidingWindow(values, scale, settings, engine_for_network(engine, bundle.overview_model), render, run)
    seen = sliding.predict(sliding.all_windows() if box is None else sliding.windows_over(box.voxels(*values.grid.voxels)))
    found = seen.read((slice(None),) * 3)
    return Overview(values.grid, found, grid), sliding.counts["run"]
