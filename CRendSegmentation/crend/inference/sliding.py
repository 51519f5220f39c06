"""The network run over one volume on the model grid, window by window."""

from __future__ import annotations

import numpy as np

from .careful_engine import NotANumber
from .windows import all_windows, blend_windows, pad_to_patch, windows_around_mask, windows_with_echo

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

    def __init__(self, values: np.ndarray, normalised: np.ndarray, settings: dict, engine, render: bool, run, guide=None):
        """values, normalised: (D, H, W) intensities of the model grid, before and after `model_grid.normalise`; 0 = no echo in the former.

        guide: (2, D, H, W) probabilities of an overview, for a network that sees them, too.
        """
        self.patch = tuple(settings["patch"])
        self.inside, self.place = pad_to_patch(values > 0, self.patch, False)
        # Nothing in a normalised volume is darker than "no echo", and padding is that, too.
        self.values, _ = pad_to_patch(normalised, self.patch, normalised.min())
        self.shape = self.values.shape
        if guide is not None:
            self.values = np.concatenate([self.values[None], pad_to_patch(guide, self.patch, 0.0)[0]], dtype=np.float32)
        self.engine, self.run = engine, run
        self.mirrors = MIRRORS if settings.get("mirrored") else MIRRORS[:1]
        points = int(settings["render"]["points"])
        self.renders = bool(render and points > 0 and engine.renders)
        self.points = points
        self.counts = {"search": 0, "run": 0, "skipped": 0}

    def all_windows(self) -> list:
        """All windows of 50 % overlap that hold an echo."""
        return windows_with_echo(all_windows(self.shape, self.patch), self.patch, self.inside)

    def windows_around(self, seen: np.ndarray) -> list:
        """Those windows of `all_windows` whose core holds an ovary seen before: `seen` (D, H, W), its probability."""
        return self.windows_over(_large_blobs(seen >= SEARCH_PROBABILITY, SEARCH_SHARE))

    def windows_over(self, wanted: np.ndarray) -> list:
        """Those windows of `all_windows` whose core holds a voxel of `wanted` (D, H, W) bool."""
        padded = np.zeros(self.shape, bool)
        padded[self.place] = wanted
        return windows_around_mask(self.all_windows(), self.patch, self.shape, padded)

    def coarse_search(self) -> list:
        """Those windows of `all_windows` that an ovary may lie in, found by the network itself.

        Windows side by side and not rendered say where: up to eight times fewer, and no head. In a volume so small that
        this would cost more than it saves it is left out.
        """
        everything = self.all_windows()
        side_by_side = windows_with_echo(all_windows(self.shape, self.patch, 0.0), self.patch, self.inside)
        if len(side_by_side) + SEARCH_EXPECTS >= len(everything):
            return everything
        self.counts["search"] = len(side_by_side)
        seen = _large_blobs(self._blend(side_by_side, False)[0] >= SEARCH_PROBABILITY, SEARCH_SHARE)
        # A subset of the same windows, not others nearby: what is found does not depend on whether there was a search.
        return windows_around_mask(everything, self.patch, self.shape, seen)

    def predict(self, windows: list) -> np.ndarray:
        """Probabilities (2, D, H, W) on the model grid from these windows; 0 where none of them lies."""
        self.counts["run"] = len(windows)
        self.counts["skipped"] = len(all_windows(self.shape, self.patch)) - len(windows)
        return self._blend(windows, self.renders)[(slice(None),) + self.place]

    def _blend(self, windows, render: bool) -> np.ndarray:
        return blend_windows(
            self.values,
            self.patch,
            windows,
            lambda window: self._see(window, render),
            progress=self.run.report,
            cancelled=self.run.cancelled,
        )

    def _see(self, window: np.ndarray, render: bool) -> np.ndarray:
        """Probabilities (2, d, h, w) of one window (d, h, w) or (C, d, h, w): the mean over its mirror images, where the bundle asks for them."""
        # Probabilities are what is blended, not logits: they are bounded, so one window that is wildly sure of itself at its rim cannot
        # outvote the window that has the voxel at its centre.
        total = np.zeros((2, *window.shape[-3:]), np.float32)
        for axes in self.mirrors:
            found = predict_window(self.engine, np.flip(window, tuple(axis - 3 for axis in axes)), self.points if render else 0)
            total = total + np.flip(found, tuple(1 + axis for axis in axes))
        return total / np.float32(len(self.mirrors))


def _large_blobs(mask: np.ndarray, share: float) -> np.ndarray:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= share * sizes.max())[labels] & mask
