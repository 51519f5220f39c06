"""From tissue to echo amplitude: single scatterers, a pulse with a tail, an aperture's lobes, loss on the way, multiple echoes."""

import numpy as np
from scipy import ndimage

ZONES = 14  # groups of ranges with one kernel each, as a scanner has focal zones


def amplitude(s, rng, scanner, beams, level, coherent):
    """One frame's echo amplitude on the acquisition grid, float32; 1 = the mean of tissue of 0 dB.

    level: dB on the grid; coherent (0..1): share of tissue that echoes in step.
    """
    field = _scatterers(rng, level.shape, s["scatterers"])
    if s["coherent"]:
        field += (np.float32(s["coherent"]) * coherent).astype(np.complex64)
    strength = np.exp(np.float32(np.log(10) / 20) * level)
    # what lies across the beam reflects in step
    jump = np.diff(strength, axis=0, prepend=strength[:1])
    field = field * strength + np.float32(s["interface"]) * np.abs(jump)
    field = _through_aperture(s, scanner, beams, field)
    echo = np.abs(field)
    if s["multiple_echoes"]:
        step = float(beams[0][1] - beams[0][0])
        nearer = echo.copy()
        for bounce in (1, 2, 3):
            lag = int(round(bounce * 2.2 / step))
            if lag < len(echo):
                echo[lag:] += np.float32(s["multiple_echoes"] / bounce) * nearer[:-lag]
    return echo


def _scatterers(rng, shape, per_sample):
    """Sum of the phasors of randomly placed scatterers, mean power 1. Few of them in a sample are less even than Rayleigh's."""
    size = int(np.prod(shape))
    count = max(1, int(per_sample * size))
    where = rng.integers(0, size, count)
    phase = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    weight = rng.gamma(2.0, 0.5, count).astype(np.float32)
    field = np.empty(size, np.complex64)
    field.real = np.bincount(where, weight * np.cos(phase), size)
    field.imag = np.bincount(where, weight * np.sin(phase), size)
    # E[gamma(2, 0.5)^2] = 1.5
    field /= np.float32(np.sqrt(1.5 * per_sample))
    return field.reshape(shape)


def _through_aperture(s, scanner, beams, field):
    parts = [np.ascontiguousarray(field.real), np.ascontiguousarray(field.imag)]
    pulse = pulse_kernel(s["pulse_mm"] / float(beams[0][1] - beams[0][0]))
    parts = [ndimage.convolve1d(p, pulse, axis=0, mode="nearest") for p in parts]
    edges = np.linspace(0, len(beams[0]), ZONES + 1).astype(int)
    for start, stop in zip(edges[:-1], edges[1:]):
        r = float(beams[0][start:stop].mean())
        for axis, (width, pitch) in enumerate(zip(beam_widths(s, r), scanner.pitch(np.array(r))), 1):
            step = float(beams[axis][1] - beams[axis][0]) * float(pitch)
            kernel = lobe_kernel(width / step, s["apodisation"])
            for p in parts:
                p[start:stop] = ndimage.convolve1d(p[start:stop], kernel, axis=axis, mode="nearest")
    return parts[0] + 1j * parts[1]


def beam_widths(s, r):
    """Lateral and elevation width (mm, at half amplitude) at range r: least at the focus, growing linearly on both sides."""
    wide = 1 + 0.9 * abs(r - s["focus_mm"]) / (s["focus_mm"] + 15)
    return s["lateral_mm"] * wide, s["elevation_mm"] * wide


def pulse_kernel(width):
    """A pulse that rises fast and rings out: t^2 exp(-t); `width` samples at half height, unit energy."""
    # at half height t^2 exp(2 - t) / 4 = 1/2 holds at t = 0.762 and 4.156: 3.394 wide
    reach = int(np.ceil(2.6 * width)) + 1
    t = np.arange(-reach, reach + 1) * 3.394 / max(width, 0.6) + 2
    kernel = np.where(t > 0, t**2 * np.exp(-t), 0)
    return kernel / np.sqrt((kernel**2).sum())


def lobe_kernel(width, apodisation):
    """The far field of an aperture: a sinc, its side lobes the lower the more it is apodised (0..1); unit energy."""
    reach = int(np.ceil(2.2 * width)) + 1
    x = np.arange(-reach, reach + 1) / max(width, 0.6)
    bare = np.sinc(1.2 * x)
    soft = np.sinc(0.9 * x) / (1 - np.minimum((0.9 * x) ** 2, 0.999)) * (np.abs(x) < 1.1)
    kernel = (1 - apodisation) * bare * (0.5 + 0.5 * np.cos(np.pi * np.clip(x / 2.3, -1, 1))) + apodisation * soft
    return kernel / np.sqrt((kernel**2).sum())


def path_level(s, rng, beams, loss):
    """dB to be added for what the sound lost on the way, against what the console expects, and for the console's own error."""
    step = float(beams[0][1] - beams[0][0])
    spared = np.cumsum(s["attenuation"] - loss, axis=0) * np.float32(step / 10)
    spared = np.clip(spared, -35, 9)
    # a beam's width averages neighbouring paths
    spared = ndimage.uniform_filter(spared, (1, 5, 5))
    deep = (beams[0] - beams[0].mean())[:, None, None] / 10
    return spared + np.float32(s["gain_error"]) * deep.astype(np.float32)


def with_noise(s, rng, beams, echo):
    """The receiver's noise, growing with the depth as the console's gain does."""
    deep = (beams[0] - beams[0][0])[:, None, None] / 10
    floor = 10 ** ((s["noise_db"] + s["noise_slope"] * deep) / 20)
    noise = rng.weibull(2.0, echo.shape).astype(np.float32)
    return np.sqrt(echo**2 + (floor.astype(np.float32) * noise) ** 2)


def spill(s, r, contrast_db):
    """How far (mm) tissue is seen inside fluid at range r: there the grey half-way between both is reached.

    The power of a flat edge under the pulse, seen from all sides: axial, lateral and elevation widths averaged.
    """
    width = (s["pulse_mm"] + sum(beam_widths(s, r))) / 3
    x = np.linspace(-3 * width, 3 * width, 601)
    power = np.sinc(0.9 * x / width) ** 2 * (np.abs(x) < width)
    edge = np.cumsum(power[::-1])[::-1] / power.sum()
    fluid = 10 ** (-contrast_db / 10)
    level = 10 * np.log10(edge + fluid)
    return float(np.interp(contrast_db / 2, -level, x))
