"""Which volumes are meant by files, folders and lists, and what their results are called."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .atomic import check_name
from .csv_list import read_list
from .scanner_files import find_scanner_file

VOLUMES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".vtk", ".vol")
LABELS = (".seg.nrrd", ".seg.nhdr")  # ours, or a reader's
BESIDE_A_SERIES = ("dicomdir", "thumbs.db", "desktop.ini")  # what discs and file browsers put there


@dataclass(frozen=True)
class Volume:
    """A volume to segment: where it is, and the name of its results, a path below the output folder without an ending."""

    path: Path
    name: str


def find_volumes(inputs: Iterable, out) -> list[Volume]:
    """The volumes in `inputs`, each once, in the order of their names.

    An input is a volume's file; a folder, of which every file with an ending of a volume counts, whatever its depth, every DICOM file with a
    scanner's own volume inside, and every folder that holds nothing but other DICOM files (.dcm, or no ending and the mark of the format) as
    one series; or a CSV with a column `volume` and, if
    wanted, `name` (paths relative to it). What lies in the folder `out`, segmentations (.seg.nrrd), hidden files and, beside a series,
    DICOMDIR and the like are passed over. Linked folders are searched once. InputError for an input that is missing, for two volumes that
    would have results of the same name, and when nothing is found.
    """
    out = Path(out).resolve()
    found: dict[str, Volume] = {}
    seen = set()
    for given in map(Path, inputs):
        for volume in _listed(given) if given.suffix.lower() == ".csv" else _at(given, out):
            check_name(volume.path)  # here, since neither its results nor a note of its failure could be written
            real = volume.path.resolve()
            if real in seen:
                continue
            seen.add(real)
            other = found.setdefault(volume.name.casefold(), volume)
            if other is not volume:
                raise InputError(f"{volume.path}: its results would replace those of {other.path}; give it another name in a CSV list.")
    if not found:
        raise InputError(
            f"{', '.join(map(str, inputs)) or 'no input'}: no volume there; endings read are {', '.join(VOLUMES)}, and folders of DICOM files."
        )
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
        if not path.name.lower().endswith(LABELS):  # scans/*.nrrd names the results of the last time, too
            yield Volume(path, _bare(path.name))
        return
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder.")
    if _is_series(path):
        yield Volume(path, path.resolve().name)
        return
    searched = {path.resolve()}
    for folder, inside, files in os.walk(path, followlinks=True):
        folder = Path(folder)
        below = folder.relative_to(path)
        # Links last: what is there twice is called by its own name.
        for name in sorted(inside, key=lambda name: ((folder / name).is_symlink(), name)):
            real = (folder / name).resolve()
            series = not name.startswith(".") and real not in searched | {out} and _is_series(folder / name)
            if series:
                yield Volume(folder / name, (below / name).as_posix())
            if series or name.startswith(".") or real in searched | {out}:
                inside.remove(name)
            searched.add(real)
        inside.sort()
        for name in sorted(files):
            lower = name.lower()
            if name.startswith(".") or lower.endswith(LABELS):
                continue
            if lower.endswith(VOLUMES) or _is_wrapped(folder / name):
                yield Volume(folder / name, (below / _bare(name)).as_posix())


def _is_series(folder: Path) -> bool:
    try:
        files = [file for file in folder.iterdir() if not file.name.startswith(".") and file.name.lower() not in BESIDE_A_SERIES]
    except OSError as error:
        raise InputError(f"{folder}: cannot be searched ({(error.strerror or str(error)).lower()}); check its permissions.") from error
    return bool(files) and all(map(_is_dicom, files)) and not any(map(_is_wrapped, files))


def _is_dicom(file: Path) -> bool:
    """By its ending; where the name has none (IM0001, or a dotted number), by the mark that follows the preamble."""
    if file.suffix.lower() != ".dcm" and file.suffix.strip(".0123456789"):
        return False
    try:
        if file.suffix.lower() == ".dcm":
            return file.is_file()
        with open(file, "rb") as content:
            return content.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _is_wrapped(file: Path) -> bool:
    """Whether a DICOM file holds a whole volume in a scanner's own format, which makes it one by itself."""
    try:
        return _is_dicom(file) and find_scanner_file(file) is not None
    except OSError:
        return False
    except InputError:
        return True  # it says what is wrong with it when its turn comes


def _listed(path: Path) -> Iterable[Volume]:
    columns, rows = read_list(path)
    if "volume" not in columns:
        raise InputError(f"{path}: no column `volume` with a path in each row.")
    for number, row in rows:
        if not row["volume"]:
            raise InputError(f"{path}: line {number} names no volume.")
        volume = path.parent / row["volume"]
        if volume.name.lower().endswith(LABELS):
            raise InputError(f"{path}: line {number}: {row['volume']} is a segmentation; name the volume instead.")
        name = row.get("name") or (volume.name if volume.is_dir() else _bare(volume.name))
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{path}: line {number}: the name {name} leads out of the output folder.")
        if Path(name).name.startswith(".") or not Path(name).name:
            raise InputError(f"{path}: line {number}: the name {name} would hide its results; give another one.")
        yield Volume(volume, Path(name).as_posix())


def _bare(name: str) -> str:
    """A file's name without the ending that makes it a volume."""
    ending = max((e for e in (*VOLUMES, ".dcm") if name.lower().endswith(e)), key=len, default="")
    return name[: len(name) - len(ending)] if ending else name
