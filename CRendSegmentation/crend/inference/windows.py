"""Sliding windows: where they lie, how they are weighted, and the loop that blends them.

Nothing here knows what is computed in a window, so all of it is tested without a network. Arrays are (D, H, W).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Callable, Protocol

import numpy as np

from ..errors import Cancelled

Start = tuple[int, ...]


class Readable(Protocol):
    """An array, or what gives parts of one: slices in, an array out."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def ndim(self) -> int: ...
    def __getitem__(self, where, /) -> np.ndarray: ...


def window_starts(size: int, patch: int, overlap: float = 0.5) -> list[int]:
    """First voxels of the windows along one axis: evenly spaced, the last ends at the edge, overlapping at least `overlap`.

    window_starts(10, 4, 0.5) == [0, 2, 4, 6]; window_starts(9, 4, 0.5) == [0, 2, 3, 5] (steps of 5/3, rounded);
    an axis no longer than the patch has one window, at 0.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap must be at least 0 and below 1, not {overlap}")
    if size <= patch:
        return [0]
    step = max(1.0, patch * (1 - overlap))
    count = int(np.ceil((size - patch) / step)) + 1
    return [int(round(i * (size - patch) / (count - 1))) for i in range(count)]


def all_windows(shape: Sequence[int], patch: Sequence[int], overlap: float = 0.5) -> list[Start]:
    """First corners (z, y, x) of the windows that cover `shape`."""
    return list(product(*(window_starts(n, p, overlap) for n, p in zip(shape, patch))))


def gaussian_weights(patch: Sequence[int], sigma: float = 0.125) -> np.ndarray:
    """Weights (D, H, W) float32 of a window: a Gaussian of deviation `sigma` x side about its centre, largest 1.

    Separable; never below 1e-4, so that a voxel seen by one window's corner only still counts fully.
    """
    weights = np.ones(tuple(patch), np.float32)
    for axis, n in enumerate(patch):
        line = np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (sigma * n)) ** 2)
        weights *= line.reshape([-1 if a == axis else 1 for a in range(3)]).astype(np.float32)
    return np.maximum(weights / weights.max(), 1e-4)


def window_slices(start: Start, patch: Sequence[int]) -> tuple[slice, ...]:
    """The window at `start` as three slices."""
    return tuple(slice(s, s + p) for s, p in zip(start, patch))


def windows_with_echo(windows: Sequence[Start], patch: Sequence[int], inside: np.ndarray) -> list[Start]:
    """Those windows that hold at least one True voxel of `inside` (D, H, W)."""
    return [start for start in windows if inside[window_slices(start, patch)].any()]


def windows_around_mask(windows: Sequence[Start], patch: Sequence[int], shape: Sequence[int], wanted: np.ndarray) -> list[Start]:
    """Those windows that have a True voxel of `wanted` (`shape`) in their core, where their weight counts.

    The core leaves a fifth of the patch on each side, except where the window ends at the edge of `shape`: there no other
    window has the voxel nearer to its centre. At 50 % overlap every voxel lies in some core.
    """
    chosen = []
    for start in windows:
        core = tuple(slice(s + (p // 5 if s > 0 else 0), s + p - (p // 5 if s + p < n else 0)) for s, p, n in zip(start, patch, shape))
        if wanted[core].any():
            chosen.append(start)
    return chosen


def pad_to_patch(array: np.ndarray, patch: Sequence[int], fill: float) -> tuple[np.ndarray, tuple[slice, ...]]:
    """`array` (..., D, H, W) centred in at least `patch` voxels of `fill`, and where it lies in there."""
    extra = [max(p - n, 0) for n, p in zip(array.shape[-3:], patch)]
    place = tuple(slice(e // 2, e // 2 + n) for e, n in zip(extra, array.shape[-3:]))
    if not any(extra):
        return array, place
    whole = [(0, 0)] * (array.ndim - 3)
    return np.pad(array, [*whole, *((e // 2, e - e // 2) for e in extra)], constant_values=fill), place


def blend_windows(
    array: Readable,
    patch: Sequence[int],
    windows: Sequence[Start],
    predict: Callable[[np.ndarray], np.ndarray],
    *,
    channels: int = 2,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Predictions of all windows, averaged with Gaussian weights: (channels, D, H, W) float32, 0 where no window lies.

    array: (D, H, W), or (C, D, H, W) of several channels, of which windows alone are read. predict: window (d, h, w), or (C, d, h, w) -> (channels, d, h, w).
    progress gets the fraction done after each window; `cancelled` is asked before each, and raises Cancelled here when it says True.
    """
    weights = gaussian_weights(patch)
    total = np.zeros((channels, *array.shape[-3:]), np.float32)
    seen = np.zeros(array.shape[-3:], np.float32)
    for done, start in enumerate(windows, 1):
        if cancelled is not None and cancelled():
            raise Cancelled("stopped between two windows")
        where = window_slices(start, patch)
        total[(slice(None),) + where] += weights * predict(array[(slice(None),) * (array.ndim - 3) + where])
        seen[where] += weights
        if progress is not None:
            progress(done / len(windows))
    np.maximum(seen, 1e-6, out=seen)
    total /= seen
    return total
