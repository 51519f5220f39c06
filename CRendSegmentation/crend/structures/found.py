"""What was found on the model grid: the part of the grid that holds all of it, and the labels of the image that it becomes.

Float probabilities exist of that part alone. The way to the input's resolution covers its box, a few slices at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import Cancelled
from ..inference.blobs import bounding_box
from ..inference.model_grid import ModelGrid
from ..inference.probabilities import Probabilities
from .outlines import edge_threshold
from .ovaries import larger_first, separate
from .ovary import choose, neck_radius, without_foreign

FOUND = 1  # a voxel of a follicle, as `draw` marks it


@dataclass(frozen=True)
class Found:
    """What was found on the model grid, in the `region` (three slices) around all of it: the organ's mask (d, h, w), the mask `seen` of what is to be
    brought to the image, the probabilities (2, d, h, w) without what is foreign, and how many ovaries there are."""

    region: tuple
    organ: np.ndarray
    seen: np.ndarray
    probabilities: np.ndarray
    count: int


def margin_around(grid: ModelGrid) -> tuple:
    """Voxels of the model grid, z y x, that what was found may reach beyond its mask in the image's labels, and a shell around it."""
    return tuple(4 + int(np.ceil(ours / theirs)) for ours, theirs in zip(grid.image_spacing, grid.spacing))


def ovary_in(seen: Probabilities, thresholds: dict, grid: ModelGrid) -> Found | None:
    """The ovary or ovaries in a whole volume and their follicles; None without an ovary."""
    above, follicles = seen.reaching(thresholds)
    organ, own, count = choose(above, follicles, thresholds, float(np.prod(grid.spacing)) / 1000)
    if count == 0:
        return None
    region = bounding_box(organ | own, margin_around(grid))
    organ, own = organ[region], own[region]
    probabilities = without_foreign(seen.read(region), above[region], follicles[region], organ, own)
    return Found(region, organ | own, organ | own, probabilities, count)


def each_ovary(found: Found, grid: ModelGrid, ovary, where):
    """Labels (image_shape) uint8 of the ovaries in `ovary`, 1 = the larger; None where they cannot be told apart.

    where: the box (three slices) of the image that `draw` wrote.
    """
    small = bounding_box(found.organ, 2)
    box = _within(found.region, small)
    nearest = separate(found.organ[small], found.count, neck_radius(float(np.prod(grid.spacing)) / 1000))
    places = [
        np.clip(
            np.rint(grid.image_to_model(axis, np.arange(rows.start, rows.stop))).astype(int) - part.start, 0, part.stop - part.start - 1
        )
        for axis, (rows, part) in enumerate(zip(where, box))
    ]
    labels = larger_first(nearest[np.ix_(*places)] * ovary[where])
    if labels.max(initial=0) < found.count:
        return None
    result = np.zeros(ovary.shape, np.uint8)
    result[where] = labels
    return result


def draw(found: Found, grid: ModelGrid, thresholds, ovary, follicles, report: Callable, cancelled: Callable | None, whole: bool = True):
    """Write the masks into `ovary` and `follicles` (image_shape), slab by slab; returns the box (three slices) written.

    follicles: FOUND where one is, more within its edge. whole: with its follicles in the ovary. report(fraction) after each slab, `cancelled` is asked
    before each, and raises Cancelled here when it says True.
    """
    # Two voxels more than the mask: interpolation must see the values that place its boundary.
    small = bounding_box(found.seen, 2)
    box = _within(found.region, small)
    where = grid.image_region(box)
    crop = found.probabilities[(slice(None),) + small]
    slabs = zip(grid.image_slabs(crop[0], box), grid.image_slabs(crop[1], box))
    for (place, organ_values), (_, follicle_values) in slabs:
        if cancelled is not None and cancelled():
            raise Cancelled("stopped on the way to full resolution")
        follicle = follicle_values >= thresholds["follicles"]
        follicles[place] = FOUND * follicle + (follicle_values >= edge_threshold(thresholds))
        ovary[place] = (organ_values >= thresholds["ovary"]) | (whole & follicle)
        report((place[0].stop - where[0].start) / (where[0].stop - where[0].start))
    return where


def _within(region, small) -> tuple[slice, ...]:
    """Three slices of a region's own voxels as slices of the grid."""
    return tuple(slice(whole.start + part.start, whole.start + part.stop) for whole, part in zip(region, small))
