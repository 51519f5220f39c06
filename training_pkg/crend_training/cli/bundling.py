"""The commands that make bundles: bundle, finetune."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from crend.errors import InputError
from crend.io.text_files import read_text

from .options import AUTHOR, CONFIG, INTENDED_USE, LICENCE


def bundle(
    config: Path = CONFIG,
    run: Path = typer.Option(..., help="Folder of the training run."),
    out: Path = typer.Option(..., help="Folder of the bundle; its name is the model's name."),
    report: list[Path] = typer.Option([], help="Folder written by `evaluate`, for the model card; may be given again, the first counts."),
    note: list[Path] = typer.Option([], help="Markdown for the model card, with its own heading; may be given again."),
    overview: Optional[Path] = typer.Option(None, help="Configuration of a second network that looks at the whole volume first."),
    overview_run: Optional[Path] = typer.Option(None, help="Folder of that network's run."),
    share: tuple[float, float] = typer.Option((0.5, 0.0), help="What its probabilities of ovary and follicles count for, 0 to 1."),
    start: Optional[str] = typer.Option(None, help="Bundle that the runs began with, as of `train --start`; its training is named, too."),
    version: str = typer.Option("0.1.0", help="Of the bundle."),
    changes: str = typer.Option("first bundle", help="What is new in this version, for its changelog."),
    author: str = AUTHOR,
    licence: str = LICENCE,
    intended_use: str = INTENDED_USE,
) -> None:
    """Make a model bundle of a run's last checkpoint."""
    from ..bundles.bundling import Overview, bundle_run
    from ..bundles.maker import Maker
    from ..configuration.experiment import read_experiment

    if (overview is None) != (overview_run is None):
        raise InputError("--overview and --overview-run belong together; give both or none")
    second = Overview(read_experiment(overview), overview_run, share) if overview and overview_run else None
    maker, notes = Maker(author, licence, intended_use), [_text(path) for path in note]
    bundle_run(
        read_experiment(config), run, out, report, notes=notes, overview=second, version=version, changes=changes, maker=maker, start=start
    )
    typer.echo(f"{out}: done")


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError):
        raise InputError(f"--note {path}: cannot be read as text; give a Markdown file") from None


def finetune(
    model: str = typer.Argument(..., metavar="BUNDLE", help="The bundle to begin with: a model's name or a folder."),
    data: Path = typer.Argument(..., help="A CSV or JSON list of images and labels, or a folder of USOVA3D."),
    out: Path = typer.Option(..., help="Folder of the new bundle; its name is the model's name."),
    steps: int = typer.Option(300, min=1, help="Steps of two patches to train, of each network."),
    rate: float = typer.Option(3e-4, min=1e-7, max=1e-2, help="Learning rate at the start; it falls to a hundredth."),
    seed: int = typer.Option(0, min=0, help="The same seed gives the same patches in the same order."),
    rater: str = typer.Option("agreement", help="USOVA3D: 1, 2 or agreement."),
    share: float = typer.Option(
        0.5, min=0.01, max=1.0, help="What the trained weights count for beside the bundle's; with many volumes up to 1."
    ),
    work: Optional[Path] = typer.Option(None, help="Folder for cases, checkpoints and curves; OUT.finetuning when left out."),
    author: str = AUTHOR,
    licence: str = LICENCE,
    intended_use: str = INTENDED_USE,
) -> None:
    """Adapt a bundle to a site's few labelled volumes; start again after any stop and it goes on."""
    from ..bundles.finetuning import FineTuning
    from ..bundles.finetuning import finetune as run
    from ..bundles.maker import Maker

    settings, maker = FineTuning(steps, rate, seed, rater, share), Maker(author, licence, intended_use)
    run(model, data, out, settings, maker=maker, work=work, tell=lambda line: typer.echo(line, err=True))
    typer.echo(f"{out}: done; crend segment --model {out}")
