"""What the commands share on the terminal: results go to stdout, progress to stderr."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

UNLIMITED = 10_000  # columns
STEP = 0.1  # of a run, between two lines of progress where there is no terminal
#: Set by --quiet: nothing but warnings and errors is printed.
SILENT = False


@contextmanager
def quiet():
    """Silences what libraries write to the process's stderr themselves, which no setting of theirs does (MetaImage, zlib).

    Python's own messages, our one line among them, come after the block.
    """
    # Without a stderr (2>&-) its number 2 is free, or that of a file that somebody else opened.
    if "--debug" in sys.argv or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def stdout():
    """A rich console on stdout that prints text as it is (a path may hold brackets), in a pipe or file as wide as need be."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True, quiet=SILENT)
    if not console.is_terminal:
        console.width = UNLIMITED
    return console


@contextmanager
def progress_bar():
    """Yields progress(stage, fraction): a bar on stderr while it is a terminal, else a line every 10 %."""
    if SILENT or sys.stderr is None:
        yield lambda stage, fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda stage, fraction: bar.update(task, description=stage, completed=fraction)


def _lines():
    """progress(stage, fraction) that prints a line on stderr each time another tenth of the run is done."""
    reached = 0

    def progress(stage, fraction):
        nonlocal reached
        tenth = int(fraction / STEP + 1e-6)
        if tenth > reached:
            reached = tenth
            print(f"{10 * tenth:3d} % {stage}", file=sys.stderr, flush=True)

    return progress


def table(*columns: str, title: str | None = None):
    """A plain rich table; columns whose name ends with ">" are right-aligned, the others, names, are folded rather than cut."""
    from rich import box
    from rich.table import Table

    result = Table(title=title, box=box.SIMPLE, title_justify="left", pad_edge=False)
    for column in columns:
        result.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return result


def number(value, decimals: int = 1) -> str:
    """A number for people; a missing one is a dash."""
    return "–" if value is None or value != value else f"{value:.{decimals}f}"
