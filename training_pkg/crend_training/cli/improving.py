"""The command that lets a model learn from kept corrections: improve."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Optional

import typer

from .options import AUTHOR, INTENDED_USE, LICENCE


def improve(
    folder: Path = typer.Argument(..., metavar="FOLDER", help="The folder into which *Keep for training* has put corrections."),
    model: Optional[str] = typer.Option(None, "--model", metavar="BUNDLE", help="The bundle to begin with; the bundled one when left out."),
    steps: int = typer.Option(300, min=1, help="Steps of two patches to train, in each round and of each network."),
    rate: float = typer.Option(3e-4, min=1e-7, max=1e-2, help="Learning rate at the start; it falls to a hundredth."),
    share: float = typer.Option(0.5, min=0.01, max=1.0, help="What the trained weights count for beside the bundle's."),
    folds: int = typer.Option(3, min=2, max=20, help="With fewer than 20 volumes: rounds in which each is held out once."),
    seed: int = typer.Option(0, min=0, help="The same seed gives the same patches in the same order."),
    only_estimate: bool = typer.Option(False, "--estimate", help="Say what would be done and how long it takes here, and stop."),
    engine: str = typer.Option("auto", metavar="auto|onnxruntime|openvino|torch", help="What runs the network where volumes are measured."),
    author: str = AUTHOR,
    licence: str = LICENCE,
    intended_use: str = INTENDED_USE,
) -> None:
    """Learn from kept corrections, compare old and new on volumes held out, and offer the new bundle where it is no worse; resumes after any stop."""
    from ..bundles.kept_folder import read_kept_folder

    if not only_estimate:  # for which somebody waits
        lowest_priority()
    looking = 0.7 if only_estimate else 0.0  # of the way
    with _progress() as progress:
        # What is wrong with it is said before PyTorch, which may be missing, is asked for.
        kept = read_kept_folder(
            folder, lambda number, of: progress(f"looking at the kept volumes, {number} of {of}", looking * number / of)
        )
        from ..bundles import improve_plan, improving
        from ..bundles.finetuning import FineTuning
        from ..bundles.maker import Maker

        todo = improve_plan.plan(kept, model, steps=steps, folds=folds)
        if only_estimate:
            progress("timing a few steps", looking)
            words = todo.words(improve_plan.estimate(todo))
    if only_estimate:
        for note in todo.notes:
            _say(note)
        typer.echo(words)
        return
    settings = FineTuning(steps, rate, seed, "agreement", share)
    with _progress() as progress:
        found = improving.improve(todo, settings, maker=Maker(author, licence, intended_use), engine=engine, progress=progress, tell=_say)
    typer.echo(improving.markdown(found))
    if found.bundle is not None:
        typer.echo(f"{found.bundle}: crend segment --model {found.bundle}")


def lowest_priority() -> None:
    """Let everything else on the machine go first."""
    if os.name == "posix":
        os.nice(19)
    elif sys.platform == "win32":
        import ctypes

        idle = 0x40
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), idle)


@contextmanager
def _progress():
    """progress(stage, fraction): a bar on a terminal; else a line for each per cent and stage, at most one a second, for programs that read them."""
    from crend.cli.console import progress_bar

    if sys.stderr.isatty():
        with progress_bar() as bar:
            yield bar
        return
    told, stage_told, at = "", "", 0.0

    def progress(stage, fraction):
        nonlocal told, stage_told, at
        line, name, now = f"{100 * fraction:5.1f} % {stage}", stage.partition(",")[0], time.monotonic()
        if line != told and (name != stage_told or now - at >= 1 or fraction == 1):
            told, stage_told, at = line, name, now
            print(line, file=sys.stderr, flush=True)

    yield progress


def _say(line: str) -> None:
    typer.echo(line, err=True)
