"""What a header of any format comes down to, and the words for one that cannot be used."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import InputError
from .voxels import Voxels

LONGEST_SIDE = 1 << 24  # voxels; what is longer is no image
SPACE, FRAMES, LAYERS, VALUES = "space", "frames", "layers", "values"


@dataclass(frozen=True)
class Axis:
    """An axis of the stored array.

    role: SPACE; FRAMES, one volume after the other; LAYERS, a list of volumes (frames of a sequence, or layers of a segmentation); VALUES, several numbers
    that make up one voxel.
    """

    size: int
    role: str = SPACE


@dataclass(frozen=True)
class Geometry:
    """Where the voxels lie.

    steps: (n, n), in column k the step in mm (LPS) from a voxel to the next along spatial axis k; NaN or 0 where the header does not say.
    origin: (n,) mm. problem: why the steps cannot be used, a sentence with the header's values, or "". notes: what the user should know of steps
    that can.
    """

    steps: np.ndarray
    origin: np.ndarray
    problem: str = ""
    notes: tuple = ()


@dataclass(frozen=True)
class Header:
    """axes: as stored, fastest first. scale: (slope, intercept) of the stored values. keys: what else the file says, key to text.
    refusal: why the file is no volume, whatever its size, or "". name: what the format is called in a sentence."""

    path: Path
    name: str
    axes: tuple[Axis, ...]
    geometry: Geometry
    voxels: Voxels
    scale: tuple[float, float] = (1.0, 0.0)
    keys: dict = field(default_factory=dict)
    refusal: str = ""

    def count(self, *roles: str) -> int:
        """How many frames, layers or values there are: the product of the sizes of the axes with one of these roles."""
        return math.prod(axis.size for axis in self.axes if axis.role in roles)

    @property
    def size(self) -> tuple[int, ...]:
        """Voxels along the spatial axes."""
        return tuple(axis.size for axis in self.axes if axis.role == SPACE)


def damaged(path, why: str) -> InputError:
    """The error for a file that is not whole."""
    return InputError(f"{path}: is damaged or incomplete ({why}); export it again.")


def not_supported(path, what: str, cure: str) -> InputError:
    """The error for a whole file of a kind that is not read."""
    return InputError(f"{path}: {what}; {cure}.")


def check_sizes(path, sizes) -> tuple[int, ...]:
    """The sizes of the stored axes as whole numbers from 1 on. InputError otherwise."""
    sizes = tuple(int(size) for size in sizes)
    if not sizes or min(sizes) < 1 or max(sizes) > LONGEST_SIDE:
        raise damaged(path, f"its header says {' x '.join(map(str, sizes)) or 'no'} voxels")
    return sizes


def with_time(sizes) -> tuple[Axis, ...]:
    """Axes of a format whose fourth axis is time: a fifth that is longer than 1 holds the values of a voxel."""
    roles = [SPACE, SPACE, SPACE, FRAMES] + [VALUES] * (len(sizes) - 4)
    return tuple(Axis(size, role) for size, role in zip(sizes, roles))


def check_agreement(path, fields: dict, *names: str):
    """The value of the one of these fields that is there, or None. InputError where two of them disagree."""
    found = {name: fields[name] for name in names if name in fields}
    if len({tuple(value.split()) for value in found.values()}) > 1:
        said = " and ".join(f"{name} = {value}" for name, value in found.items())
        raise not_supported(path, f"its header says {said}", "correct the file")
    return next(iter(found.values()), None)


def format_sizes(numbers) -> str:
    """Numbers along the axes, for a sentence: 0.35 x 0.35 x 0.7."""
    return " x ".join(f"{n:.4g}" for n in numbers)
