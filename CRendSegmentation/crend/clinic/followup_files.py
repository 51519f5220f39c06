"""Visits from files: segment reports (JSON), and CSV lists that add what a report does not say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..io.csv_list import check_columns, path_in, read_list
from ..numerals import whole_in
from .followup import Visit, parse_cycle_day, parse_date, parse_side
from .segment_reports import read_side
from .several import one_ovary, ovary_sides

LIST = ".csv"
COLUMNS = ("report", "date", "side", "cycle_day", "ovary")
#: Columns that go before what a report says, and words that mean them.
_MEANT: dict[str, tuple[str, ...]] = {"date": ("date",), "side": ("side", "sides"), "cycle_day": ("cycle", "day"), "ovary": ()}


def read_visits(paths: Sequence[Path]) -> list[Visit]:
    """A Visit of each report; a list's cells (COLUMNS, paths relative to the list) go before what its reports say. InputError, one line."""
    visits: list[Visit] = []
    for path in map(Path, paths):
        visits += _of_list(path) if path.suffix.lower() == LIST else [read_visit(path)]
    for k, visit in enumerate(visits):
        found = visit.measurements  # of a volume in which nothing was found they say nothing
        same = next((other for other in visits[:k] if other.measurements == found and (found.ovary or found.follicles)), None)
        if same is not None and (same.date, same.side) != (visit.date, visit.side):
            said = [f"{each.date}{f', {each.side}' * bool(each.side)}" for each in (same, visit)]
            raise InputError(f"{same.source} and {visit.source}: hold the same measurements ({said[0]} and {said[1]}); leave one out.")
    return visits


def read_visit(path: Path, date: str = "", side: str = "", cycle_day: str = "", ovary: str = "") -> Visit:
    """The Visit of one report: its own date of the scan unless another one is given. InputError where there is no date, or no report.

    ovary: the number of one of several; a side cannot be said of several together.
    """
    found, _ = read_side(path)
    how = found.model
    try:
        when, day, which = parse_date(date or how.get("acquisition_date") or ""), parse_cycle_day(cycle_day), parse_side(side)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    source, several = path.name, ovary_sides(found)
    try:
        number = whole_in(ovary) if ovary else None
    except ValueError:
        raise InputError(f"{path}: {ovary} is no number of an ovary; write 1 or 2.") from None
    if ovary or (several and which):
        found = one_ovary(found, number, path, "column ovary")
        source += f", {found.ovary}" if found.ovary else ""
    if when is None or found.measurements is None:
        raise InputError(f"{path}: does not say when the scan was made; give a CSV list with the columns report and date.")
    flags, patient = tuple(flag["key"] for flag in found.flags), (how.get("patient") or {}).get("id") or None
    name = "" if found.ovary else path.name
    return Visit(when, which, found.measurements, source, day, flags, patient, found.ovaries, found.ovary_source, name)


def _of_list(path: Path) -> list[Visit]:
    columns, rows = read_list(path)
    if COLUMNS[0] not in columns:
        raise InputError(f"{path}: has no column {COLUMNS[0]}; its first line names the columns: {', '.join(COLUMNS)}.")
    check_columns(path, columns - {COLUMNS[0]}, _MEANT)
    visits, taken = [], set()
    for number, row in rows:
        if not row.get(COLUMNS[0]):
            raise InputError(f"{path}: line {number} names no report.")
        report, date, side, day, ovary = (row.get(name, "") for name in COLUMNS)
        if ovary and (report, ovary) in taken:
            raise InputError(f"{path}: line {number} names ovary {ovary} of {report} again; one ovary has one side.")
        taken.add((report, ovary))
        visits.append(read_visit(path_in(path.parent, report), date, side, day, ovary))
    return visits
