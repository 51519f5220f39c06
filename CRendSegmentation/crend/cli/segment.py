"""crend segment IN OUT: one volume to labels, table and JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import typer


def command(
    volume: Path = typer.Argument(
        ..., metavar="IN", help="3D ultrasound volume (.nrrd, .nii.gz, .mha, .vtk, GE Voluson .vol) or a folder with one DICOM series."
    ),
    output: Path = typer.Argument(
        ..., metavar="OUT", help="Labels: .seg.nrrd, or an image (.nrrd, .nii.gz, .mha): 1 = ovary, k + 1 = follicle k."
    ),
    table: Optional[Path] = typer.Option(None, "--table", metavar="CSV", help="One row a follicle, largest first."),
    json: Optional[Path] = typer.Option(None, "--json", metavar="JSON", help="Measurements, counts by size, and how they were made."),
    model: Optional[str] = typer.Option(None, "--model", metavar="NAME|PATH", help="A model of `crend models`, or the folder of one."),
    device: str = typer.Option("auto", "--device", metavar="auto|cpu|cuda", help="Where the network runs."),
    engine: str = typer.Option("auto", "--engine", metavar="auto|onnxruntime|openvino|torch", help="What runs it."),
    frame: Optional[int] = typer.Option(None, "--frame", metavar="K", help="Which volume of a file that holds several, counted from 1."),
    spacing: Optional[tuple[float, float, float]] = typer.Option(
        None, "--spacing", metavar="X Y Z", help="Voxel size in mm, for a file that does not say it, or says it wrong."
    ),
    identify: bool = typer.Option(False, "--identify", help="Write the patient's name and ID, if the file has them, into JSON."),
    everywhere: bool = typer.Option(
        False, "--everywhere", help="Look closely at the whole volume, not only where a quick look sees an ovary."
    ),
) -> None:
    """Segment the ovary and its follicles in a volume and measure them."""
    from ..errors import InputError
    from ..io.scanner_files import patient_of
    from .console import progress_bar, quiet
    from .inputs import read_volume
    from .outputs import check_label_format, check_outputs

    if identify and json is None:
        raise InputError("--identify: the patient's name and ID go into a JSON file only; give one with --json.")
    check_outputs([volume], [(output, None), (table, ".csv"), (json, ".json")])
    with progress_bar() as progress:
        image = read_volume(volume, progress, frame=frame, spacing=spacing)
    with quiet():
        check_label_format(output, image)

    from ..predict import segment

    with progress_bar() as progress:
        found = segment(image, model, device=device, engine=engine, search=not everywhere, progress=progress, name=str(volume))
    found.provenance["input"] = os.path.abspath(volume)
    if identify:
        found.provenance["patient"] = patient_of(volume)
    _write(found, output, table, json)
    _show(found, [path for path in (output, table, json) if path is not None])
    for flag in found.flags:
        typer.echo(f"warning: {flag['text']}", err=True)


def _write(found, output, table, json) -> None:
    """All files or none: each is complete under a temporary name before the first gets its own."""
    from ..io.atomic import replacing_all
    from ..io.labels import write_labels
    from ..io.tables import write_csv, write_json

    writers = {
        output: lambda path: write_labels(path, found.ovary, found.follicles),
        table: lambda path: write_csv(found.measurements, path, found.flags),
        json: lambda path: write_json(found, path),
    }
    writers = {path: write for path, write in writers.items() if path is not None}
    with replacing_all(*writers) as temporaries:
        for temporary, write in zip(temporaries, writers.values()):
            write(temporary)


def _show(found, written) -> None:
    from .console import number, stdout, table

    console = stdout()
    console.print(found.message)
    if found.measurements.follicles:
        rows = table("follicle", "mean mm>", "d(x) mm>", "d(y) mm>", "d(z) mm>", "dV mm>", "volume ml>", "conf.>")
        for f in found.measurements.follicles:
            sizes = (f.mean_diameter_mm, f.dx_mm, f.dy_mm, f.dz_mm, f.dv_mm)
            rows.add_row(f.segment, *(number(s) for s in sizes), number(f.volume_ml, 3), number(f.confidence, 2))
        console.print(rows)
        summary = found.measurements.summary()
        counts = ", ".join(f"{count} of {name} mm" for name, count in summary["counts"].items() if count)
        console.print(f"by mean diameter: {counts}; antral (2 to 10 mm): {summary['antral_count']}")
    how = found.provenance
    console.print(f"{how['bundle']} {how['bundle_version']}, {how['engine']} on {how['device']}, {how['seconds']:.1f} s")
    said = [flag["text"] for flag in found.flags]  # those go to stderr
    for warning in [each for each in how["warnings"] if each not in said] + how["notes"]:
        console.print(f"note: {warning}")
    for path in written:
        console.print(f"wrote {path}")
    console.print(how["notice"])
