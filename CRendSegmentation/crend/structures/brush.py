"""An outline changed by one click: grown out to a place or shrunk back from it, within a brush and nowhere else.

The outline is moved in three steps, all in mm of depth below it: a bulge that just takes the clicked place in; what the model's probabilities
say of the places around it, in comparison with the clicked one; and, where the model cannot tell, the edges of the image. Arrays are (z, y, x).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError

RADIUS_MM = 4.0
FAINTEST = 0.1  # probability at the click below which the model denies what the user says: it is not asked then
CONTRAST = 0.3  # probabilities in the brush that differ by less than this tell no place from another
SURE = 1.5  # difference of log odds from which on the model is heeded in full
REACH = 1.0  # how far the model may move the outline, in radii
#: Part of the variance in the brush that two classes of grey explain: speckle of one tissue has 0.64, what is more has an edge.
EDGE = 0.75
SMOOTH_MM = 0.6


def crop_around(image, point: Sequence[float], radius_mm: float, name: str = "the volume"):
    """The part of a SimpleITK image that a brush at a point (x, y, z; LPS) reaches, with a margin.

    InputError for a point outside the image, and a radius that is none."""
    import SimpleITK as sitk

    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    index = np.array(image.TransformPhysicalPointToContinuousIndex([float(value) for value in point]))
    if not 0 < radius_mm < np.inf:
        raise InputError(f"{name}: a brush of {radius_mm:g} mm reaches nothing; set a radius above 0 mm.")
    if not ((index >= -0.5) & (index <= size - 0.5)).all():  # not a number is outside, too
        raise InputError(f"{name}: the click lies outside the volume; click into the image.")
    reach = 1.5 * radius_mm / spacing + 2
    start = np.clip(np.floor(index - reach), 0, None).astype(int)
    stop = np.minimum(np.ceil(index + reach).astype(int) + 1, size)
    return sitk.RegionOfInterest(image, (stop - start).tolist(), start.tolist())


def reshape(
    mask: np.ndarray,
    position: Sequence[float],
    spacing_zyx: Sequence[float],
    *,
    grow: bool,
    radius_mm: float = RADIUS_MM,
    values: np.ndarray | None = None,
    probability: np.ndarray | None = None,
    fixed: np.ndarray | None = None,
) -> np.ndarray:
    """The mask (D, H, W) bool after a click at a position (z, y, x; voxels): with grow the clicked voxel is in it, else it is not.

    What lies further than radius_mm from the click stays, and so do voxels that are `fixed` (bool). values: the image's; probability: of the
    structure; both of the mask's shape, either may be None.
    InputError where the outline is out of the brush's reach, or nothing would be left. ValueError for a click on the wrong side.
    """
    clicked = tuple(int(np.clip(np.floor(p + 0.5), 0, n - 1)) for p, n in zip(position, mask.shape))
    if mask[clicked] == grow:
        raise ValueError("the click is on the side of the outline to which it would move it")
    away = sum(((g - p) * s) ** 2 for g, p, s in zip(np.ogrid[tuple(slice(n) for n in mask.shape)], position, spacing_zyx)) ** 0.5
    brush = away <= radius_mm
    brush[clicked] = True
    free = brush if fixed is None else brush & ~fixed
    if grow:
        taken = _taken_in(mask, clicked, away, spacing_zyx, radius_mm, free, values, probability)
        return mask | taken
    given = None if probability is None else 1 - probability
    left = mask & ~_taken_in(~mask, clicked, away, spacing_zyx, radius_mm, free, values, given)
    return _without_crumbs(left, brush, fixed)


def _taken_in(mask, clicked, away, spacing, radius, free, values, probability) -> np.ndarray:
    """Voxels (bool) that join a mask, so that it holds the clicked one: some of `free`, in one piece with the mask."""
    from scipy import ndimage

    outside = ndimage.distance_transform_edt(~mask, sampling=spacing) if mask.any() else np.full(mask.shape, np.inf)
    depth = (ndimage.distance_transform_edt(mask, sampling=spacing) if mask.any() else 0) - outside
    gap = -depth[clicked]
    if gap > radius:
        raise InputError("the outline is out of the brush's reach here; click nearer to it, or set a larger brush.")
    near = away / radius
    bulge = depth + (gap + min(spacing)) * np.clip(1 - near**2, 0, None)
    evidence = _of_model(probability, clicked, free)
    if evidence is None:
        evidence = _of_image(values, clicked, free, spacing)
    if evidence is not None:
        moved = bulge + REACH * radius * np.clip(1 - near**4, 0, None) * evidence
        taken = _joined(mask, free & ~mask & (moved > 0), clicked)
        if taken is not None:
            return taken
    taken = _joined(mask, free & ~mask & (bulge > 0), clicked)
    if taken is None:
        raise InputError("something else lies between the outline and this place; change that first.")
    return taken


def _joined(mask, taken, clicked) -> np.ndarray | None:
    """What of `taken` hangs together with the mask; None where the clicked voxel does not."""
    from scipy import ndimage

    taken[clicked] = True
    pieces, _ = ndimage.label(mask | taken, np.ones((3, 3, 3), bool))
    joined = taken & np.isin(pieces, np.unique(pieces[mask]))
    return joined if joined[clicked] else None


def _of_model(probability, clicked, free) -> np.ndarray | None:
    """-1 to 1: whether the model takes a place for what it takes the clicked one for; None where it cannot tell."""
    if probability is None or not free.any() or np.ptp(probability[free]) < CONTRAST:
        return None
    here = float(probability[tuple(slice(max(c - 1, 0), c + 2) for c in clicked)].max())
    if here < FAINTEST:
        return None
    level = 0.5 if here >= 0.5 else here / 2
    chance = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.clip((np.log(chance / (1 - chance)) - np.log(level / (1 - level))) / SURE, -1, 1)


def _of_image(values, clicked, free, spacing) -> np.ndarray | None:
    """0 where the grey is of the clicked place's kind, -1 where it is of another; None where there is one kind only."""
    from scipy import ndimage

    if values is None or np.count_nonzero(free) < 20:
        return None
    smooth = ndimage.gaussian_filter(values.astype(np.float32), [SMOOTH_MM / s for s in spacing])
    level, explained = _two_classes(smooth[free])
    if explained < EDGE:
        return None
    other = (smooth > level) != (smooth[clicked] > level)
    return -ndimage.gaussian_filter(other.astype(np.float32), [SMOOTH_MM / s for s in spacing])


