"""Several scans of one patient: the sizes of the follicles by day and side.

No follicle is followed from one scan to the next: its place says nothing there, since ovary and probe have moved. What can be said are the
sizes of each day and the largest of them.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..errors import InputError
from ..numerals import whole_in
from ..structures.measurements import Measurements, whole_mm
from .doubts import future_dates, swapped
from .study import BOX, COHORTS_MM, read_date, side_of_name

#: "": nobody said which ovary it is.
SIDES = ("left", "right", "")
#: One row a date and side. from_N_mm: follicles of at least N mm. touching_border: how many of them the volume's border cuts.
VISIT_COLUMNS = (
    "date", "day", "cycle_day", "side", "ovary_volume_ml", "follicle_count", "antral_count", *(f"from_{mm}_mm" for mm in COHORTS_MM),
    "leading_mean_diameter_mm", "mean_diameters_mm", "touching_border", "flags", "source",
)  # fmt: skip
#: One row a follicle of a date and side, the largest mean diameter first. rank: its place in that order, of that scan alone.
SIZE_COLUMNS = (
    "date", "day", "cycle_day", "side", "rank", "segment", "mean_diameter_mm", "dx_mm", "dy_mm", "dz_mm", "volume_ml", "touches_border",
    "confidence", "source",
)  # fmt: skip
_LONGEST_CYCLE = 200  # days; more is a slip of the pen


@dataclass(frozen=True)
class Visit:
    """One ovary on one day. side: of SIDES. cycle_day: counted from 1, None when nobody said it. flags: keys of what is doubtful.

    source: what messages call it. patient: an ID, None when nothing is known of it. ovaries: how many there are in it, counted together and of no
    size, since nobody said which is which.
    ovary_source: BOX for an ovary that somebody outlined by a box, which has no size. name: of what shows this ovary alone; its words may say the side.
    """

    date: datetime.date
    side: str
    measurements: Measurements
    source: str
    cycle_day: int | None = None
    flags: tuple[str, ...] = ()
    patient: str | None = None
    ovaries: int = 1
    ovary_source: str = ""
    name: str = ""


@dataclass(frozen=True)
class Series:
    """Sizes of one side for a plot: x (days) and mean diameters (mm) of all follicles; of the leading one of each day, which need not be the
    same follicle."""

    side: str
    x: tuple[float, ...]
    diameters_mm: tuple[float, ...]
    leading_x: tuple[float, ...]
    leading_mm: tuple[float, ...]


class FollowUp:
    """The visits of one patient, by date and side. InputError, one line, for none, for two patients, and for two results of one side and date.

    notes: sentences on what does not fit together.
    """

    def __init__(self, visits: Sequence[Visit]):
        if not visits:
            raise InputError("no result with a date; give each scan its date first.")
        patients = sorted({visit.patient for visit in visits if visit.patient})
        if len(patients) > 1:
            raise InputError(f"these are scans of {len(patients)} patients ({', '.join(patients)}); choose those of one.")
        self.visits = tuple(sorted(visits, key=lambda visit: (visit.date, SIDES.index(visit.side))))
        taken: dict = {}
        for visit in self.visits:
            other = taken.setdefault((visit.date, visit.side), visit)
            if other is not visit:
                side = f"{visit.side} ovary" if visit.side else "side not stated"
                raise InputError(
                    f"{other.source} and {visit.source}: both are of {visit.date}, {side}; leave one out, or state the other side."
                )
        self.notes = tuple(_notes(self.visits))

    def day(self, visit: Visit) -> int:
        """Days since the first scan."""
        return (visit.date - self.visits[0].date).days

    @property
    def by_cycle(self) -> bool:
        """Whether the days of the cycle are known for all scans, and are those of one cycle: then a plot runs along them."""
        starts = {visit.date - datetime.timedelta(visit.cycle_day) if visit.cycle_day else None for visit in self.visits}
        return len(starts) == 1 and None not in starts

    def rows(self) -> list[dict]:
        """A dict of VISIT_COLUMNS for each visit."""
        return [self._row(visit) for visit in self.visits]

    def sizes(self) -> list[dict]:
        """A dict of SIZE_COLUMNS for each follicle of each visit."""
        rows = []
        for visit in self.visits:
            for rank, follicle in enumerate(_largest_first(visit), start=1):
                of_follicle = {name: getattr(follicle, name) for name in SIZE_COLUMNS if hasattr(follicle, name)}
                rows.append({**self._when(visit), "rank": rank, **of_follicle, "source": visit.source})
        return [{name: row[name] for name in SIZE_COLUMNS} for row in rows]

    def series(self) -> list[Series]:
        """One for each side that there is."""
        return [self._series(side) for side in SIDES if any(visit.side == side for visit in self.visits)]

    def _series(self, side: str) -> Series:
        points, leading = [], []
        for visit in self.visits:
            if visit.side == side:
                x = float(visit.cycle_day or 0) if self.by_cycle else float(self.day(visit))
                sizes = [follicle.mean_diameter_mm for follicle in _largest_first(visit)]
                points += [(x, size) for size in sizes]
                leading += [(x, size) for size in sizes[:1]]
        x, y = zip(*points) if points else ((), ())
        leading_x, leading_y = zip(*leading) if leading else ((), ())
        return Series(side, x, y, leading_x, leading_y)

    def _when(self, visit: Visit) -> dict:
        return {"date": visit.date.isoformat(), "day": self.day(visit), "cycle_day": visit.cycle_day, "side": visit.side}

    def _row(self, visit: Visit) -> dict:
        summary, follicles = visit.measurements.summary(), _largest_first(visit)
        row = {
            **self._when(visit),
            "leading_mean_diameter_mm": follicles[0].mean_diameter_mm if follicles else None,
            "mean_diameters_mm": " ".join(f"{follicle.mean_diameter_mm:.1f}" for follicle in follicles),
            "touching_border": sum(follicle.touches_border for follicle in follicles),
            "flags": " ".join(visit.flags),
            "source": visit.source,
            "ovary_volume_ml": summary["ovary_volume_ml"] if visit.ovary_source != BOX and visit.ovaries < 2 else None,
            **{name: summary[name] for name in ("follicle_count", "antral_count")},
            **{f"from_{mm}_mm": sum(whole_mm(f.mean_diameter_mm) >= mm for f in follicles) for mm in COHORTS_MM},
        }
        return {name: row[name] for name in VISIT_COLUMNS}


def parse_date(text: str) -> datetime.date | None:
    """The date of "2026-11-03" or "20261103"; None for an empty text. InputError for anything else: 3/11/2026 is November here and March there."""
    date = read_date(text)
    return datetime.date.fromisoformat(date) if date else None


def parse_cycle_day(text: str) -> int | None:
    """A whole number from 1; None for an empty text. InputError for anything else."""
    text = text.strip()
    if not text:
        return None
    with suppress(ValueError):
        if 1 <= whole_in(text) <= _LONGEST_CYCLE:
            return whole_in(text)
    raise InputError(f"{text}: is no day of a cycle; write a whole number from 1 to {_LONGEST_CYCLE}.")


def parse_side(text: str) -> str:
    """One of SIDES, also from "L" or "Right". InputError for anything else."""
    text = text.strip().lower()
    for side in SIDES[:2]:
        if text and side.startswith(text):
            return side
    if text in ("", "not stated") or side_of_name(text):
        return side_of_name(text)
    raise InputError(f"{text}: is no side; write left or right.")


def _largest_first(visit: Visit):
    return sorted(visit.measurements.follicles, key=lambda follicle: -follicle.mean_diameter_mm)


def _notes(visits: Sequence[Visit]):
    """What the reader must know of the dates and the sides."""
    yield from future_dates([visit.date.isoformat() for visit in visits])
    for visit in visits:
        if words := swapped(visit.name, visit.side):
            yield words
        if "spacing_not_confirmed" in visit.flags:
            yield f"{visit.source}: the size of its voxels is not confirmed; compare a known length before you use its sizes."
        if visit.ovary_source == BOX:
            yield f"{visit.source}: its ovary was outlined by a box, so its volume cannot be said."
        if visit.ovaries > 1:
            yield f"{visit.source}: shows {visit.ovaries} ovaries; their follicles stand together until you state which is left and which is right."
    if any(not visit.side for visit in visits) and len({visit.side for visit in visits}) > 1:
        yield "Of some scans the side is not stated; they stand apart."
    said = [(visit.date, visit.cycle_day) for visit in visits if visit.cycle_day is not None]
    for (date, day), (later, other) in zip(said, said[1:]):
        gap = (later - date).days
        # A smaller day of the cycle is another cycle's.
        if gap != other - day and (other > day or gap == 0):
            yield f"Day {day} of the cycle on {date} and day {other} on {later} do not fit together."
