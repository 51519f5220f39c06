"""The commands that measure: evaluate, difference, calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

ENGINE = typer.Option("auto", metavar="auto|onnxruntime|openvino|torch", help="What runs the network.")


def evaluate(
    model: str = typer.Argument(..., metavar="BUNDLE", help="A model's name, or the folder of a bundle."),
    first_seed: int = typer.Option(0, min=0, help="Seed of the first volume; the others follow it."),
    volumes: int = typer.Option(20, min=1, help="Number of volumes."),
    out: Path = typer.Option(..., help="Folder for per_volume.csv and summary.json."),
    render: bool = typer.Option(True, help="Render the ambiguous voxels."),
    engine: str = ENGINE,
    processes: int = typer.Option(1, min=1, help="Processes that share the volumes; each takes its part of the processors."),
    simulator: str = typer.Option(
        "training",
        help="training: the one that models learn from (seeds below 900 are new to them); trial: another; training-mixed, trial-crowded: with "
        "all that lies around an ovary.",
    ),
    empty: bool = typer.Option(
        False, "--empty", help="Volumes without an ovary: how often one is drawn all the same, and whether it is flagged."
    ),
) -> None:
    """Measure a bundle on simulated volumes that training never saw; with `--simulator trial` on volumes of a kind it never saw."""
    from ..data.simulators import check_simulator
    from ..evaluation import emptiness, evaluation, reports
    from ..evaluation.strata import strata, strata_markdown

    seeds = range(first_seed, first_seed + volumes)
    check_simulator(simulator)
    _check_seeds(model, seeds, simulator)
    emptiness.check_place(out, empty=empty)
    about = reports.about(model, seeds, simulator=simulator, rendering=render)
    if empty:
        rows = emptiness.evaluate_empty(model, seeds, simulator=simulator, render=render, engine=engine, processes=processes)
        typer.echo(emptiness.empty_words(emptiness.write_empty_report(rows, out, about)))
        return
    cases = evaluation.evaluate(model, seeds, simulator=simulator, render=render, engine=engine, processes=processes)
    evaluation.write_report(cases, out, about)
    rows = [case.row for case in cases]
    typer.echo(evaluation.markdown(evaluation.summarise(rows)))
    typer.echo("\n" + evaluation.flagged_words(evaluation.flagged(rows)))
    typer.echo("\n" + strata_markdown(strata([row for case in cases for row in case.follicles])))


def difference(
    first: Path = typer.Argument(..., help="Folder that `evaluate` wrote."),
    second: Path = typer.Argument(..., help="Another, on the same volumes."),
) -> None:
    """Two models on the same volumes, side by side, with paired tests."""
    from ..evaluation import difference as paired

    rows = paired.difference(first, second)
    typer.echo(paired.difference_markdown(rows, *paired.heads(first, second)))


def calibrate(
    model: Path = typer.Argument(
        ..., metavar="BUNDLE", help="Folder of the bundle; its metadata and model card are rewritten, its weights stay."
    ),
    first_seed: int = typer.Option(940, min=0, help="Seed of the first simulated volume; training must never have seen them."),
    volumes: int = typer.Option(60, min=1, help="Number of volumes."),
    out: Path = typer.Option(..., help="Folder for the rows, which are kept for the next call, and reliability.png."),
    cases: Optional[Path] = typer.Option(
        None, help="Cases that it was trained on (from `prepare`), to learn what is familiar; else the volumes above."
    ),
    simulator: str = typer.Option(
        "training", help="training, trial (volumes of a kind that no model learned from), training-mixed or trial-crowded."
    ),
    engine: str = ENGINE,
) -> None:
    """Fit the confidence of follicles and what makes a volume unlike the training data, and write both into the bundle."""
    from crend.bundle.bundle import info

    from ..bundles import calibration
    from ..bundles import calibration_card as calibrating
    from ..data.simulators import check_simulator

    seeds = range(first_seed, first_seed + volumes)
    check_simulator(simulator)
    _check_seeds(model, seeds, simulator)
    follicles, seen = calibration.observe(
        model, seeds, out, simulator=simulator, engine=engine, tell=lambda line: typer.echo(line, err=True)
    )
    if cases is not None:
        known = calibration.describe_cases(cases, info(model).metadata["crend"]["spacing_mm"])
    else:
        known = [[float(row[name]) for name in calibration.DESCRIPTION] for row in seen]
    confidence = calibration.calibrate_confidence(follicles)
    familiar = calibration.learn_familiar(known, seen, fresh=cases is not None)
    on = f"{volumes} simulated volumes{' of another simulator' if simulator.startswith('trial') else ''} (seeds {first_seed} to {first_seed + volumes - 1})"
    calibrating.write_into_bundle(model, confidence, familiar, on)
    calibrating.draw(confidence, out / "reliability.png")
    typer.echo(calibrating.section(confidence, familiar, on))


def _check_seeds(model, seeds, simulator: str) -> None:
    """Refuses volumes that the bundle was trained on, and says so of those that its training was watched on."""
    from crend.bundle.bundle import info

    from ..data.seeds import watched_among, watched_words

    found = info(model)
    watched = watched_among(seeds, simulator, found.metadata["crend"].get("seeds", {}), found.name)
    if watched:
        typer.echo(f"warning: of the {len(seeds)} volumes, {watched_words(watched)}", err=True)
