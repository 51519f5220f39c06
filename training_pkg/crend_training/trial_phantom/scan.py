"""The probes: regular acquisition grids (range, first, second) and their way from and to Cartesian (depth, lateral, elevation) mm.

linear: parallel beams, moved along elevation. tilted: parallel beams in a plane that is tilted about an axis behind the face.
phased: a fan from one point in the plane, moved along elevation. pyramid: a matrix array that steers both ways from one point.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Scanner:
    """kind as above; behind (mm): how far the apex or the tilting axis lies behind the face."""

    kind: str
    behind: float

    def to_cartesian(self, r, u, v):
        b = self.behind
        if self.kind == "linear":
            return r, u, v
        if self.kind == "tilted":
            return (r + b) * np.cos(v) - b, u, (r + b) * np.sin(v)
        if self.kind == "phased":
            return (r + b) * np.cos(u) - b, (r + b) * np.sin(u), v
        straight = (r + b) / np.sqrt(1 + u * u + v * v)
        return straight - b, straight * u, straight * v

    def from_cartesian(self, d, x, y):
        b = self.behind
        if self.kind == "linear":
            return d, x, y
        if self.kind == "tilted":
            return np.hypot(d + b, y) - b, x, np.arctan2(y, d + b)
        if self.kind == "phased":
            return np.hypot(d + b, x) - b, np.arctan2(x, d + b), y
        deep = np.maximum(d + b, 1e-3)
        return np.sqrt((d + b) ** 2 + x * x + y * y) - b, x / deep, y / deep

    def pitch(self, r):
        """Millimetres per unit of the first and of the second coordinate at range r."""
        far = r + self.behind
        one = np.ones_like(far)
        return {"linear": (one, one), "tilted": (one, far), "phased": (far, one), "pyramid": (far, far)}[self.kind]


def draw_scanner(s, rng):
    """The Scanner of the drawn kind of probe, its apex a drawn way (mm) behind the skin."""
    behind = {"linear": 0.0, "tilted": rng.uniform(15, 50), "phased": rng.uniform(4, 14), "pyramid": rng.uniform(6, 20)}[s["probe"]]
    return Scanner(s["probe"], float(behind))


def acquisition(scanner, low, high, s):
    """Three increasing 1D arrays that cover the box from `low` to `high` (mm, depth lateral elevation), at most s["samples"] samples.

    The field ends where the box's middle planes end, so that corners of the box may see no beam.
    """
    middle = 0.5 * (np.asarray(low) + high)
    probes = []
    for axis in range(3):
        for end in (low, high):
            point = middle.copy()
            point[axis] = end[axis]
            probes.append(scanner.from_cartesian(*point))
    probes.append(scanner.from_cartesian(max(low[0], 0.0), middle[1], middle[2]))
    first, last = np.min(probes, axis=0), np.max(probes, axis=0)
    first[0] = max(first[0], 0.3)
    last[0] = high[0]
    pitch = scanner.pitch(np.array(0.5 * (first[0] + last[0])))
    steps = np.array([0.45 * s["pulse_mm"], 0.45 * s["lateral_mm"] / pitch[0], 0.45 * s["elevation_mm"] / pitch[1]])
    counts = (last - first) / steps
    counts *= min(1.0, (s["samples"] / counts.prod()) ** (1 / 3))
    return [np.linspace(a, b, max(12, int(n)), dtype=np.float32) for a, b, n in zip(first, last, counts)]


def positions(scanner, beams):
    """Cartesian points of all samples: three float32 arrays."""
    shape = tuple(len(b) for b in beams)
    return [np.broadcast_to(c, shape).astype(np.float32) for c in scanner.to_cartesian(*np.ix_(*beams))]


def read(field, axes, points, order=1):
    """`field` on the regular grid `axes` at `points` (three arrays); the rim's value beyond."""
    index = [(p - a[0]) / (a[1] - a[0]) for p, a in zip(points, axes)]
    return ndimage.map_coordinates(field, index, output=np.float32, order=order, mode="nearest")


def to_voxels(scanner, beams, grey, axes):
    """(grey float32, seen bool) on the Cartesian grid `axes`, plane by plane."""
    shape = tuple(len(a) for a in axes)
    volume, seen = np.zeros(shape, np.float32), np.zeros(shape, bool)
    x, y = np.meshgrid(np.float32(axes[1]), np.float32(axes[2]), indexing="ij")
    for k, depth in enumerate(np.asarray(axes[0], np.float32)):
        where = np.broadcast_arrays(*scanner.from_cartesian(depth, x, y))
        field = np.logical_and.reduce([(w >= b[0]) & (w <= b[-1]) for w, b in zip(where, beams)]) & (depth + scanner.behind > 0)
        if field.any():
            volume[k][field] = read(grey, beams, [w[field] for w in where])
        seen[k] = field
    return volume, seen
