"""The ovary from a few contours: a smooth closed surface through curves that were drawn in two or more planes.

An implicit surface: the ellipsoid that the contours' points suggest, |x|^2 - 1, plus a smooth correction by radial basis functions
(SciPy's), so that the sum is 0 on every contour. Where no contour tells, an ovary is an ellipsoid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .contour_check import Contour, check_contours
from .ellipsoid_fit import fitted_ellipsoid

POINTS = 48  # of a contour, evenly spaced along it
MOST = 20  # contours: the system that is solved grows with them
BESIDE = 0.15  # how far beside the contour the surface is told its inside and outside, in radii of the ellipsoid
# Contours that two hands drew do not meet exactly where their planes do; without a little smoothing the surface would ripple there.
SMOOTHING = 1e-3
#: A part of the outline that is further from every contour than this, in radii of the ball of equal volume, is a guess.
FAR = 0.85
STEPS = 48  # of the grid on which the surface is computed, along its longest side
REACH = 1.6  # half of that grid's size, in radii


def ovary_from_contours(contours: Sequence, image, names: Sequence[str] | None = None):
    """The ovary as a mask (SimpleITK, uint8, 1 inside) on exactly the grid of a SimpleITK image.

    contours: arrays (n, 3) of points (x, y, z) in mm in the image's physical coordinates (LPS), each in the order in which they follow each
    other round the ovary, in a plane of its own; two planes at least, three or more for a volume that can be relied on.
    names: what messages call them.
    Raises InputError, one line, for contours that are open, cross, contradict each other, or lie outside the image or all in one plane.
    """
    import SimpleITK as sitk

    if len(contours) > MOST:
        raise InputError(f"{len(contours)} contours are more than {MOST}; two to six suffice.")
    checked = check_contours(contours, names)
    for contour in checked:
        _check_inside(contour, image)
    surface = _surface(checked)
    mask = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(image)
    box = _box_on(image, surface)
    if box is None:
        raise InputError("the contours enclose no voxel of the volume; draw them larger.")
    start, size = box
    part = sitk.RegionOfInterest(mask, size, start)
    inside = sitk.Resample(surface, part, sitk.Transform(), sitk.sitkBSpline, 1.0) < 0
    mask = sitk.Paste(mask, sitk.Cast(inside, sitk.sitkUInt8), size, [0, 0, 0], start)
    if not sitk.GetArrayViewFromImage(mask).any():
        raise InputError("the contours enclose no voxel of the volume; draw them larger.")
    return mask


def unseen_mm(contours: Sequence, mask) -> float | None:
    """How far (mm) the outline of a mask (SimpleITK, not empty) lies from the nearest of the contours that it was made of, where it is furthest; None where
    that is near enough (FAR) for a smooth outline. contours: as of `ovary_from_contours`."""
    import SimpleITK as sitk
    from scipy import ndimage
    from scipy.spatial import cKDTree

    inside = sitk.GetArrayViewFromImage(mask) > 0
    edge = np.argwhere(inside & ~ndimage.binary_erosion(inside))[:, ::-1]
    points = edge * mask.GetSpacing() @ np.reshape(mask.GetDirection(), (3, 3)).T + mask.GetOrigin()
    drawn = np.concatenate([_evenly_spaced(contour.points) for contour in check_contours(contours)])
    furthest = float(cKDTree(drawn).query(points)[0].max())
    radius = (3 * np.count_nonzero(inside) * np.prod(mask.GetSpacing()) / (4 * np.pi)) ** (1 / 3)
    return furthest if furthest > FAR * radius else None


def _surface(contours: list[Contour]):
    """A SimpleITK image (float32, axes of the patient): below 0 inside the surface, one piece."""
    import SimpleITK as sitk
    from scipy import ndimage
    from scipy.interpolate import RBFInterpolator

    curves = [_evenly_spaced(contour.points) for contour in contours]
    centre, directions, radii = fitted_ellipsoid(np.concatenate(curves))
    # In the coordinates of the ellipsoid, where it is a ball of radius 1.
    round_ = [(curve - centre) @ directions / radii for curve in curves]
    known, values = zip(*(_constraints(curve) for curve in round_))
    known, values = np.concatenate([*known, [[0, 0, 0]]]), np.concatenate([*values, [-1.0]])
    correction = RBFInterpolator(known, values - _ball(known), kernel="cubic", degree=1, smoothing=SMOOTHING)

    reach = REACH * np.linalg.norm(directions * radii, axis=1)
    step = 2 * reach.max() / STEPS
    sizes = np.ceil(2 * reach / step).astype(int) + 1
    grids = np.meshgrid(*(np.arange(n) for n in sizes[::-1]), indexing="ij")
    first = centre - step * (sizes - 1) / 2
    places = np.stack([grid.ravel() for grid in grids[::-1]], axis=1) * step + first
    places = (places - centre) @ directions / radii
    field = (_ball(places) + correction(places)).reshape(sizes[::-1]).astype(np.float32)
    # One piece, without holes: that of the centre, which the surface encloses.
    pieces, _ = ndimage.label(field < 0)
    middle = pieces[tuple(sizes[::-1] // 2)]
    one = ndimage.binary_fill_holes(pieces == (middle or np.bincount(pieces[pieces > 0]).argmax()))
    if any(np.take(one, end, axis).any() for axis in range(3) for end in (0, -1)):
        raise InputError("the contours leave a side of the ovary open; turn or move the slice view there and draw another one.")
    field = np.where(one, np.minimum(field, -1e-6), np.maximum(field, 1e-6))
    image = sitk.GetImageFromArray(field)
    image.SetOrigin(first.tolist())
    image.SetSpacing([float(step)] * 3)
    return image


def _constraints(curve: np.ndarray):
    """Places (m, 3) and values (m,) of the implicit function along a curve (n, 3): 0 on it, above 0 a little outside, below 0 inside.

    Beside the curve, within its plane, the values are those of a ball through the curve's point: that is right whatever the angle at which
    the plane cuts it.
    """
    along = np.roll(curve, -1, axis=0) - np.roll(curve, 1, axis=0)
    middle = curve.mean(axis=0)
    normal = np.linalg.svd(curve - middle, full_matrices=False)[2][2]
    outward = np.cross(along, normal)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    if (np.cross(curve - middle, along) @ normal).sum() < 0:
        outward = -outward
    squared = (curve**2).sum(axis=1)
    places, values = [curve], [np.zeros(len(curve))]
    for beside in (BESIDE, -BESIDE):
        shifted = curve + beside * outward
        value = (shifted**2).sum(axis=1) / np.maximum(squared, 0.05) - 1
        # In a dent that faces away from the centre the ball has it the wrong way round: the hand knows better.
        least = 0.2 * BESIDE
        places.append(shifted)
        values.append(np.clip(value, least, 1) if beside > 0 else np.clip(value, -1, -least))
    return np.concatenate(places), np.concatenate(values)


def _ball(points: np.ndarray) -> np.ndarray:
    return (points**2).sum(axis=1) - 1


def _evenly_spaced(points: np.ndarray) -> np.ndarray:
    """POINTS points (POINTS, 3) along a smooth closed curve through the given ones."""
    from scipy.interpolate import make_interp_spline

    closed = np.concatenate([points, points[:1]])
    # Chords to the power of a half: the spline then makes no loops where a short one follows a long one.
    knots = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1) ** 0.5)])
    spline = make_interp_spline(knots, closed, k=3, bc_type="periodic")
    fine = spline(np.linspace(0, knots[-1], 20 * POINTS + 1))
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    wanted = np.linspace(0, length[-1], POINTS, endpoint=False)
    return np.stack([np.interp(wanted, length, fine[:, axis]) for axis in range(3)], axis=1)


def _check_inside(contour: Contour, image) -> None:
    """InputError for a contour that leaves the image by more than a voxel."""
    index = np.array([image.TransformPhysicalPointToContinuousIndex(point) for point in contour.points.tolist()])
    if (index < -1).any() or (index > np.array(image.GetSize())).any():
        raise InputError(f"{contour.name}: lies outside the volume; draw it within the image.")


def _box_on(image, surface):
    """(start, size) of the part of an image, in voxels, that the surface's grid covers where it is below 0; None where that is nothing."""
    import SimpleITK as sitk

    inside = np.argwhere(sitk.GetArrayViewFromImage(surface) < 0)
    lower, upper = inside.min(axis=0)[::-1] - 1, inside.max(axis=0)[::-1] + 1
    corners = [
        surface.TransformContinuousIndexToPhysicalPoint(np.where(c, upper, lower).astype(float).tolist()) for c in np.ndindex(2, 2, 2)
    ]
    index = np.array([image.TransformPhysicalPointToContinuousIndex(corner) for corner in corners])
    start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, None)
    stop = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, image.GetSize())
    if (stop <= start).any():
        return None
    return start.tolist(), (stop - start).tolist()
