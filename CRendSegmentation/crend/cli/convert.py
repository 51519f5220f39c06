"""crend convert IN OUT: whatever can be read, as a volume file."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

FORMATS = (".nrrd", ".nii.gz", ".nii", ".mha")


def command(
    volume: Path = typer.Argument(
        ..., metavar="IN", help="A volume: GE Voluson .vol, .nrrd, .nii.gz, .mha, .vtk, a DICOM file or a folder with one DICOM series."
    ),
    output: Path = typer.Argument(
        ..., metavar="OUT", help="The volume as .nrrd, .nii.gz or .mha. Patients' names and the rest of a header are left out."
    ),
    cartesian_spacing: Optional[float] = typer.Option(
        None,
        "--cartesian-spacing",
        metavar="MM",
        help="Voxel size of a scan-converted .vol; without it 0.3 mm, coarser only above 200 million voxels.",
    ),
    spacing: Optional[tuple[float, float, float]] = typer.Option(
        None, "--spacing", metavar="X Y Z", help="Voxel size in mm, for a file that does not say it, or says it wrong."
    ),
    frame: Optional[int] = typer.Option(None, "--frame", metavar="K", help="Which volume of a file that holds several, counted from 1."),
    json: Optional[Path] = typer.Option(
        None, "--json", metavar="JSON", help="Size, spacing, date of the scan and notes on how it was read."
    ),
    identify: bool = typer.Option(False, "--identify", help="Write the patient's name and ID into JSON, too."),
) -> None:
    """Turn a scanner's file, or any other volume, into a volume file on a regular grid."""
    from ..errors import InputError
    from ..io.acquisition import header_warnings_of, notes_of, without_metadata
    from ..io.atomic import replacing_all
    from ..io.image_files import write_image
    from ..io.tables import write_json
    from .console import progress_bar, quiet, stdout
    from .inputs import read_volume
    from .outputs import check_label_format, check_outputs

    if identify and json is None:
        raise InputError("--identify: the patient's name and ID go into a JSON file only; give one with --json.")
    if not str(output).lower().endswith(FORMATS):
        raise InputError(f"{output}: must end with {', '.join(FORMATS)}; other formats do not keep all that is known of a volume.")
    check_outputs([volume], [(output, None), (json, ".json")])
    with progress_bar() as progress:
        image = read_volume(volume, progress, frame=frame, spacing=spacing, cartesian_spacing_mm=cartesian_spacing)
    warnings = header_warnings_of(image)
    image = without_metadata(image)
    with quiet():
        check_label_format(output, image)
    facts = {**describe(image, volume, identify), "warnings": warnings}
    writers = {output: lambda path: write_image(image, path, output), json: lambda path: write_json(facts, path)}
    writers = {path: write for path, write in writers.items() if path is not None}
    with replacing_all(*writers) as temporaries, quiet():
        for temporary, write in zip(temporaries, writers.values()):
            write(temporary)
    console = stdout()
    console.print(f"{' x '.join(map(str, facts['size']))} voxels of {' x '.join(f'{s:.4g}' for s in facts['spacing_mm'])} mm")
    for note in notes_of(image):
        console.print(f"note: {note}")
    for path in writers:
        console.print(f"wrote {path}")
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def describe(image, path: Path, identify: bool) -> dict:
    """What is known of an image, as plain data; the patient only when asked for."""
    from ..io.acquisition import date_of, notes_of
    from ..io.scanner_files import patient_of

    facts = {
        "input": path.name,
        "size": list(image.GetSize()),
        "spacing_mm": list(image.GetSpacing()),
        "origin_lps_mm": list(image.GetOrigin()),
        "date": date_of(image),
        "notes": notes_of(image),
    }
    return {**facts, "patient": patient_of(path)} if identify else facts
