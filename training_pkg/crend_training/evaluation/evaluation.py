"""Measures a bundle on simulated volumes at full resolution, through the same path that a user takes."""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.simulators import simulate
from .boundary_dice import boundary_dice
from .follicle_facts import COLUMNS, follicle_rows
from .strata import strata
from .worst_cases import Planes, draw, error_score, planes_of, reason

WORST = 5
POOR = 0.7  # an ovary with a lower Dice is one that a user should be warned of
FIGURES = {
    "ovary_dsc": ("ovary", "dsc"),
    "ovary_hd95_mm": ("ovary", "hd95"),
    "ovary_asd_mm": ("ovary", "asd"),
    "follicles_dsc": ("follicles", "dsc"),
    "follicles_hd95_mm": ("follicles", "hd95"),
    "follicles_asd_mm": ("follicles", "asd"),
    "fd_percent": ("detection", "fd"),
    "md_percent": ("detection", "md"),
    "fd_small_percent": ("detection", "fd_small"),
    "md_small_percent": ("detection", "md_small"),
    "count_reference": ("detection", "count_reference"),
    "count_prediction": ("detection", "count_prediction"),
    "count_error": ("detection", "count_error"),
}
BOUNDARY = {"ovary_boundary_dsc": "ovary", "follicles_boundary_dsc": "follicles"}
SUMMARISED = (*FIGURES, *BOUNDARY)


@dataclass(frozen=True)
class Case:
    """One volume measured: its row, its follicles, its planes to draw.

    row: seed, SUMMARISED, ovary_volume_ratio, expected_ovary_dsc, flags (words, "" for none), seconds; Dice 0..1, mm, percent.
    """

    row: dict
    follicles: list
    planes: Planes


def evaluate(bundle, seeds, *, simulator: str = "training", render: bool = True, engine: str = "auto", processes: int = 1) -> list[Case]:
    """One Case a seed, in the order of the seeds; an ovary is present in every volume. simulator: "training" or "trial"."""
    return for_each(_evaluate_one, seeds, processes, str(bundle), simulator, render, engine)


def for_each(measure, seeds, processes: int, *arguments) -> list:
    """measure(seed, *arguments) of each seed, in their order, with this many at the same time."""
    from tqdm import tqdm

    with ProcessPoolExecutor(processes, initializer=_share_cores, initargs=(processes,)) as pool:
        running = [pool.submit(measure, seed, *arguments) for seed in seeds]
        for done in tqdm(as_completed(running), total=len(running), desc="evaluation", unit="volume"):
            done.result()
    return [done.result() for done in running]


def _share_cores(processes: int) -> None:
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // processes)))


def _evaluate_one(seed: int, bundle: str, simulator: str, render: bool, engine: str) -> Case:
    from crend.predict import segment

    phantom = simulate(simulator, seed)
    found = segment(phantom.volume, bundle, render=render, engine=engine)
    return case_of(seed, phantom, found)


def case_of(seed: int, phantom, found) -> Case:
    """The Case of a Segmentation (anything with ovary, follicles, measurements and provenance) of a Phantom."""
    from crend.comparison.metrics import compare
    from crend.confidence.plausibility import short_words
    from crend.io.labels import Labels

    reference, prediction = Labels(phantom.ovary, phantom.follicles), Labels(found.ovary, found.follicles)
    figures = compare(reference, prediction)
    row = {"seed": seed, **{name: figures[part][key] for name, (part, key) in FIGURES.items()}}
    row.update({name: _boundary_dice(getattr(reference, part), getattr(prediction, part)) for name, part in BOUNDARY.items()})
    volumes = [figures["ovary"][f"volume_{side}_ml"] for side in ("prediction", "reference")]
    row["ovary_volume_ratio"] = volumes[0] / volumes[1] if volumes[1] else None
    row["expected_ovary_dsc"] = found.provenance.get("expected_ovary_dsc")
    row["flags"] = short_words(found.provenance.get("flags", ()))
    row["seconds"] = found.provenance.get("seconds")
    follicles = [{"seed": seed, **follicle} for follicle in follicle_rows(phantom, found, figures)]
    return Case(row, follicles, planes_of(phantom.volume, reference, prediction))


