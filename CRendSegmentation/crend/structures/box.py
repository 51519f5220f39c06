"""A box that a user puts round an ovary: where it lies, and which voxels lie in it. Millimetres, RAS, any orientation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..numerals import number_in

THINNEST_MM = 5.0  # a smaller box holds no ovary
FURTHEST_MM = 1e5  # what lies further away, or is larger, is a slip of the pen
SAME = 1e-4  # by how much axes may miss right angles and unit length: six decimals were written down
ROWS = 16  # slices looked at together
LOOKED_AT = 128  # voxels along an axis that tell whether a box lies in a volume
LPS_RAS = np.array([-1.0, -1.0, 1.0])
CORNERS = tuple(np.ndindex(2, 2, 2))
FACES = "R0 R1 A0 A1 S0 S1"
EXAMPLE = '"-30 10 -20 25 0 35"'


@dataclass(frozen=True)
class Box:
    """centre: (r, a, s) mm; axes: three unit vectors in RAS at right angles; size: the box's full lengths along them, mm."""

    centre: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]
    size: tuple[float, ...]

    @classmethod
    def of(cls, given) -> Box:
        """The box that is meant by six numbers, or a text of them (R0, R1, A0, A1, S0, S1: its faces, mm in RAS), or by a mapping of centre, axes and size.

        InputError in one line for anything else: numbers that are none, faces the wrong way round, a box thinner than THINNEST_MM, axes that
        are not at right angles.
        """
        if isinstance(given, Box):
            return given
        if isinstance(given, Mapping):
            return cls._of_mapping(given)
        faces = _numbers(given.split() if isinstance(given, str) else given, (6,))
        if faces is None:
            raise InputError(f"a box is six numbers in mm, {FACES}, such as {EXAMPLE}; not {_short(given)}.")
        for letter, low, high in zip("RAS", faces[::2], faces[1::2]):
            if low >= high:
                raise InputError(
                    f"the box is inverted: {letter} runs from {low:g} to {high:g} mm; give the smaller number first ({FACES})."
                )
        low, high = faces[::2], faces[1::2]
        return cls._checked((low + high) / 2, np.eye(3), high - low)

    @classmethod
    def _of_mapping(cls, given: Mapping) -> Box:
        if set(given) != {"centre", "axes", "size"}:
            raise InputError(f"a box has centre, axes and size; not {', '.join(map(str, given)) or 'nothing'}.")
        centre, axes, size = _numbers(given["centre"], (3,)), _numbers(given["axes"], (3, 3)), _numbers(given["size"], (3,))
        if centre is None or axes is None or size is None:
            raise InputError("the box has a centre, an axis or a size that is no number; place it again.")
        if np.abs(axes @ axes.T - np.eye(3)).max() > SAME:
            raise InputError(
                "the box is sheared or scaled: its axes are not three unit vectors at right angles; "
                "place it again, or harden its transform."
            )
        return cls._checked(centre, axes, size)

    @classmethod
    def _checked(cls, centre, axes, size) -> Box:
        if size.min() < THINNEST_MM - SAME:
            raise InputError(f"the box is {size.min():.3g} mm thin; it must be {THINNEST_MM:g} mm or more in each direction.")
        return cls(_tuple(centre), tuple(map(_tuple, axes)), _tuple(size))

    def as_dict(self) -> dict:
        """Plain lists for JSON, from which `of` makes the same box."""
        return {"centre": list(self.centre), "axes": [list(axis) for axis in self.axes], "size": list(self.size)}

    def check_in(self, image, name: str) -> None:
        """InputError unless a part of the box that is THINNEST_MM thick or more in each direction lies in a SimpleITK image."""
        strides = [max(1, n // LOOKED_AT) for n in image.GetSize()[::-1]]
        shape = [-(-n // stride) for n, stride in zip(image.GetSize()[::-1], strides)]
        steps = [stride * spacing for stride, spacing in zip(strides, image.GetSpacing()[::-1])]
        grid = image.GetOrigin(), image.GetDirection(), steps, (0, 0, 0), shape
        there = self.voxels(*grid)
        corners = [
            image.TransformContinuousIndexToPhysicalPoint([c * (n - 1.0) for c, n in zip(corner, image.GetSize())]) for corner in CORNERS
        ]
        low, high = (edge(np.array(corners) * LPS_RAS, axis=0) for edge in (np.min, np.max))
        reach = ", ".join(f"{letter} {a:.0f} to {b:.0f}" for letter, a, b in zip("RAS", low, high))
        if not there.any():
            raise InputError(f"{name}: the box lies outside the volume, which reaches from {reach} mm (RAS); move the box into it.")
        thick = min(float(np.ptp(along[there])) for along in self._coordinates(*grid)) + max(steps)
        if thick + max(steps) < THINNEST_MM:  # what lies between two voxels is not seen
            raise InputError(
                f"{name}: only {thick:.2g} mm of the box lie in the volume, which reaches from {reach} mm (RAS); move the box further into it."
            )

    def voxels(self, origin, direction, spacing_zyx, starts, shape) -> np.ndarray:
        """Which voxels of a grid have their centre in the box: bool (D, H, W) = `shape`.

        origin (x, y, z; LPS), direction (9 numbers): as of a SimpleITK image. spacing_zyx: mm. starts (z, y, x): index of the first voxel, which
        may be a fraction, in voxels of spacing_zyx from the origin.
        """
        inside = np.ones(shape, bool)
        lines = list(self._lines(origin, direction, spacing_zyx, starts, shape))
        for first in range(0, shape[0], ROWS):  # of a large grid one float a voxel is a lot
            for (constant, (z, y, x)), half in zip(lines, np.array(self.size) / 2):
                inside[first : first + ROWS] &= np.abs(constant + z[first : first + ROWS] + y + x) <= half + SAME
        return inside

    def ellipsoid(self, origin, direction, spacing_zyx, starts, shape) -> np.ndarray:
        """Which voxels lie in the ellipsoid that touches the middles of the box's faces; arguments as of `voxels`."""
        squares = np.zeros(shape, np.float32)
        for along, half in zip(self._coordinates(origin, direction, spacing_zyx, starts, shape), np.array(self.size) / 2):
            squares += np.square(along / np.float32(half))
        return squares <= 1

    def _coordinates(self, origin, direction, spacing_zyx, starts, shape):
        """Coordinates (D, H, W) float32 along each of the box's axes, 0 at its centre, mm: one array after the other."""
        for constant, (z, y, x) in self._lines(origin, direction, spacing_zyx, starts, shape):
            yield constant + z + y + x

    def _lines(self, origin, direction, spacing_zyx, starts, shape):
        """The summands of `_coordinates`, of each of the box's axes: a number, and for z, y and x an array along that axis."""
        to_ras = LPS_RAS[:, None] * np.reshape(direction, (3, 3))
        for axis in np.array(self.axes):
            lines = []
            for k, (first, n, step) in enumerate(zip(starts, shape, spacing_zyx)):
                line = ((first + np.arange(n)) * step * (axis @ to_ras[:, 2 - k])).astype(np.float32)
                lines.append(line.reshape([-1 if j == k else 1 for j in range(3)]))
            yield np.float32(axis @ (np.asarray(origin) * LPS_RAS - np.array(self.centre))), lines


def _numbers(given, shape):
    """An array of numbers of this shape, none of them beyond FURTHEST_MM, or None where `given` is none."""
    try:
        words = isinstance(given, (list, tuple)) and all(isinstance(word, str) for word in given)
        array = np.array([number_in(word) for word in given] if words else given, float)
    except (TypeError, ValueError):
        return None
    return array if array.shape == shape and (np.abs(array) <= FURTHEST_MM).all() else None


def _tuple(values) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _short(given) -> str:
    text = repr(list(given) if isinstance(given, (tuple, np.ndarray)) else given)
    return text if len(text) <= 60 else text[:57] + "..."
