"""Lists of files that people make in a spreadsheet: CSV with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path, PureWindowsPath

from ..errors import InputError
from ..numerals import number_in
from .text_files import read_table_text

_REMARK = re.compile(r"\s*#\s")  # "# of 2019"; #, alone, may head a column of numbers
_BEFORE = re.compile(r"\s*(#\s|sep=)")  # of lines before the one that names the columns
#: A spreadsheet takes a cell that begins like this for a formula, and runs it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ALIKE = 0.8  # of two names: "spacings" and "spacing", not "size" and "side"


def read_list(path) -> tuple[set[str], list[tuple[int, dict[str, str]]]]:
    """(names of the columns, [(number of the line, {column: cell})]) of a CSV; lines without any text, and those that
    begin with # and a blank, are left out, as is Excel's "sep=;".

    Names of columns are lower case with underscores for blanks ("Cycle day" is cycle_day), names and cells without spaces around them, and without the
    apostrophe that keeps a spreadsheet from taking a cell for a formula; a missing cell is "". InputError when it cannot be read, for a column that is
    there twice, and for a line with more cells than columns: in a list with commas, 0,3 is two cells, and the first of them would count.
    """
    parsed = parse_list(path)
    return {name for name in parsed.columns if name}, [(end, cells) for _, end, cells in parsed.rows]


@dataclass(frozen=True)
class ParsedList:
    """lines: as they are, with their ends. head: number of the line that names the columns, 0 where none does, from 1; rows: (number of the row's first
    line, of its last, {column: cell})."""

    lines: list[str]
    delimiter: str
    head: int
    columns: list[str]
    rows: list[tuple[int, int, dict[str, str]]]


def parse_list(path) -> ParsedList:
    """A list as `read_list` reads it, with the place of everything."""
    path = Path(path)
    try:
        text = read_table_text(path)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise InputError(f"{path}: cannot be read as a CSV ({reason.lower()}); save it as CSV UTF-8, or give another one.") from error
    if "\0" in text:
        raise InputError(
            f"{path}: cannot be read as a CSV (it holds zero bytes, as UTF-16 does); save it as CSV UTF-8, or give another one."
        )
    head = next((line for line in text.splitlines() if line.strip() and not _BEFORE.match(line)), "")
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        columns = [_plain(name) for name in next((cells for cells in reader if any(cells) and not _BEFORE.match(cells[0])), ())]
        named_in = before = reader.line_num
        twice = next((name for name in columns if name and columns.count(name) > 1), None)
        if twice:
            raise InputError(f"{path}: has the column {twice} twice; leave one out.")
        for line in reader:
            start, before = before + 1, reader.line_num
            cells = [_unmarked(cell.strip()) for cell in line]
            if line and _REMARK.match(line[0]):
                continue
            if any(cells[len(columns) :]):
                raise InputError(
                    f"{path}: line {reader.line_num} has more cells than there are columns, from {cells[len(columns)]!r} on; "
                    "put a text with commas in quotes, and write numbers with a point."
                )
            if any(cells):
                found = {name: cell for name, cell in zip(columns, [*cells, *[""] * len(columns)]) if name}
                rows.append((start, reader.line_num, found))
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is no line of a CSV ({error}); save it as CSV UTF-8.") from error
    return ParsedList(list(io.StringIO(text, newline="")), delimiter, named_in if columns else 0, columns, rows)


def check_columns(path, columns: Iterable[str], known: dict[str, tuple[str, ...]]) -> None:
    """InputError for a column that is not read though it seems to be meant: what it says would be lost without a word.

    known: {column: words by which a column of another name is taken for it}; only columns of `known` that are not there are looked for.
    """
    missing = {name: words for name, words in known.items() if name not in columns}
    for column in sorted(set(columns) - set(known)):
        parts = set(re.findall(r"[a-z]+", column))
        for name, words in missing.items():
            if parts.intersection(words) or SequenceMatcher(None, column, name).ratio() >= _ALIKE:
                raise InputError(f"{path}: the column {column} is not read; call it {name}, or leave it out.")


def _unmarked(cell: str) -> str:
    """A cell without the apostrophe by which `tables` keeps a spreadsheet from taking it for a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _plain(name: str) -> str:
    """ "Cycle day" and "Spacing (mm)" as cycle_day and spacing; another unit stays in the name."""
    return re.sub(r"[\s-]+", "_", re.sub(r"\s*[\[(]mm[\])]$", "", name.strip().lower()))


def lengths_in(cell: str) -> tuple[float, float, float]:
    """Three lengths, mm, of a cell such as "0.3 0.3 0.4" or "0.3x0.3x0.4", or one for all three. ValueError for anything else."""
    numbers = [number_in(word) for word in re.split(r"[\s,x;]+", cell.strip().lower())]
    x, y, z = numbers * 3 if len(numbers) == 1 else numbers
    if min(x, y, z) <= 0:
        raise ValueError(cell)
    return x, y, z


def path_in(folder: Path, cell: str) -> Path:
    """The file that a cell names, from the list's folder on, or from home (~); with the backslashes of a list that was made on Windows, too.

    InputError for one with a drive or a server of Windows: there is no such place here.
    """
    if (folder / cell).exists():
        return folder / cell
    if os.sep == "/" and PureWindowsPath(cell).is_absolute() and not cell.startswith("/"):
        raise InputError(f"{cell}: is a place on a computer with Windows; put the files beside the list, and name them from its folder on.")
    if cell.startswith("~"):
        cell = os.path.expanduser(cell)
    return folder / (cell.replace("\\", "/") if os.sep == "/" else cell)
