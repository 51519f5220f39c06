"""How far a prediction is from the true boundary where that is clear, faint or hidden in the image: what rendering is meant for (paper 1, 2.2).

Visibility is measured in the image itself, so that it means the same for both simulators and for labelled volumes of a user.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

REACH_MM = 1.5  # deviation of the Gaussian that says what "beside the boundary" is
MARGIN_MM = 4.5
#: Contrast-to-noise ratio across the boundary: below the first it is hidden, from the second on clear. Fixed before any model was measured.
LIMITS = (0.25, 0.75)
NAMES = ("hidden", "faint", "clear")
LEAST = 50  # surface voxels; fewer are no figure


def boundary_by_visibility(image, reference, prediction, spacing_mm) -> dict:
    """{"hidden", "faint", "clear": (share of the reference's surface, mean distance in mm from there to the prediction's surface)}.

    image (D, H, W) as acquired; reference and prediction masks of its shape; spacing_mm (z, y, x). A distance is None where fewer than LEAST
    voxels of the surface are of a kind, or the prediction is empty; everything is None where the reference is. What touches the image's edge is
    no surface.
    """
    image, reference, prediction = np.asarray(image), np.asarray(reference) != 0, np.asarray(prediction) != 0
    nothing: dict = dict.fromkeys(NAMES, (None, None))
    found = ndimage.find_objects(reference.astype(np.uint8))
    if not found:
        return nothing
    margin = [int(np.ceil(MARGIN_MM / s)) + 1 for s in spacing_mm]
    box = tuple(slice(max(0, part.start - m), part.stop + m) for part, m in zip(found[0], margin))
    surface = np.argwhere(surface_of(reference)[box])
    if not len(surface):
        return nothing
    contrast = boundary_contrast(image[box], reference[box], spacing_mm)[tuple(surface.T)]
    away = _distances(surface + [part.start for part in box], prediction, spacing_mm)
    kind = np.digitize(contrast, LIMITS)
    result = {}
    for number, name in enumerate(NAMES):
        of = kind == number
        result[name] = (float(of.mean()), float(away[of].mean()) if away is not None and of.sum() >= LEAST else None)
    return result


def surface_of(mask):
    """Voxels of a mask (D, H, W) that have one of another kind among their six neighbours; the image's edge counts as more of the mask."""
    return mask & ~ndimage.binary_erosion(mask, border_value=1)


def boundary_contrast(image, mask, spacing_mm):
    """Contrast-to-noise ratio across the boundary at each voxel: |mean inside - mean outside| / root of the summed variances, Gaussian-weighted.

    Outside counts what has an echo alone (above 0); where there is none the ratio is 0: a boundary at the edge of the sector is not seen.
    """
    values = np.asarray(image, np.float32)
    sigma = [REACH_MM / s for s in spacing_mm]
    sides = [_mean_and_variance(values, side, sigma) for side in (mask, ~mask & (values > 0))]
    (inside, v_in), (outside, v_out) = sides
    ratio = np.abs(inside - outside) / np.sqrt(np.maximum(v_in + v_out, 1e-6))
    return np.nan_to_num(ratio, nan=0.0)


def _mean_and_variance(values, where, sigma):
    """Weighted mean and variance of `values` over the voxels of `where` round each voxel; NaN where there are next to none."""
    weights = ndimage.gaussian_filter(where.astype(np.float32), sigma, truncate=3.0)
    weights[weights < 1e-3] = np.nan
    kept = np.where(where, values, 0)
    mean = ndimage.gaussian_filter(kept, sigma, truncate=3.0) / weights
    square = ndimage.gaussian_filter(kept * kept, sigma, truncate=3.0) / weights
    return mean, square - mean * mean


def _distances(points, mask, spacing_mm):
    """Millimetres from voxels (N, 3) to the nearest surface voxel of a mask; None where it has none."""
    from scipy.spatial import cKDTree

    surface = np.argwhere(surface_of(mask))
    return None if not len(surface) else cKDTree(surface * np.asarray(spacing_mm)).query(points * np.asarray(spacing_mm))[0]
