"""The convex 3D probe: beams, and the way between beams and the Cartesian box.

Cartesian points are (depth, elevation, lateral) in mm, origin at the middle of the probe's face, depth away from it. A beam is
(range, elevation angle, lateral angle): a convex array of radius R scans the lateral angle in its plane, and the plane is swept
about an axis that lies S mm behind the face.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Probe:
    """A mechanically swept convex array: radii and ranges in mm."""

    array_radius: float
    sweep_radius: float
    half_lateral: float  # radians
    half_sweep: float  # radians
    first_range: float
    last_range: float

    def to_beam(self, depth, elevation, lateral):
        """Range (mm), elevation angle, lateral angle (radians) of Cartesian points; the arrays broadcast."""
        behind = depth + self.sweep_radius
        sweep = np.arctan2(elevation, behind)
        in_plane = np.hypot(elevation, behind) - self.sweep_radius + self.array_radius
        return np.hypot(lateral, in_plane) - self.array_radius, sweep, np.arctan2(lateral, in_plane)

    def to_cartesian(self, distance, sweep, angle):
        """Depth, elevation, lateral (mm) of beam points; the arrays broadcast."""
        radius = distance + self.array_radius
        in_plane = radius * np.cos(angle) - self.array_radius + self.sweep_radius
        return in_plane * np.cos(sweep) - self.sweep_radius, in_plane * np.sin(sweep), radius * np.sin(angle)

    def inside(self, distance, sweep, angle):
        """True where a beam point lies within the sector."""
        return (
            (distance >= self.first_range)
            & (distance <= self.last_range)
            & (np.abs(sweep) <= self.half_sweep)
            & (np.abs(angle) <= self.half_lateral)
        )


@dataclass(frozen=True)
class BeamGrid:
    """Regular samples of range, sweep angle and lateral angle: three increasing 1D arrays."""

    ranges: np.ndarray
    sweeps: np.ndarray
    angles: np.ndarray

    @property
    def shape(self):
        return len(self.ranges), len(self.sweeps), len(self.angles)

    def steps(self):
        return tuple(float(a[1] - a[0]) for a in (self.ranges, self.sweeps, self.angles))


def beam_grid(probe, axes, axial_step, lateral_step, elevation_step, most):
    """The beams that cross the box of `axes` (three 1D arrays, mm), steps in mm (the angular ones at 35 mm range).

    Steps are widened together so that there are at most `most` samples.
    """
    corners = np.meshgrid(*(np.linspace(a[0], a[-1], 24) for a in axes), indexing="ij")
    distance, sweep, angle = probe.to_beam(*corners)
    seen = probe.inside(distance, sweep, angle)
    if not seen.any():
        raise ValueError("the sector does not reach the box")
    slack = (3.0, 0.06, 0.06)
    spans = []
    limits = ((probe.first_range, probe.last_range), (-probe.half_sweep, probe.half_sweep), (-probe.half_lateral, probe.half_lateral))
    for values, (low, high), extra in zip((distance, sweep, angle), limits, slack):
        spans.append((max(low, values[seen].min() - extra), min(high, values[seen].max() + extra)))
    steps = [axial_step, elevation_step / (35 + probe.sweep_radius), lateral_step / (35 + probe.array_radius)]
    counts = [max(8.0, (high - low) / step) for (low, high), step in zip(spans, steps)]
    shrink = min(1.0, (most / np.prod(counts)) ** (1 / 3))
    counts = [int(max(8, np.ceil(c * shrink))) for c in counts]
    return BeamGrid(*(np.linspace(low, high, n, dtype=np.float32) for (low, high), n in zip(spans, counts)))


def beam_points(probe, grid):
    """Cartesian coordinates of every beam sample: three float32 arrays of grid.shape."""
    parts = np.ix_(grid.ranges, grid.sweeps, grid.angles)
    return [np.broadcast_to(c, grid.shape).astype(np.float32) for c in probe.to_cartesian(*parts)]


def sample(field, axes, points, order=1, outside="nearest"):
    """`field` on the regular grid `axes` (three 1D arrays) read at Cartesian `points` (three arrays of one shape)."""
    index = [(p - a[0]) * np.float32(1 / (a[1] - a[0])) for p, a in zip(points, axes)]
    return ndimage.map_coordinates(field, index, output=np.float32, order=order, mode=outside)


def scan_convert(probe, grid, image, axes):
    """Beam `image` (grid.shape) to the Cartesian grid `axes`: (float32 array, sector mask); exactly 0 outside the sector.

    Slab by slab, so that the coordinates of a large volume never exist at once.
    """
    shape = tuple(len(a) for a in axes)
    volume = np.zeros(shape, np.float32)
    sector = np.zeros(shape, bool)
    starts = (grid.ranges[0], grid.sweeps[0], grid.angles[0])
    steps = grid.steps()
    rows = max(1, 2_000_000 // (shape[1] * shape[2]))
    for row in range(0, shape[0], rows):
        slab = slice(row, row + rows)
        beams = probe.to_beam(*np.ix_(np.float32(axes[0][slab]), np.float32(axes[1]), np.float32(axes[2])))
        beams = np.broadcast_arrays(*beams)
        inside = probe.inside(*beams)
        index = np.stack([(b[inside] - s) * np.float32(1 / h) for b, s, h in zip(beams, starts, steps)])
        volume[slab][inside] = ndimage.map_coordinates(image, index, output=np.float32, order=1, mode="nearest")
        sector[slab] = inside
    return volume, sector
