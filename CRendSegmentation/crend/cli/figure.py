"""crend figure VOLUME REFERENCE PRED...: one picture that sets systems side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer


def command(
    volume: Path = typer.Argument(..., metavar="VOLUME", help="The ultrasound volume."),
    reference: Path = typer.Argument(
        ..., metavar="REFERENCE", help="Labels to compare with: .seg.nrrd, or an image with 1 = ovary, k + 1 = follicle k."
    ),
    predictions: list[Path] = typer.Argument(..., metavar="PRED...", help="Labels of each system, same kinds of file."),
    out: Path = typer.Option(..., "--out", metavar="PNG", help="The picture to write."),
    name: Optional[list[str]] = typer.Option(
        None, "--name", metavar="NAME", help="A system's name, once for each PRED in order; default: the files' names."
    ),
    components: bool = typer.Option(
        False,
        "--components",
        help="Count every connected piece of a follicle label as a follicle, for files with one label for all of them.",
    ),
) -> None:
    """Draw surfaces and distance maps of several segmentations of one volume."""
    from ..errors import InputError
    from .console import number, quiet, stdout, table
    from .outputs import check_outputs

    names = name or _names(predictions)
    if len(names) != len(predictions):
        raise InputError(f"{len(names)} times --name for {len(predictions)} PRED; give one for each.")
    if len(set(names)) < len(names):
        raise InputError("two systems have the same name; tell them apart with --name.")
    check_outputs(dict.fromkeys((volume, reference, *predictions)), [(out, ".png")])

    from ..comparison.common_grid import check_near
    from ..io.labels import read_labels
    from ..io.volumes import read_image
    from ..pictures.figure import figure

    with quiet():
        image = read_image(volume)
        truth = read_labels(reference, components)
        systems = {name: read_labels(path, components) for name, path in zip(names, predictions)}
    for path, labels in zip(predictions, systems.values()):
        try:
            check_near(truth, labels)
        except InputError as error:
            raise InputError(f"{path} and {reference}: {error}") from error
    try:
        ranges = figure(image, truth, systems, out)
    except InputError as error:
        raise InputError(f"{reference}: {error}") from error
    rows = table("distance to the reference, mm", "ovary min>", "mean>", "max>", "follicles min>", "mean>", "max>")
    for system, found in ranges.items():
        if truth.guide or systems[system].guide:
            found = {**found, "ovary": None}
        values = [v for structure in ("ovary", "follicles") for v in (found[structure] or [None] * 3)]
        rows.add_row(system, *(number(v, 2) for v in values))
    console = stdout()
    console.print(rows)
    for path, labels in zip((reference, *predictions), (truth, *systems.values())):
        if labels.guide:
            console.print(f"note: {path}: its ovary is only the ellipsoid of a box, which measures nothing")
    console.print(f"wrote {out}")


def _names(paths):
    """File names without their endings; the folder's name before it where two are alike."""
    stems = [path.name.split(".")[0] for path in paths]
    return [stem if stems.count(stem) == 1 else f"{path.resolve().parent.name}/{stem}" for stem, path in zip(stems, paths)]
