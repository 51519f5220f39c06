"""Scan conversion: voxels along ultrasound beams, swept by a motor, become a volume on a regular grid.

Geometry of a swept convex probe, a torus. Sample i of beam j in frame k lies at

    r = first_sample_mm + i * sample_mm,  theta = beam_angles[j],  phi = sweep_angles[k],  p = pivot_mm
    x = r sin(theta)                                        lateral
    y = -sin(phi) (r cos(theta) - p)                        sweep
    z = p (1 - cos(phi)) + r cos(theta) cos(phi)            depth

in millimetres from the centre of the probe's curvature. Of the volume made here x is R, y is A and z is S, the axes on which
other open readers of such files put it: the scanner does not record how the probe was held, so they say nothing about the patient.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import InputError

SPACING_MM = 0.3
MOST_VOXELS = 200_000_000
LONGEST_EXTENT_MM = 500.0
TOLERANCE = 1e-9  # samples or radians: the sector's own faces belong to it
AXES = "R = lateral, A = sweep, S = depth, as seen from the probe; the scanner does not record the patient's directions"


@dataclass(frozen=True)
class Sector:
    """Where the samples of a swept convex probe lie; angles in radians from the middle, rising or falling all along.

    sample_mm: from one sample of a beam to the next; first_sample_mm: radius of the first one about the centre of the beams' fan;
    pivot_mm: where the axis of the sweep is, along the depth from that centre (negative = behind it).
    """

    samples: int
    sample_mm: float
    first_sample_mm: float
    pivot_mm: float
    beam_angles: np.ndarray
    sweep_angles: np.ndarray

    @property
    def last_sample_mm(self) -> float:
        return self.first_sample_mm + (self.samples - 1) * self.sample_mm

    def bounds(self) -> np.ndarray:
        """The box around the sector: ((x, y, z) smallest, (x, y, z) largest) in mm."""
        # Along each of r, theta and phi the extremes are at the ends, or where sine and cosine have theirs.
        radii = np.array([self.first_sample_mm, self.last_sample_mm])
        theta, phi = _ends_and_turns(self.beam_angles), _ends_and_turns(self.sweep_angles)
        r, theta, phi = np.meshgrid(radii, theta, phi, indexing="ij")
        beyond = r * np.cos(theta) - self.pivot_mm
        points = np.stack([r * np.sin(theta), -np.sin(phi) * beyond, self.pivot_mm + np.cos(phi) * beyond])
        return np.stack([points.min(axis=(1, 2, 3)), points.max(axis=(1, 2, 3))])


def _ends_and_turns(angles: np.ndarray) -> np.ndarray:
    low, high = angles.min(), angles.max()
    return np.array([low, high, *(turn for turn in (-np.pi / 2, 0.0, np.pi / 2) if low < turn < high)])


def scan_convert(voxels: np.ndarray, sector: Sector, spacing_mm: float | None = None, progress=None, name: str = "volume") -> sitk.Image:
    """The samples as an isotropic uint8 volume, trilinearly interpolated, 0 outside the sector.

    voxels: (K, J, I) uint8, frames, beams, samples; may be a memory map. spacing_mm: None for 0.3 mm, coarser only where that would be more
    than 200 million voxels. progress(stage, fraction) is called now and then. InputError for a spacing that gives too many voxels and
    for a sector too large to be an ultrasound volume.
    """
    low, high = sector.bounds()
    if not (high - low).max() <= LONGEST_EXTENT_MM:
        extent = " x ".join(f"{n:.4g}" for n in high - low)
        raise InputError(f"{name}: its geometry gives a volume of {extent} mm, which is no ultrasound volume; export it again.")
    spacing, first, size = converted_grid(low, high, spacing_mm, name)
    # The image's axes are L, P, S: against x, against y, along z.
    x = -(first[0] + spacing * np.arange(size[0]))
    y = -(first[1] + spacing * np.arange(size[1]))
    z = first[2] + spacing * np.arange(size[2])
    result = np.zeros(size[::-1], np.uint8)

    def fill(index: int) -> None:
        _fill_plane(result[index], voxels, sector, x, y, z[index])

    workers = max(1, min(8, os.cpu_count() or 1))
    # SciPy and NumPy release the interpreter's lock in the loops that take the time.
    from concurrent.futures import ThreadPoolExecutor  # not at file scope: it is slow to import, and most volumes need no conversion

    with ThreadPoolExecutor(workers) as pool:
        try:
            for done, _ in enumerate(pool.map(fill, range(size[2]))):
                if progress is not None and done % 8 == 0:
                    progress("converting the scan", done / size[2])
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    image = sitk.GetImageFromArray(result)
    image.SetSpacing([spacing] * 3)
    image.SetOrigin([float(n) for n in first])
    return image


def converted_grid(low, high, spacing_mm: float | None = None, name: str = "volume"):
    """Spacing, first voxel (L, P, S) and size of the grid that covers the box; its voxels lie at multiples of the spacing."""
    low, high = np.array([-high[0], -high[1], low[2]]), np.array([-low[0], -low[1], high[2]])

    wanted = SPACING_MM if spacing_mm is None else float(spacing_mm)
    if not (np.isfinite(wanted) and wanted > 0):
        raise InputError(f"{name}: a spacing of {wanted:g} mm is impossible; give one such as {SPACING_MM}.")
    finest = _finest(high - low, wanted)
    if spacing_mm is not None and finest > wanted:
        raise InputError(
            f"{name}: at {wanted:g} mm it would have more than {MOST_VOXELS // 10**6} million voxels; give {finest:g} mm or more."
        )
    start, stop = np.floor(low / finest), np.ceil(high / finest)
    return finest, start * finest, [int(n) for n in stop - start + 1]


def _finest(extent, wanted: float) -> float:
    """The wanted spacing, or the next hundredth of a millimetre above that keeps the grid within its largest size."""
    spacing = wanted
    while np.prod(np.ceil(extent / spacing) + 2) > MOST_VOXELS:
        spacing = max(round(np.floor(spacing * 100 + 1) / 100, 2), spacing * 1.001)
    return spacing


def _fill_plane(plane, voxels, sector: Sector, x, y, z: float) -> None:
    """Writes one plane (y, x) of constant depth.

    phi depends on y and z alone, and r and theta on x and on the depth within the frame.
    """
    from scipy import ndimage

    beyond = z - sector.pivot_mm  # of the sweep's axis; negative on its near side, where a frame moves the other way
    side = 1.0 if beyond >= 0 else -1.0
    k = _position(np.arctan2(-y * side, abs(beyond)), sector.sweep_angles)
    rows = np.flatnonzero(~np.isnan(k))
    if not rows.size:
        return
    depth = (side * np.hypot(y[rows], beyond) + sector.pivot_mm)[:, None]
    i = (np.sqrt(x * x + depth * depth) - sector.first_sample_mm) / sector.sample_mm
    j = _position(np.arctan2(x, depth), sector.beam_angles)
    inside = (i >= -TOLERANCE) & (i <= sector.samples - 1 + TOLERANCE) & ~np.isnan(j)
    at = np.stack([np.broadcast_to(k[rows, None], i.shape)[inside], j[inside], np.clip(i[inside], 0, sector.samples - 1)])
    part = np.zeros(i.shape, np.uint8)
    part[inside] = ndimage.map_coordinates(voxels, at, output=np.uint8, order=1, mode="nearest", prefilter=False)
    plane[rows] = part


def _position(angles: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Where angles lie in a table that rises or falls: its index, with the fraction between two entries; NaN outside it."""
    index = np.arange(table.size, dtype=float)
    if table[0] > table[-1]:
        table, index = table[::-1], index[::-1]
    result = np.full(angles.shape, np.nan)
    inside = (angles >= table[0] - TOLERANCE) & (angles <= table[-1] + TOLERANCE)
    result[inside] = np.interp(angles[inside], table, index)
    return result
