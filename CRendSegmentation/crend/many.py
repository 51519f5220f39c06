"""Many volumes in one go: files of each as soon as it is done, what failed and why, and tables of all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable

from .errors import Cancelled, InputError
from .files import check_writable, replacing_all
from .inventory import Volume
from .labels import write_labels
from .measurements import Measurements
from .tables import to_json, write_csv, write_json, write_rows

#: Columns of volumes.csv, one row a volume.
VOLUME_COLUMNS = (
    "volume", "input", "status", "reason", "message", "ovary_volume_ml", "expected_ovary_dsc", "follicle_count", "antral_count",
    "leading_mean_diameter_mm", "total_follicle_volume_ml", "flags", "model", "model_version", "device", "engine", "seconds", "notice",
)  # fmt: skip
#: Columns of follicles.csv, one row a follicle.
FOLLICLE_COLUMNS = ("volume",) + Measurements.COLUMNS
LABELS, TABLE, REPORT, FAILURE = ".seg.nrrd", ".csv", ".json", ".failed.json"


def segment_many(
    volumes: list[Volume],
    out,
    segment: Callable,
    *,
    model: tuple[str, str],
    again: bool = False,
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[dict]:
    """Segments every volume into the folder `out` and returns the rows of volumes.csv, of this call's volumes, in their order.

    segment(path, progress) gives a Segmentation. model: name and version; a volume that has results of it is not segmented again unless
    `again`. A volume that fails is noted and the next one begun; starting again tries it once more. NAME.seg.nrrd, NAME.csv and NAME.json are
    written together, so a stop loses one volume at most. The tables are made from all results in `out`, those of other shares, too.
    Cancelled and KeyboardInterrupt go on to the caller after the tables are written.
    """
    out = Path(out)
    try:
        for number, volume in enumerate(volumes):
            if not again and _finished(out, volume, model):
                tell(f"{volume.name}: was done before")
            else:
                report = None if progress is None else lambda stage, fraction: progress(volume.name, (number + fraction) / len(volumes))
                tell(f"{volume.name}: {_segment_one(volume, out, segment, report)}")
            if progress is not None:
                progress(volume.name, (number + 1) / len(volumes))
    finally:
        rows = {row["volume"]: row for row in write_tables(out)}
    return [rows[volume.name] for volume in volumes]


def make_folder(out) -> None:
    """Makes the folder `out` where it is missing. InputError when it cannot be made or written to."""
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made a folder ({(error.strerror or str(error)).lower()}); give another one.") from error
    check_writable(out / "volumes.csv")


def write_tables(out) -> list[dict]:
    """Writes volumes.csv and follicles.csv of all results in the folder `out`; returns the rows of the former."""
    out = Path(out)
    volumes, follicles = _rows(out)
    write_rows(out / "volumes.csv", VOLUME_COLUMNS, volumes)
    write_rows(out / "follicles.csv", FOLLICLE_COLUMNS, follicles)
    return volumes


def _segment_one(volume: Volume, out: Path, segment, progress) -> str:
    """What came of it, in a sentence."""
    base = str(out / volume.name)
    Path(base).parent.mkdir(parents=True, exist_ok=True)
    failure = Path(base + FAILURE)
    try:
        found = segment(volume.path, progress)
        found.provenance["input"] = str(volume.path)
        with replacing_all(*(base + ending for ending in (LABELS, TABLE, REPORT))) as (labels, table, report):
            write_labels(labels, found.ovary, found.follicles)
            write_csv(found.measurements, table)
            write_json({**to_json(found), "name": volume.name}, report)
    except Cancelled:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        reason = " ".join(reason.splitlines())
        write_json({"name": volume.name, "input": str(volume.path), "reason": reason, "ours": not isinstance(error, InputError)}, failure)
        return f"failed: {reason}"
    failure.unlink(missing_ok=True)
    return found.message


def _finished(out: Path, volume: Volume, model) -> bool:
    base = str(out / volume.name)
    if not Path(base + LABELS).is_file():
        return False
    facts = _read(Path(base + REPORT))
    return facts is not None and (facts["provenance"]["bundle"], facts["provenance"]["bundle_version"]) == model


def _read(path: Path) -> dict | None:
    """The JSON of one volume's result; None where there is none, or another program's."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return facts if "name" in facts and {"provenance", "summary"} <= set(facts) else None
    except (OSError, ValueError, TypeError):
        return None


def _rows(out: Path) -> tuple[list[dict], list[dict]]:
    """Rows of both tables, by the volumes' names."""
    volumes, follicles = {}, {}
    for path in out.rglob("*" + REPORT):
        if path.name.startswith("."):  # half of a file that another share is writing
            continue
        if path.name.endswith(FAILURE):
            facts = json.loads(path.read_text(encoding="utf-8"))
            row = {"volume": facts["name"], "input": facts["input"], "status": "failed", "reason": facts["reason"]}
            volumes[facts["name"]] = dict.fromkeys(VOLUME_COLUMNS) | row
            follicles.pop(facts["name"], None)
            continue
        facts = _read(path)
        if facts is None or facts["name"] in volumes:
            continue
        volumes[facts["name"]] = _row(facts)
        follicles[facts["name"]] = [{"volume": facts["name"], **row} for row in facts["follicles"]]
    return [volumes[name] for name in sorted(volumes)], [row for name in sorted(follicles) for row in follicles[name]]


def _row(facts: dict) -> dict:
    summary, how = facts["summary"], facts["provenance"]
    leading = summary["leading"] or {}
    return {
        "volume": facts["name"],
        "input": how["input"],
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
