"""Measurements as files: follicles.csv, one row a follicle, and JSON with everything.

Tables are UTF-8 with a byte order mark, without which Excel takes them for another encoding.
"""

import csv
import json

from ..structures.measurements import Measurements
from .acquisition import SPACING_NOT_CONFIRMED
from .atomic import replacing
from .csv_list import FORMULA

#: Of the JSON of one volume; raised when a key changes its meaning or goes, not when one is added.
SCHEMA_VERSION = 1
_DECIMALS = {"volume_ml": 5, "sphericity": 4}


def write_csv(measurements, path, flags=()):
    """Write follicles.csv: the columns of Measurements.COLUMNS, largest follicle first; only the header without follicles.

    A follicle without a confidence, one that somebody drew, has an empty cell there. Where the volume's `flags` say that its spacing is not
    confirmed, so does a further column, `note`: every size hangs on it.
    """
    notes = {"note": SPACING_NOT_CONFIRMED} if any(flag["key"] == "spacing_not_confirmed" for flag in flags) else {}
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, (*Measurements.COLUMNS, *notes), lineterminator="\n")
        writer.writeheader()
        for row in measurements.rows():
            writer.writerow({**{name: cell_text(name, value) for name, value in row.items()}, **notes})


def write_rows(path, columns, rows):
    """Write dicts as CSV under `columns`; floats with six significant digits, true and false, None as an empty cell."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else cell_text(name, value) for name, value in row.items()})


def to_json(segmentation):
    """A Segmentation as plain data: schema_version, message, flags, provenance, summary, ovary, follicles (numbers unrounded)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "message": segmentation.message,
        "flags": segmentation.flags,
        "provenance": {key: value for key, value in segmentation.provenance.items() if key != "flags"},
        **segmentation.measurements.as_dict(),
    }


def write_json(data, path):
    """Write a dict or a Segmentation as indented JSON; NaN and infinity are refused, missing values are null."""
    if not isinstance(data, dict):
        data = to_json(data)
    text = json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False)
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")


def cell_text(name, value):
    """A value as it stands in the cell of a column: a number with the column's decimals, a text so that no spreadsheet takes it for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{_DECIMALS.get(name, 3)}f}"
    if isinstance(value, str) and value.startswith(FORMULA):
        value = f"'{value}"
    return value.replace("\r", " ") if isinstance(value, str) else value
