"""One review of two segmentations: figures, distance maps, and which follicles were missed or invented, all in the reference's coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import Cancelled, InputError
from .common_grid import on_common_grid
from .distance_maps import FOLLICLES, OVARY, shared_top
from .metrics import compare
from .surfaces import Surface, signed_distances, surface_of

REFERENCE, COMPARED = "reference", "compared"
SIDES = (REFERENCE, COMPARED)
_OUTSIDE = 0.5  # voxels that a mark lies outside the follicle it marks, so that the follicle's own surface does not hide it


@dataclass(frozen=True)
class DistanceMap:
    """The surface of a structure of one side, each point with its distance to the other side's surface: signed, mm, positive outside."""

    structure: str
    side: str
    surface: Surface
    distances: np.ndarray

    def spread(self):
        """{"signed": [min, mean, max], "absolute": ...} in mm."""
        kinds = {"signed": self.distances, "absolute": np.abs(self.distances)}
        return {kind: [float(values.min()), float(values.mean()), float(values.max())] for kind, values in kinds.items()}


@dataclass(frozen=True)
class Review:
    """figures: as metrics.compare, with prediction for compared. maps: DistanceMaps. tops: {structure: mm}, upper end of one range for all its maps.

    marks: {"missed", "false"}: one Surface around all such follicles, or None. centres: {side: {number: (x, y, z) LPS}} of every follicle.
    notes: what must be said in words beside the figures.
    """

    figures: dict
    maps: tuple
    tops: dict
    marks: dict = field(default_factory=dict)
    centres: dict = field(default_factory=dict)
    notes: tuple = ()


def review(reference, compared, *, names=SIDES, structures=(OVARY, FOLLICLES), sides=SIDES, percentile=95.0, progress=None, cancelled=None):
    """Review of two Labels, on any two grids.

    names: what messages call the two. structures: which surfaces get maps. sides: on whose surfaces: "reference" (distances from the
    reference to the compared one), "compared" (the other way), or both. percentile: of the Hausdorff distance, beside 95.
    progress(stage, fraction); cancelled() -> True ends it with Cancelled. Raises InputError, one line, for a segmentation that is empty,
    for two that lie far apart, and when none of the structures is in both.
    """
    tell = _Steps(progress, cancelled)
    tell("surfaces", 0.0)
    there = {side: _present(labels) for side, labels in zip(SIDES, (reference, compared))}
    _check(there, names, structures)
    try:
        common = on_common_grid(reference, compared)
    except InputError as error:
        raise InputError(f"{names[0]} and {names[1]}: {error}") from error
    shown = [structure for structure in structures if all(structure in there[side] for side in SIDES)]
    surfaces = {}
    for structure in shown:
        for side, labels in zip(SIDES, (reference, compared)):
            surfaces[structure, side] = surface_of(labels.ovary if structure == OVARY else labels.follicles)
            tell("surfaces", 0.4 * len(surfaces) / (2 * len(shown)))
    maps = []
    for structure in shown:
        for side in sides:
            mine, other = surfaces[structure, side], surfaces[structure, SIDES[side == REFERENCE]]
            maps.append(DistanceMap(structure, side, mine, signed_distances(mine.points, other)))
            tell("distances", 0.4 + 0.2 * len(maps) / (len(shown) * len(sides)))
    figures = compare(reference, compared, percentiles=(percentile,))
    tell("figures", 0.9)
    marks = {
        "missed": _mark(reference, [row["reference"] for row in figures["missed"]]),
        "false": _mark(compared, [row["prediction"] for row in figures["false"]]),
    }
    centres = {side: _centres(labels) for side, labels in zip(SIDES, (reference, compared))}
    tell("figures", 1.0)
    notes = _notes(figures, there, structures, common)
    tops = {structure: shared_top([part.distances for part in maps if part.structure == structure]) for structure in shown}
    return Review(figures, tuple(maps), tops, marks, centres, notes)


def _present(labels):
    """Which structures there are."""
    import SimpleITK as sitk

    return {name for name, image in ((OVARY, labels.ovary), (FOLLICLES, labels.follicles)) if sitk.GetArrayViewFromImage(image).any()}


def _check(there, names, structures):
    for side, name in zip(SIDES, names):
        if not there[side]:
            raise InputError(f"{name}: is empty; choose a segmentation with an ovary or follicles.")
    if not any(all(structure in there[side] for side in SIDES) for structure in structures):
        lacks = [
            f"{name} has no {' and no '.join(s for s in structures if s not in there[side])}"
            for side, name in zip(SIDES, names)
            if not set(structures) <= there[side]
        ]
        raise InputError(f"nothing to measure between: {', '.join(lacks)}.")


def _notes(figures, there, structures, common):
    import SimpleITK as sitk
    from scipy import ndimage

    from .boxes import union_box

    found = figures["detection"]
    n, m = found["count_reference"], found["count_prediction"]
    notes = list(figures["notes"])
    if n or m:
        words = f"{n} follicle{'s' * (n != 1)} in the reference, {m} in the compared one: {found['matched_one_to_one']} matched"
        notes.append(f"{words}, {found['missed_one_to_one']} missed, {found['false_one_to_one']} false.")
    for structure in structures:
        for side in SIDES:
            if structure not in there[side]:
                notes.append(f"No {structure} in the {'reference' if side == REFERENCE else 'compared one'}: no distances can be said.")
    parts = []
    for labels in common:
        array = sitk.GetArrayViewFromImage(labels.ovary)
        parts.append(ndimage.label(array[union_box(array)])[1])
    if OVARY in structures and parts[0] != parts[1] and min(parts):
        notes.append(
            f"The ovary is in {parts[0]} part{'s' * (parts[0] != 1)} in the reference, in {parts[1]} in the compared one: "
            "a stray part rules its Hausdorff distance."
        )
    return tuple(notes)


def _mark(labels, numbers):
    """A Surface half a voxel outside the follicles of these numbers, or None."""
    import SimpleITK as sitk

    if not numbers:
        return None
    image = sitk.GetImageFromArray(np.isin(sitk.GetArrayViewFromImage(labels.follicles), numbers).astype(np.uint8))
    image.CopyInformation(labels.follicles)
    found = surface_of(image)
    away = _OUTSIDE * np.cbrt(np.prod(image.GetSpacing()))
    return Surface(found.points + away * found.normals, found.normals, found.triangles)


def _centres(labels):
    import SimpleITK as sitk
    from scipy import ndimage

    array = sitk.GetArrayViewFromImage(labels.follicles)
    present: np.ndarray | list[int] = np.flatnonzero(np.bincount(array.ravel()))[1:] if array.any() else []
    means = ndimage.center_of_mass(array > 0, array, present) if len(present) else []
    return {
        int(k): labels.follicles.TransformContinuousIndexToPhysicalPoint([float(v) for v in mean[::-1]]) for k, mean in zip(present, means)
    }


class _Steps:
    """Tells progress and heeds a cancel between two steps."""

    def __init__(self, progress, cancelled):
        self._progress = progress
        self._cancelled = cancelled

    def __call__(self, stage, fraction):
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("stopped")
        if self._progress is not None:
            self._progress(stage, fraction)
