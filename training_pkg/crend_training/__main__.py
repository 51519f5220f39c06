"""python -m crend_training: phantom, systems, check, prepare, train, bundle, evaluate, crossval, tables, points."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

import typer

from crend.errors import InputError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Train, bundle and measure the systems of C-Rend.")


@app.command()
def phantom(
    out: Path = typer.Option(..., help="Folder to write volume.nrrd, labels.nrrd and parameters.json to."),
    seed: int = typer.Option(0, help="The same seed gives the same volume."),
) -> None:
    """Simulate one 3D ultrasound volume of an ovary, with its truth."""
    from .phantom import make_phantom, write_phantom

    write_phantom(make_phantom(seed), out)
    typer.echo(f"{out}: volume.nrrd, labels.nrrd, parameters.json")


@app.command()
def systems(as_json: bool = typer.Option(False, "--json", help="As JSON: name -> parameter count.")) -> None:
    """The systems that can be trained, and their parameter counts at the paper's width of 32."""
    import json

    from crend.networks import parameter_counts

    counts = parameter_counts()
    typer.echo(json.dumps(counts) if as_json else "\n".join(f"{name:8} {count:>11,}" for name, count in counts.items()))


@app.command()
def check(
    data: Path = typer.Argument(..., help="A CSV or JSON list of images and labels, or a folder of USOVA3D."),
    rater: str = typer.Option("agreement", help="USOVA3D: 1, 2 or agreement."),
    outside_percent: float = typer.Option(1.0, help="Share of a volume's follicle voxels that may lie outside its ovary."),
) -> None:
    """Read everything and list what is wrong, file by file; exit code 2 when something is."""
    from .checking import check_entries
    from .configuration import CHOICES, Data
    from .sources import entries_at

    if rater not in CHOICES["data: rater"]:
        raise InputError(f"--rater {rater}: unknown; use agreement, 1 or 2")
    entries = entries_at(data, Data(rater=rater))
    with typer.progressbar(length=len(entries), label="checking", file=sys.stderr) as bar:
        findings = check_entries(entries, outside_percent=outside_percent, progress=lambda: bar.update(1))
    for finding in findings:
        typer.echo(str(finding))
    wrong = {finding.name for finding in findings if finding.wrong}
    labelled = sum(entry.labelled for entry in entries)
    typer.echo(f"{len(entries)} volumes, {labelled} of them labelled; {len(wrong)} wrong")
    if wrong:
        raise typer.Exit(2)


@app.command()
def prepare(config: Path, data: Path = typer.Option(..., help="Folder for the cases.")) -> None:
    """Put the volumes of a configuration on its model grid (simulating them where it says so); what is there already is kept."""
    from .configuration import read_experiment
    from .sources import prepare_training

    prepare_training(read_experiment(config), data, tell=lambda line: typer.echo(line, err=True))


@app.command()
def train(
    config: Path,
    data: Path = typer.Option(..., help="Folder of cases; what is missing is prepared first."),
    run: Path = typer.Option(..., help="Folder for checkpoints and logs; a run found there is resumed."),
    as_is: bool = typer.Option(False, "--as-is", help="Use the cases there now, and those that appear on the way."),
) -> None:
    """Train the system of a configuration; start again after a kill and it goes on."""
    from .configuration import read_experiment
    from .training import train as run_training

    if not as_is:
        prepare(config, data)
    run_training(read_experiment(config), data, run)


@app.command()
def bundle(
    config: Path,
    run: Path = typer.Option(..., help="Folder of the training run."),
    out: Path = typer.Option(..., help="Folder of the bundle; its name is the model's name."),
    report: Optional[Path] = typer.Option(None, help="Folder written by `evaluate`, for the model card."),
) -> None:
    """Make a model bundle of a run's last checkpoint."""
    from .bundling import bundle_run
    from .configuration import read_experiment

    bundle_run(read_experiment(config), run, out, report)
    typer.echo(f"{out}: done")


@app.command()
def evaluate(
    model: str,
    first_seed: int = 0,
    volumes: int = 20,
    out: Path = typer.Option(..., help="Folder for per_volume.csv and summary.json."),
    render: bool = typer.Option(True, help="Render the ambiguous voxels."),
    engine: str = "auto",
    processes: int = 1,
) -> None:
    """Measure a bundle on simulated volumes that training never saw (seeds below 900)."""
    import platform

    import torch

    import crend

    from . import evaluation

    rows = evaluation.evaluate(model, range(first_seed, first_seed + volumes), render=render, engine=engine, processes=processes)
    about = {
        "model": Path(model).name,
        "seeds": [first_seed, first_seed + volumes],
        "rendering": render,
        "versions": {"crend": crend.__version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    evaluation.write_report(rows, out, about)
    typer.echo(evaluation.markdown(evaluation.summarise(rows)))


def main() -> None:
    try:
        app()
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