def _two_classes(values) -> tuple[float, float]:
    """Otsu's threshold, and the part of the variance that its two classes explain."""
    import SimpleITK as sitk

    if np.ptp(values) < 1e-6:
        return float(values[0]), 0.0
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(values.reshape(1, -1)))
    above = values > otsu.GetThreshold()
    part = above.mean()
    if part in (0, 1):
        return float(otsu.GetThreshold()), 0.0
    between = part * (1 - part) * (values[above].mean() - values[~above].mean()) ** 2
    return float(otsu.GetThreshold()), float(between / values.var())


def _without_crumbs(mask, brush, fixed) -> np.ndarray:
    """The mask without pieces that lie within the brush alone, except those that hold something fixed. InputError when nothing is left."""
    from scipy import ndimage

    pieces, count = ndimage.label(mask, np.ones((3, 3, 3), bool))
    kept = set(np.unique(pieces[mask & ~brush]).tolist())
    if fixed is not None:
        kept |= set(np.unique(pieces[mask & fixed]).tolist())
    if not kept and count:
        sizes = np.bincount(pieces.ravel())[1:]
        kept = {int(sizes.argmax()) + 1}
    left = mask & np.isin(pieces, list(kept))
    if not left.any():
        raise InputError("nothing would be left of it; delete it instead.")
    return left
