"""The volumes in a folder, to any depth, and for everything else in it the reason why it is none."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from ..errors import InputError
from .dicom_objects import content_of, looks_dicom
from .dicom_volume import BESIDE_A_SERIES
from .label_likeness import holds_labels, is_named_as_labels

VOLUMES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".vtk", ".vol")
SEGMENTATIONS = (".seg.nrrd", ".seg.nhdr")  # ours, or a reader's
VOXELS = (".raw", ".zraw", ".raw.gz", ".raw.bz2", ".img", ".img.gz")  # beside a header
HEADERS = (".mhd", ".nhdr", ".hdr")
RESULTS = (".seg.nrrd", ".csv", ".json")  # in the folder of the results


@dataclass(frozen=True)
class Volume:
    """A volume to segment: where it is, and the name of its results, a path below the output folder without an ending.

    frame: its number among several volumes in the file, from 1; spacing: (x, y, z) mm in place of the file's; box: where in it the ovary lies
    (R0, R1, A0, A1, S0, S1), mm in RAS; None for none of them.
    """

    path: Path
    name: str
    frame: int | None = None
    spacing: tuple[float, float, float] | None = None
    box: tuple[float, ...] | None = None

    @property
    def reading(self) -> dict:
        """What `batch.segment_file` must know of it beside the path: nothing for most volumes."""
        known = {"frame": self.frame, "spacing": self.spacing, "box": self.box}
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class LeftOut:
    """What was found and is not segmented: where it is, what it is called below the folder that was searched, and why."""

    path: Path
    name: str
    reason: str


@dataclass(frozen=True)
class Choice:
    """Which files are wanted: those that match one of `patterns` (all when there is none) and none of `exclude`.

    A pattern (`*.nrrd`, `visit?/*`) is held against a file's name, its path below the folder searched, and the folders on that path.
    """

    patterns: tuple = ()
    exclude: tuple = ()

    def refuses(self, below: PurePath) -> str | None:
        """The reason why what lies at this path is not wanted, or None."""
        for pattern in self.exclude:
            if _matches(below, pattern):
                return f"excluded by --exclude {pattern}"
        if self.patterns and not any(_matches(below, pattern) for pattern in self.patterns):
            return f"does not match --pattern {', '.join(self.patterns)}"
        return None

    def shuts(self, below: PurePath) -> str | None:
        """The reason why a folder is not even searched, or None."""
        return next((f"excluded by --exclude {pattern}" for pattern in self.exclude if _matches(below, pattern)), None)


def search_folder(top: Path, out: Path, choice: Choice) -> Iterator[Volume | LeftOut]:
    """Everything in `top` but hidden files, clutter and what lies in the folder `out`. Folders that links lead to are searched once."""
    searched = {os.path.realpath(top)}
    out = os.path.realpath(out)
    troubles: list[OSError] = []
    for folder, inside, files in os.walk(top, followlinks=True, onerror=troubles.append):
        folder = Path(folder)
        below = folder.relative_to(top)
        # Links last: what is there twice is called by its own name.
        for name in sorted(inside, key=lambda name: ((folder / name).is_symlink(), name)):
            real = os.path.realpath(folder / name)
            reason = choice.shuts(below / name)
            if reason is None and real in searched and not name.startswith("."):
                reason = f"a link to {real}, which is searched by its own name"
            if reason is not None and not name.startswith(".") and real != out:
                yield LeftOut(folder / name, (below / name).as_posix(), reason)
            if reason is not None or name.startswith(".") or real == out:
                inside.remove(name)
            searched.add(real)
        inside.sort()
        yield from _in_one(folder, top, sorted(files), bool(inside), out, choice)
    for error in troubles:
        path = Path(error.filename)
        if path == top:
            raise InputError(f"{top}: cannot be searched ({(error.strerror or str(error)).lower()}); check its permissions.")
        yield LeftOut(path, _below(path, top), f"cannot be searched ({(error.strerror or str(error)).lower()}); check its permissions")


def search_file(path: Path, choice: Choice) -> Iterator[Volume | LeftOut]:
    """A file that was named by itself: a volume, whatever its ending, unless it is a segmentation or not wanted."""
    if path.name.lower().endswith(SEGMENTATIONS):  # scans/*.nrrd names the results of the last time, too
        yield LeftOut(path, path.name, "a segmentation")
        return
    reason = choice.refuses(PurePath(path.name)) or label_reason(path)
    yield LeftOut(path, path.name, reason) if reason else Volume(path, bare(path.name))


def label_reason(path: Path) -> str | None:
    """Why a file whose name speaks of labels is none to segment, or None when it is ultrasound all the same, or cannot be read."""
    from .volumes import read_file

    if not path.name.lower().endswith(VOLUMES) or not is_named_as_labels(path):
        return None
    try:
        return "a label image" if holds_labels(read_file(path)) else None
    except InputError:
        return None  # it says what is wrong with it when its turn comes


def bare(name: str) -> str:
    """A file's name without the ending that makes it a volume."""
    ending = max((e for e in (*VOLUMES, ".dcm") if name.lower().endswith(e)), key=len, default="")
    return name[: len(name) - len(ending)] if ending else name


