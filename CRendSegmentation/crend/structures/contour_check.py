"""What can be wrong with contours that somebody drew: each is refused in one line that names the contour and the cure.

A contour is an array (n, 3) of points in mm, in the order in which they follow each other along a closed curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import InputError

FEWEST_POINTS = 4
FEWEST_PLANES = 2
#: A contour leaves its plane by no more than this part of its own size.
FLAT = 0.1
#: Two planes are one when they are turned by less than this (degrees) and lie within SAME_MM of each other.
SAME_DEGREES, SAME_MM = 5.0, 1.0
#: All contours of an ovary together are at least this large (mm).
SMALLEST_MM = 5.0
FURTHEST_MM = 1e5  # what lies further away is a slip
#: Where two planes meet, their contours pass at most this far from each other (mm, or the part of the longer chord): hands are not exact.
APART_MM, APART = 4.0, 0.2


class Contour(NamedTuple):
    """points: (n, 3) mm; centre: (3,); axes: (3, 3) unit vectors, the two of the plane, longest first, and its normal."""

    name: str
    points: np.ndarray
    centre: np.ndarray
    axes: np.ndarray

    @classmethod
    def through(cls, name: str, points: np.ndarray) -> Contour:
        """The contour of these points (n, 3), n >= 3, whatever they are."""
        centre = points.mean(axis=0)
        return cls(name, points, centre, np.linalg.svd(points - centre, full_matrices=False)[2])

    def flat(self) -> np.ndarray:
        """The points in the plane's own coordinates (n, 2)."""
        return (self.points - self.centre) @ self.axes[:2].T


def check_contours(contours: Sequence, names: Sequence[str] | None = None) -> list[Contour]:
    """The contours with their planes. InputError for too few points or planes, and for curves that are open, bent, cross themselves or
    contradict each other. names: what messages call them; "contour 1", ... if nothing else."""
    names = list(names or (f"contour {number}" for number in range(1, len(contours) + 1)))
    if len(contours) < FEWEST_PLANES:
        raise InputError(f"{len(contours) or 'no'} contour is too few; draw closed curves round the ovary in two to six planes.")
    checked = [_check_one(name, points) for name, points in zip(names, contours)]
    extent = float(np.ptp(np.concatenate([contour.points for contour in checked]), axis=0).max())
    if extent < SMALLEST_MM:
        raise InputError(f"the contours are {extent:.2g} mm large; draw them all the way round the ovary.")
    pairs = [(a, b) for k, a in enumerate(checked) for b in checked[k + 1 :]]
    if all(_same_plane(a, b) for a, b in pairs):
        raise InputError("all contours lie in one plane; turn or move the slice view and draw another one there.")
    for a, b in pairs:
        if _same_plane(a, b):
            raise InputError(f"{a.name} and {b.name} lie in one plane; delete one of them.")
        distance = _distance_where_planes_meet(a, b)
        if distance is not None:
            raise InputError(f"{a.name} and {b.name} are {distance:.0f} mm apart where their planes meet; redraw one of them.")
    _check_together(checked)
    return checked


def _check_together(contours: list[Contour]) -> None:
    """InputError where some contours lie beside the others, as those of two ovaries do."""
    together, others = contours[:1], contours[1:]
    while others:
        near = [b for b in others if any(_may_be_of_one(a, b) for a in together)]
        if not near:
            a, b = min(((a, b) for a in together for b in others), key=lambda pair: np.linalg.norm(pair[0].centre - pair[1].centre))
            first, second = sorted((a, b), key=lambda contour: next(k for k, each in enumerate(contours) if each is contour))
            raise InputError(
                f"{first.name} and {second.name} lie beside each other; delete one if they are of two ovaries, else draw one between them."
            )
        together = together + near
        others = [b for b in others if not any(b is each for each in near)]


def _may_be_of_one(a: Contour, b: Contour) -> bool:
    """Whether one contour, seen along the normal of its plane or the other's, reaches the other one."""
    reach = sum(float(np.linalg.norm(contour.points - contour.centre, axis=1).max()) for contour in (a, b))
    between = b.centre - a.centre
    return any(np.linalg.norm(contour.axes[:2] @ between) <= reach for contour in (a, b))


