"""From echo amplitude to grey values, as scanners do: log compression, speckle reduction, grey maps."""

import numpy as np
from scipy import ndimage


def compress(amplitude, dynamic_range_db, tissue_grey, reference):
    """Grey values (float32, 0..255): `reference` amplitude becomes `tissue_grey`, 255 grey values span `dynamic_range_db`."""
    level = 20 * np.log10(np.maximum(amplitude, np.float32(1e-9)) / np.float32(reference))
    return np.clip(tissue_grey + level * np.float32(255 / dynamic_range_db), 0, 255)


def despeckle(grey, kind, strength):
    """Speckle reduction of the beam image: `none`, `smooth` (Gaussian), `lee` (keeps edges), `median`."""
    if kind == "smooth":
        return ndimage.gaussian_filter(grey, 1.3 * strength)
    if kind == "median":
        return ndimage.median_filter(grey, (3, 1, 3))
    if kind == "lee":
        mean = ndimage.uniform_filter(grey, 5)
        variance = np.maximum(ndimage.uniform_filter(grey * grey, 5) - mean * mean, 0)
        typical = np.float32(np.median(variance[::3, ::3, ::3]) * (0.5 + 1.5 * strength))
        keep = variance / (variance + typical + 1)
        return mean + keep * (grey - mean)
    if kind != "none":
        raise ValueError(f"unknown speckle reduction {kind!r}")
    return grey


def sharpen(grey, amount):
    """Unsharp mask."""
    return grey + np.float32(amount) * (grey - ndimage.gaussian_filter(grey, 1.5)) if amount > 0 else grey


def reject(grey, black):
    """Grey values up to `black` become 0, the rest is stretched to 255: the console's reject."""
    return np.maximum(grey - np.float32(black), 0) * np.float32(255 / (255 - black))


def grey_map(grey, gamma, s_curve, levels):
    """The console's grey map: gamma, contrast curve, quantisation; float32 0..255."""
    share = np.clip(grey / 255, 0, 1) ** np.float32(gamma)
    share = (1 - s_curve) * share + s_curve * share * share * (3 - 2 * share)
    if levels < 256:
        share = np.round(share * (levels - 1)) / (levels - 1)
    return (255 * share).astype(np.float32)
