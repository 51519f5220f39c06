"""Three slices of a volume as pictures, turned as a reader of 3D Slicer sees them, with letters that say which way is which."""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from ..structures import segments
from .lettering import paint_directions, paint_scale_bar, paint_words

PICTURE_PIXELS = 360
CLOSE_UP_PIXELS = 480
CLOSE_UP_MARGIN_MM = 4.0
#: Name of each plane by its normal's axis (LPS: left, posterior, superior), with what lies to the right and at the top in 3D Slicer.
_VIEWS = {2: ("Axial", (1, 0, 0), (0, -1, 0)), 0: ("Sagittal", (0, 1, 0), (0, 0, 1)), 1: ("Coronal", (1, 0, 0), (0, 0, 1))}
_LETTERS = ("LR", "PA", "SI")
_OBLIQUE = 0.985  # cosine of 10 degrees
_SECOND = 0.34  # cosine of 70 degrees: a direction that leans at least 20 degrees has two letters


class Plane(NamedTuple):
    """picture: RGB (h, w, 3) uint8, square pixels. letters: of left, right, anterior, posterior, superior, inferior at the picture's top,
    bottom, left and right."""

    name: str
    picture: np.ndarray
    top: str
    bottom: str
    left: str
    right: str


def plane_pictures(image: sitk.Image, ovary: sitk.Image, follicles: sitk.Image, *, close_up: bool = False) -> list[Plane]:
    """Axial, sagittal and coronal slice through the ovary's centre, outlines in the segments' colours.

    The slices lie along the image's own axes; one that leans is called oblique. All three images lie on one grid; follicles holds k for
    follicle k. Without an ovary the slices go through the follicles, without those through the image's middle. close_up: squares of one scale around the ovary, with the follicles'
    numbers, a scale bar and the letters of the directions.
    """
    arrays = [sitk.GetArrayViewFromImage(each) for each in (image, ovary, follicles)]
    where = np.argwhere(arrays[1] if arrays[1].any() else arrays[2])
    centre = where.mean(axis=0).round().astype(int) if len(where) else np.array(arrays[1].shape) // 2
    low, high = (float(v) for v in np.percentile(arrays[0][centre[0]], (1, 99.5)))
    directions = np.reshape(image.GetDirection(), (3, 3)).T[::-1]  # of the array's axes z, y, x, in LPS
    spacing = image.GetSpacing()[::-1]
    side_mm = _close_up_mm(where, spacing, arrays[1].shape) if close_up else None
    found = {}
    for axis, anatomical in enumerate(_nearest_axes(directions)):
        name, to_right, to_top = _VIEWS[anatomical]
        if abs(directions[axis][anatomical]) < _OBLIQUE:
            name = f"Oblique, nearest to {name.lower()}"
        rows, columns = (a for a in range(3) if a != axis)
        cut = [np.take(each, centre[axis], axis=axis) for each in arrays]
        if abs(directions[rows] @ to_right) > abs(directions[columns] @ to_right):
            rows, columns = columns, rows
            cut = [each.T for each in cut]
        # Rows of a picture go down.
        if directions[rows] @ to_top > 0:
            cut = [each[::-1] for each in cut]
        if directions[columns] @ to_right < 0:
            cut = [each[:, ::-1] for each in cut]
        up = directions[rows] * np.sign(directions[rows] @ to_top)
        right = directions[columns] * np.sign(directions[columns] @ to_right)
        apart = (spacing[rows], spacing[columns])
        if side_mm is None:
            picture = _picture(cut, apart, max(n * s for n, s in zip(cut[0].shape, apart)) / PICTURE_PIXELS, low, high)
        else:
            picture = _close_up(cut, apart, side_mm / CLOSE_UP_PIXELS, low, high)
        words = (letters(up), letters(-up), letters(-right), letters(right))
        if close_up:
            paint_directions(picture, *words)
        found[anatomical] = Plane(name, picture, *words)
    return [found[anatomical] for anatomical in _VIEWS]


