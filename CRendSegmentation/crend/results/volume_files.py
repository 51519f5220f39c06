"""The files of one volume of a batch: written together, checked before they count as done, and a note where there is no result."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Callable

from ..errors import Cancelled, InputError, NoVolume, reason_of
from ..io.atomic import remove_forgotten, replacing_all
from ..io.folders import VOXELS, Volume
from ..io.labels import TWO_FILES, write_labels
from ..io.tables import to_json, write_csv, write_json
from .preview import write_preview

LABELS, TABLE, REPORT, FAILURE, PREVIEW = ".seg.nrrd", ".csv", ".json", ".failed.json", ".png"
#: Of the provenance, in the order of `Bundle.identity`.
MODEL_KEYS = ("bundle", "bundle_version", "bundle_digest")
#: Names of the tables of a folder. Of any folder: one below `out` may be gone on with by itself.
TABLES = ("volumes", "follicles", "ovaries")
LARGEST_REPORT = 50_000_000  # bytes; the largest of ours is a few hundred kilobytes
LONGEST_NAME = 255 - len(".kept-99" + LABELS)  # bytes of one name on nearly every disk


def short_name(name: str) -> str:
    """`name` (a path below the folder, without an ending) as the disk takes it: of a part that is too long the start, and a checksum of all."""
    return "/".join(map(_short, name.split("/")))


def _short(part: str) -> str:
    content = part.encode()
    if len(content) <= LONGEST_NAME:
        return part
    return content[: LONGEST_NAME - 9].decode(errors="ignore") + "~" + hashlib.sha256(content).hexdigest()[:8]


def segment_volume(volume: Volume, out: Path, segment: Callable, options: dict, progress=None) -> str:
    """Segments one volume into its files, or notes why there are none; returns what came of it, in a sentence.

    segment(path, progress, **volume.reading) gives a Segmentation, or it and the volume, of which a preview is drawn. InputError where not
    even the note can be written: the disk is full, or the folder gone.
    """
    base = str(out / volume.name)
    try:
        _make_room(volume, out)
        source = source_of(volume.path)  # before the work: a file that changes meanwhile is done again
        made = segment(volume.path, progress, **volume.reading)
        found, image = made if isinstance(made, tuple) else (made, None)
        found.provenance.update(input=os.path.abspath(volume.path), **({"frame": volume.frame} if volume.frame else {}))
        kept = _set_aside(volume, out)
        # The first gets its name last: where there is a report, the rest is there.
        with replacing_all(*(base + ending for ending in (REPORT, TABLE, LABELS))) as (report, table, labels):
            write_labels(labels, found.organs, found.follicles, ovary_source=found.ovary_source)
            write_csv(found.measurements, table, found.flags)
            files = {LABELS: _sum(labels), TABLE: _sum(table)}
            facts = {"name": volume.name, "source": source, "options": _all(options, volume), "files": files}
            write_json({**to_json(found), **facts}, report)
    except Cancelled:
        raise
    except Exception as error:
        left_out = isinstance(error, NoVolume)
        note_failure(volume, out, reason_of(error), ours=not isinstance(error, InputError), left_out=left_out)
        return f"{'left out' if left_out else 'failed'}: {reason_of(error)}"
    Path(base + FAILURE).unlink(missing_ok=True)
    if image is not None:
        with suppress(Exception):  # a result is one without its picture, too
            write_preview(Path(base + PREVIEW), image, found)
    return found.message + (f"; what was there and had been changed, or was not its own, is kept as {', '.join(kept)}" if kept else "")


def _set_aside(volume: Volume, out: Path) -> list[str]:
    """Give files that the new ones would replace, and that are not as a run wrote them, another name: a correction, or somebody's own. Returns these names."""
    report = read_report(_path(out, volume, REPORT))
    sums = (report or {}).get("files")
    known = sums if isinstance(sums, dict) else {}
    kept = []
    for ending in (LABELS, TABLE, *(() if report else (PREVIEW,))):
        path = _path(out, volume, ending)
        if not path.is_file() or path.stat().st_size == 0 or known.get(ending) == _sum(path):
            continue
        number = next(k for k in count(1) if not _path(out, volume, f".kept-{k}{ending}").exists())
        kept.append(_path(out, volume, f".kept-{number}{ending}").name)
        path.rename(path.with_name(kept[-1]))
    return kept


