"""Two colour maps in which equal steps look equal: one from nothing to much, one from one side of zero to the other."""

import numpy as np

# Viridis at eleven even steps: perceptually uniform, and still in order when printed in grey.
_VIRIDIS = ["440154", "482475", "414487", "355f8d", "2a788e", "21918c", "22a884", "44bf70", "7ad151", "bddf26", "fde725"]
# CIELAB (D65). Both ends are equally dark and equally far from the grey in the middle, so that neither side of zero looks larger.
_BLUE, _MIDDLE, _RED = (32.0, 24.0, -56.5), (92.0, 0.0, 0.0), (32.0, 49.0, 37.0)
_WHITE = (0.95047, 1.0, 1.08883)
_XYZ_TO_RGB = ((3.2404542, -1.5371385, -0.4985314), (-0.9692660, 1.8760108, 0.0415560), (0.0556434, -0.2040259, 1.0572252))


def sequential(count=256):
    """(count, 3) RGB, 0 to 1: dark for nothing to bright for much (viridis)."""
    nodes = np.array([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in _VIRIDIS])
    at = np.linspace(0, len(nodes) - 1, count)
    return np.stack([np.interp(at, range(len(nodes)), nodes[:, c]) for c in range(3)], axis=1)


def diverging(count=256):
    """(count, 3) RGB, 0 to 1: blue below zero, light grey at zero, red above; straight lines in CIELAB."""
    at = np.linspace(-1, 1, count)
    lab = np.stack([np.interp(at, (-1, 0, 1), parts) for parts in zip(_BLUE, _MIDDLE, _RED)], axis=1)
    return _rgb(lab)


def _rgb(lab):
    """sRGB (n, 3) of CIELAB (n, 3)."""
    y = (lab[:, 0] + 16) / 116
    f = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(xyz @ np.array(_XYZ_TO_RGB).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