def letters(direction) -> str:
    """What lies in a direction (LPS): "A", or "AS" for one that leans, the nearer one first."""
    order = np.argsort(-np.abs(direction))
    return "".join(
        _LETTERS[a][0 if direction[a] > 0 else 1] for place, a in enumerate(order[:2]) if not place or abs(direction[a]) > _SECOND
    )


def _nearest_axes(directions) -> tuple:
    """For each of the array's axes the anatomical one (0 left, 1 posterior, 2 superior) that is nearest; each once."""
    return max(permutations(range(3)), key=lambda order: sum(abs(directions[axis][a]) for axis, a in enumerate(order)))


def _close_up_mm(where, spacing, shape) -> float:
    """The side of the square that holds the ovary (its voxels' indices, (n, 3)) seen along any axis, with a margin."""
    extents = (np.ptp(where, axis=0) + 1 if len(where) else np.array(shape)) * spacing
    return float(extents.max()) + 2 * CLOSE_UP_MARGIN_MM


def _close_up(cut, spacing, pixel, low, high) -> np.ndarray:
    """The part of a cut (grey values, ovary and follicle numbers, each (h, w)) around the ovary, CLOSE_UP_PIXELS square, black beyond the volume."""
    half = CLOSE_UP_PIXELS * pixel / 2
    where = np.argwhere(cut[1] if cut[1].any() else cut[2])
    middle = (where.min(axis=0) + where.max(axis=0)) / 2 if len(where) else (np.array(cut[1].shape) - 1) / 2
    first = [max(int(np.floor(m - half / s)), 0) for m, s in zip(middle, spacing)]
    last = [min(int(np.ceil(m + half / s)) + 1, n) for m, s, n in zip(middle, spacing, cut[1].shape)]
    part = [each[first[0] : last[0], first[1] : last[1]] for each in cut]
    drawn = _picture(part, spacing, pixel, low, high)
    picture = np.zeros((CLOSE_UP_PIXELS, CLOSE_UP_PIXELS, 3), np.uint8)
    shift = [round(CLOSE_UP_PIXELS / 2 + (f - 0.5 - m) * s / pixel) for f, m, s in zip(first, middle, spacing)]
    target = [slice(max(t, 0), min(t + n, CLOSE_UP_PIXELS)) for t, n in zip(shift, drawn.shape)]
    picture[target[0], target[1]] = drawn[tuple(slice(t.start - s, t.stop - s) for t, s in zip(target, shift))]
    _number(picture, part[2], spacing, pixel, shift)
    paint_scale_bar(picture, pixel)
    return picture


def _number(picture, numbers, spacing, pixel, shift) -> None:
    """Write each follicle's number where it is widest."""
    from scipy import ndimage

    for number in np.unique(numbers[numbers > 0]):
        depth = ndimage.distance_transform_edt(np.pad(numbers == number, 1), sampling=spacing)[1:-1, 1:-1]
        deepest = np.argwhere(depth > depth.max() - 1e-6).mean(axis=0)
        row, column = ((i + 0.5) * s / pixel + t for i, s, t in zip(deepest, spacing, shift))
        paint_words(picture, str(int(number)), row, column)


def _picture(cut, spacing, pixel, low, high) -> np.ndarray:
    """cut: grey values, ovary and follicle numbers (h, w); pixel: mm a pixel."""
    from scipy import ndimage

    zoom = [s / pixel for s in spacing]
    shade = ndimage.zoom(np.clip((cut[0].astype(np.float32) - low) / max(high - low, 1e-6), 0, 1), zoom, order=1)
    picture = np.repeat((np.clip(shade, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
    for number in (0, *np.unique(cut[2][cut[2] > 0])):
        mask = ndimage.zoom((cut[1] > 0 if number == 0 else cut[2] == number).astype(np.uint8), zoom, order=0) > 0
        outline = ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask)
        picture[outline] = np.round(np.multiply(segments.colour(int(number)), 255))
    return picture
