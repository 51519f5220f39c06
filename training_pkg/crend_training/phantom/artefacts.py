"""What the path to a point does to its echo: enhancement, shadows, gain errors. All in dB on the beam grid, to be added."""

import numpy as np
from scipy import ndimage

from .fields import smooth_noise


def path_gain(p, rng, grid, fluid, loss):
    """Gain (dB, float32, grid.shape) from what lies before each sample.

    fluid: share of fluid 0..1 (brighter behind it, for the time-gain compensation expects tissue); loss: extra dB per mm (gas).
    """
    step = grid.steps()[0]
    most = np.float32(p["enhancement_most_db"])
    gain = most * np.tanh(np.cumsum(fluid, axis=0) * np.float32(p["enhancement_db_per_mm"] * step / most))
    gain -= np.cumsum(loss, axis=0) * np.float32(step)
    if p["edge_shadow_db"] > 0:
        sideways = np.abs(np.gradient(fluid, axis=2)) + np.abs(np.gradient(fluid, axis=1))
        along = np.abs(np.gradient(fluid, axis=0))
        grazing = np.maximum(sideways - 1.5 * along, 0)
        dark = np.cumsum(grazing, axis=0)
        gain -= np.float32(p["edge_shadow_db"]) * (1 - np.exp(-0.35 * dark))
    # a beam is not a line: it averages neighbouring paths
    return ndimage.gaussian_filter(gain, (0, 1.2, 1.2))


def console_gain(p, rng, grid):
    """Gain (dB) of the console and of poor contact; broadcasts over grid.shape."""
    ranges, sweeps, angles = grid.ranges, grid.sweeps, grid.angles
    span = max(float(ranges[-1] - ranges[0]), 1.0)
    depth = p["gain_slope_db"] * ((ranges - ranges[0]) / span - 0.5)
    depth = depth + p["gain_ripple_db"] * smooth_noise(rng, (len(ranges),), 8.0 / (ranges[1] - ranges[0]))
    side = p["lateral_gain_db"] * smooth_noise(rng, (len(sweeps), len(angles)), np.radians(14) / np.array(grid.steps()[1:]))
    if p["contact_loss"]:
        turn = rng.uniform(0, 2 * np.pi)
        unit = [a / max(abs(a).max(), 1e-3) for a in (sweeps, angles)]
        across = np.sin(turn) * unit[0][:, None] + np.cos(turn) * unit[1][None, :]
        side = side - rng.uniform(6, 25) / (1 + np.exp(-(across - rng.uniform(0.4, 1.1)) / rng.uniform(0.03, 0.2)))
    gain = (depth[:, None, None] + side[None]).astype(np.float32)
    for _ in range(p["gas_shadows"]):
        start = rng.uniform(ranges[0] - 10, ranges[-1] - 5)
        centre = rng.uniform(sweeps[0], sweeps[-1]), rng.uniform(angles[0], angles[-1])
        width = np.radians(rng.uniform(1.5, 9, 2))
        profile = np.exp(-(((sweeps[:, None] - centre[0]) / width[0]) ** 4) - ((angles[None, :] - centre[1]) / width[1]) ** 4)
        onset = 1 / (1 + np.exp(-np.clip((ranges - start) / rng.uniform(0.3, 2), -30, 30)))
        gain -= (rng.uniform(4, 25) * onset[:, None, None] * profile[None]).astype(np.float32)
    return gain


def near_bands(p, rng, grid):
    """Gain (dB) of the bright and dark bands under the probe's face; broadcasts over grid.shape."""
    sign, gain = rng.choice([-1, 1]), np.zeros(len(grid.ranges))
    place = max(float(grid.ranges[0]), 0.0) if rng.random() < 0.3 else 0.0
    for _ in range(p["near_bands"]):
        place += rng.uniform(0.6, 3)
        gain += sign * rng.uniform(3, 13) * np.exp(-(((grid.ranges - place) / rng.uniform(0.4, 1.4)) ** 2))
        sign = -sign
    return gain.astype(np.float32)[:, None, None]
