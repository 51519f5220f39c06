"""From echo amplitude to what the screen shows: compression, smoothing, edges, grey curve."""

import numpy as np
from scipy import ndimage


def shown(echo, range_db, tissue_share, reference):
    """0..1: `reference` amplitude at `tissue_share`, the whole scale spans range_db; clipped like eight bits."""
    return np.clip(np.float32(tissue_share) + np.float32(20 / range_db) * np.log10(np.maximum(echo / np.float32(reference), 1e-6)), 0, 1)


def smoothed(grey, kind):
    """Speckle reduction, grey 0..1: none, diffusion (along edges not across), sigma (mean of similar neighbours), opening (greyscale)."""
    if kind == "none":
        return grey
    if kind == "diffusion":
        return _diffused(grey, 3, 0.12)
    if kind == "sigma":
        return _sigma(grey, 0.2)
    if kind == "opening":
        return 0.5 * (ndimage.grey_opening(grey, (2, 2, 2)) + ndimage.grey_closing(grey, (2, 2, 2)))
    raise ValueError(f"unknown smoothing {kind!r}")


def _diffused(grey, rounds, scale):
    grey = grey.copy()
    for _ in range(rounds):
        change = np.zeros_like(grey)
        for axis in range(3):
            step = np.diff(grey, axis=axis)
            flow = step * (0.16 / (1 + (step / np.float32(scale)) ** 2)).astype(np.float32)
            before, after = [slice(None)] * 3, [slice(None)] * 3
            before[axis], after[axis] = slice(None, -1), slice(1, None)
            change[tuple(before)] += flow
            change[tuple(after)] -= flow
        grey += change
    return grey


def _sigma(grey, tolerance):
    total, count = grey.copy(), np.ones_like(grey)
    for axis in range(3):
        for lag in (-1, 1):
            other = np.roll(grey, lag, axis)
            near = np.abs(other - grey) < tolerance
            total += np.where(near, other, 0)
            count += near
    return total / count


def crisp(grey, amount):
    """Edge enhancement: minus the Laplacian."""
    return np.clip(grey - np.float32(0.25 * amount) * ndimage.laplace(grey), 0, 1) if amount else grey


def curved(grey, kind, amount):
    """The grey curve, 0..1 to 0..1, monotonic: logistic (S), power, toe (dark greys pressed to black)."""
    if kind == "logistic":
        steep = 3 + 5 * amount
        low, high = 1 / (1 + np.exp(steep * 0.45)), 1 / (1 + np.exp(-steep * 0.55))
        return (1 / (1 + np.exp(-steep * (grey - np.float32(0.45)))) - low) / (high - low)
    if kind == "power":
        return grey ** np.float32(0.75 + 0.7 * amount)
    if kind == "toe":
        dark = np.float32(0.14 * amount)
        return np.maximum(grey - dark, 0) / (1 - dark)
    raise ValueError(f"unknown grey curve {kind!r}")
