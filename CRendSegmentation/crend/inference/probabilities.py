"""Probabilities of ovary and follicles on the model grid, a region at a time: what windows saw in their box, and what an overview says beyond.

Nothing of the whole grid is held: of the windows their box, of the overview its own coarse grid. Arrays are (2, D, H, W), ovary and follicles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .blobs import ROWS
from .model_grid import ModelGrid

CHANNELS = (0, 1)


class Seen:
    """What windows saw: `values` (2, d, h, w) in the box `where` (three slices) of a grid of `shape`, 0 elsewhere."""

    def __init__(self, shape: tuple[int, ...], values: np.ndarray | None = None, where: Sequence[slice] = (slice(0, 0),) * 3):
        self.shape, self._where = shape, where
        self._values = np.zeros((2, 0, 0, 0), np.float32) if values is None else values

    def read(self, region, channels=CHANNELS) -> np.ndarray:
        """Some channels (c, d, h, w) of a region: three slices, steps allowed."""
        rows = [np.arange(n)[part] for n, part in zip(self.shape, region)]
        found = np.zeros((len(channels), *map(len, rows)), np.float32)
        there = [(row >= part.start) & (row < part.stop) for row, part in zip(rows, self._where)]
        target: list[slice] = []
        source: list[slice] = []
        for row, known, part in zip(rows, there, self._where):
            at = np.flatnonzero(known)
            if not len(at):
                return found
            target.append(slice(int(at[0]), int(at[-1]) + 1))
            step = int(row[at[1]] - row[at[0]]) if len(at) > 1 else 1
            source.append(slice(int(row[at[0]]) - part.start, int(row[at[-1]]) - part.start + 1, step))
        for k, channel in enumerate(channels):
            found[k][tuple(target)] = self._values[channel][tuple(source)]
        return found

    def whole(self, channel: int) -> np.ndarray:
        """One channel (D, H, W) of all of the grid."""
        return self.read((slice(None),) * 3, (channel,))[0]


class Overview:
    """What a coarser network predicted, (2, d, h, w) on `coarse`, as it is on the grid `fine` of the same image."""

    def __init__(self, coarse: ModelGrid, values: np.ndarray, fine: ModelGrid):
        self.shape = fine.shape
        self._coarse, self._values, self._fine = coarse, values, fine

    def read(self, region, channels=CHANNELS) -> np.ndarray:
        """As `Seen.read`."""
        return np.stack([self._coarse.resample_to(self._fine, self._values[channel], region) for channel in channels])

    def at_least(self, probability: float) -> np.ndarray:
        """Where (D, H, W) bool the ovary has at least this probability."""
        found = np.empty(self.shape, bool)
        for part in slabs(self.shape):
            found[part] = self.read(part, (0,))[0] >= probability
        return found


class Probabilities:
    """What the close look saw, and where there is an overview their mean: its weight is `share` (0 to 1) of each channel ("ovary", "follicles").

    Where the close look did not see anything it counts as 0, and there the overview predicted next to nothing, too.
    """

    def __init__(self, close: Seen, overview: Overview | None = None, share: dict | None = None):
        self.shape = close.shape
        self._close, self._overview, self._share = close, overview, share

    def read(self, region) -> np.ndarray:
        """Both channels (2, d, h, w) of a region: three slices, steps allowed."""
        close = self._close.read(region)
        if self._overview is None or self._share is None:
            return close
        return fuse_predictions(close, self._overview.read(region), self._share)

    def reaching(self, thresholds: dict) -> tuple[np.ndarray, np.ndarray]:
        """Where (D, H, W) bool the ovary, and where the follicles, reach the threshold of their name."""
        ovary, follicles = np.empty(self.shape, bool), np.empty(self.shape, bool)
        for part in slabs(self.shape):
            seen = self.read(part)
            ovary[part], follicles[part] = seen[0] >= thresholds["ovary"], seen[1] >= thresholds["follicles"]
        return ovary, follicles

    @property
    def ovary(self) -> _Channel:
        """The ovary's alone, to be read as an array (D, H, W) is: by three slices."""
        return _Channel(self)


class _Channel:
    def __init__(self, probabilities: Probabilities):
        self._probabilities, self.shape = probabilities, probabilities.shape

    def __getitem__(self, region) -> np.ndarray:
        return self._probabilities.read(region)[0]


def slabs(shape: Sequence[int]):
    """Regions (three slices) that make up a grid, a few slices at a time."""
    for first in range(0, shape[0], ROWS):
        yield slice(first, min(first + ROWS, shape[0])), slice(None), slice(None)


def fuse_predictions(close: np.ndarray, overview: np.ndarray, share: dict) -> np.ndarray:
    """The weighted mean of two predictions (2, D, H, W), in the memory of `close`; `overview` is used up, too. share: see `Probabilities`."""
    part = np.array([share["ovary"], share["follicles"]], np.float32).reshape(2, 1, 1, 1)
    close *= 1 - part
    overview *= part
    close += overview
    return close
