"""Follicles changed by hand: one divided in two, one found around a point."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .structures.follicles import split_follicles

FAINTEST = 0.1  # follicle probability below which a point is nowhere near a follicle
NOTHING = "the model sees no follicle at this point; click into a dark follicle, or draw it in Segment Editor."
LARGEST_MM = 40.0  # no ovarian follicle is larger


def split_follicle(mask: np.ndarray, spacing_zyx) -> np.ndarray:
    """Labels (D, H, W) uint16 of the parts of one follicle's mask (D, H, W) bool: at its necks, or else in two halves.

    Largest part first, 1, 2, ... A follicle without a neck is cut across its longest axis through its centre.
    """
    mask = np.asarray(mask, bool)
    parts = split_follicles(mask, spacing_zyx, smallest_mm=0.0)
    if parts.max() >= 2:
        return parts
    index = np.argwhere(mask)
    if len(index) < 2:
        raise InputError("the follicle is a single voxel; it cannot be divided.")
    points = index * np.asarray(spacing_zyx, float)
    points -= points.mean(axis=0)
    along = points @ np.linalg.eigh(points.T @ points)[1][:, -1]
    ahead = along > np.median(along)
    parts = np.zeros(mask.shape, np.uint16)
    parts[tuple(index.T)] = np.where(ahead, 2, 1)
    if not ahead.any():
        raise InputError("the follicle is too small to be divided.")
    return parts


def follicle_at(image: sitk.Image, point, bundle=None, *, device="auto", engine="auto", name="the volume") -> sitk.Image:
    """The follicle around a point, its boundary drawn by the model's own rendering head: uint8 on exactly the image's grid.

    point: (x, y, z) in the image's physical coordinates (LPS, mm). One window of the model is centred on it; every voxel of the window that
    the model is not sure of is rendered (paper 2.2); the part around the point whose probability is above 0.5 (or above half of the
    point's own, where the model is in doubt) is the follicle. engine: as for crend.predict.segment.
    InputError when the point lies outside, when nothing there looks like a follicle, or when what is there is too large for one.
    """
    from .bundle import bundle as bundles
    from .inference.engines import make_engine
    from .inference.model_grid import normalise, to_model_grid
    from .inference.sliding import predict_window
    from .inference.windows import pad_to_patch
    from .io.volumes import check_image

    check_image(image, name)
    if not isinstance(bundle, bundles.Bundle):
        bundle = bundles.load(bundle)
    settings = bundle.metadata["crend"]
    if isinstance(engine, str):
        engine = make_engine(bundle.model, device, engine)
    values, grid = to_model_grid(image, settings["spacing_mm"])
    patch = tuple(settings["patch"])
    position = image.TransformPhysicalPointToContinuousIndex([float(c) for c in point])[::-1]
    if any(not -0.5 <= p <= n - 0.5 for p, n in zip(position, grid.image_shape)):
        raise InputError(f"{name}: the point lies outside the volume; click into a follicle.")
    centre = [int(round(float(grid.image_to_model(axis, position[axis])))) for axis in range(3)]

    padded, place = pad_to_patch(values, patch, 0)
    padded = normalise(padded, settings["normalisation"])
    seed = [min(max(c, 0), n - 1) + p.start for c, n, p in zip(centre, grid.shape, place)]
    start = [min(max(s - side // 2, 0), n - side) for s, side, n in zip(seed, patch, padded.shape)]
    window = padded[tuple(slice(first, first + side) for first, side in zip(start, patch))]

    probability = predict_window(engine, window, int(np.prod(patch)) // 8)[1]
    inside = tuple(s - first for s, first in zip(seed, start))
    best = float(probability[tuple(slice(max(i - 1, 0), i + 2) for i in inside)].max())
    if best < FAINTEST:
        raise InputError(f"{name}: {NOTHING}")
    level = 0.5 if best >= 0.5 else best / 2
    # The window's part that lies on the model grid, in the grid's own indices.
    box = tuple(
        slice(max(first - p.start, 0), min(first + side - p.start, n)) for first, side, p, n in zip(start, patch, place, grid.shape)
    )
    cut = tuple(slice(b.start + p.start - first, b.stop + p.start - first) for b, p, first in zip(box, place, start))
    region = np.zeros(grid.image_shape, bool)
    for where, slab in grid.image_slabs(probability[cut], box):
        region[where] = slab >= level
    mask = _part_at(region, position, tuple(reversed(image.GetSpacing())))
    if mask is None:
        raise InputError(f"{name}: {NOTHING}")
    size = 2 * (3 * mask.sum() * float(np.prod(image.GetSpacing())) / (4 * np.pi)) ** (1 / 3)
    if size > LARGEST_MM:
        raise InputError(f"{name}: what lies at this point is {size:.0f} mm large, no follicle; draw it in Segment Editor.")
    result = sitk.GetImageFromArray(mask.astype(np.uint8))
    result.CopyInformation(image)
    return result


def _part_at(region: np.ndarray, position, spacing_zyx):
    """The follicle of `region` (bool) at or beside a continuous index (z, y, x), or None; what touches it is cut off at its neck."""
    from scipy import ndimage

    def at(labels):
        voxel = [min(max(int(round(p)), 0), n - 1) for p, n in zip(position, labels.shape)]
        near = labels[tuple(slice(max(v - 1, 0), v + 2) for v in voxel)]
        return int(labels[tuple(voxel)] or near.max())

    components, _ = ndimage.label(region)
    label = at(components)
    if not label:
        return None
    parts = split_follicles(components == label, spacing_zyx, smallest_mm=0.0)
    return parts == (at(parts) or 1)
