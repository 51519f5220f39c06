"""Three slices of a volume as pictures, turned as a reader of 3D Slicer sees them, with letters that say which way is which."""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from ..structures import segments

PICTURE_PIXELS = 360
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


def plane_pictures(image: sitk.Image, ovary: sitk.Image, follicles: sitk.Image) -> list[Plane]:
    """Axial, sagittal and coronal slice through the ovary's centre, outlines in the segments' colours.

    The slices lie along the image's own axes; one that leans is called oblique. All three images lie on one grid; follicles holds k for
    follicle k. Without an ovary the slices go through the image's middle.
    """
    arrays = [sitk.GetArrayViewFromImage(each) for each in (image, ovary, follicles)]
    where = np.argwhere(arrays[1])
    centre = where.mean(axis=0).round().astype(int) if len(where) else np.array(arrays[1].shape) // 2
    low, high = (float(v) for v in np.percentile(arrays[0][centre[0]], (1, 99.5)))
    directions = np.reshape(image.GetDirection(), (3, 3)).T[::-1]  # of the array's axes z, y, x, in LPS
    spacing = image.GetSpacing()[::-1]
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
        picture = _picture(cut, (spacing[rows], spacing[columns]), low, high)
        found[anatomical] = Plane(name, picture, letters(up), letters(-up), letters(-right), letters(right))
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


def _picture(cut, spacing, low, high) -> np.ndarray:
    """cut: grey values, ovary and follicle numbers (h, w)."""
    from scipy import ndimage

    pixel = max(n * s for n, s in zip(cut[0].shape, spacing)) / PICTURE_PIXELS
    zoom = [s / pixel for s in spacing]
    shade = ndimage.zoom(np.clip((cut[0].astype(np.float32) - low) / max(high - low, 1e-6), 0, 1), zoom, order=1)
    picture = np.repeat((np.clip(shade, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
    for number in (0, *np.unique(cut[2][cut[2] > 0])):
        mask = ndimage.zoom((cut[1] > 0 if number == 0 else cut[2] == number).astype(np.uint8), zoom, order=0) > 0
        outline = ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask)
        picture[outline] = np.round(np.multiply(segments.colour(int(number)), 255))
    return picture