def note_failure(volume: Volume, out: Path, reason: str, *, ours: bool, left_out: bool = False) -> None:
    """Write why a volume has no result. ours: it is no fault of the input's."""
    path = Path(str(out / volume.name) + FAILURE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be made a folder ({(error.strerror or str(error)).lower()}); give another one.") from error
    facts = {"name": volume.name, "frame": volume.frame, "input": os.path.abspath(volume.path), "reason": reason}
    write_json({**facts, "ours": ours, "left_out": left_out}, path)


def _all(options: dict, volume: Volume) -> dict:
    """The options of a run and those of one volume, as JSON gives them back."""
    return options | {name: list(value) if isinstance(value, tuple) else value for name, value in volume.reading.items()}


def check_same_input(out: Path, volume: Volume) -> None:
    """InputError when the results under a volume's name are those of another file."""
    source = (read_report(_path(out, volume, REPORT)) or {}).get("source")
    there = source.get("path") if isinstance(source, dict) else None
    if there and there != os.path.realpath(volume.path):
        raise InputError(
            f"{volume.path}: results of {there} are there under the same name; choose another folder for the results, "
            "or have finished ones done again (--again)."
        )


def is_done(out: Path, volume: Volume, model: tuple, options: dict) -> bool:
    """Whether a volume has whole results of the same unchanged file, model and options. model: its `Bundle.identity`, or the first parts of it."""
    if _path(out, volume, FAILURE).exists():
        return False
    facts = read_report(_path(out, volume, REPORT))
    if facts is None or tuple(facts["provenance"].get(key) for key in MODEL_KEYS[: len(model)]) != tuple(model):
        return False
    source = facts.get("source")
    if source is None or source != source_of(volume.path) or facts.get("options") != _all(options, volume):
        return False
    files = facts.get("files")
    try:
        return isinstance(files, dict) and all(files.get(ending) == _sum(_path(out, volume, ending)) for ending in (LABELS, TABLE))
    except OSError:
        return False


def source_of(path: Path) -> dict | None:
    """What tells one input from another, and whether it has changed; None when it cannot be looked at. Of a series, that of its files.

    The voxels beside a header (.mhd, .nhdr) are those of its name, and belong to it.
    """
    try:
        paths = [file for file in path.iterdir() if not file.name.startswith(".")] if path.is_dir() else [path]
        if path.suffix.lower() in TWO_FILES:
            paths += [
                file for file in path.parent.iterdir() if file.name.startswith(path.stem + ".") and file.name.lower().endswith(VOXELS)
            ]
        files = [file.stat() for file in paths]
    except OSError:
        return None
    newest = max((file.st_mtime_ns for file in files), default=0)
    return {"path": os.path.realpath(path), "size": sum(file.st_size for file in files), "mtime_ns": newest}


def read_report(path: Path) -> dict | None:
    """The report of one volume; None where there is none, where it is damaged, or another program's."""
    facts = _read(path)
    if facts is None or not isinstance(facts.get("name"), str):
        return None
    return facts if all(isinstance(facts.get(key), dict) for key in ("provenance", "summary")) else None


def read_failure(path: Path) -> dict | None:
    """The note on a volume that has no result, as `note_failure` writes it; None for anything else."""
    facts = _read(path)
    return facts if facts is not None and all(isinstance(facts.get(key), str) for key in ("name", "input", "reason")) else None


def _read(path: Path) -> dict | None:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_REPORT:
            return None
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _make_room(volume: Volume, out: Path) -> None:
    """Make the folder of a volume's files. InputError when files that are not its own would be replaced by them, or be taken for them."""
    name = Path(volume.name).name.casefold()
    if name in TABLES or (name + REPORT).endswith(FAILURE):
        raise InputError(
            f"{volume.path}: the name {volume.name} is kept for the folder's own files; rename the volume, or name it in a CSV list."
        )
    report = _path(out, volume, REPORT)
    if _read(report) is not None and read_report(report) is None:
        raise InputError(f"{report}: is another program's, and would be replaced; move it, or choose another folder for the results.")
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{report.parent}: cannot be made a folder ({(error.strerror or str(error)).lower()}); choose another one for the results."
        ) from error
    remove_forgotten(report.parent)


def _path(out: Path, volume: Volume, ending: str) -> Path:
    return Path(str(out / volume.name) + ending)


def _sum(path: Path) -> dict:
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
