"""The network run over one volume on the model grid, window by window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .blobs import bounding_box, label, looked_up, sizes_of
from .careful_engine import NotANumber
from .grey_values import GreyValues, Scale
from .probabilities import Seen
from .windows import Start, all_windows, blend_windows, windows_around_mask

SEARCH_PROBABILITY = 0.2  # what the quick look must see of an ovary for a second look
SEARCH_EXPECTS = 64  # windows that a second look takes: 4 x 4 x 4
SEARCH_SHARE = 0.2  # blobs below this part of the largest get no second look: they could not become the ovary
MIRRORS = ((), (0,), (1,), (2,))  # axes along which a window is turned round: not at all, and once along each


def predict_window(engine, window: np.ndarray, points: int) -> np.ndarray:
    """Probabilities (2, D, H, W) of one window (D, H, W) or (C, D, H, W), all of them numbers. NotANumber where the network gave others."""
    found = engine.predict(window, points)
    if not np.isfinite(found).all():
        # Compared with a threshold NaN is "no ovary", which nobody would doubt.
        raise NotANumber(f"the network gave NaN or infinite probabilities ({engine.name} on {engine.device}); try another engine or device")
    return found


class SlidingWindow:
    """A network that slides over one volume: which windows it sees, and what it predicts in them."""

    def __init__(self, values: GreyValues, scale: Scale, settings: dict, engine, render: bool, run, guide: Callable | None = None):
        """values: of the model grid; scale: how they are normalised.

        guide: an overview, for a network that sees it, too: guide(region) -> probabilities (2, d, h, w) of that part of the grid (three slices).
        """
        self.patch = tuple(settings["patch"])
        self.values, self.scale, self.guide = values, scale, guide
        # A grid smaller than a window lies in the middle of one.
        self.shape = tuple(max(n, p) for n, p in zip(values.shape, self.patch))
        self.place = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(self.shape, values.shape))
        self.engine, self.run = engine, run
        self.mirrors = MIRRORS if settings.get("mirrored") else MIRRORS[:1]
        points = int(settings["render"]["points"])
        self.renders = bool(render and points > 0 and engine.renders)
        self.points = points
        self.counts = {"search": 0, "run": 0, "skipped": 0}

    def all_windows(self) -> list[Start]:
        """All windows of 50 % overlap that hold an echo."""
        return self._with_echo(all_windows(self.shape, self.patch))

    def windows_around(self, seen: np.ndarray) -> list[Start]:
        """Those windows of `all_windows` whose core holds an ovary seen before: `seen` (D, H, W) bool, where it looked like one."""
        return self.windows_over(_large_blobs(seen, SEARCH_SHARE))

    def windows_over(self, wanted: np.ndarray) -> list[Start]:
        """Those windows of `all_windows` whose core holds a voxel of `wanted` (D, H, W) bool."""
        padded = wanted
        if self.shape != wanted.shape:
            padded = np.zeros(self.shape, bool)
            padded[self.place] = wanted
        return self._with_echo(windows_around_mask(all_windows(self.shape, self.patch), self.patch, self.shape, padded))

    def coarse_search(self) -> list[Start]:
        """Those windows of `all_windows` that an ovary may lie in, found by the network itself.

        Windows side by side and not rendered say where: up to eight times fewer, and no head. In a volume so small that
        this would cost more than it saves it is left out.
        """
        everything = self.all_windows()
        side_by_side = self._with_echo(all_windows(self.shape, self.patch, 0.0))
        if len(side_by_side) + SEARCH_EXPECTS >= len(everything):
            return everything
        self.counts["search"] = len(side_by_side)
        found, first = self._blend(side_by_side, False)
        seen = np.zeros(self.shape, bool)
        seen[tuple(slice(low, low + n) for low, n in zip(first, found.shape[1:]))] = found[0] >= SEARCH_PROBABILITY
        # A subset of the same windows, not others nearby: what is found does not depend on whether there was a search.
        return windows_around_mask(everything, self.patch, self.shape, _large_blobs(seen, SEARCH_SHARE))

    def predict(self, windows: list[Start]) -> Seen:
        """Probabilities of these windows on the model grid; 0 where none of them lies."""
        self.counts["run"] = len(windows)
        self.counts["skipped"] = len(all_windows(self.shape, self.patch)) - len(windows)
        found, first = self._blend(windows, self.renders)
        inside = tuple(slice(max(p.start - low, 0), max(min(p.stop - low, n), 0)) for p, low, n in zip(self.place, first, found.shape[1:]))
        where = tuple(slice(i.start + low - p.start, i.stop + low - p.start) for i, low, p in zip(inside, first, self.place))
        return Seen(self.values.shape, found[(slice(None), *inside)], where)

    def _blend(self, windows: list[Start], render: bool) -> tuple[np.ndarray, Start]:
        """(probabilities (2, d, h, w) of the box that the windows lie in, its first voxel): arrays of the box alone, not of the whole grid."""
        first = tuple(map(min, zip(*windows))) or (0, 0, 0)
        size = tuple(max(each) - low + side for each, low, side in zip(zip(*windows), first, self.patch)) or (0, 0, 0)
        found = blend_windows(
            _Box(self._window, first, size),
            self.patch,
            [tuple(s - low for s, low in zip(start, first)) for start in windows],
            lambda window: self._see(window, render),
            progress=self.run.report,
            cancelled=self.run.cancelled,
        )
        return found, first

    def _with_echo(self, windows: list[Start]) -> list[Start]:
        return [start for start in windows if (self.values[self._on_grid(start)[0]] > 0).any()]

    def _on_grid(self, start: Start):
        """(the part of the model grid that the window at `start` holds, where that lies in the window), three slices each."""
        grid, window = [], []
        for s, side, p in zip(start, self.patch, self.place):
            first, stop = max(s, p.start), min(s + side, p.stop)
            grid.append(slice(first - p.start, stop - p.start))
            window.append(slice(first - s, stop - s))
        return tuple(grid), tuple(window)

    def _window(self, start: Start) -> np.ndarray:
        """What the network sees at `start`: (d, h, w), or with its guide (3, d, h, w)."""
        part, place = self._on_grid(start)
        # Nothing in a normalised volume is darker than "no echo", and padding is that, too.
        window = np.full(self.patch, self.scale.floor, np.float32)
        window[place] = self.scale.apply(self.values[part])
        if self.guide is None:
            return window
        seen = np.zeros((3, *self.patch), np.float32)
        seen[0] = window
        seen[(slice(1, None), *place)] = self.guide(part)
        return seen

    def _see(self, window: np.ndarray, render: bool) -> np.ndarray:
        """Probabilities (2, d, h, w) of one window (d, h, w) or (C, d, h, w): the mean over its mirror images, where the bundle asks for them."""
        # Probabilities are what is blended, not logits: they are bounded, so one window that is wildly sure of itself at its rim cannot
        # outvote the window that has the voxel at its centre.
        total = np.zeros((2, *window.shape[-3:]), np.float32)
        for axes in self.mirrors:
            found = predict_window(self.engine, np.flip(window, tuple(axis - 3 for axis in axes)), self.points if render else 0)
            total = total + np.flip(found, tuple(1 + axis for axis in axes))
        return total / np.float32(len(self.mirrors))


class _Box:
    """As an array to `blend_windows`: a box of the grid of which windows alone are ever read."""

    def __init__(self, window: Callable[[Start], np.ndarray], first: Start, shape: tuple[int, ...]):
        self._window, self._first, self.shape, self.ndim = window, first, shape, 3

    def __getitem__(self, where) -> np.ndarray:
        return self._window(tuple(part.start + low for part, low in zip(where, self._first)))


def _large_blobs(mask: np.ndarray, share: float) -> np.ndarray:
    """`mask` (D, H, W) bool itself, in which only the blobs are left that have at least this share of the largest one's voxels."""
    if not mask.any():
        return mask
    box = bounding_box(mask, 0)
    labels, count = label(mask[box])
    if count < 2:
        return mask
    sizes = sizes_of(labels, count)
    large = sizes >= share * sizes.max()
    large[0] = False
    looked_up(large, labels, out=mask[box])
    return mask
