"""Whether two volumes are one and the same, though one was mirrored, turned, respaced, resampled, framed or cut, or its grey values were stretched.

A volume is reduced to its details in a small cube. Two of them are compared in each of the 48 orientations along the axes, and, where both
lie in one place, as they lie there, which also finds a part that was cut out of another volume. Copies correlate with 0.8 to 1, different
volumes of one simulator with less than 0.3; ALIKE lies between.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

ALIKE = 0.6
CELLS = 24  # along each axis of the cube: some voxels each, so that resampling changes little
_TAIL = 0.02  # of what changes from voxel to voxel, share left out at each end of an axis: a frame of one grey value has no part in it
_SMOOTH = 2.0  # cells; what is wider is the shape of the sector, which volumes of one probe share
_PLACE_CELLS = 32
_COVERED = 0.6  # of the smaller volume, share that the larger one must cover
_OUTSIDE = -1e30

_SKETCHED = 2 / np.pi * np.arcsin(ALIKE)  # what ALIKE becomes where only the signs of details are compared (of normal deviates)

_ORIENTATIONS = [(order, flipped) for order in itertools.permutations(range(3)) for flipped in itertools.product((False, True), repeat=3)]


@dataclass(frozen=True)
class Likeness:
    """details: (CELLS, CELLS, CELLS), z y x, of mean 0 and length 1; all 0 for a volume without any. place: the volume (SimpleITK), coarse, or
    None where only the details are known."""

    details: np.ndarray
    place: Any = None


def likeness_of(image) -> Likeness:
    """The Likeness of a 3D scalar SimpleITK image."""
    import SimpleITK as sitk

    factors = [max(1, round(size / _PLACE_CELLS)) for size in image.GetSize()]
    return Likeness(_cube(sitk.GetArrayViewFromImage(image)), sitk.BinShrink(sitk.Cast(image, sitk.sitkFloat32), factors))


def sketch_of(volume: Likeness) -> str:
    """The signs of its details, a bit a cell, in base64: 2,304 letters; "" for a volume without any."""
    return base64.b64encode(np.packbits(volume.details > 0).tobytes()).decode() if volume.details.any() else ""


def find_sketched(volume: Likeness, sketches: list[str]) -> tuple[int, str] | None:
    """As `find_copy`, of others of which only sketches are left: no cut-out is found. A text that is no sketch resembles nothing."""
    others = [Likeness(_signs(sketch)) for sketch in sketches]
    return find_copy(Likeness(_signs(sketch_of(volume))), others, _SKETCHED)


def find_copy(volume: Likeness, others: list[Likeness], alike: float = ALIKE) -> tuple[int, str] | None:
    """(index of the first of the others that `volume` is a copy of, what it is: "a copy", "a mirrored or turned copy", "a cut-out, or a larger part").

    None where there is none.
    """
    if not others:
        return None
    turned = np.stack([_turned(volume.details, order, flipped).ravel() for order, flipped in _ORIENTATIONS])
    found = np.abs(np.stack([other.details.ravel() for other in others]) @ turned.T)
    for index, (other, row) in enumerate(zip(others, found)):
        if row.max() >= alike:
            return index, "a copy" if row[0] >= alike else "a mirrored or turned copy"
        if volume.place is not None and other.place is not None and _in_place(volume.place, other.place) >= alike:
            return index, "a cut-out, or a larger part"
    return None


def _signs(sketch: str) -> np.ndarray:
    """What a sketch says of details, of mean 0 and length 1; all 0 where it is none."""
    try:
        bits = np.unpackbits(np.frombuffer(base64.b64decode(sketch, validate=True), np.uint8))
    except (binascii.Error, ValueError):
        bits = np.zeros(0)
    if bits.size != CELLS**3 or bits.min() == bits.max():
        return np.zeros((CELLS,) * 3, np.float32)
    signs = bits - bits.mean(dtype=float)
    return (signs / np.linalg.norm(signs)).astype(np.float32).reshape((CELLS,) * 3)


def _cube(array) -> np.ndarray:
    """The details of grey values (D, H, W)."""
    cells = array
    for change in _changes(array):
        if not change.any():
            return np.zeros((CELLS,) * 3, np.float32)
        # The first axis is averaged and goes last, so that after three times they stand in their order again.
        cells = np.tensordot(cells.astype(np.float32, copy=False), _averages(change), (0, 1))
    return _details(cells, np.ones(cells.shape, bool)).reshape(cells.shape)


def _details(cells, inside) -> np.ndarray:
    """What is narrower than _SMOOTH, of mean 0 and length 1, of the cells (D, H, W) inside, in one row."""
    from scipy import ndimage

    weight = ndimage.gaussian_filter(inside.astype(np.float32), _SMOOTH)
    wide = ndimage.gaussian_filter(np.where(inside, cells, 0), _SMOOTH)[inside] / weight[inside]
    details = cells[inside] - wide
    details -= details.mean()
    length = float(np.linalg.norm(details))
    return (details / length if length > 0 and np.isfinite(length) else np.zeros_like(details)).astype(np.float32)


def _changes(array) -> list[np.ndarray]:
    """For each axis how much the grey values change from voxel to voxel within each of its planes."""
    change = [np.zeros(length) for length in array.shape]
    before = None
    for number, plane in enumerate(array):
        plane = plane.astype(np.float32)
        rows, columns = np.abs(np.diff(plane, axis=0)), np.abs(np.diff(plane, axis=1))
        change[0][number] += rows.sum() + columns.sum()
        change[1] += columns.sum(axis=1)
        change[2] += rows.sum(axis=0)
        if before is not None:
            depth = np.abs(plane - before)
            change[1] += depth.sum(axis=1)
            change[2] += depth.sum(axis=0)
        before = plane
    return change


def _averages(change: np.ndarray) -> np.ndarray:
    """(CELLS, planes): the part that each plane has in the mean of each of the CELLS, which share out what lies between the tails of `change`."""
    total = np.concatenate([[0.0], np.cumsum(change)])
    low, high = np.interp([_TAIL * total[-1], (1 - _TAIL) * total[-1]], total, np.arange(len(total)))
    edges = np.linspace(low, high, CELLS + 1)
    begin, end = edges[:-1, None], edges[1:, None]
    planes = np.arange(len(change))
    parts = np.clip(np.minimum(end, planes + 1) - np.maximum(begin, planes), 0, None)
    return (parts / (end - begin)).astype(np.float32)


def _turned(cells, order, flipped):
    return cells.transpose(order)[tuple(slice(None, None, -1) if flip else slice(None) for flip in flipped)]


def _in_place(first, second) -> float:
    """Correlation of the details of two coarse volumes where the larger one covers the smaller one; 0 where it covers too little of it."""
    import SimpleITK as sitk

    small, large = sorted((first, second), key=lambda image: float(np.prod(np.multiply(image.GetSize(), image.GetSpacing()))))
    there = sitk.GetArrayFromImage(sitk.Resample(large, small, sitk.Transform(), sitk.sitkLinear, _OUTSIDE))
    inside = there > _OUTSIDE / 2
    if inside.mean() < _COVERED:
        return 0.0
    return abs(float(_details(there, inside) @ _details(sitk.GetArrayViewFromImage(small), inside)))
