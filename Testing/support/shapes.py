"""Masks of known shapes."""

import numpy as np


def ball(radius, centre=(15, 15, 15), shape=(30, 30, 30)):
    grids = np.ogrid[tuple(slice(n) for n in shape)]
    return sum((g - c) ** 2 for g, c in zip(grids, centre)) <= radius**2
