"""A row is put into a list that people edit, too: every other line stays as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from .atomic import replacing
from .csv_list import parse_list
from .tables import cell_text


def put_row(path, columns: Sequence[str], row: dict[str, str], instead: Collection[int] = ()) -> None:
    """Write `row` ({column: text}) into the CSV at `path`, made if missing: in the place of the first of the rows `instead`, which go, else at the end.

    columns: what the list has at least; those that it lacks come behind its own. instead: lines as `read_list` numbers them. All other lines,
    remarks among them, stay as they are, letter by letter. InputError as `read_list` and `replacing` have it.
    """
    path = Path(path)
    lines, delimiter, known, spans = [], ",", [], []
    if path.exists():
        parsed = parse_list(path)
        lines, delimiter, known = [line if line.endswith("\n") else f"{line}\n" for line in parsed.lines], parsed.delimiter, parsed.columns
        spans = [(start, end) for start, end, _ in parsed.rows if end in instead]
    missing = [name for name in dict.fromkeys((*columns, *row)) if name not in known]
    if not known:
        lines.append(_line(missing, delimiter))
    elif missing:
        lines[parsed.head - 1] = lines[parsed.head - 1].rstrip("\n") + delimiter + _line(missing, delimiter)
    new = _line([row.get(name, "") for name in (*known, *missing)], delimiter)
    if spans:
        place, gone = spans[0][0], {number for start, end in spans for number in range(start, end + 1)}
        lines = [new if number == place else line for number, line in enumerate(lines, 1) if number == place or number not in gone]
    else:
        lines.append(new)
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8-sig") as file:
        file.writelines(lines)


def _line(cells: Iterable[str], delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow([cell_text("", cell) for cell in cells])
    return text.getvalue()
