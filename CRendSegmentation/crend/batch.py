"""Many volumes in one go: files of each as soon as it is done, what failed and why, and tables of all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from .errors import Cancelled, InputError, NoVolume, reason_of
from .io.atomic import check_writable, replacing_all
from .io.folders import VOXELS
from .io.inputs import LeftOut, Volume
from .io.labels import TWO_FILES, write_labels
from .io.tables import to_json, write_csv, write_json, write_rows
from .structures.measurements import Measurements

#: Columns of volumes.csv, one row a volume, and one for each file that was found and left out. status: done, failed or left out.
VOLUME_COLUMNS = (
    "volume", "input", "frame", "status", "reason", "message", "ovary_volume_ml", "expected_ovary_dsc", "follicle_count", "antral_count",
    "leading_mean_diameter_mm", "total_follicle_volume_ml", "flags", "model", "model_version", "device", "engine", "seconds", "notice",
)  # fmt: skip
#: Columns of follicles.csv, one row a follicle.
FOLLICLE_COLUMNS = ("volume",) + Measurements.COLUMNS
LABELS, TABLE, REPORT, FAILURE = ".seg.nrrd", ".csv", ".json", ".failed.json"
#: Names of the tables of a folder. Of any folder: one below `out` may be gone on with by itself.
TABLES = ("volumes", "follicles")


def segment_batch(
    volumes: list[Volume],
    out,
    segment: Callable,
    *,
    model: tuple[str, str],
    options: dict | None = None,
    again: bool = False,
    left_out: Sequence[LeftOut] = (),
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[str], None] = lambda line: None,
    done: Callable[[dict], None] = lambda row: None,
) -> list[dict]:
    """Segments every volume into the folder `out`; returns the rows of volumes.csv of this call's volumes, in their order, then of `left_out`.

    segment(path, progress, **volume.reading) gives a Segmentation. model: name and version. options: what else changes the result and is not
    as by default, plain data. A volume that has results of the same unchanged file, model and options is not segmented again unless `again`; InputError,
    before any work, when the results under its name are of another file. A volume that fails is noted and the next one begun; starting
    again tries it once more. NAME.seg.nrrd, NAME.csv and NAME.json are written together, so a stop loses one volume at most. The tables are
    made from all results in `out`, those of other shares, too. done(row) gets the row of each volume as soon as it is there. Cancelled and
    KeyboardInterrupt go on to the caller after the tables are written.
    """
    out, options = Path(out), options or {}
    if not again:
        for volume in volumes:
            _check_same_input(out, volume)
    try:
        for number, volume in enumerate(volumes):
            if not again and _finished(out, volume, model, options):
                tell(f"{volume.name}: was done before")
            else:
                report = None if progress is None else _reporting(progress, volume.name, number, len(volumes))
                tell(f"{volume.name}: {_segment_one(volume, out, segment, options, report)}")
            done(_row_of(volume, out))
            if progress is not None:
                progress(volume.name, (number + 1) / len(volumes))
    finally:
        beside = [{"volume": each.name, **_left_out_row(each.path, each.reason)} for each in left_out]
        rows = {row["volume"]: row for row in write_tables(out, beside)}
    return [rows[volume.name] for volume in volumes] + [dict.fromkeys(VOLUME_COLUMNS) | row for row in beside]


def _reporting(progress, name: str, number: int, of: int):
    """What one volume's stage and fraction are of all volumes."""
    return lambda stage, fraction: progress(name, (number + fraction) / of)


def make_folder(out, files=("volumes.csv",)) -> None:
    """Makes the folder `out` where it is missing. InputError when it cannot be made, or `files` cannot be written into it."""
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made a folder ({(error.strerror or str(error)).lower()}); give another one.") from error
    for name in files:
        check_writable(out / name)


def write_tables(out, beside: Sequence[dict] = ()) -> list[dict]:
    """Writes volumes.csv and follicles.csv of all results in the folder `out`; returns the rows of the former.

    beside: rows of what was left out, put at the end of volumes.csv and not returned.
    Volumes are called by their path below `out`. Other shares may write at the same time: whoever finds after writing that there are other
    results than before writes again, so the last table holds all.
    """
    out = Path(out)
    seen, there = None, _reports(out)
    while there != seen:
        volumes, follicles = _rows(out, there)
        write_rows(out / "volumes.csv", VOLUME_COLUMNS, volumes + [dict.fromkeys(VOLUME_COLUMNS) | row for row in beside])
        write_rows(out / "follicles.csv", FOLLICLE_COLUMNS, follicles)
        seen, there = there, _reports(out)
    return volumes


def _segment_one(volume: Volume, out: Path, segment, options: dict, progress) -> str:
    """What came of it, in a sentence."""
    base = str(out / volume.name)
    Path(base).parent.mkdir(parents=True, exist_ok=True)
    failure = Path(base + FAILURE)
    try:
        _check_name(volume)
        source = _source(volume.path)  # before the work: a file that changes meanwhile is done again
        found = segment(volume.path, progress, **volume.reading)
        found.provenance.update(input=os.path.abspath(volume.path), **({"frame": volume.frame} if volume.frame else {}))
        # The first gets its name last: where there is a report, the rest is there.
        with replacing_all(*(base + ending for ending in (REPORT, TABLE, LABELS))) as (report, table, labels):
            write_labels(labels, found.ovary, found.follicles)
            write_csv(found.measurements, table, found.flags)
            write_json({**to_json(found), "name": volume.name, "source": source, "options": _all(options, volume)}, report)
    except Cancelled:
        raise
    except Exception as error:
        reason = reason_of(error)
        note = {
            "name": volume.name,
            "frame": volume.frame,
            "input": os.path.abspath(volume.path),
            "reason": reason,
            "ours": not isinstance(error, InputError),
        }
        write_json({**note, "left_out": isinstance(error, NoVolume)}, failure)
        return f"left out: {reason}" if isinstance(error, NoVolume) else f"failed: {reason}"
    failure.unlink(missing_ok=True)
    return found.message


