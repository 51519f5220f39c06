"""A classical baseline without learning: dark blobs by local threshold and watershed, the ovary as the hull of where they crowd.

What a model must beat to be worth its weights. It sees the volume alone, on a grid of 0.6 mm as the bundled model does.
"""

from __future__ import annotations

import time

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from crend.result import Segmentation
from crend.structures.follicles import renumber_by_size
from crend.structures.measurements import measure

STEP_MM = 0.6
SPECKLE_MM = 0.7  # smoothing before the threshold
AROUND_MM = 7.0  # what "dark" is compared with
DARK = 0.68  # of the mean grey around
CROWD_MM = 9.0
REACH_MM = 22.0  # a follicle of the ovary lies no farther from where they crowd
SHELL_MM = 2.0  # stroma beyond the outermost follicles
SMALLEST_MM, LARGEST_MM = 2.0, 28.0
LEAST_ROUND = 0.45  # share of the ball of its longest diameter that a blob fills


def segment_classically(image: sitk.Image) -> Segmentation:
    """Ovary, follicles and measurements of a volume, on exactly its grid, as `crend.predict.segment` gives them."""
    began = time.perf_counter()
    spacing = np.array(image.GetSpacing()[::-1])
    grey = sitk.GetArrayFromImage(image).astype(np.float32)
    zoom = spacing / STEP_MM
    small = ndimage.zoom(
        ndimage.gaussian_filter(grey, 0.5 * np.maximum(STEP_MM / spacing - 1, 0)), zoom, order=1, grid_mode=True, mode="nearest"
    )
    blobs = _blobs(small)
    chosen = _of_one_ovary(blobs)
    organ = _hull(chosen > 0)
    labels, ovary = (_at(array, zoom, grey.shape) for array in (chosen, organ.astype(np.uint16)))
    labels = renumber_by_size(labels)
    ovary = ((ovary > 0) | (labels > 0)).astype(np.uint8)
    images = []
    for array in (ovary, labels):
        result = sitk.GetImageFromArray(array)
        result.CopyInformation(image)
        images.append(result)
    ovary, follicles = images
    return Segmentation(
        ovary, follicles, measure(ovary, follicles), {"bundle": "dark-blob watershed", "seconds": round(time.perf_counter() - began, 2)}
    )


def _blobs(grey) -> np.ndarray:
    """Instances (int32) of round dark things inside the sector."""
    sector = ndimage.binary_opening(grey > 2, iterations=1) | (grey > 2)
    sector = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(sector, 6), iterations=5))[6:-6, 6:-6, 6:-6]
    weight = ndimage.gaussian_filter(sector.astype(np.float32), AROUND_MM / STEP_MM)
    around = ndimage.gaussian_filter(np.where(sector, grey, 0), AROUND_MM / STEP_MM) / np.maximum(weight, 1e-3)
    dark = sector & (ndimage.gaussian_filter(grey, SPECKLE_MM / STEP_MM) < DARK * around)
    depth = ndimage.distance_transform_edt(np.pad(dark, 1))[1:-1, 1:-1, 1:-1]
    smooth = ndimage.gaussian_filter(depth, 0.8)
    peaks = (smooth == ndimage.maximum_filter(smooth, 5)) & (depth > 1.0)
    markers = ndimage.label(peaks, np.ones((3, 3, 3)))[0].astype(np.int32)
    markers[~dark] = markers.max() + 1
    height = sitk.GetImageFromArray(np.where(dark, -smooth, 1).astype(np.float32))
    flooded = sitk.MorphologicalWatershedFromMarkers(height, sitk.GetImageFromArray(markers.astype(np.uint32)), markWatershedLine=False)
    labels = np.where(dark, sitk.GetArrayFromImage(flooded), 0).astype(np.int32)
    labels[labels == markers.max()] = 0
    edge = ~ndimage.binary_erosion(np.pad(sector, 1), iterations=2)[1:-1, 1:-1, 1:-1]
    return _round_ones(labels, edge)


def _round_ones(labels, edge):
    kept = np.zeros_like(labels)
    for k, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        mine = labels[box] == k
        diameter = (6 / np.pi * mine.sum()) ** (1 / 3) * STEP_MM
        where = np.argwhere(mine)
        spread = np.sqrt(5 * np.linalg.eigvalsh(np.cov(where.T) + np.eye(3) / 12)) if len(where) > 3 else np.ones(3)
        roundness = mine.sum() / (4 / 3 * np.pi * spread.max() ** 3)
        if SMALLEST_MM <= diameter <= LARGEST_MM and roundness >= LEAST_ROUND and (edge[box] & mine).sum() < 0.1 * mine.sum():
            kept[box][mine] = k
    return kept


def _of_one_ovary(blobs):
    """Those blobs that lie where blobs crowd most."""
    if not blobs.any():
        return blobs
    crowd = ndimage.gaussian_filter((blobs > 0).astype(np.float32), CROWD_MM / STEP_MM)
    peak = np.array(np.unravel_index(crowd.argmax(), crowd.shape))
    ids = np.unique(blobs[blobs > 0])
    centres = np.array(ndimage.center_of_mass(blobs > 0, blobs, ids))
    near = ids[np.linalg.norm(centres - peak, axis=1) * STEP_MM < REACH_MM]
    return np.where(np.isin(blobs, near), blobs, 0)


def _hull(mask):
    """Convex hull of a mask, SHELL_MM larger."""
    from scipy.spatial import Delaunay, QhullError

    points = np.argwhere(mask)
    if len(points) < 5:
        return mask
    try:
        hull = Delaunay(points[:: max(1, len(points) // 4000)])
    except QhullError:
        return mask
    low, high = points.min(axis=0), points.max(axis=0) + 1
    grid = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high)), indexing="ij"), -1)
    inside = np.zeros_like(mask)
    inside[tuple(slice(a, b) for a, b in zip(low, high))] = hull.find_simplex(grid) >= 0
    return ndimage.distance_transform_edt(~(inside | mask)) <= SHELL_MM / STEP_MM


def _at(array, zoom, shape):
    """Labels of the coarse grid at the voxels of the volume (nearest)."""
    index = [np.clip(((np.arange(n) + 0.5) * z).astype(int), 0, m - 1) for n, z, m in zip(shape, zoom, array.shape)]
    return array[np.ix_(*index)]
