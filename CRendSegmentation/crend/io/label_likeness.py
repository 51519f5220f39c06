"""Whether an image holds labels rather than ultrasound, by its voxels and by its name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import NoVolume

_MOST_LABELS = 64
_SAMPLE = 200_000  # voxels that say quickly that there are more grey values than labels
_EVEN = 0.5  # of neighbours along a row, part that is alike: nearly all in labels, few in speckle
_NAMED = re.compile(r"label|seg(mentation)?s?$|mask|gt$|(ground)?truth|annotation|contour|roi$|manual$")
_RATERS = re.compile(r"_[of]_r\d+$")  # of USOVA3D: ovary, follicles


def is_named_as_labels(path: Path) -> bool:
    """Whether a file's name, or that of its folder (nnU-Net's labelsTr), says that it holds labels."""
    stem = path.name.lower().split(".nii")[0].removesuffix(path.suffix.lower())
    words = [word for part in (stem, path.parent.name.lower()) for word in re.split(r"[^a-z]+", part)]
    return any(map(_NAMED.match, words)) or bool(_RATERS.search(stem))


def holds_labels(image) -> bool:
    """Whether a 3D SimpleITK image holds nothing but a few whole numbers in areas of one number each. An image of one value counts, too."""
    import SimpleITK as sitk

    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        return False
    array = sitk.GetArrayViewFromImage(image)
    if array.dtype.kind not in "uif" or not array.size:
        return False
    sample = array.ravel()[:: max(1, array.size // _SAMPLE)]
    if len(np.unique(sample)) > _MOST_LABELS or not _whole(sample) or not _whole(array):
        return False
    if array.min() == array.max():
        return True
    return _evenness(array) > _EVEN


def even_areas(array: np.ndarray) -> bool:
    """Whether labels (D, H, W) of any number are drawn, and are not the grey values of a volume, scaled or not: those differ from voxel to voxel.

    A few labels may be as small as a voxel; many that are all as small are none.
    """
    return _evenness(array) >= (_EVEN if len(np.unique(array)) > _MOST_LABELS else _EVEN / 2)


def _evenness(array: np.ndarray) -> float:
    """Of neighbours along a row that are not both 0, the part that is alike; 1 where there are none."""
    before, after = array[..., :-1], array[..., 1:]
    filled = (before != 0) | (after != 0)
    return float((before == after)[filled].mean()) if filled.any() else 1.0


def refuse_labels(image, path) -> None:
    """NoVolume for an image that holds labels."""
    if holds_labels(image):
        raise NoVolume(f"{path}: a label image (a few whole numbers in even areas); give the ultrasound volume that it was drawn on.")


def _whole(array) -> bool:
    return array.dtype.kind in "ui" or bool((np.isfinite(array) & (array == np.round(array))).all())
