"""Where the ovary lies in the field of view, and how the volume lies in space."""

import numpy as np
import SimpleITK as sitk

from .probe import Probe


def make_probe(p):
    """The Probe of parameters `p`."""
    return Probe(
        array_radius=p["array_radius"],
        sweep_radius=p["sweep_radius"],
        half_lateral=np.radians(p["half_lateral_degrees"]),
        half_sweep=np.radians(p["half_sweep_degrees"]),
        first_range=p["first_range"],
        last_range=p["last_range"],
    )


def place(p, rng, probe, radii):
    """Ovary centre (3,) and the volume's axes: three 1D arrays in mm, order depth, elevation, lateral.

    radii (3,) of the ovary in mm, its rotation not known yet. Nearly all of the ovary lies in the sector and the box, or about
    half of it and more when `cut` was drawn.
    """
    ball = rng.standard_normal((300, 3))
    ball *= 0.9 * np.mean(radii) * rng.random((300, 1)) ** (1 / 3) / np.linalg.norm(ball, axis=1, keepdims=True)
    best: tuple = (-1.0, None, None, None)
    for _ in range(80):
        centre, low, extent = _try_place(p, rng, probe, 0.8 * max(radii))
        points = centre + ball
        seen = probe.inside(*probe.to_beam(*points.T)) & ((points > low) & (points < low + extent)).all(axis=1)
        share = float(seen.mean())
        good = 0.45 < share < 0.9 if p["cut"] else share > 0.95
        best = max(best, (share + good, centre, low, extent), key=lambda item: item[0])
        if good:
            break
    _, centre, low, extent = best
    spacing = p["spacing"] * np.array(p["spacing_factors"])
    spacing *= max(1.0, (np.prod(extent / spacing) / p["max_voxels"]) ** (1 / 3))
    sizes = np.maximum(8, np.round(extent / spacing)).astype(int)
    return centre, [l + s * np.arange(n) for l, s, n in zip(low, spacing, sizes)]


def _try_place(p, rng, probe, half):
    """One draw of ovary centre, lower corner and extent of the box (mm)."""
    nearest = 5 + half if rng.random() < 0.9 else 6
    distance = rng.uniform(nearest, max(probe.last_range - 5, nearest + 2))
    sweep, angle = rng.uniform(-1, 1, 2) * np.array([probe.half_sweep, probe.half_lateral])
    centre = np.array(probe.to_cartesian(distance, sweep, angle))
    if p["tight"]:
        extent = np.array(p["tight_extent"])
        if not p["cut"]:
            extent = np.maximum(extent, 2 * half + 6)
        slack = np.full(3, 0.5) * extent if p["cut"] else np.maximum(0.12 * extent, extent / 2 - half)
        return centre, centre + rng.uniform(-1, 1, 3) * slack - extent / 2, extent
    extent = np.minimum(p["full_extent"], _sector_extent(probe))
    low = np.array([-rng.uniform(0, 4), -extent[1] / 2, -extent[2] / 2])
    # a box narrower than the sector is moved so that the ovary is in it
    margin = 2 if p["cut"] else half
    return centre, low + np.maximum(0, centre + margin - (low + extent)) - np.maximum(0, low - (centre - margin)), extent


def _sector_extent(probe):
    corners = probe.to_cartesian(probe.last_range, probe.half_sweep, 0), probe.to_cartesian(probe.last_range, 0, probe.half_lateral)
    return np.array([probe.last_range + 4, 2 * corners[0][1] + 2, 2 * corners[1][2] + 2])


def orient(p, arrays, spacing):
    """Arrays of order (depth, elevation, lateral) as sitk images with the drawn axis order, flips, origin and direction."""
    direction = _direction(p)
    images = []
    for array in arrays:
        array = np.transpose(array, p["axes"])
        array = np.flip(array, tuple(axis for axis, flip in enumerate(p["flips"]) if flip))
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        image.SetSpacing([spacing[a] for a in p["axes"]][::-1])
        image.SetOrigin(p["origin"])
        image.SetDirection(direction.ravel().tolist())
        images.append(image)
    return images


def _direction(p):
    if p["direction"] == "flipped":
        signs = -np.ones(3)
        signs[p["flipped_axis"]] = 1
        return np.diag(signs)
    if p["direction"] == "oblique":
        matrix = np.eye(3)
        for axis, angle in enumerate(np.radians(p["oblique_degrees"])):
            turn = np.eye(3)
            i, j = [a for a in range(3) if a != axis]
            turn[i, i] = turn[j, j] = np.cos(angle)
            turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
            matrix = matrix @ turn
        return matrix
    return np.eye(3)
