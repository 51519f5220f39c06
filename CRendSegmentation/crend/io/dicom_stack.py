"""From the places of DICOM slices or frames to one regular grid, or to the reason why there is none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

UNEVEN = 0.05  # of a slice's distance: 0.33 mm written to a hundredth varies by 3 %
AGREE = 0.01  # of a slice's distance, between what is said and where the slices lie


class Slice(NamedTuple):
    """What is said of a slice: (row, column) spacing, its first voxel's place, orientation (6,), distance to the next; None = not said."""

    spacing: tuple | None
    place: tuple | None
    orientation: tuple | None
    between: float | None


class Stack(NamedTuple):
    """steps (3, 3): mm, NaN where not known; origin (3,); order: for each volume in time the slices, first to last, as indices; problem, notes:
    as of `headers.header.Geometry`."""

    steps: np.ndarray
    origin: np.ndarray
    order: list
    problem: str = ""
    notes: tuple = ()


class NoVolume(ValueError):
    """Slices that make no volume whatever their spacing; the message says why."""


def stack(slices: list[Slice], loose: bool = False) -> Stack:
    """The grid that the slices lie on. loose: each is a file of its own; ITK writes a distance of 1 mm into such, whatever it is.

    NoVolume where slices are missing, doubled, turned against each other or all in one plane.
    """
    count = len(slices)
    first = slices[0]
    for name, values in (("pixel spacing", [s.spacing for s in slices]), ("orientation", [s.orientation for s in slices])):
        known = [value for value in values if value is not None]
        if 0 < len(known) < count:
            raise NoVolume(f"{count - len(known)} of its {count} slices have no {name}")
        if known and not np.isfinite(np.array(known, float)).all():
            return Stack(np.full((3, 3), np.nan), np.zeros(3), [range(count)], f"its {name} is no number")
        if known and np.ptp(np.array(known, float), axis=0).max() > 1e-3:
            raise NoVolume(f"its slices differ in their {name} ({_said(min(known))} and {_said(max(known))})")
    directions = _directions(first.orientation)
    normal = np.cross(directions[:, 0], directions[:, 1])
    places = [s.place for s in slices if s.place is not None]
    between = {round(abs(s.between), 6) for s in slices if s.between is not None}
    if 0 < len(places) < count:
        raise NoVolume(f"{count - len(places)} of its {count} slices have no place in space")
    if places and not np.isfinite(np.array(places, float)).all():
        return Stack(np.full((3, 3), np.nan), np.zeros(3), [range(count)], "the places of its slices are no numbers")
    if len(between) > 1:
        raise NoVolume(f"its slices say distances of {min(between):g} and {max(between):g} mm")
    said = next(iter(between), None)
    problem, notes = "", []
    if not places:
        origin, order = np.zeros(3), [list(range(count))]
        step = normal * (said or np.nan)
        if said:
            notes.append(f"its frames have no places; their distance of {said:g} mm is taken as it stands in the header")
        else:
            problem = "its header says no distance between slices"
    else:
        order, origin, step = _along(np.array(places, float), normal)
        far = float(np.linalg.norm(step))
        if said == 1 and loose and abs(said - far) > AGREE * far:
            notes.append(f"its slices lie {far:.4g} mm apart, though its header says 1 mm; their places count")
        elif said and abs(said - far) > max(AGREE * far, 0.006):
            problem = f"its slices are {far:.4g} mm apart by their places, {said:.4g} mm by the header; some may be missing"
    if first.orientation is None:
        notes.append("its header says no orientation of the slices; taken as axial")
    if first.spacing is None:
        problem = problem or "its header says no pixel spacing"
        spacing = (np.nan, np.nan)
    else:
        spacing = first.spacing
        if min(spacing) <= 0:
            problem = f"pixel spacing {_said(spacing)} is impossible"
    # Row spacing is the distance between rows: along y.
    steps = np.stack([directions[:, 0] * spacing[1], directions[:, 1] * spacing[0], step], axis=1)
    return Stack(steps, origin, order, problem, tuple(notes))


def _along(places: np.ndarray, normal: np.ndarray):
    """(order, the first place, the step from slice to slice)."""
    heights = places @ normal
    ranked = np.argsort(heights, kind="stable")
    sorted_heights = heights[ranked]
    extent = float(np.ptp(heights))
    if len(places) < 2 or extent < 1e-3:
        raise NoVolume(f"its {len(places)} frames lie in one plane: images in time, not a volume")
    # Slices nearer to each other than a tenth of the mean distance lie at one place.
    distinct = np.concatenate([[True], np.diff(sorted_heights) > 0.1 * extent / len(places)])
    starts = np.flatnonzero(distinct)
    times = np.diff(np.append(starts, len(places)))
    levels = places[ranked[starts]]
    if times.min() != times.max():
        raise NoVolume(f"slices are missing or doubled: {times.min()} at some places, {times.max()} at others")
    gaps = np.linalg.norm(np.diff(levels, axis=0), axis=1)
    if len(gaps) and np.abs(gaps - gaps.mean()).max() > UNEVEN * gaps.mean():
        raise NoVolume(f"slices are missing or unevenly spaced ({gaps.min():.4g} to {gaps.max():.4g} mm apart)")
    step = (levels[-1] - levels[0]) / (len(levels) - 1)
    # What comes first in the file comes first in time.
    order = [[int(sorted(ranked[s : s + times[0]])[t]) for s in starts] for t in range(int(times[0]))]
    return order, levels[0], step


def _directions(orientation) -> np.ndarray:
    if orientation is None:
        return np.eye(3)[:, :2]
    found = np.reshape(orientation, (2, 3)).T.astype(float)
    lengths = np.linalg.norm(found, axis=0)
    if not (np.abs(lengths - 1) < 0.01).all():
        raise NoVolume(f"its orientation {_said(orientation)} is impossible")
    return found / lengths


def _said(numbers) -> str:
    return " \\ ".join(f"{n:.4g}" for n in numbers)
