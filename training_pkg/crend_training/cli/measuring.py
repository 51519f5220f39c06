"""The commands that measure: evaluate, difference, calibrate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional

import typer

from crend.cli import cluster_options
from crend.errors import InputError

from .options import COMPONENTS

LIST = typer.Option(
    None,
    "--list",
    help="Your own labelled volumes instead of simulated ones: a CSV or JSON list of images and labels, or a folder of USOVA3D.",
)
SPLIT = typer.Option("all", help="Of the list: all labelled volumes, or those of the split training, validation or test.")
ENGINE = typer.Option("auto", metavar="auto|onnxruntime|openvino|torch", help="What runs the network.")


def evaluate(
    ctx: typer.Context,
    model: str = typer.Argument(..., metavar="BUNDLE", help="A model's name, or the folder of a bundle."),
    first_seed: int = typer.Option(0, min=0, help="Seed of the first volume; the others follow it."),
    volumes: int = typer.Option(20, min=1, help="Number of volumes."),
    out: Path = typer.Option(..., help="Folder for per_volume.csv and summary.json."),
    render: bool = typer.Option(True, help="Render the ambiguous voxels."),
    engine: str = ENGINE,
    processes: int = typer.Option(1, min=1, help="Processes that share the volumes; each takes its part of the processors."),
    own: Optional[Path] = LIST,
    split: str = SPLIT,
    components: bool = COMPONENTS,
    simulator: str = typer.Option(
        "training",
        help="training: the one that models learn from (seeds below 900 are new to them); trial: another; training-mixed, trial-crowded: with "
        "all that lies around an ovary.",
    ),
    scheduler: Optional[str] = cluster_options.SCHEDULER,
    scheduler_options: Optional[Path] = cluster_options.OPTIONS,
    resources: Optional[list[str]] = cluster_options.RESOURCES,
    empty: bool = typer.Option(
        False, "--empty", help="Volumes without an ovary: how often one is drawn all the same, and whether it is flagged."
    ),
) -> None:
    """Measure a bundle on simulated volumes that training never saw (`--simulator trial`: of a kind that it never saw), or on your own (`--list`)."""
    from crend.batch import make_folder

    from ..evaluation import emptiness, evaluation, reports
    from ..evaluation.strata import strata, strata_markdown

    seeds = range(first_seed, first_seed + volumes)
    _check_beside_list(ctx, own)
    split = split.lower()
    subjects = _subjects(model, own if own is None or scheduler is None else own.absolute(), split, seeds, simulator, components)
    emptiness.check_place(out, empty=empty)
    make_folder(out, (reports.SUMMARY,))
    if own is not None:
        names = [subject.name for subject in subjects]
        about = reports.about(model, rendering=render, volumes=names, listed=own.name, split=split, components=components)
    else:
        about = reports.about(model, seeds, simulator=simulator, rendering=render)
    how: dict[str, Any] = {"render": render, "engine": engine, "processes": processes}
    with cluster_options.cluster_client(scheduler, scheduler_options, resources) as (client, needed):
        # A worker has another folder of its own: what is given by its path is given by its whole path.
        bundle = os.path.abspath(model) if client is not None and os.path.exists(model) else model
        cluster = (client, needed) if client is not None else ()
        if empty:
            drawn = emptiness.evaluate_empty(bundle, seeds, simulator=simulator, cluster=cluster, **how)
        else:
            found = evaluation.evaluate(bundle, subjects, cluster=cluster, **how)
    if empty:
        typer.echo(emptiness.empty_words(emptiness.write_empty_report(drawn, out, about)))
        return
    evaluation.write_report(found, out, about)
    rows = [case.row for case in found]
    typer.echo(evaluation.markdown(evaluation.summarise(rows)))
    typer.echo("\nFrom the true surface to the predicted one, by how well the image shows it:\n")
    typer.echo(evaluation.markdown(evaluation.summarise(rows, evaluation.VISIBILITY)))
    typer.echo("\n" + evaluation.flagged_words(evaluation.flagged(rows)))
    typer.echo("\n" + strata_markdown(strata([row for case in found for row in case.follicles])))


def difference(
    first: Path = typer.Argument(..., help="Folder that `evaluate` wrote."),
    second: Path = typer.Argument(..., help="Another, on the same volumes."),
) -> None:
    """Two models on the same volumes, side by side, with paired tests."""
    from ..evaluation import difference as paired
    from ..evaluation.evaluation import VISIBILITY

    rows = paired.difference(first, second)
    typer.echo(paired.difference_markdown(rows, *paired.heads(first, second)))
    by_visibility = paired.difference(first, second, VISIBILITY)
    if by_visibility:
        typer.echo("\nFrom the true surface to the predicted one, by how well the image shows it (corrected among themselves):\n")
        typer.echo(paired.difference_markdown(by_visibility, *paired.heads(first, second)))


def calibrate(
    ctx: typer.Context,
    model: Path = typer.Argument(
        ..., metavar="BUNDLE", help="Folder of the bundle; its metadata and model card are rewritten, its weights stay."
    ),
    own: Optional[Path] = LIST,
    split: str = SPLIT,
    components: bool = COMPONENTS,
    first_seed: int = typer.Option(940, min=0, help="Seed of the first simulated volume; training must never have seen them."),
    volumes: int = typer.Option(60, min=1, help="Number of volumes."),
    out: Path = typer.Option(..., help="Folder for the rows, which are kept for the next call, and reliability.png."),
    cases: Optional[Path] = typer.Option(
        None, help="Cases that it was trained on (from `prepare`), to learn what is familiar; else the volumes above."
    ),
    simulator: list[str] = typer.Option(
        ["training"],
        help="training, trial (volumes of a kind that no model learned from), training-mixed or trial-crowded; may be repeated, for a mix of them.",
    ),
    empty: int = typer.Option(0, min=0, help="Number of further volumes of each simulator, without an ovary."),
    engine: str = ENGINE,
) -> None:
    """Fit the confidence of follicles and what makes a volume unlike the training data, and write both into the bundle."""
    from crend.bundle.bundle import info
    from crend.io.atomic import check_writable

    from ..bundles import calibration
    from ..bundles import calibration_card as calibrating
    from ..bundles.maker import NOBODY
    from ..data.subjects import OfSeveral

    folder = info(str(model)).folder
    if not model.is_dir():
        raise InputError(f"{model}: is rewritten by a calibration; copy the model's folder, {folder}, and give the copy")
    check_writable(folder / "metadata.json")
    _check_beside_list(ctx, own)
    if own is not None:
        NOBODY.check_name(folder, "give your copy's folder another name, since it becomes yours")
    split, seeds = split.lower(), range(first_seed, first_seed + volumes)
    if own is None and (len(simulator) > 1 or empty):
        subjects = _mix(model, simulator, seeds, empty)
    else:
        subjects = _subjects(model, own, split, seeds, simulator[0], components)
    follicles, seen = calibration.observe(model, subjects, out, engine=engine, tell=lambda line: typer.echo(line, err=True))
    known = [] if cases is None else calibration.describe_cases(cases, info(model).metadata["crend"])
    fresh = cases is not None and simulator == ["training"]
    if not fresh and (own is None or len(seen) >= calibration.FEWEST_VOLUMES):
        known = [*known, *calibration.descriptions_of(seen)]
    confidence = calibration.calibrate_confidence(follicles)
    familiar = calibration.learn_familiar(known, seen, fresh=fresh) if known else None
    if familiar is None:
        typer.echo(
            f"note: {len(seen)} volumes are too few to say what is familiar (at least {calibration.FEWEST_VOLUMES}); what the bundle says of it stays",
            err=True,
        )
    on = _mix_words(simulator, seeds, empty) if isinstance(subjects[0], OfSeveral) else _volumes_words(own, subjects, simulator[0], seeds)
    calibrating.write_into_bundle(model, confidence, familiar, on, own=own is not None)
    calibrating.draw(confidence, out / "reliability.png")
    typer.echo(calibrating.section(confidence, familiar, on))


def _check_beside_list(ctx: typer.Context, own) -> None:
    """InputError for options that choose simulated volumes beside --list: they would count for nothing."""
    for name in ("first_seed", "volumes", "simulator", "empty"):
        source = ctx.get_parameter_source(name)
        if own is not None and source is not None and source.name == "COMMANDLINE":
            raise InputError(f"--list and --{name.replace('_', '-')}: the second belongs to simulated volumes; leave one out")


def _volumes_words(own, subjects, simulator: str, seeds) -> str:
    if own is not None:
        return f"{len(subjects)} volumes of {own.name}"
    return f"{len(seeds)} simulated volumes{' of another simulator' if simulator.startswith('trial') else ''} (seeds {seeds.start} to {seeds.stop - 1})"


def _mix(model, simulators, seeds, empty: int) -> list:
    """The volumes of `seeds` of each simulator, and as many as `empty` without an ovary, of the seeds after them. InputError as `_subjects`."""
    from ..data.simulators import check_simulator
    from ..data.subjects import OfSeveral

    without = range(seeds.stop, seeds.stop + empty)
    for simulator in simulators:
        check_simulator(simulator)
        _check_seeds(model, range(seeds.start, without.stop), simulator)
    return [OfSeveral(simulator, seed, seed in without) for seed in (*seeds, *without) for simulator in dict.fromkeys(simulators)]


def _mix_words(simulators, seeds, empty: int) -> str:
    without = f", and {empty} of each without an ovary (seeds {seeds.stop} to {seeds.stop + empty - 1})" if empty else ""
    return f"{len(seeds)} simulated volumes of each of {', '.join(dict.fromkeys(simulators))} (seeds {seeds.start} to {seeds.stop - 1}){without}"


def _subjects(model, own, split: str, seeds, simulator: str, components: bool = False) -> list:
    """What to measure on. InputError for volumes that the bundle learned from, and lists that will not do."""
    from crend.bundle.bundle import info

    from ..data.lists import SPLITS
    from ..data.simulators import check_simulator
    from ..data.subjects import Simulated, listed, refuse_learned

    if own is None:
        for option, given in (("--split", split != "all"), ("--components", components)):
            if given:
                raise InputError(f"{option}: belongs to --list; simulated volumes have no splits, and numbered follicles")
        check_simulator(simulator)
        _check_seeds(model, seeds, simulator)
        return [Simulated(simulator, seed) for seed in seeds]
    if split not in ("all", *SPLITS[:3]):
        raise InputError(f"--split {split}: unknown; use all, {', '.join(SPLITS[:3])}")
    found = info(model)
    subjects = listed(own, split, components=components, tell=lambda line: typer.echo(line, err=True))
    learned = refuse_learned(subjects, found.metadata["crend"].get("learned_from", {}), found.name)
    for words in learned.warnings():
        typer.echo(f"warning: {words}", err=True)
    return subjects


def _check_seeds(model, seeds, simulator: str) -> None:
    """Refuses volumes that the bundle was trained on, and says so of those that its training was watched on."""
    from crend.bundle.bundle import info
    from crend.bundle.learned import watched_words

    from ..data.seeds import watched_among

    found = info(model)
    watched = watched_among(seeds, simulator, found.metadata["crend"].get("seeds", {}), found.name)
    if watched:
        typer.echo(f"warning: of the {len(seeds)} volumes, {watched_words(watched)}", err=True)
