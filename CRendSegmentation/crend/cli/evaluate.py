"""crend evaluate BUNDLE USOVA3D_DIR: a model against both raters of the public set, and the raters against each other."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Optional

import typer

from .compare import show_notes
from .compare_batch import AGREEMENT, PRINTED

SEGMENTATIONS = "segmentations"
RATERS = "rater 2 against rater 1"
SPLITS = ("all", "training", "test")


def command(
    model: str = typer.Argument(..., metavar="BUNDLE", help="A model's name, or the folder of a bundle."),
    folder: Path = typer.Argument(
        ..., metavar="USOVA3D_DIR", help="Folder with vol<ID>.vtk, vol<ID>_o_r1.vtk, vol<ID>_f_r1.vtk, ..._r2.vtk."
    ),
    split: str = typer.Option("all", metavar="SPLIT", help="all, or the set's own training or test volumes."),
    out: Optional[Path] = typer.Option(
        None,
        "--out",
        metavar="FOLDER",
        help="Folder for the segmentations, which a second call goes on with, and cases.csv, follicles.csv and summary.json of each comparison.",
    ),
    components: bool = typer.Option(
        False,
        "--components",
        help="Count every connected piece of a rater's follicle as a follicle, for files with one label for all of them.",
    ),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    engine: str = typer.Option("auto", help="auto, onnxruntime, openvino or torch."),
) -> None:
    """Segment every volume of USOVA3D and compare: model with rater 1, model with rater 2, rater with rater."""
    from ..errors import Cancelled, InputError, Kept
    from ..io.usova3d import find_scans

    if split not in SPLITS:
        raise InputError(f"--split {split}: unknown; use {', '.join(SPLITS)}.")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give that of the USOVA3D volumes.")
    scans = [scan for scan in find_scans(folder) if split == "all" or scan.test == (split == "test")]
    if not scans:
        raise InputError(f"{folder}: holds none of the set's {split} volumes; use --split all.")

    from ..batch import make_folder
    from ..comparison.pairs import FILES
    from ..comparison.raters import PAIRS, compare_with_raters
    from .console import progress_bar, quiet, stdout

    places = {} if out is None else {name: out / name.replace(" ", "_") for name in PAIRS}
    for place in places.values():
        make_folder(place, FILES)
    if out is not None:
        make_folder(out / SEGMENTATIONS, ())
    _check_learned(model, scans)
    predict = _predictor(model, device, engine, out)
    try:
        with progress_bar() as progress:
            found = compare_with_raters(scans, predict, components=components, progress=progress, reading=quiet)
    except (Cancelled, KeyboardInterrupt):
        if out is None:
            raise
        raise Kept("cancelled; the segmentations made are kept, and the same command goes on.") from None
    _show(found, scans)
    for name, place in places.items():
        found[name].write(place)
        stdout().print(f"wrote {place}")
    if out is not None:
        stdout().print(f"wrote {out / SEGMENTATIONS}")
    summary = next(iter(found.values())).summary
    if summary["failed"]:
        raise InputError(
            f"{folder}: {summary['failed']} of {summary['cases']} volumes failed, as said above; correct them and start again."
        )


def _check_learned(model, scans) -> None:
    """InputError for scans that the bundle was trained on; a line for those that chose its checkpoint, and for changed copies."""
    from ..bundle.bundle import info
    from ..bundle.learned import find_learned
    from ..io.usova3d import read_scan
    from .console import quiet

    found = info(model)
    with quiet():
        learned = find_learned([(scan.name, partial(read_scan, scan)) for scan in scans], found.metadata["crend"].get("learned_from", {}))
    learned.check(found.name)
    for words in learned.warnings():
        typer.echo(f"warning: {words}", err=True)


def _predictor(model, device: str, engine: str, out: Optional[Path]):
    """segment(scan, progress) -> (Labels, flags), kept in `out` where there is one."""
    from ..batch import segment_once
    from ..bundle.bundle import load
    from ..inference.engines import make_engine
    from ..io.folders import Volume
    from ..io.labels import Labels
    from ..io.usova3d import read_scan
    from ..predict import segment
    from .console import quiet

    bundle = load(model)
    chosen = make_engine(bundle.model, device, engine)

    def predict(scan, progress):
        def run(path, progress, **_reading):
            with quiet():
                image = read_scan(scan)
            return segment(image, bundle, device=device, engine=chosen, progress=progress, name=scan.name)

        if out is None:
            found = run(scan.image, progress)
            return Labels(found.ovary, found.follicles), found.flags
        volume = Volume(scan.image, scan.name, spacing=scan.spacing_mm)
        return segment_once(volume, out / SEGMENTATIONS, run, model=bundle.identity, progress=progress)

    return predict


def _show(found, scans) -> None:
    from .console import number, stdout, table

    console = stdout()
    summaries = {name: batch.summary for name, batch in found.items()}
    first = next(iter(summaries.values()))
    names = [f"{name.replace(' against ', ' / ')}>" for name in summaries]
    rows = table("mean ± SD", *names, title=f"{first['cases'] - first['failed']} of {first['cases']} volumes")
    for figure in PRINTED:
        cells = []
        for summary in summaries.values():
            values = summary["figures"].get(figure)
            cells.append(f"{number(values['mean'], 3)} ± {number(values['sd'], 3)}" if values else "–")
        rows.add_row(figure, *cells)
    console.print(rows)
    rows = table("bias, 95 % limits", *names)
    for key, name in AGREEMENT.items():
        values = [summary["agreement"][key] for summary in summaries.values()]
        rows.add_row(name, *(f"{number(v['bias'], 2)} ({number(v['lower'], 2)} to {number(v['upper'], 2)})" for v in values))
    console.print(rows)
    for row in next(iter(found.values())).cases:
        if row["status"] == "failed":
            console.print(f"failed: {row['case']}: {row['reason']}")
        elif row["flags"]:
            console.print(f"doubtful: {row['case']}: {row['flags']}")
    for row in found[RATERS].cases:
        if row.get("notes"):
            show_notes(console, [row["notes"]], f"note: {row['case']}: ")
    without = len(scans) - first["cases"]
    if without:
        console.print(f"note: {without} volumes lack labels of a rater and are left out")
    unspaced = [scan.name for scan in scans if scan.spacing_mm is None and scan.number > 100]
    if unspaced:
        console.print(
            f"note: the spacings in the headers of volumes 101 and later ({len(unspaced)} here) are thought to be placeholders; "
            "put the true ones into spacings.csv (id,x,y,z) in the folder, or sizes and distances mean nothing"
        )
