"""crend report LEFT RIGHT: both ovaries on one page, from the JSON of two segmentations."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

NONE = "-"


def _check_sides(given, read, sides, one_file) -> None:
    """InputError where both sides are the same ovary, be it of a copied report, or of two patients."""
    from ..errors import InputError

    patients = {str((facts["provenance"].get("patient") or {}).get("id") or "") for _, facts in read.values()} - {""}
    if len(patients) > 1:
        raise InputError(
            f"{given['left']} and {given['right']}: are of two patients ({', '.join(sorted(patients))}); give both ovaries of one."
        )
    one, other = sides["left"].measurements, sides["right"].measurements
    if one == other and one is not None and (one_file or one.ovary is not None or one.follicles):
        named = " and ".join(dict.fromkeys(map(str, given.values())))
        raise InputError(f"{named}: is given for both sides, with the same ovary; give - for a side that was not seen.")


def command(
    left: str = typer.Argument(
        ..., metavar="LEFT", help="JSON of the left ovary, as crend segment --json writes it; - for one that was not seen."
    ),
    right: str = typer.Argument(..., metavar="RIGHT", help="JSON of the right ovary, likewise."),
    out: list[Path] = typer.Option(
        ...,
        "--out",
        metavar="FILE",
        help="The report as .html, a table (.csv), .json or a DICOM report (.dcm); may be given several times.",
    ),
    patient: str = typer.Option("", "--patient", metavar="NAME", help="The patient's name; written only if given here."),
    patient_id: str = typer.Option("", "--patient-id", metavar="ID", help="The patient's ID; written only if given here."),
    date: str = typer.Option("", "--date", metavar="DATE", help="Date of the scan, 2026-01-31 (default: as the volumes say)."),
    day: Optional[int] = typer.Option(None, "--day", metavar="N", min=1, max=99, help="Day of the cycle."),
    left_ovary: Optional[int] = typer.Option(
        None, "--left-ovary", metavar="N", min=1, help="Which ovary of LEFT it is, where its volume shows two: as its tables number them."
    ),
    right_ovary: Optional[int] = typer.Option(None, "--right-ovary", metavar="N", min=1, help="Which ovary of RIGHT it is, likewise."),
    cohorts: str = typer.Option(
        "", "--cohorts", metavar="MM,MM", help="Thresholds of the follicle cohorts in mm (default: 10,12,14,16,18)."
    ),
) -> None:
    """Put the findings of both ovaries together. Nothing is confirmed here, so no criterion is judged: Slicer's panel does that.

    A volume that shows two ovaries is given for both sides; --left-ovary and --right-ovary say which is which.
    """
    from ..clinic.files import write_report
    from ..clinic.findings import findings_of
    from ..clinic.segment_reports import pictures_of, read_side
    from ..clinic.several import one_ovary, ovary_sides, unstated, what_to_say
    from ..clinic.study import NOT_SEEN, Side, Study, read_cohorts, read_date
    from ..errors import InputError
    from .console import quiet, stdout
    from .outputs import check_outputs

    given = {side: Path(name) for side, name in (("left", left), ("right", right)) if name != NONE}
    if not given:
        raise InputError("both ovaries are -; give the JSON of one at least.")
    check_outputs(dict.fromkeys(given.values()), [(path, (".html", ".htm", ".csv", ".json", ".dcm")) for path in out])
    study = Study(patient, patient_id, read_date(date), day, cohorts_mm=read_cohorts(cohorts))
    sides, pictures = {side: Side(state=NOT_SEEN) for side in ("left", "right")}, {}
    numbers = {"left": left_ovary, "right": right_ovary}
    notes: list[str] = []
    said: list[str] = []
    wanted = any(path.suffix.lower() in (".html", ".htm") for path in out)
    with quiet():
        read = {side: read_side(path) for side, path in given.items()}
        one_file = len(given) == 2 and given["left"].resolve() == given["right"].resolve()
        parts = ovary_sides(read["left"][0]) if one_file else {}
        if parts and left_ovary is right_ovary is None:
            sides = {unstated(number): part for number, part in parts.items()}
            how = "Say which is which: --left-ovary and --right-ovary."
            said.append(what_to_say(given["left"].name, [part.ovary for part in parts.values()], how))
            read = dict.fromkeys(sides, read["left"])
            given = dict.fromkeys(sides, given["left"])
        else:
            for side, (found, _facts) in read.items():
                sides[side] = one_ovary(found, numbers[side], given[side], f"--{side}-ovary")
            _check_sides(given, read, sides, one_file)
        for side, (_found, facts) in read.items():
            try:
                pictures[side] = pictures_of(given[side], facts, sides[side]) if wanted else []
            except InputError as error:
                notes.append(f"no pictures of the {side if side in numbers else ''} ovary: {error}".replace("  ", " "))
    findings = findings_of(study, sides, said)
    for path in out:
        write_report(findings, path, pictures)
    console = stdout()
    for side, found in findings["sides"].items():
        console.print(
            f"{side}: {found['state'] if found['antral_count'] is None else str(found['antral_count']) + ' antral follicles, not confirmed'}"
        )
    for note in [*findings["notes"], *notes]:
        console.print(f"note: {note}")
    for path in out:
        console.print(f"wrote {path}")
    console.print(findings["notice"])