def _check_one(name: str, points) -> Contour:
    try:
        points = np.asarray(points, float)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 3 or not (np.abs(points) <= FURTHEST_MM).all():
        raise InputError(f"{name}: is no list of points (x, y, z) in mm.")
    # A curve that says its first point again at its end is as closed as one that does not.
    points = points[np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1) > 1e-6]
    if len(points) < FEWEST_POINTS:
        raise InputError(f"{name}: has {len(points)} points; set at least {FEWEST_POINTS} round the ovary.")
    contour = Contour.through(name, points)
    size, width = np.ptp(contour.flat(), axis=0)
    if width < 0.02 * size:
        raise InputError(f"{name}: its points lie on a line; draw it round the ovary.")
    if np.abs((points - contour.centre) @ contour.axes[2]).max() > FLAT * size:
        raise InputError(f"{name}: does not lie in one plane; draw each contour within one slice view that is not moved meanwhile.")
    if _is_open(points):
        raise InputError(f"{name}: is open; draw a closed curve all the way round the ovary.")
    if _crosses_itself(contour.flat()) or _goes_round_again(points):
        raise InputError(f"{name}: crosses itself; move or delete the points that do so.")
    return contour


def _is_open(points: np.ndarray) -> bool:
    """Whether the way from the last point back to the first is no step like the others, but a good part of the whole."""
    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    return bool(steps[-1] > steps.sum() / 4 and steps[-1] > 3 * steps[:-1].max())


def _crosses_itself(points: np.ndarray) -> bool:
    """Whether two sides of a polygon (n, 2) that are no neighbours cross."""
    n = len(points)
    start, end = points, np.roll(points, -1, axis=0)

    def side(k, others):  # of the line through side k: on which side of it the others lie
        along, off = end[k] - start[k], others - start[k]
        return np.sign(along[0] * off[:, 1] - along[1] * off[:, 0])

    splits = np.array([side(k, start) * side(k, end) < 0 for k in range(n)])
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return bool((splits & splits.T & (apart > 1) & (apart < n - 1)).any())


def _goes_round_again(points: np.ndarray) -> bool:
    """Whether places of the curve that do not follow each other are the same one: drawn over itself, it crosses itself nowhere."""
    places = np.unique(np.round(points, 4), axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(places, kind="stable")
    apart = np.diff(order)[np.diff(places[order]) == 0]
    return bool(((apart > 1) & (apart < len(points) - 1)).any())


def _same_plane(a: Contour, b: Contour) -> bool:
    turned = np.degrees(np.arccos(min(abs(a.axes[2] @ b.axes[2]), 1.0)))
    return bool(turned < SAME_DEGREES and abs((b.centre - a.centre) @ a.axes[2]) < SAME_MM)


def _distance_where_planes_meet(a: Contour, b: Contour) -> float | None:
    """How far (mm) two contours are apart on the line that their planes share, if that is too far; None if it is not, or there is no such line."""
    line = np.cross(a.axes[2], b.axes[2])
    if np.linalg.norm(line) < np.sin(np.radians(SAME_DEGREES)):
        return None
    line /= np.linalg.norm(line)
    chords = [_chord(a, b, line), _chord(b, a, line)]
    met = [chord for chord in chords if chord is not None]
    if not met:
        return None
    length = max(chord[1] - chord[0] for chord in met)
    # A contour that the other one's plane hardly touches, at a pole, may just as well not reach it.
    apart = float(np.abs(np.subtract(met[0], met[1])).max()) if len(met) == 2 else length
    return apart if apart > max(APART_MM, APART * length) else None


def _chord(contour: Contour, other: Contour, line: np.ndarray) -> tuple[float, float] | None:
    """First and last place along a direction where a contour passes through another one's plane; None if it does not."""
    height = (contour.points - other.centre) @ other.axes[2]
    ahead = np.roll(height, -1)
    through = (height < 0) != (ahead < 0)
    if not through.any():
        return None
    part = (height / np.where(through, height - ahead, 1.0))[:, None]
    places = ((1 - part) * contour.points + part * np.roll(contour.points, -1, axis=0))[through] @ line
    return float(places.min()), float(places.max())