def _boundary_dice(reference, prediction):
    import SimpleITK as sitk

    first, second = (sitk.GetArrayViewFromImage(image) for image in (reference, prediction))
    return boundary_dice(first, second, reference.GetSpacing()[::-1])


def summarise(rows: list[dict]) -> dict:
    """Mean, deviation and number of values present of every figure; missing ones are counted, not averaged."""
    result = {}
    for name in SUMMARISED:
        values = np.array([row[name] for row in rows if row[name] is not None], float)
        values = values[np.isfinite(values)]
        result[name] = {
            "mean": float(values.mean()) if values.size else None,
            "sd": float(values.std(ddof=1)) if values.size > 1 else None,
            "present": int(values.size),
            "missing": len(rows) - int(values.size),
        }
    return result


def flagged(rows: list[dict]) -> dict:
    """Whether flags warn of poor ovaries: how many volumes have one (Dice below POOR) and how many of them a flag, and the same of the others."""
    poor = [bool(row["flags"]) for row in rows if row["ovary_dsc"] < POOR]
    others = [bool(row["flags"]) for row in rows if row["ovary_dsc"] >= POOR]
    return {"poor_below": POOR, "poor": len(poor), "poor_flagged": sum(poor), "others": len(others), "others_flagged": sum(others)}


def flagged_words(counts: dict) -> str:
    """`flagged` as a sentence for a console or a model card."""
    return (
        f"Flagged as doubtful: {counts['poor_flagged']} of {counts['poor']} volumes with an ovary's Dice below {counts['poor_below']:g}, "
        f"{counts['others_flagged']} of the {counts['others']} others."
    )


def write_report(cases: list[Case], folder, about: dict) -> None:
    """Into `folder`: per_volume.csv, per_follicle.csv, summary.json (with `about`, see `reports.about`) and pictures of the worst cases.

    A report that lies there is replaced, its pictures included.
    """
    folder = Path(folder)
    os.makedirs(folder, exist_ok=True)
    for picture in folder.glob("worst_*_seed_*.png"):
        picture.unlink()
    rows, follicles = [case.row for case in cases], [row for case in cases for row in case.follicles]
    write_csv(folder / "per_volume.csv", list(rows[0]), rows)
    write_csv(folder / "per_follicle.csv", COLUMNS, follicles)
    worst = []
    for rank, case in enumerate(sorted(cases, key=lambda case: -error_score(case.row))[:WORST], 1):
        why = reason(case.row, case.follicles)
        worst.append({"seed": case.row["seed"], "why": why})
        dice = f"Dice of the ovary {case.row['ovary_dsc']:.2f}, of the follicles {case.row['follicles_dsc']:.2f}"
        draw(case.planes, f"seed {case.row['seed']}: {dice}\n{why}", folder / f"worst_{rank}_seed_{case.row['seed']}.png")
    summary = {**about, "figures": summarise(rows), "flags": flagged(rows), "strata": strata(follicles), "worst": worst}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def write_csv(path, columns, rows) -> None:
    """Rows (dictionaries) as a table with these columns."""
    with open(path, "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def markdown(summary: dict) -> str:
    """The summary as a Markdown table."""
    lines = ["| figure | mean | SD | volumes |", "|---|---|---|---|"]
    for name, figure in summary.items():
        mean = "–" if figure["mean"] is None else f"{figure['mean']:.3f}"
        deviation = "–" if figure["sd"] is None else f"{figure['sd']:.3f}"
        lines.append(f"| {name} | {mean} | {deviation} | {figure['present']} |")
    return "\n".join(lines)
