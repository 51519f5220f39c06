"""Lists of files that people make in a spreadsheet: CSV with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ..errors import InputError
from .text_files import read_text


def read_list(path) -> tuple[set[str], list[tuple[int, dict[str, str]]]]:
    """(names of the columns, [(number of the line, {column: cell})]) of a CSV; lines without any text are left out.

    Names of columns are lower case, names and cells without spaces around them, a missing cell is "". InputError when it cannot be read.
    """
    path = Path(path)
    try:
        text = read_text(path, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise InputError(f"{path}: cannot be read as a CSV ({reason.lower()}); save it as CSV UTF-8, or give another one.") from error
    if "\0" in text:
        raise InputError(
            f"{path}: cannot be read as a CSV (it holds zero bytes, as UTF-16 does); save it as CSV UTF-8, or give another one."
        )
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = []
    try:
        columns = {name.strip().lower() for name in reader.fieldnames or ()}
        for row in reader:
            cells = {name.strip().lower(): (cell or "").strip() for name, cell in row.items() if name is not None}
            if any(cells.values()):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is no line of a CSV ({error}); save it as CSV UTF-8.") from error
    return columns, rows
