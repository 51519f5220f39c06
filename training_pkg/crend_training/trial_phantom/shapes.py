"""Implicit shapes: negative inside, about millimetres near the surface. Axes are (depth, lateral, elevation) in mm."""

import numpy as np

FAR = np.float32(99.0)


class Lump:
    """A superellipsoid whose radius is modulated by Legendre polynomials about random axes.

    centre (3,), semi_axes (3,) mm; boxiness = the exponent (2 an ellipsoid, more is boxier); lumpiness = share of the radius.
    """

    def __init__(self, rng, centre, semi_axes, boxiness=2.0, lumpiness=0.0):
        self.centre = np.asarray(centre, float)
        self.semi_axes = np.asarray(semi_axes, float)
        self.exponent = float(boxiness)
        self.frame = _turn(rng)
        poles = rng.standard_normal((3, 3))
        self.poles = poles / np.linalg.norm(poles, axis=1, keepdims=True)
        self.lumps = lumpiness * rng.uniform(-1, 1, 3)

    @property
    def reach(self):
        """No point of the shape is farther from its centre, mm."""
        # the corner of a superellipsoid lies at most 3^(1/2 - 1/p) times the longest half axis away
        return float(self.semi_axes.max() * max(1.0, 3 ** (0.5 - 1 / self.exponent)) * (1 + abs(self.lumps).sum()))

    def value(self, points):
        """About the signed distance at `points`, three broadcastable arrays; float32."""
        offset = [np.asarray(p - c, np.float32) for p, c in zip(points, self.centre)]
        local = [sum(np.float32(self.frame[i, j]) * offset[j] for j in range(3)) / np.float32(a) for i, a in enumerate(self.semi_axes)]
        norm = sum(np.abs(c) ** np.float32(self.exponent) for c in local) ** np.float32(1 / self.exponent)
        radius = np.sqrt(sum(o * o for o in offset)) + np.float32(1e-4)
        swell = np.float32(1.0)
        for order, (pole, lump) in enumerate(zip(self.poles, self.lumps)):
            if lump:
                cosine = sum(np.float32(c) * o for c, o in zip(pole, offset)) / radius
                swell = swell + np.float32(lump) * (0.5 * (3 * cosine**2 - 1) if order < 2 else 0.5 * (5 * cosine**3 - 3 * cosine))
        return radius * (1 - swell / np.maximum(norm, np.float32(1e-4)))

    def box(self, axes, margin):
        """Slices of the grid `axes` that hold the shape and `margin` mm around it."""
        return tuple(slice(*np.searchsorted(a, (c - self.reach - margin, c + self.reach + margin))) for a, c in zip(axes, self.centre))


def _turn(rng):
    """A rotation by a random unit quaternion."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def merged(first, second, width):
    """Smooth union of two shapes: like the minimum, with the crease filled over about `width` mm."""
    apart = np.clip(0.5 + (second - first) / (2 * width), 0, 1)
    return second + apart * (first - second) - width * apart * (1 - apart)


def cut(first, second, width):
    """Smooth intersection of two shapes."""
    return -merged(-first, -second, width)


def inside(distance, width):
    """1 inside, 0 outside, a straight ramp of `width` mm at the surface."""
    return np.clip(0.5 - distance / np.float32(width), 0, 1)


def waves(rng, points, length, count=14):
    """A sum of plane waves of about `length` mm, unit deviation, at `points` (three 1D axes of a grid)."""
    field = 0.0
    for _ in range(count):
        k = rng.standard_normal(3)
        k *= 2 * np.pi / (length * rng.uniform(0.7, 1.8)) / np.linalg.norm(k)
        parts = [np.exp(1j * (ki * p)).astype(np.complex64) for ki, p in zip(k, points)]
        phase = np.complex64(np.exp(2j * np.pi * rng.random()))
        field = field + (phase * parts[0][:, None, None] * (parts[1][:, None] * parts[2][None, :])[None]).real
    return (field * np.sqrt(2 / count)).astype(np.float32)