def _in_one(folder: Path, top: Path, names: list, has_folders: bool, out: str, choice: Choice) -> Iterator[Volume | LeftOut]:
    """What lies in one folder itself."""
    in_out = os.path.realpath(folder) == out or out in map(str, Path(os.path.realpath(folder)).parents)
    headers = {os.path.splitext(name)[0].lower() for name in names if name.lower().endswith(HEADERS)}
    volumes, dicom = [], []
    for name in names:
        path, lower = folder / name, name.lower()
        if name.startswith(".") or lower in BESIDE_A_SERIES or (in_out and _is_result(name, names)):
            continue
        if lower.endswith(VOXELS) and lower.split(".")[0] in {header.split(".")[0] for header in headers}:
            continue  # belongs to the header
        reason = _no_file(path)
        if reason is None and lower.endswith(SEGMENTATIONS):
            reason = "a segmentation"
        if reason is None and lower.endswith(VOLUMES):
            reason = choice.refuses(path.relative_to(top)) or label_reason(path)
            if reason is None:
                volumes.append(Volume(path, _below(folder / bare(name), top)))
                continue
        elif reason is None and looks_dicom(path):
            reason = choice.refuses(path.relative_to(top))
            if reason is None:
                dicom.append(path)
                continue
        if reason is None:
            reason = choice.shuts(path.relative_to(top)) or "not a file of a volume"
        yield LeftOut(path, _below(path, top), reason)
    yield from volumes
    if dicom:
        own = not any(name.lower().endswith(VOLUMES) for name in names) and (folder != top or not has_folders)
        yield from _of_dicom(dicom, folder, top, own)


def _is_result(name: str, names: list) -> bool:
    """Whether a file in the folder of the results is one of a run's own; names: of all files there."""
    stem, ending = os.path.splitext(name)
    return name.lower().endswith(RESULTS) or name == "index.html" or (ending == ".png" and f"{stem}.json" in names)


def _of_dicom(files: list, folder: Path, top: Path, own: bool) -> Iterator[Volume | LeftOut]:
    """The DICOM files of a folder: each file that is a volume by itself; the slices of a series together. own: the folder has no other volumes."""
    alone, slices = [], {}
    for file in files:
        content = content_of(file)
        if content.kind == "volume":
            alone.append(file)
        elif content.kind == "slice":
            slices.setdefault(content.series, []).append(file)
        else:
            reason = "a DICOM segmentation" if content.kind == "segmentation" else "a DICOM file without an image"
            yield LeftOut(file, _below(file, top), reason)
    name = top.resolve().name if folder == top else _below(folder, top)
    if (len(slices) == 1 and len(next(iter(slices.values()))) == 1) or (len(slices) > 1 and max(map(len, slices.values())) == 1):
        alone += [file for group in slices.values() for file in group]
        slices = {}
    if slices:
        # Several series in one folder are one entry, too: reading it says that there are several.
        yield Volume(folder, name)
    for file in sorted(alone):
        yield Volume(file, name if own and not slices and len(alone) == 1 else _below(folder / bare(file.name), top))


def _no_file(path: Path) -> str | None:
    """Why something cannot be opened as a file: a link that leads nowhere or in a circle, a pipe, a device."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        if path.is_symlink():
            return f"a link to {os.readlink(path)}, which is not there"
        return f"cannot be read ({(error.strerror or str(error)).lower()})"
    return None if stat.S_ISREG(mode) else "neither a file nor a folder"


def _below(path: Path, top: Path) -> str:
    return path.relative_to(top).as_posix()


def _matches(below: PurePath, pattern: str) -> bool:
    """Whether a path, one of the folders on it, or the name of either matches; capitals do not matter, as they do not in endings."""
    pattern = pattern.lower().rstrip("/")
    on_it = [below, *below.parents][: len(below.parts)]
    return any(fnmatchcase(text.lower(), pattern) for path in on_it for text in (path.name, path.as_posix()))
