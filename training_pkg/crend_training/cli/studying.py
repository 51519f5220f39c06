"""The commands of studies, many runs that are compared: crossval, seeds, tables, points."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Optional

import typer

from crend.cli import cluster_options
from crend.errors import InputError

from .options import CONFIG


def crossval(
    config: Path = CONFIG,
    data: Path = typer.Option(..., help="Folder for simulated volumes and cases."),
    out: Path = typer.Option(..., help="Folder of the study; a study found there goes on."),
    devices: str = typer.Option("auto", help="auto, cpu, or GPUs such as 0,1; each takes one run at a time."),
    only: list[str] = typer.Option(
        [], help="SYSTEM:FOLD, such as crend:0: this run alone, in this process (SLURM arrays); may be repeated."
    ),
    scheduler: Optional[str] = cluster_options.SCHEDULER,
    scheduler_options: Optional[Path] = cluster_options.OPTIONS,
    resources: Optional[list[str]] = cluster_options.RESOURCES,
    prepare_only: bool = typer.Option(False, "--prepare-only", help="Make volumes, cases and folds, and stop."),
) -> None:
    """Train and test every system on the same folds. Start again after any stop and it goes on; a failing run loses no other."""
    from crend.io.locking import locked

    from ..configuration.experiment import read_experiment
    from ..study.crossval import devices_of, run_study, run_study_on
    from ..study.study import parse_run, prepare_study

    def tell(line):
        typer.echo(line, err=True)

    if scheduler is not None and (only or devices != "auto"):
        raise InputError("--scheduler: its workers take all runs, on what they have; give it without --only and --devices.")
    wanted, workers = [parse_run(text) for text in only], devices_of(devices)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out, wait=math.inf):
        study = prepare_study(read_experiment(config), data, out, tell=tell)
    unknown = [text for text, run in zip(only, wanted) if run not in study.runs()]
    if unknown:
        raise InputError(f"--only {unknown[0]}: not in this study; runs are {', '.join(f'{s}:{f}' for s, f in study.runs())}")
    if prepare_only:
        return
    if wanted:
        from ..study.fold_run import run_fold

        for run in wanted:
            run_fold(study, *run)
        return

    def words(system, fold):
        places = (config.resolve(), "--data", data.resolve(), "--out", out.resolve())
        return ["crossval", *places, "--only", f"{system}:{fold}"]

    with cluster_options.cluster_client(scheduler, scheduler_options, resources) as (client, needed):
        if client is not None:
            failed = run_study_on((client, needed), study, words, tell=tell)
        else:
            failed = run_study(study, lambda *run: [sys.executable, "-m", "crend_training", *words(*run)], devices=workers, tell=tell)
    if failed:
        raise typer.Exit(1)


def seeds(
    configs: list[Path] = typer.Argument(..., metavar="CONFIG...", help="Configurations of one grid, the one to compare with first."),
    data: Path = typer.Option(..., help="Folder of cases; what is missing is prepared first, as the first configuration says."),
    out: Path = typer.Option(..., help="Folder for runs, bundles and reports; what is done there is kept."),
    runs: int = typer.Option(3, min=1, help="Runs of each configuration, from seeds 0, 1, ..."),
    first_seed: int = typer.Option(0, min=0, help="Seed of the first volume to measure on."),
    volumes: int = typer.Option(40, min=1, help="Number of volumes to measure on."),
    simulator: str = typer.Option("training", help="training, trial, training-mixed or trial-crowded."),
) -> None:
    """Train each configuration several times, measure all runs on the same volumes, and tell what is method and what is chance."""
    from ..configuration.experiment import read_experiment
    from ..data.simulators import check_simulator
    from ..data.sources import prepare_training
    from ..data.subjects import Remembered
    from ..study.seeds import run_all, table

    check_simulator(simulator)
    experiments = [read_experiment(config) for config in configs]
    cases = prepare_training(experiments[0], data, tell=lambda line: typer.echo(line, err=True))
    subjects = [Remembered(simulator, seed) for seed in range(first_seed, first_seed + volumes)]
    run_all(experiments, range(runs), cases, out, subjects, tell=lambda line: typer.echo(line, err=True))
    typer.echo(table(out, [experiment.name for experiment in experiments], range(runs)))


def tables(
    run_dir: Path = typer.Argument(..., help="Folder of a study (`crossval --out`)."),
    out: Optional[Path] = typer.Option(None, help="Folder for the tables and plots; RUN_DIR/tables when left out."),
    plots: bool = typer.Option(True, help="Draw boxplots and Bland-Altman plots."),
) -> None:
    """Tables 1 and 2 with paired tests, as Markdown here and as files, from the runs that are finished."""
    from ..study.tables import write_tables

    typer.echo(write_tables(run_dir, out, plots=plots))


def points(
    config: Path = CONFIG,
    data: Path = typer.Option(..., help="Folder of cases (the last level: where NAME.json lie)."),
    run: Path = typer.Option(..., help="Folder of the training run."),
) -> None:
    """Point statistics of a trained Rend or C-Rend: ambiguous points, corrections, harms, similarity of the classes."""
    import json

    from ..configuration.experiment import read_experiment
    from ..data.cases import case_names
    from ..evaluation.point_statistics import point_statistics
    from ..training.train import load_checkpoint

    experiment, names = read_experiment(config), case_names(data)
    network, _ = load_checkpoint(experiment, run / "last.ckpt")
    if network.head is None:
        raise InputError(f"{config}: {experiment.network} renders no points; give a run of rend or crend")
    if not names:
        raise InputError(f"{data}: holds no cases")
    typer.echo(json.dumps(point_statistics(experiment, network, data, names), indent=1))
