"""Echo formation in beam coordinates: scatterers, the point-spread function that grows with depth, clutter and noise."""

import numpy as np
from scipy import fft, signal

FWHM = 2.3548


def scatter(rng, intensity, shape_parameter):
    """Complex scatterers (complex64) of mean power `intensity`.

    shape_parameter > 0 makes them clumpy (gamma-distributed power, fewer effective scatterers: speckle not fully developed).
    """
    field = np.empty(intensity.shape, np.complex64)
    field.real = rng.standard_normal(intensity.shape, dtype=np.float32)
    field.imag = rng.standard_normal(intensity.shape, dtype=np.float32)
    amplitude = np.sqrt(0.5 * intensity)
    if shape_parameter > 0:
        amplitude *= np.sqrt(rng.standard_gamma(shape_parameter, intensity.shape, dtype=np.float32) / np.float32(shape_parameter))
    field *= amplitude
    return field


def beam_widths(p, probe, grid):
    """Standard deviations of the PSF in samples: axial (one number), elevation and lateral (one per range).

    Lateral and elevation widths in mm grow away from the focus as a focused beam's do, levelling off at 2.1 times (dynamic
    focusing), and are never under 0.55 of a sample.
    """
    axial, sweep, angle = grid.steps()
    spread = beam_spread(p, grid.ranges)
    lateral = p["lateral_fwhm"] / FWHM * spread / ((grid.ranges + probe.array_radius) * angle)
    elevation = p["elevation_fwhm"] / FWHM * spread / (np.maximum(grid.ranges + probe.sweep_radius, 4) * sweep)
    return max(0.55, p["axial_fwhm"] / FWHM / axial), np.maximum(elevation, 0.55), np.maximum(lateral, 0.55)


def beam_spread(p, ranges):
    """Beam width at `ranges` (mm) as a multiple of the drawn width."""
    spread = np.sqrt(1 + ((ranges - p["focus"]) / p["focal_zone"]) ** 2) * (0.6 + 0.4 * ranges / p["focus"])
    return 2.1 * np.tanh(spread / 2.1)


def blur(field, widths, side_lobe):
    """Scatterers through the PSF, normalised so that the mean power of homogeneous tissue stays 1 at every range.

    A share `side_lobe` of the amplitude goes into a three times wider lateral pedestal: clutter beside strong echoes.
    """
    axial, elevation, lateral = widths
    spectrum = fft.fftn(field, axes=(1, 2), overwrite_x=True)
    fe, fl = fft.fftfreq(field.shape[1]), fft.fftfreq(field.shape[2])

    def response(widening=1.0):
        e = np.exp(-2 * (np.pi * widening * elevation[:, None] * fe) ** 2)
        l = np.exp(-2 * (np.pi * widening * lateral[:, None] * fl) ** 2)
        return e[:, :, None].astype(np.float32) * l[:, None, :].astype(np.float32)

    kernel = response()
    if side_lobe > 0:
        kernel += np.float32(side_lobe * 9) * response(3.0)
    power = np.sqrt(np.mean(kernel**2, axis=(1, 2), keepdims=True))
    spectrum *= kernel / power
    field = fft.ifftn(spectrum, axes=(1, 2), overwrite_x=True)
    fr = fft.fftfreq(field.shape[0])
    pulse = np.exp(-2 * (np.pi * axial * fr) ** 2)
    pulse = (pulse / np.sqrt(np.mean(pulse**2))).astype(np.float32)
    field = fft.fft(field, axis=0, overwrite_x=True)
    field *= pulse[:, None, None]
    return fft.ifft(field, axis=0, overwrite_x=True)


def reverberate(intensity, share, length_samples):
    """Add the multiple echoes of what lies nearer: an exponential tail of `intensity` (axis 0 = range) along each beam."""
    decay = np.float32(np.exp(-1 / max(length_samples, 1.0)))
    tail = signal.lfilter(np.array([1 - decay], np.float32), np.array([1, -decay], np.float32), intensity, axis=0)
    return intensity + np.float32(share) * tail


def from_decibel(level):
    """Intensity ratio of a level in dB; float32."""
    return np.exp(np.float32(np.log(10) / 10) * level)
