"""USOVA3D, the public set of 3D ovary scans, as its users have it: vol<ID>.vtk with the labels of two raters."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..numerals import number_in, whole_in

TEST_IDS = frozenset([7, 8, 9, *range(11, 16), 103, 105, 107, 108, 112, 113, 114, 116, 118, 120, 121])
RATERS = ("1", "2")
SPACINGS = "spacings.csv"


@dataclass(frozen=True)
class Scan:
    """One volume of the set. spacing_mm (x, y, z) corrects that of the files' headers, None leaves it."""

    number: int
    image: Path
    spacing_mm: tuple[float, float, float] | None = None

    @property
    def name(self) -> str:
        return self.image.stem

    @property
    def test(self) -> bool:
        """Whether the set's makers keep it for testing."""
        return self.number in TEST_IDS

    def labels(self, rater: str) -> tuple[Path, ...]:
        """Files of a rater's ovary and follicles, there or not."""
        return tuple(self.image.with_name(f"{self.name}_{part}_r{rater}.vtk") for part in "of")

    def has(self, rater: str) -> bool:
        return all(path.is_file() for path in self.labels(rater))


def find_scans(folder) -> list[Scan]:
    """Every vol<ID>.vtk in `folder` or below, in order of ID.

    `folder`/spacings.csv (id,x,y,z in mm) corrects spacings: 1.0 in the headers of volumes 101 and later is thought to be a placeholder.
    InputError where there is none, or where spacings.csv cannot be understood.
    """
    folder = Path(folder)
    spacings = _spacings(folder / SPACINGS)
    found: dict[int, Path] = {}
    for path in sorted(folder.rglob("vol*.vtk")):
        match = re.fullmatch(r"vol(\d+)\.vtk", path.name)
        if match and found.setdefault(int(match[1]), path) != path:
            raise InputError(f"{path}: {found[int(match[1])]} has the same number; remove one of them.")
    if not found:
        raise InputError(f"{folder}: holds no vol<ID>.vtk; give the folder of the USOVA3D volumes")
    return [Scan(number, found[number], spacings.get(number)) for number in sorted(found)]


def read_scan(scan: Scan):
    """The scan's image (SimpleITK). InputError when it cannot be read."""
    from .volumes import read_image

    return _respaced(read_image(scan.image), scan)


def read_rater(scan: Scan, rater: str, components: bool = False):
    """Labels of one rater, the ovary holding all of its follicles. components: as `labels.read_labels` has it.

    InputError when a file is missing, cannot be read, or is no label image.
    """
    import SimpleITK as sitk

    from .label_likeness import even_areas
    from .labels import Labels, in_pieces
    from .volumes import read_label_image

    ovary, follicles = (_respaced(read_label_image(path), scan) for path in scan.labels(rater))
    for path, part in zip(scan.labels(rater), (ovary, follicles)):
        if not even_areas(sitk.GetArrayViewFromImage(part)):
            raise InputError(f"{path}: grey values, no labels: hardly a voxel has the number of the next; copy the rater's file again.")
    if ovary.GetSize() != follicles.GetSize():
        raise InputError(f"{scan.labels(rater)[1]}: not of the size of {scan.labels(rater)[0].name}; copy the volume's files again.")
    if not np.allclose(ovary.GetSpacing(), follicles.GetSpacing(), rtol=1e-3):
        raise InputError(
            f"{scan.labels(rater)[1]}: its spacing is not that of {scan.labels(rater)[0].name}; copy the volume's files again."
        )
    follicles.CopyInformation(ovary)
    organ = sitk.Cast(sitk.Or(ovary > 0, follicles > 0), sitk.sitkUInt8)
    labels = Labels(organ, sitk.Cast(follicles, sitk.sitkUInt16))
    return in_pieces(labels) if components else labels


def _respaced(image, scan: Scan):
    if scan.spacing_mm is not None:
        image.SetSpacing([float(s) for s in scan.spacing_mm])
    return image


def _spacings(path: Path) -> dict:
    if not path.is_file():
        return {}
    result: dict[int, tuple] = {}
    with open(path, newline="", encoding="utf-8-sig") as f:
        for line, row in enumerate(csv.reader(f), 1):
            if not row or (line == 1 and [name.strip().lower() for name in row] == ["id", "x", "y", "z"]):
                continue
            try:
                number, x, y, z = whole_in(row[0]), *map(number_in, row[1:])
                if min(x, y, z) <= 0 or result.setdefault(number, (x, y, z)) != (x, y, z):
                    raise ValueError
            except ValueError:
                raise InputError(
                    f"{path}, line {line}: must be id,x,y,z with spacings in mm, such as 101,0.3,0.3,0.4, each id once"
                ) from None
    return result
