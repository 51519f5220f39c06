"""Which volumes are meant by files, folders and lists, and what their results are called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from unicodedata import normalize

from ..errors import InputError
from ..numerals import number_in, whole_in
from ..structures.box import Box
from .atomic import check_name
from .csv_list import check_columns, lengths_in, path_in, read_list
from .folders import SEGMENTATIONS, VOLUMES, Choice, LeftOut, Volume, bare, search_file, search_folder
from .frames import each_frame

__all__ = ["Found", "LeftOut", "Volume", "find_volumes", "part_of", "search_inputs"]
_NAMED = 3  # of what was left out, in a message
#: Columns of a list that change what is measured, and words that mean them.
_COLUMNS = {"spacing": ("spacing", "spacings", "voxel", "pixel"), "box": ("box",), "frame": ()}


@dataclass(frozen=True)
class Found:
    """What some inputs hold: the volumes, each once, in the order of their names, and what is left out, in the order it was found."""

    volumes: list[Volume]
    left_out: list[LeftOut]


def find_volumes(inputs: Iterable, out, *, patterns: Iterable[str] = (), exclude: Iterable[str] = ()) -> list[Volume]:
    """The volumes of `search_inputs`."""
    return search_inputs(inputs, out, patterns=patterns, exclude=exclude).volumes


def search_inputs(inputs: Iterable, out, *, patterns: Iterable[str] = (), exclude: Iterable[str] = ()) -> Found:
    """The volumes in `inputs`, and what else lies there with the reason why it is left out.

    An input is a volume's file; a folder, to any depth: of it every file with an ending of a volume counts, every DICOM file that is a
    volume by itself, and the slices of a DICOM series, whatever lies beside them; or a CSV with a column `volume` and, if wanted, `name`
    (paths relative to it), `spacing` ("x y z", or one number, in mm), `frame` and `box` ("R0 R1 A0 A1 S0 S1", mm). Each frame of a sequence is a volume. Label images,
    segmentations, links that lead nowhere and files that are none of these are left out. What lies in the folder `out`, hidden files,
    DICOMDIR and the like are passed over. patterns, exclude: see `folders.Choice`. InputError for an input that is missing, for two volumes
    that would have results of the same name, and when nothing is found.
    """
    choice = Choice(tuple(patterns), tuple(exclude))
    found: dict[str, Volume] = {}
    left_out: dict[str, LeftOut] = {}
    seen: dict[str, Volume] = {}
    for given in map(Path, inputs):
        for each in _in_input(given, Path(out), choice):
            if isinstance(each, LeftOut):
                left_out.setdefault(str(each.path), each)
                continue
            check_name(each.path)  # here, since neither its results nor a note of its failure could be written
            # One volume may be listed with two boxes: the left and the right ovary.
            real = os.path.realpath(each.path) + (f" frame {each.frame}" if each.frame else "") + (f" box {each.box}" if each.box else "")
            before = seen.setdefault(real, each)
            if before is not each:
                _check_same(before, each)
                if each.path != before.path and each.path.is_symlink():
                    left_out[str(each.path)] = LeftOut(each.path, each.name, f"a link to {before.path}, which is there by its own name")
                elif each.name != before.name:
                    left_out[f"{each.path} as {each.name}"] = LeftOut(each.path, each.name, f"the same volume as {before.name}")
                continue
            other = found.setdefault(normalize("NFC", each.name).casefold(), each)  # some disks know one form of a letter only
            if other is not each:
                raise InputError(
                    f"{each.path}: its results would replace those of {other.path}; leave one out with --exclude, or name both in a CSV list."
                )
    if not found:
        raise InputError(_nothing_in(inputs, list(left_out.values())))
    return Found(each_frame(found[name] for name in sorted(found)), list(left_out.values()))


def part_of(volumes: list, part: str) -> list:
    """Every n-th of the volumes from the k-th on, for `part` "k/n", so that n machines share them. InputError when it is none."""
    try:
        k, n = map(whole_in, part.split("/"))
        if not 1 <= k <= n:
            raise ValueError
    except ValueError:
        raise InputError(f"--part {part}: give k/n, the k-th of n shares, e.g. 3/10.") from None
    return volumes[k - 1 :: n]


def _check_same(one: Volume, other: Volume) -> None:
    """InputError where one volume is to be read in two ways: only one of them would count."""
    if one.spacing != other.spacing:
        said = [" x ".join(f"{s:g}" for s in each.spacing) + " mm" if each.spacing else "that of the file" for each in (one, other)]
        raise InputError(f"{other.path}: is given twice, with two spacings ({said[0]}, and {said[1]}); give it once.")


def _in_input(path: Path, out: Path, choice: Choice) -> Iterable[Volume | LeftOut]:
    if path.suffix.lower() == ".csv":
        return _listed(path, choice)
    if path.is_dir():
        return search_folder(path, out, choice)
    if path.is_file():
        return search_file(path, choice)
    raise InputError(f"{path}: no such file or folder.")


def _nothing_in(inputs: Iterable, left_out: list) -> str:
    text = f"{', '.join(map(str, inputs)) or 'no input'}: no volume there; endings read are {', '.join(VOLUMES)}, and DICOM files."
    if left_out:
        some = ", ".join(f"{each.name} ({each.reason})" for each in left_out[:_NAMED])
        text += f" Left out: {some}{f' and {len(left_out) - _NAMED} more' if len(left_out) > _NAMED else ''}."
    return text


def _listed(path: Path, choice: Choice) -> Iterable[Volume | LeftOut]:
    columns, rows = read_list(path)
    if "volume" not in columns:
        raise InputError(f"{path}: no column `volume` with a path in each row.")
    if {"spacing", "spacing_mm"} <= columns:
        raise InputError(f"{path}: has the columns spacing and spacing_mm; leave one out.")
    # As lists of labelled volumes call it.
    check_columns(
        path,
        columns - {"spacing_mm"},
        {name: words for name, words in _COLUMNS.items() if name != "spacing" or "spacing_mm" not in columns},
    )
    for number, row in rows:
        if not row["volume"]:
            raise InputError(f"{path}: line {number} names no volume.")
        volume = path_in(path.parent, row["volume"])
        if volume.name.lower().endswith(SEGMENTATIONS):
            raise InputError(f"{path}: line {number}: {row['volume']} is a segmentation; name the volume instead.")
        name = row.get("name") or (volume.name if volume.is_dir() else bare(volume.name))
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{path}: line {number}: the name {name} leads out of the output folder.")
        if Path(name).name.startswith(".") or not Path(name).name:
            raise InputError(f"{path}: line {number}: the name {name} would hide its results; give another one.")
        reason = choice.refuses(PurePath(row["volume"]))
        if reason:
            yield LeftOut(volume, name, reason)
        else:
            where = f"{path}: line {number}"
            reading = (
                _frame_in(row.get("frame"), where),
                _spacing_in(row.get("spacing") or row.get("spacing_mm"), where),
                _box_in(row.get("box"), where),
            )
            yield Volume(volume, Path(name).as_posix(), *reading)


def _frame_in(cell: str | None, where: str) -> int | None:
    if not cell:
        return None
    try:
        frame = whole_in(cell)
    except ValueError:
        frame = 0
    if frame < 1:
        raise InputError(f"{where}: frame {cell}: give a number from 1 on, or leave it empty for all frames.")
    return frame


def _spacing_in(cell: str | None, where: str) -> tuple[float, float, float] | None:
    """ "0.3 0.3 0.4", "0.3x0.3x0.4", or one number for all three."""
    if not cell:
        return None
    try:
        return lengths_in(cell)
    except ValueError:
        raise InputError(f'{where}: spacing {cell}: give three lengths in mm above 0, such as "0.3 0.3 0.4".') from None


def _box_in(cell: str | None, where: str) -> tuple[float, ...] | None:
    """Six numbers, faces of a box in mm: checked, as far as that goes without the volume."""
    if not cell:
        return None
    try:
        faces = tuple(number_in(word) for word in re.split(r"[\s;]+", cell.strip()))
    except ValueError:
        faces = ()
    try:
        Box.of(faces)
    except InputError as error:
        raise InputError(f"{where}: box {cell}: {error}") from None
    return faces
