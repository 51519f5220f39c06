"""USOVA3D, the public set of 3D ovary scans, as its users have it: vol<ID>.vtk with the labels of two raters."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from crend.errors import InputError

from .volumes import Entry

TEST_IDS = frozenset([7, 8, 9, *range(11, 16), 103, 105, 107, 108, 112, 113, 114, 116, 118, 120, 121])
SPACINGS = "spacings.csv"


def find_usova3d(folder, *, rater: str = "agreement", components: bool = False) -> list[Entry]:
    """Entries of every vol<ID>.vtk in `folder` or below, in order of ID; the set's own test volumes have the split "test".

    rater: "1", "2", or "agreement" (an ovary or follicle voxel is one that both raters marked; a follicle keeps rater 1's number).
    Volumes without any label files are unlabelled; InputError where some of a volume's label files are missing.
    `folder`/spacings.csv (id,x,y,z in mm) corrects spacings: 1.0 in the headers of volumes 101 and later is thought to be a
    placeholder, and `check` calls it wrong until this file says otherwise.
    """
    folder = Path(folder)
    if rater not in ("agreement", "1", "2"):
        raise ValueError(f"rater must be 'agreement', '1' or '2', not {rater!r}")
    spacings = _spacings(folder / SPACINGS)
    found = {int(m[1]): path for path in folder.rglob("vol*.vtk") if (m := re.fullmatch(r"vol(\d+)\.vtk", path.name))}
    if not found:
        raise InputError(f"{folder}: holds no vol<ID>.vtk; give the folder of the USOVA3D volumes")
    return [_entry(number, found[number], rater, components, spacings.get(number)) for number in sorted(found)]


def _entry(number: int, image: Path, rater: str, components: bool, spacing_mm) -> Entry:
    raters = ("1", "2") if rater == "agreement" else (rater,)
    parts = {part: tuple(image.with_name(f"{image.stem}_{part}_r{r}.vtk") for r in raters) for part in "of"}
    missing = [path for paths in parts.values() for path in paths if not path.is_file()]
    labelled = len(missing) < 2 * len(raters)
    if labelled and missing:
        raise InputError(f"{missing[0]}: no such file; {image.name} has labels, but not all that rater '{rater}' needs")
    return Entry(
        name=image.stem,
        image=image,
        ovaries=parts["o"] if labelled else (),
        follicles=parts["f"] if labelled else (),
        split="unlabelled" if not labelled else "test" if number in TEST_IDS else "training",
        spacing_mm=spacing_mm,
        components=components,
    )


def _spacings(path: Path) -> dict:
    if not path.is_file():
        return {}
    result = {}
    with open(path, newline="") as f:
        for line, row in enumerate(csv.reader(f), 1):
            if not row or (line == 1 and row[0].strip().lower() == "id"):
                continue
            try:
                number, x, y, z = int(row[0]), *(float(v) for v in row[1:4])
                if min(x, y, z) <= 0:
                    raise ValueError
            except ValueError:
                raise InputError(f"{path}, line {line}: must be id,x,y,z with spacings in mm, such as 101,0.3,0.3,0.4") from None
            result[number] = (x, y, z)
    return result
