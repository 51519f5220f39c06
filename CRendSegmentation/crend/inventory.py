"""Which volumes are meant by files, folders and lists, and what their results are called."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

from .errors import InputError

VOLUMES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".vtk")
LABELS = (".seg.nrrd", ".seg.nhdr")  # ours, or a reader's


@dataclass(frozen=True)
class Volume:
    """A volume to segment: where it is, and the name of its results, a path below the output folder without an ending."""

    path: Path
    name: str


def find_volumes(inputs: Iterable, out) -> list[Volume]:
    """The volumes in `inputs`, each once, in the order of their names.

    An input is a volume's file; a folder, of which every file with an ending of a volume counts, whatever its depth, and every folder that
    holds nothing but .dcm files as one series; or a CSV with a column `volume` and, if wanted, `name` (paths relative to it). What lies
    in the folder `out`, segmentations (.seg.nrrd) and hidden files are passed over. InputError for an input that is missing, for two
    volumes that would have results of the same name, and when nothing is found.
    """
    out = Path(out).resolve()
    found: dict[str, Volume] = {}
    seen = set()
    for given in map(Path, inputs):
        for volume in _listed(given) if given.suffix.lower() == ".csv" else _at(given, out):
            real = volume.path.resolve()
            if real in seen:
                continue
            seen.add(real)
            other = found.setdefault(volume.name.casefold(), volume)
            if other is not volume:
                raise InputError(f"{volume.path}: its results would replace those of {other.path}; give it another name in a CSV list.")
    if not found:
        raise InputError(f"{', '.join(map(str, inputs)) or 'no input'}: no volume there; endings read are {', '.join(VOLUMES)}, and folders of .dcm files.")
    return [found[name] for name in sorted(found)]


def part_of(volumes: list, part: str) -> list:
    """Every n-th of the volumes from the k-th on, for `part` "k/n", so that n machines share them. InputError when it is none."""
    try:
        k, n = (int(number) for number in part.split("/"))
        if not 1 <= k <= n:
            raise ValueError
    except ValueError:
        raise InputError(f"--part {part}: give k/n, the k-th of n shares, e.g. 3/10.") from None
    return volumes[k - 1 :: n]


def _at(path: Path, out: Path) -> Iterable[Volume]:
    if path.is_file():
        yield Volume(path, _bare(path.name))
        return
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder.")
    if _is_series(path, os.listdir(path)):
        yield Volume(path, path.resolve().name)
        return
    for folder, inside, files in os.walk(path):
        inside[:] = sorted(name for name in inside if not name.startswith(".") and Path(folder, name).resolve() != out)
        below = Path(folder).relative_to(path)
        for name in list(inside):
            if _is_series(Path(folder, name), os.listdir(Path(folder, name))):
                inside.remove(name)
                yield Volume(Path(folder, name), (below / name).as_posix())
        for name in sorted(files):
            lower = name.lower()
            if lower.endswith(VOLUMES) and not lower.endswith(LABELS) and not name.startswith("."):
                yield Volume(Path(folder, name), (below / _bare(name)).as_posix())


def _is_series(folder: Path, names: list[str]) -> bool:
    return bool(names) and all(name.lower().endswith(".dcm") and (folder / name).is_file() for name in names)


def _listed(path: Path) -> Iterable[Volume]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}).") from None
    if not rows or "volume" not in rows[0]:
        raise InputError(f"{path}: no column `volume` with a path in each row.")
    for number, row in enumerate(rows, start=2):
        if not (row["volume"] or "").strip():
            raise InputError(f"{path}: line {number} names no volume.")
        volume = path.parent / row["volume"].strip()
        name = (row.get("name") or "").strip() or _bare(volume.name)
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{path}: line {number}: the name {name} leads out of the output folder.")
        yield Volume(volume, name)


def _bare(name: str) -> str:
    """A file's name without the ending that makes it a volume."""
    ending = max((e for e in VOLUMES if name.lower().endswith(e)), key=len, default=Path(name).suffix)
    return name[: len(name) - len(ending)] if ending else name
