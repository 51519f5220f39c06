"""volumes.csv, ovaries.csv, follicles.csv and index.html of a folder of results, made from the reports that lie in it."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from ..errors import InputError
from ..io.folders import LeftOut, Volume
from ..io.tables import write_rows
from ..structures.measurements import Measurements
from ..structures.ovaries import COLUMNS as OF_OVARIES
from .page import write_page
from .volume_files import FAILURE, REPORT, read_failure, read_report

#: Columns of volumes.csv, one row a volume, and one for each file that was found and left out. status: done, failed or left out.
VOLUME_COLUMNS = (
    "volume", "input", "frame", "status", "reason", "message", "ovary_volume_ml", "expected_ovary_dsc", "follicle_count", "antral_count",
    "leading_mean_diameter_mm", "total_follicle_volume_ml", "flags", "study_date", "model", "model_version", "device", "engine", "seconds",
    "notice", "ovary_source",
)  # fmt: skip
#: Beside them where a volume was segmented with --identify.
PATIENT_COLUMNS = ("patient_id", "patient_name")
#: Columns of follicles.csv, one row a follicle.
FOLLICLE_COLUMNS = ("volume",) + Measurements.COLUMNS
#: Columns of ovaries.csv, one row an ovary.
OVARY_COLUMNS = ("volume",) + OF_OVARIES
_ADDED = ("ovary", "d1_mm", "d2_mm", "d3_mm")
LONGEST_HEAD = 100_000  # characters
MOST_ROUNDS = 10  # of writing anew because another share has finished a volume meanwhile


def write_tables(out, beside: Sequence[dict] = (), known: Collection[str] = ()) -> list[dict]:
    """Writes volumes.csv, ovaries.csv, follicles.csv and index.html of all results in the folder `out`; returns the rows of the first.

    beside: rows of what was left out, put at the end of volumes.csv and not returned. known: names of volumes whose failures stay even though
    their files are missing; what failed and is gone leaves the table, and its note the folder.
    Volumes are called by their path below `out`. Other shares may write at the same time: whoever finds after writing that there are other
    results than before writes again, so the last table holds all.
    """
    out = Path(out)
    _remove_gone(out, known)
    seen, there = None, _reports(out)
    for _ in range(MOST_ROUNDS):
        volumes, follicles, ovaries = _rows(out, there)
        identified = [column for column in PATIENT_COLUMNS if any(row.get(column) for row in volumes)]
        columns = (*VOLUME_COLUMNS, *identified)
        write_rows(out / "volumes.csv", columns, [{name: row.get(name) for name in columns} for row in (*volumes, *beside)])
        write_rows(out / "ovaries.csv", OVARY_COLUMNS, ovaries)
        write_rows(out / "follicles.csv", FOLLICLE_COLUMNS, follicles)
        write_page(out, [*volumes, *beside])
        seen, there = there, _reports(out)
        if seen == there:
            break
    return volumes


def check_tables(out) -> None:
    """InputError where a table of the folder `out` is another program's, or somebody's list of volumes, and would be replaced."""
    for name, columns in (
        ("volumes.csv", {"volume", "status"}),
        ("follicles.csv", {"volume", "segment"}),
        ("ovaries.csv", {"volume", "ovary"}),
    ):
        path = Path(out) / name
        try:
            with open(path, encoding="utf-8-sig", errors="replace") as file:
                first = file.readline(LONGEST_HEAD)
        except OSError:
            continue  # it is not there, or writing it says what is wrong with it
        if first.strip() and not columns <= set(first.strip().split(",")):
            raise InputError(f"{path}: is no table of CRend, and would be replaced; move it, or choose another folder for the results.")


def row_of(volume: Volume, out: Path) -> dict | None:
    """The row of volumes.csv of one volume that was tried; None where its files are gone."""
    failure, report = (Path(str(out / volume.name) + ending) for ending in (FAILURE, REPORT))
    found, *_ = _rows(out, [failure if failure.exists() else report])
    return found[0] if found else None


def left_out_row(each: LeftOut) -> dict:
    """The row of volumes.csv of a file that was left out."""
    return dict.fromkeys(VOLUME_COLUMNS) | {"volume": each.name, **_left_out(each.path, each.reason)}


def _remove_gone(out: Path, known) -> None:
    for path in out.rglob("*" + FAILURE):
        facts = read_failure(path)
        if facts is not None and _name(path, out, FAILURE) not in known and not os.path.lexists(facts["input"]):
            try:
                path.unlink()
            except OSError:
                continue  # it stays in the table


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


def _rows(out: Path, reports) -> tuple[list[dict], list[dict], list[dict]]:
    """Rows of volumes, follicles and ovaries, by the volumes' names. What is gone meanwhile, or another program's, is passed over."""
    volumes: dict[str, dict] = {}
    follicles: dict[str, list] = {}
    ovaries: dict[str, list] = {}
    for path in reports:
        failed = path.name.endswith(FAILURE)
        name = _name(path, out, FAILURE if failed else REPORT)
        facts = read_failure(path) if failed else read_report(path)
        if facts is None or (not failed and name in volumes):
            continue
        try:
            row = _no_result(facts) if failed else _row(facts)
            found = [] if failed else [_columns(each, Measurements.COLUMNS) for each in facts["follicles"]]
            each_ovary = [] if failed else [_columns(each, OF_OVARIES) for each in facts.get("ovaries") or ()]
        except (KeyError, TypeError, AttributeError):
            continue
        volumes[name] = dict.fromkeys(VOLUME_COLUMNS) | row | {"volume": name}
        follicles[name] = [{**each, "volume": name} for each in found]
        ovaries[name] = [{**each, "volume": name} for each in each_ovary]
    names = sorted(volumes)
    return (
        [volumes[name] for name in names],
        [row for name in names for row in follicles[name]],
        [row for name in names for row in ovaries[name]],
    )


def _columns(row: dict, names) -> dict:
    """These columns of a row; a report of an earlier version has not all of them. KeyError for another program's."""
    return {name: row.get(name) if name in _ADDED else row[name] for name in names}


def _name(path: Path, out: Path, ending: str) -> str:
    return path.relative_to(out).as_posix().removesuffix(ending)


def _no_result(facts: dict) -> dict:
    if facts.get("left_out"):
        return _left_out(facts["input"], facts["reason"])
    return {"input": facts["input"], "frame": facts.get("frame"), "status": "failed", "reason": facts["reason"]}


def _left_out(path, reason: str) -> dict:
    return {"input": str(path), "status": "left out", "reason": reason}


def _row(facts: dict) -> dict:
    summary, how = facts["summary"], facts["provenance"]
    leading = summary["leading"] or {}
    patient = how.get("patient") or {}
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
        "study_date": how.get("acquisition_date"),
        "model": how["bundle"],
        "model_version": how["bundle_version"],
        "device": how["device"],
        "engine": how["engine"],
        "seconds": how["seconds"],
        "notice": how["notice"],
        "ovary_source": how.get("ovary_source"),
        "patient_id": patient.get("id"),
        "patient_name": patient.get("name"),
    }