def _all(options: dict, volume: Volume) -> dict:
    """The options of a run and those of one volume, as JSON gives them back."""
    return options | {name: list(value) if isinstance(value, tuple) else value for name, value in volume.reading.items()}


def _row_of(volume: Volume, out: Path) -> dict:
    """The row of volumes.csv of one volume that was tried."""
    failure, report = (Path(str(out / volume.name) + ending) for ending in (FAILURE, REPORT))
    return _rows(out, [failure if failure.exists() else report])[0][0]


def _check_same_input(out: Path, volume: Volume) -> None:
    facts = _read(Path(str(out / volume.name) + REPORT))
    there = ((facts or {}).get("source") or {}).get("path")
    if there and there != str(volume.path.resolve()):
        raise InputError(
            f"{volume.path}: results of {there} are there under the same name; choose another folder for the results, "
            "or have finished ones done again (--again)."
        )


def _check_name(volume: Volume) -> None:
    """InputError when files of the folder's own would replace those of the volume, or be taken for them."""
    name = Path(volume.name).name.casefold()
    if name in TABLES or (name + REPORT).endswith(FAILURE):
        raise InputError(
            f"{volume.path}: the name {volume.name} is kept for the folder's own files; rename the volume, or name it in a CSV list."
        )


def _finished(out: Path, volume: Volume, model, options: dict) -> bool:
    base = str(out / volume.name)
    if Path(base + FAILURE).exists() or not Path(base + LABELS).is_file():
        return False
    facts = _read(Path(base + REPORT))
    if facts is None or (facts["provenance"]["bundle"], facts["provenance"]["bundle_version"]) != model:
        return False
    source = facts.get("source")
    return source is not None and source == _source(volume.path) and facts.get("options") == _all(options, volume)


def _source(path: Path) -> dict | None:
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
    return {"path": str(path.resolve()), "size": sum(file.st_size for file in files), "mtime_ns": newest}


def _read(path: Path, keys=frozenset({"provenance", "summary"})) -> dict | None:
    """The JSON of one volume, its report or (by `keys`) its failure; None where there is none, or another program's."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return facts if "name" in facts and keys <= set(facts) else None
    except (OSError, ValueError, TypeError):
        return None


def _reports(out: Path) -> dict[Path, int]:
    """Reports and failures below `out`, each with the time of its last change."""
    found = {}
    for path in out.rglob("*" + REPORT):
        if not path.name.startswith("."):  # half of a file that another share is writing
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:  # another share has just done what failed before
                continue
    return found


def _rows(out: Path, reports) -> tuple[list[dict], list[dict]]:
    """Rows of both tables, by the volumes' names. What is gone meanwhile, or another program's, is passed over."""
    volumes, follicles = {}, {}
    for path in reports:
        failed = path.name.endswith(FAILURE)
        name = path.relative_to(out).as_posix().removesuffix(FAILURE if failed else REPORT)
        facts = _read(path, {"input", "reason"}) if failed else _read(path)
        if facts is None or (not failed and name in volumes):
            continue
        try:
            row = _no_result(facts) if failed else _row(facts)
            volumes[name] = dict.fromkeys(VOLUME_COLUMNS) | row | {"volume": name}
            follicles[name] = [] if failed else [{**follicle, "volume": name} for follicle in facts["follicles"]]
        except (KeyError, TypeError, AttributeError):
            continue
    return [volumes[name] for name in sorted(volumes)], [row for name in sorted(follicles) for row in follicles[name]]


def _no_result(facts: dict) -> dict:
    if facts.get("left_out"):
        return _left_out_row(facts["input"], facts["reason"])
    return {"input": facts["input"], "frame": facts.get("frame"), "status": "failed", "reason": facts["reason"]}


def _left_out_row(path, reason: str) -> dict:
    return {"input": str(path), "status": "left out", "reason": reason}


def _row(facts: dict) -> dict:
    summary, how = facts["summary"], facts["provenance"]
    leading = summary["leading"] or {}
    return {
        "input": how["input"],
        "frame": how.get("frame"),
        "status": "done",
        "reason": None,
        "message": facts["message"],
        "ovary_volume_ml": summary["ovary_volume_ml"],
        "expected_ovary_dsc": how["expected_ovary_dsc"],
        "follicle_count": summary["follicle_count"],
        "antral_count": summary["antral_count"],
        "leading_mean_diameter_mm": leading.get("mean_diameter_mm"),
        "total_follicle_volume_ml": summary["total_follicle_volume_ml"],
        "flags": " ".join(flag["key"] for flag in facts["flags"]),
        "model": how["bundle"],
        "model_version": how["bundle_version"],
        "device": how["device"],
        "engine": how["engine"],
        "seconds": how["seconds"],
        "notice": how["notice"],
    }
