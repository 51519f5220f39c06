"""Many volumes in one go: files of each as soon as it is done, what failed and why, and tables of all."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Callable, Protocol

from .errors import InputError
from .io.atomic import check_writable
from .io.folders import LeftOut, Volume
from .results.tables import VOLUME_COLUMNS, check_tables, left_out_row, row_of, write_tables
from .results.volume_files import LABELS, REPORT, check_same_input, is_done, read_report, segment_volume, short_name

__all__ = ["LABELS", "REPORT", "VOLUME_COLUMNS", "InThisProcess", "Runner", "make_folder", "segment_batch", "segment_once", "write_tables"]


class Runner(Protocol):
    """Who segments the volumes of a batch: this process, others on this machine (`worker.pool`), or a cluster."""

    def run(self, volumes: list[Volume], out: Path, options: dict, report: Callable, finished: Callable) -> None:
        """Have the files of each volume written, or a note why there are none, as `volume_files.segment_volume` does.

        report(volume, fraction) now and then, finished(volume, message) for each. Cancelled and KeyboardInterrupt end it.
        """


class InThisProcess:
    """One volume after the other, here. segment(path, progress, **volume.reading) gives a Segmentation."""

    def __init__(self, segment: Callable):
        self._segment = segment

    def run(self, volumes, out, options, report, finished) -> None:
        for volume in volumes:
            progress = lambda stage, fraction, volume=volume: report(volume, fraction)  # noqa: E731
            finished(volume, segment_volume(volume, out, self._segment, options, progress))


def segment_batch(
    volumes: list[Volume],
    out,
    runner: Runner | Callable,
    *,
    model: tuple[str, ...],
    options: dict | None = None,
    again: bool = False,
    left_out: Sequence[LeftOut] = (),
    known: Collection[str] = (),
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[str], None] = lambda line: None,
    done: Callable[[dict], None] = lambda row: None,
) -> list[dict]:
    """Segments every volume into the folder `out`; returns the rows of volumes.csv of this call's volumes, in their order, then of `left_out`.

    runner: who does it; a function segment(path, progress, **volume.reading) -> Segmentation does it in this process. model: its `Bundle.identity`. options: what
    else changes the result and is not as by default, plain data. A volume that has whole results of the same unchanged file, model and
    options is not segmented again unless `again`; InputError, before any work, when the results under its name are of another file. A volume
    that fails is noted and the next one begun; starting again tries it once more. NAME.seg.nrrd, NAME.csv and NAME.json are written together, NAME.png after them,
    so a stop loses what is under way at most. The tables are made from all results in `out`, those of other shares, too; known: names of
    the volumes of all shares. done(row) gets the row of each volume as soon as it is there. Cancelled and KeyboardInterrupt go on to the caller
    after the tables are written; InputError where nothing can be written into `out` any more.
    """
    out, options = Path(out), options or {}
    volumes = [replace(volume, name=short_name(volume.name)) for volume in volumes]
    check_tables(out)
    work: Runner = runner if hasattr(runner, "run") else InThisProcess(runner)
    if not again:
        for volume in volumes:
            check_same_input(out, volume)
    fractions: dict[str, float] = {}
    counts, began = {"done": 0, "before": 0}, time.monotonic()

    def report(volume, fraction):
        fractions[volume.name] = fraction
        if progress is not None:
            progress(volume.name, sum(fractions.values()) / len(volumes))

    def finished(volume, message):
        counts["done"] += 1
        tell(f"{volume.name}: {message} ({counts['done']} of {len(volumes)}{_time_left(counts, len(volumes), began)})")
        report(volume, 1.0)
        row = row_of(volume, out)
        if row is not None:
            done(row)

    todo = []
    for volume in volumes:
        if not again and is_done(out, volume, model, options):
            counts["before"] += 1
            finished(volume, "was done before")
        else:
            todo.append(volume)
    try:
        if todo:
            work.run(todo, out, options, report, finished)
    finally:
        beside = [left_out_row(each) for each in left_out]
        rows = {row["volume"]: row for row in write_tables(out, beside, {*known, *(volume.name for volume in volumes)})}
    return [rows.get(volume.name) or _gone(volume) for volume in volumes] + beside


def segment_once(volume: Volume, out, segment: Callable, *, model: tuple[str, ...], progress=None):
    """(Labels, flags) of a volume, from its files in the folder `out`: those of an earlier call of the same unchanged file and model, else
    made now by segment(path, progress, **volume.reading) -> Segmentation. InputError where it fails."""
    from .io.labels import read_labels

    out = Path(out)
    if not is_done(out, volume, model, {}):
        message = segment_volume(volume, out, segment, {}, progress)
        if message.startswith("failed: ") or not is_done(out, volume, model, {}):
            raise InputError(message.removeprefix("failed: "))
    report = read_report(Path(str(out / volume.name) + REPORT)) or {}
    return read_labels(str(out / volume.name) + LABELS), report.get("flags", [])


def segment_file(path: Path, bundle, *, frame=None, spacing=None, identify: bool = False, progress=None, **options):
    """(Segmentation of the volume at `path`, the volume), as a batch makes them.

    identify: with the patient's name and ID in its provenance; options: of `predict.segment`, `box` among them.
    """
    from .io.label_likeness import refuse_labels
    from .io.scanner_files import patient_of
    from .io.volumes import read_image
    from .predict import segment

    image = read_image(path, frame=frame, spacing=spacing)
    refuse_labels(image, path)
    found = segment(image, bundle, progress=progress, name=str(path), **options)
    if identify:
        found.provenance["patient"] = patient_of(path)
    return found, image


def make_folder(out, files=("volumes.csv",)) -> None:
    """Makes the folder `out` where it is missing. InputError when it cannot be made, or `files` cannot be written into it."""
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made a folder ({(error.strerror or str(error)).lower()}); give another one.") from error
    for name in files:
        check_writable(out / name)


def _time_left(counts: dict, of: int, began: float) -> str:
    """ ", about 12 min left", as soon as some were segmented."""
    segmented = counts["done"] - counts["before"]
    left = of - counts["done"]
    if not segmented or not left:
        return ""
    seconds = (time.monotonic() - began) / segmented * left
    return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"


def _gone(volume: Volume) -> dict:
    reason = "its results have disappeared; start again."
    return dict.fromkeys(VOLUME_COLUMNS) | {"volume": volume.name, "input": str(volume.path), "status": "failed", "reason": reason}
