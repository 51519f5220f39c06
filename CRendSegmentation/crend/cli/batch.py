"""crend batch IN... --out FOLDER: many volumes, in processes of their own; what is done stays done, what fails stops nothing."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Optional

import typer

from . import cluster_options

MOST_NAMED = 30  # of what is left out


def command(
    inputs: list[Path] = typer.Argument(
        ..., metavar="IN...", help="Volumes, folders of them (searched to any depth), or a CSV with a column `volume`."
    ),
    out: Path = typer.Option(
        ..., "--out", metavar="FOLDER", help="For NAME.seg.nrrd, NAME.csv and NAME.json of each volume, and tables of all; made if missing."
    ),
    model: Optional[str] = typer.Option(None, "--model", metavar="NAME|PATH", help="A model of `crend models`, or the folder of one."),
    device: str = typer.Option("auto", "--device", metavar="auto|cpu|cuda", help="Where the network runs."),
    engine: str = typer.Option("auto", "--engine", metavar="auto|onnxruntime|openvino|torch", help="What runs it."),
    everywhere: bool = typer.Option(
        False, "--everywhere", help="Look closely at the whole volumes, not only where a quick look sees an ovary."
    ),
    part: str = typer.Option(
        "1/1", "--part", metavar="K/N", help="Only the K-th of N shares, for a cluster's array of jobs with one FOLDER."
    ),
    workers: int = typer.Option(
        1, "--workers", metavar="N", min=1, max=256, help="Processes that share the volumes, as many as the memory has room for."
    ),
    scheduler: Optional[str] = cluster_options.SCHEDULER,
    scheduler_options: Optional[Path] = cluster_options.OPTIONS,
    resources: Optional[list[str]] = cluster_options.RESOURCES,
    pattern: Optional[list[str]] = typer.Option(
        None, "--pattern", metavar="GLOB", help="Only what matches, e.g. '*.nrrd' or 'visit1/*'; may be given again."
    ),
    exclude: Optional[list[str]] = typer.Option(
        None, "--exclude", metavar="GLOB", help="Nothing that matches: a file's name, its path, or a folder on it; may be given again."
    ),
    identify: bool = typer.Option(False, "--identify", help="Write patients' names and IDs, where files have them, into NAME.json."),
    again: bool = typer.Option(False, "--again", help="Segment what has results of this model, too."),
) -> None:
    """Segment and measure many volumes; start again after any stop and it goes on with those that are not done."""
    from ..batch import make_folder, segment_batch
    from ..bundle.bundle import info
    from ..errors import Cancelled, Kept, SomeFailed
    from ..io.inputs import part_of, search_inputs
    from ..worker.memory import workers_that_fit
    from .console import progress_bar

    there = search_inputs(inputs, out, patterns=pattern or (), exclude=exclude or ())
    volumes = part_of(there.volumes, part)
    make_folder(out)
    tell = partial(typer.echo, err=True)
    count, note = (0, "")
    if scheduler is None:
        count, note = workers_that_fit(min(workers, len(volumes)), volumes, info(model).metadata["crend"], everywhere)
    if note:
        tell(f"note: {note}.")
    # Named as in crend.predict.segment, and only what is not as by default, so that other callers know such results for theirs.
    options = {**({"search": False} if everywhere else {}), **({"identify": True} if identify else {})}
    try:
        spread = (scheduler, scheduler_options, resources)
        with _workers(spread, max(count, 1), tell, model=model, device=device, engine=engine) as pool, progress_bar() as progress:
            rows = segment_batch(
                volumes,
                out,
                pool,
                model=pool.load(),
                options=options,
                again=again,
                left_out=there.left_out,
                known=[volume.name for volume in there.volumes],
                progress=progress,
                tell=tell,
            )
    except (Cancelled, KeyboardInterrupt):
        raise Kept("cancelled; what was done is kept, and the same command goes on.") from None
    _show(rows, out)
    failed = sum(row["status"] == "failed" for row in rows)
    if failed:
        raise SomeFailed(
            f"{out / 'volumes.csv'}: {failed} of {len(volumes)} volumes failed; correct what it says of them, and the same command tries them again."
        )


@contextmanager
def _workers(spread, count: int, tell, **network):
    """Processes of this machine, or a cluster's."""
    from ..cluster.runner import DaskRunner
    from ..worker.pool import Pool

    with cluster_options.cluster_client(*spread) as (client, resources):
        if client is not None:
            yield DaskRunner(client, resources=resources, tell=tell, **network)
            return
        with Pool(count, **network) as pool:
            yield pool


def _show(rows, out: Path) -> None:
    from .console import number, stdout, table

    console = stdout()
    shown = table("volume", "ovary ml>", "follicles>", "antral>", "leading mm>", "doubts")
    left_out = [row for row in rows if row["status"] == "left out"]
    for row in rows:
        if row["status"] == "left out":
            continue
        if row["status"] == "failed":
            shown.add_row(row["volume"], "–", "–", "–", "–", "failed: " + row["reason"])
            continue
        counts = (str(row["follicle_count"]), str(row["antral_count"]), number(row["leading_mean_diameter_mm"]))
        shown.add_row(row["volume"], number(row["ovary_volume_ml"]), *counts, row["flags"])
    console.print(shown)
    for row in left_out[:MOST_NAMED]:
        console.print(f"left out: {row['volume']}: {row['reason']}")
    if len(left_out) > MOST_NAMED:
        console.print(f"left out: {len(left_out) - MOST_NAMED} more, named in volumes.csv")
    for name in ("volumes.csv", "ovaries.csv", "follicles.csv", "index.html"):
        console.print(f"wrote {out / name}")
    notice = next((row["notice"] for row in rows if row["notice"]), None)
    if notice:
        console.print(notice)
