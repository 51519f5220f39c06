"""crend compare REFERENCE PREDICTION: overlap, distances, follicles found and missed; --batch: of many pairs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

import typer

PRINTED = ("dsc", "jc", "hd", "hd95", "asd", "surface", "follicles", "fd", "md", "fd_small, md_small", "count_error")


def command(
    reference: Optional[Path] = typer.Argument(
        None, metavar="REFERENCE", help="Labels to compare with: .seg.nrrd, or an image with 1 = ovary, k + 1 = follicle k."
    ),
    prediction: Optional[Path] = typer.Argument(None, metavar="PREDICTION", help="Labels to judge, same kinds of file."),
    json: Optional[Path] = typer.Option(None, "--json", metavar="JSON", help="All figures, with their definitions."),
    surface: Optional[Path] = typer.Option(
        None, "--surface", metavar="VTP", help="The predicted surfaces, each point with its distance to the reference in mm."
    ),
    png: Optional[Path] = typer.Option(None, "--png", metavar="PNG", help="A picture of these surfaces, coloured by distance."),
    percentile: Optional[list[float]] = typer.Option(
        None, "--percentile", min=0, max=100, metavar="P", help="One more Hausdorff percentile; may be given again."
    ),
    components: bool = typer.Option(
        False,
        "--components",
        help="Count every connected piece of a follicle label as a follicle, for files with one label for all of them.",
    ),
    batch: Optional[Path] = typer.Option(
        None, "--batch", metavar="CSV", help="Compare all pairs in a CSV with the columns reference, prediction and, if wanted, case."
    ),
    out: Optional[Path] = typer.Option(
        None, "--out", metavar="FOLDER", help="With --batch: where the tables go; default: beside the CSV, named after it."
    ),
) -> None:
    """Compare a segmentation with a reference, or many of them."""
    from ..errors import InputError

    if batch is not None:
        if any(given is not None for given in (reference, prediction, json, surface, png)):
            raise InputError("--batch goes with --out, --percentile and --components only; name the pairs in the CSV.")
        from .compare_batch import run

        run(batch, out or batch.with_name(f"{batch.stem}-compared"), tuple(percentile or ()), components)
        return
    if reference is None or prediction is None:
        raise InputError("give REFERENCE and PREDICTION, or --batch with a CSV of pairs; see crend compare --help.")
    if out is not None:
        raise InputError("--out goes with --batch; use --json, --surface or --png.")
    from ..io.labels import read_labels
    from .console import quiet
    from .outputs import check_outputs

    # Comparing a file with itself is a fair question; overwriting one of the two is not.
    inputs = dict.fromkeys((reference, prediction))
    check_outputs(inputs, [(json, ".json"), (surface, ".vtp"), (png, ".png")])
    with quiet():
        a, b = read_labels(reference, components), read_labels(prediction, components)

    from ..comparison.metrics import compare

    try:
        figures = compare(a, b, percentiles=tuple(percentile or ()))
        _write(figures, a, b, json, surface, png)
    except InputError as error:
        raise InputError(f"{reference} and {prediction}: {error}") from error
    _show(figures, [path for path in (json, surface, png) if path is not None])


def _write(figures, reference, prediction, json, surface, png) -> None:
    """All files or none."""
    from ..io.atomic import replacing_all
    from ..io.tables import write_json

    def write_surface(path):
        from ..comparison.distance_maps import write_distances

        write_distances(reference, prediction, path)

    def write_picture(path):
        from ..pictures.figure import picture_distances

        picture_distances(reference, prediction, path)

    writers = {json: lambda path: write_json(figures, path), surface: write_surface, png: write_picture}
    writers = {path: write for path, write in writers.items() if path is not None}
    with replacing_all(*writers) as temporaries:
        for temporary, write in zip(temporaries, writers.values()):
            write(temporary)


def _show(figures, written) -> None:
    from .console import number, stdout, table

    console = stdout()
    rows = table("", "DSC>", "JC>", "HD mm>", "HD95 mm>", "ASD mm>", "ref. ml>", "pred. ml>")
    for name in ("ovary", "follicles"):
        part = figures[name]
        rows.add_row(
            name,
            number(part["dsc"], 3),
            number(part["jc"], 3),
            *(number(part[key], 2) for key in ("hd", "hd95", "asd", "volume_reference_ml", "volume_prediction_ml")),
        )
    console.print(rows)
    percentiles = [key for key in figures["ovary"] if re.fullmatch(r"hd[\d.]+", key) and key != "hd95"]
    if percentiles:
        rows = table("percentile, mm", "ovary>", "follicles>")
        for key in percentiles:
            rows.add_row(key.upper(), *(number(figures[name][key], 2) for name in ("ovary", "follicles")))
        console.print(rows)
    found = figures["detection"]
    rows = table("follicles", "ref.>", "pred.>", "error>", "FD %>", "MD %>", "FD % small>", "MD % small>")
    counts = (str(found[f"count_{key}"]) for key in ("reference", "prediction", "error"))
    rows.add_row("count", *counts, *(number(found[key]) for key in ("fd", "md", "fd_small", "md_small")))
    console.print(rows)
    show_notes(console, figures["notes"])
    for key in PRINTED:
        console.print(f"{key.upper() if len(key) < 5 else key}: {figures['definitions'][key]}", style="dim")
    for path in written:
        console.print(f"wrote {path}")


def show_notes(console, notes, before="note: ") -> None:
    """Print notes, and after one on labels in several pieces what to do about it."""
    from ..comparison.notes import IN_PIECES

    for note in notes:
        cure = " --components counts every piece." if IN_PIECES in note else ""
        console.print(f"{before}{note}{cure}")
