"""Smooth random fields and smooth shapes: what anatomy and artefacts are drawn with."""

import numpy as np
from scipy import fft


def smooth_noise(rng, shape, sigma):
    """Gaussian-correlated noise of zero mean and unit deviation, float32, any dimension; `sigma` in samples, one or one per axis."""
    sigma = np.broadcast_to(np.asarray(sigma, float), (len(shape),))
    spectrum = fft.rfftn(rng.standard_normal(shape, dtype=np.float32))
    for axis, (n, s) in enumerate(zip(shape, sigma)):
        f = fft.rfftfreq(n) if axis == len(shape) - 1 else fft.fftfreq(n)
        damping = np.exp(-2 * (np.pi * s * f) ** 2).astype(np.float32)
        spectrum *= damping.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    field = fft.irfftn(spectrum, shape)
    field -= field.mean()
    return (field / max(float(field.std()), 1e-6)).astype(np.float32)


def random_rotation(rng):
    """A rotation matrix (3, 3), uniform over all rotations."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] = -q[:, 0]
    return q


class Blob:
    """An ellipsoid roughened by a few plane waves of low frequency.

    centre (3,) and radii (3,) in mm along the columns of `rotation`; roughness = the wave's amplitude as a share of the radius.
    """

    def __init__(self, rng, centre, radii, rotation, roughness, waves=4):
        self.centre = np.asarray(centre, float)
        self.radii = np.asarray(radii, float)
        self.scale = float(np.prod(self.radii) ** (1 / 3))
        self.matrix = (rotation / self.radii).T
        directions = rng.standard_normal((waves, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self.waves = directions * rng.uniform(1.5, 3.5, (waves, 1))
        self.phases = rng.uniform(0, 2 * np.pi, waves)
        self.amplitudes = roughness * rng.uniform(0.3, 1.0, waves)
        self.reach = float(self.radii.max() * (1 + self.amplitudes.sum())) + 0.5

    def distance(self, axes):
        """Signed distance in mm (approximate, negative inside) on the grid of the three 1D arrays `axes`; float32."""
        offsets = [np.asarray(a - c, np.float32) for a, c in zip(axes, self.centre)]
        grid = np.ix_(*offsets)
        q = [sum(np.float32(self.matrix[i, j]) * grid[j] for j in range(3)) for i in range(3)]
        norm = np.sqrt(q[0] ** 2 + q[1] ** 2 + q[2] ** 2)
        # |q| - 1 stretched by the ratio |x| / |q| is far closer to a distance than |q| - 1 for elongated shapes
        length = np.sqrt(grid[0] ** 2 + grid[1] ** 2 + grid[2] ** 2)
        rough = norm - 1
        waves = self.waves @ self.matrix
        for wave, phase, amplitude in zip(waves, self.phases, self.amplitudes):
            if amplitude > 0:
                arguments = [np.float32(w) * o for w, o in zip(wave, offsets)]
                rough -= amplitude * _plane_wave(arguments, phase)
        return rough * np.where(norm > 1e-3, length / np.maximum(norm, 1e-3), np.float32(self.scale))

    def distance_at(self, points):
        """The same at points (N, 3)."""
        offset = points - self.centre
        q = offset @ self.matrix.T
        norm = np.linalg.norm(q, axis=1)
        rough = norm - 1 - np.sin(q @ self.waves.T + self.phases) @ self.amplitudes
        length = np.linalg.norm(offset, axis=1)
        return rough * np.where(norm > 1e-3, length / np.maximum(norm, 1e-3), self.scale)

    def window(self, axes, margin=0.0):
        """Slices of the grid of `axes` that hold the shape and `margin` mm around it."""
        reach = self.reach + margin
        return tuple(slice(*np.searchsorted(a, (c - reach, c + reach))) for a, c in zip(axes, self.centre))


def _plane_wave(arguments, phase):
    """sin(a + b + c + phase) on a grid, separable through complex exponentials: no sine per voxel."""
    e = [np.exp(1j * a).astype(np.complex64) for a in arguments]
    plane = e[1][:, None] * e[2][None, :] * np.complex64(np.exp(1j * phase))
    first = e[0][:, None, None]
    return first.real * plane.imag + first.imag * plane.real
