"""The report of both ovaries as files: page, table, JSON, DICOM."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..io.atomic import replacing
from ..io.tables import write_json, write_rows
from .lines import lines_of
from .page import page_html
from .study import SIDES

COLUMNS = ("key", "finding", "unit", *SIDES, "both")


def write_report(
    findings: Mapping, path: str | os.PathLike, pictures: Mapping[str, Sequence] | None = None, translate: Callable[[str], str] = str
) -> None:
    """Write the findings as the ending of `path` says: .csv, .json, .dcm (needs highdicom), or else HTML."""
    kind = Path(path).suffix.lower()
    if kind == ".csv":
        write_findings_csv(findings, path)
    elif kind == ".json":
        write_json(dict(findings), path)
    elif kind == ".dcm":
        from .structured_report import write_structured_report

        write_structured_report(findings, path)
    else:
        with replacing(path) as temporary:
            temporary.write_text(page_html(findings, pictures, translate), encoding="utf-8")


def write_findings_csv(findings: Mapping, path: str | os.PathLike) -> None:
    """Write one row a finding under COLUMNS; an ovary whose side is not stated has its own column. Empty cells: what cannot be said.

    First stand the date of the scan, and the patient where she is to be named; last what must be known of the whole.
    """
    sides = [side for side in findings["sides"] if side not in SIDES]
    study = findings["study"]
    patient = study["patient"] or {}
    head = [("patient_name", patient.get("name")), ("patient_id", patient.get("id")), ("date", study["date"]), ("day", study["day"])]
    rows: list[dict] = [{"key": key, "finding": key.replace("_", " "), "both": value} for key, value in head if value]
    for line in lines_of(findings):
        rows.append({"key": line.key, "finding": line.words, "unit": line.unit, **line.values, "both": line.both})
    rows += [{"key": "note", "finding": "note", "both": note} for note in findings["notes"]]
    write_rows(path, (*COLUMNS[:-1], *sides, COLUMNS[-1]), rows)
