"""crend followup REPORT...: the follicles of one patient by day and side."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer


def command(
    reports: list[Path] = typer.Argument(
        ...,
        metavar="REPORT...",
        help="Reports of crend segment --json, or CSV lists with the columns report, date, side, cycle_day, ovary.",
    ),
    table: Optional[Path] = typer.Option(None, "--table", metavar="CSV", help="Write one row a date and side."),
    follicles: Optional[Path] = typer.Option(None, "--follicles", metavar="CSV", help="Write one row a follicle of a date and side."),
) -> None:
    """List the sizes of the follicles of several scans of one patient, by date and side.

    Follicles are not followed from one scan to the next: the leading one of each day need not be the same.
    """
    from ..clinic.followup import SIZE_COLUMNS, VISIT_COLUMNS, FollowUp
    from ..clinic.followup_files import read_visits
    from .console import number, stdout
    from .console import table as make_table
    from .outputs import check_outputs

    check_outputs(dict.fromkeys(reports), [(table, ".csv"), (follicles, ".csv")])
    found = FollowUp(read_visits(reports))
    console = stdout()
    shown = make_table("date", "day>", "cycle>", "side", "ovary ml>", "follicles>", "2-10 mm>", "leading mm>", "mean diameters, mm")
    for row in found.rows():
        shown.add_row(
            row["date"], str(row["day"]), number(row["cycle_day"], 0), row["side"] or "–", number(row["ovary_volume_ml"]),
            str(row["follicle_count"]), str(row["antral_count"]), number(row["leading_mean_diameter_mm"]), row["mean_diameters_mm"],
        )  # fmt: skip
    console.print(shown)
    for note in found.notes:
        console.print(f"note: {note}")
    if any(visit.ovaries > 1 for visit in found.visits):
        console.print("note: a CSV list states the side of each ovary: a line each, with its number in the column ovary.")
    if table is not None or follicles is not None:
        from ..io.tables import write_rows

        for path, columns, rows in ((table, VISIT_COLUMNS, found.rows()), (follicles, SIZE_COLUMNS, found.sizes())):
            if path is not None:
                write_rows(path, columns, rows)
                console.print(f"wrote {path}")
