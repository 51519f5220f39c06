"""What of a report, or of a follow-up, does not fit together, in sentences: for whoever has to look again."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from ..errors import InputError
from .study import ASSESSED, SIDES, Side, Study, read_date, side_of_name


def report_doubts(study: Study, sides: Mapping[str, Side]) -> list[str]:
    """Sentences on the days and the sides of a report."""
    shown = {side: found for side, found in sides.items() if found.state == ASSESSED and found.measurements is not None}
    dates = {side: date for side, found in shown.items() if (date := scanned_on(found))}
    found = []
    if len(set(dates.values())) > 1:
        said = ", ".join(f"{side}: {date}" for side, date in dates.items())
        found.append(f"The ovaries were scanned on different days ({said}).")
    elif study.date and dates and study.date not in dates.values():
        found.append(f"The date stated is {study.date}, that of the volume {next(iter(dates.values()))}.")
    found += future_dates([study.date, *dates.values()])
    # Of a volume that shows two ovaries the name says nothing of one.
    return found + [words for side, each in shown.items() if not each.ovary and (words := swapped(each.name, side))]


def scanned_on(side: Side) -> str:
    """The date of the scan (ISO) as its volume has it; "" where it has none, or one that is no day."""
    try:
        return read_date(str(side.model.get("acquisition_date") or ""))
    except InputError:
        return ""


def future_dates(dates) -> Iterator[str]:
    """A sentence for each of these dates (ISO) that is still to come; a day ahead is another time zone."""
    latest = (datetime.date.today() + datetime.timedelta(1)).isoformat()
    return (f"{date} lies in the future." for date in dict.fromkeys(dates) if date > latest)


def swapped(name: str, side: str) -> str:
    """The sentence where a name says the other side, else ""."""
    named = side_of_name(name)
    if side not in SIDES or named in ("", side):
        return ""
    return f"{name} stands for the {side} ovary, though its name says {named}: are the sides swapped?"
