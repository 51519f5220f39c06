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
    model: Optional[str] = typer.Option(
        None, "--model", metavar="NAME|PATH", help="A model of `crend models`, or a bundle's folder (default: the first of `crend models`)."
    ),
    device: str = typer.Option(
        "auto", "--device", metavar="auto|cpu|cuda", help="Where the network runs; auto: a CUDA card where one is found, else the CPU."
    ),
    engine: str = typer.Option(
        "auto",
        "--engine",
        metavar="auto|onnxruntime|openvino|torch",
        help="What runs the network; auto: torch on a CUDA card, else onnxruntime.",
    ),
    frame: Optional[int] = typer.Option(None, "--frame", metavar="K", help="Which volume of a file that holds several, counted from 1."),
    spacing: Optional[tuple[float, float, float]] = typer.Option(
        None, "--spacing", metavar="X Y Z", help="Voxel size in mm, for a file that does not say it, or says it wrong."
    ),
    identify: bool = typer.Option(False, "--identify", help="Write the patient's name and ID, if the file has them, into JSON."),
    everywhere: bool = typer.Option(
        False, "--everywhere", help="Predict the whole volume at full resolution, not only where a coarse search finds an ovary."
    ),
    smallest: Optional[float] = typer.Option(
        None, "--smallest-follicle", metavar="MM", min=0.0, help="Drop follicles of a smaller diameter, in mm (default: as the model says)."
    ),
    no_split: bool = typer.Option(False, "--no-split", help="Do not separate follicles that touch."),
    not_rendered: bool = typer.Option(False, "--not-rendered", help="Do not re-predict ambiguous voxels: coarser outlines, less time."),
    least_confidence: float = typer.Option(
        0.0, "--least-confidence", metavar="P", min=0.0, max=1.0, help="Drop follicles of a lower confidence (0 to 1)."
    ),
    box: Optional[tuple[float, float, float, float, float, float]] = typer.Option(
        None,
        "--box",
        metavar="R0 R1 A0 A1 S0 S1",
        help="Where one ovary lies: faces of a box, mm in RAS. Follicles in it count whatever the ovary's outline.",
    ),
    probabilities: Optional[Path] = typer.Option(
        None,
        "--probabilities",
        metavar="FILE",
        help="Probabilities of ovary and follicles (0 to 1) as one image of two components (.nrrd, .mha).",
    ),
) -> None:
    """Segment the ovary and its follicles in a volume and measure them."""
    from ..errors import InputError
    from ..io.aside import set_changed_aside
    from ..io.label_likeness import refuse_labels
    from ..io.scanner_files import patient_of
    from .console import progress_bar, quiet
    from .inputs import read_volume
    from .outputs import check_label_format, check_outputs

    if identify and json is None:
        raise InputError("--identify: the patient's name and ID go into a JSON file only; give one with --json.")
    check_outputs([volume], [(output, None), (table, ".csv"), (json, ".json"), (probabilities, (".nrrd", ".mha"))])
    with progress_bar() as progress:
        image = read_volume(volume, progress, frame=frame, spacing=spacing)
        refuse_labels(image, volume)
    with quiet():
        check_label_format(output, image)

    from ..predict import segment

    with progress_bar() as progress:
        found = segment(
            image,
            model,
            device=device,
            engine=engine,
            search=not everywhere,
            render=not not_rendered,
            split=not no_split,
            smallest_follicle_mm=smallest,
            least_confidence=least_confidence,
            box=box,
            keep_probabilities=probabilities is not None,
            progress=progress,
            name=str(volume),
        )
    found.provenance["input"] = os.path.abspath(volume)
    if identify:
        found.provenance["patient"] = patient_of(volume)
    kept = set_changed_aside(output)
    _write(found, volume, output, table, json, probabilities)
    _show(found, [path for path in (output, table, json, probabilities) if path is not None])
    if kept is not None:
        typer.echo(f"note: {output} was not as a run had written it; it is kept as {kept.name}.", err=True)
    for flag in found.flags:
        typer.echo(f"warning: {flag['text']}", err=True)


def _write(found, volume, output, table, json, probabilities) -> None:
    """All files or none: each is complete under a temporary name before the first gets its own."""
    from ..io.atomic import replacing_all
    from ..io.labels import write_labels, write_probabilities
    from ..io.tables import write_csv, write_json

    writers = {
        output: lambda path: write_labels(path, found.organs, found.follicles, source=volume, ovary_source=found.ovary_source),
        table: lambda path: write_csv(found.measurements, path, found.flags),
        json: lambda path: write_json(found, path),
        probabilities: lambda path: write_probabilities(path, found.probabilities),
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
        for _, part in found.measurements.by_ovary() if found.measurements.ovaries else ():
            names = ", ".join(str(f.id) for f in part.follicles) or "none"
            console.print(
                f"{part.ovary.segment}: {number(part.ovary.volume_ml)} ml, follicles {names}; antral: {part.summary()['antral_count']}"
            )
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
