"""What a bundle does with volumes that hold no ovary: whether it draws one all the same, and whether it then says that it is in doubt."""

from __future__ import annotations

import json
import os
from pathlib import Path

from crend.errors import InputError

from ..data.simulators import simulate
from .evaluation import for_each, write_csv
from .reports import SUMMARY, read_report

COLUMNS = ("seed", "drawn", "ovary_ml", "follicles", "doubtful", "flags")


def evaluate_empty(
    bundle, seeds, *, simulator: str = "training", render: bool = True, engine: str = "auto", processes: int = 1, cluster: tuple = ()
) -> list[dict]:
    """A row (COLUMNS) for the simulator's volume of each seed, made without an ovary. doubtful: drawn, and flagged as doubtful.

    cluster: as of `evaluation.evaluate`.
    """
    return for_each(_evaluate_one, seeds, processes, str(bundle), simulator, render, engine, cluster=cluster)


def _evaluate_one(seed: int, bundle: str, simulator: str, render: bool, engine: str) -> dict:
    from crend.predict import segment

    return row_of(seed, segment(simulate(simulator, seed, empty=True).volume, bundle, render=render, engine=engine))


def row_of(seed: int, found) -> dict:
    """The row (COLUMNS) of a Segmentation of a volume without an ovary."""
    from crend.confidence.plausibility import short_words

    ovary, doubts = found.measurements.ovary, short_words(found.provenance["flags"])
    drawn = ovary is not None
    row = {"seed": seed, "drawn": drawn, "ovary_ml": ovary.volume_ml if drawn else None, "follicles": len(found.measurements.follicles)}
    return {**row, "doubtful": drawn and bool(doubts), "flags": doubts}


def write_empty_report(rows, folder, about: dict) -> dict:
    """Into `folder`: per_volume.csv and summary.json with `about` and "empty": volumes, drawn, doubtful (of the drawn). Returns the summary."""
    folder = Path(folder)
    os.makedirs(folder, exist_ok=True)
    write_csv(folder / "per_volume.csv", COLUMNS, rows)
    counts = {"volumes": len(rows), **{key: sum(row[key] for row in rows) for key in ("drawn", "doubtful")}}
    summary = {**about, "empty": counts}
    (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def empty_words(summary: dict) -> str:
    """The sentence on volumes without an ovary, for a console or a model card."""
    (first, stop), counts = summary["seeds"], summary["empty"]
    flagged = (
        f"; of these, {counts['doubtful']} {'was' if counts['doubtful'] == 1 else 'were'} flagged as doubtful" if counts["drawn"] else ""
    )
    kinds = {"trial": "volumes of the trial simulator", "trial-crowded": "crowded volumes of the trial simulator"}
    kinds["training-mixed"] = "simulated volumes of mixed scenes"
    kind = kinds.get(summary.get("simulator", ""), "simulated volumes")
    return f"In {kind} without an ovary (seeds {first} to {stop - 1}), one was drawn in {counts['drawn']} of {counts['volumes']}{flagged}."


def check_place(folder, *, empty: bool) -> None:
    """InputError when `folder` holds a report of the other kind, with or without ovaries: measuring it took long."""
    if (Path(folder) / SUMMARY).is_file() and ("empty" in read_report(folder)) != empty:
        raise InputError(f"{folder}: holds a report on volumes with{'' if empty else 'out'} an ovary; give another folder with --out")
