"""Measures a bundle on simulated volumes at full resolution, through the same path that a user takes."""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

FIGURES = {
    "ovary_dsc": ("ovary", "dsc"),
    "ovary_hd95_mm": ("ovary", "hd95"),
    "ovary_asd_mm": ("ovary", "asd"),
    "follicles_dsc": ("follicles", "dsc"),
    "follicles_hd95_mm": ("follicles", "hd95"),
    "follicles_asd_mm": ("follicles", "asd"),
    "fd_percent": ("detection", "fd"),
    "md_percent": ("detection", "md"),
    "count_reference": ("detection", "count_reference"),
    "count_prediction": ("detection", "count_prediction"),
    "count_error": ("detection", "count_error"),
}


def evaluate(bundle, seeds, *, render: bool = True, engine: str = "auto", processes: int = 1) -> list[dict]:
    """One row of FIGURES a seed (Dice 0..1, mm, percent), in the order of the seeds; an ovary is present in every volume."""
    from tqdm import tqdm

    seeds = list(seeds)
    rows = {}
    with ProcessPoolExecutor(processes) as pool:
        running = [pool.submit(_evaluate_one, str(bundle), seed, render, engine) for seed in seeds]
        for done in tqdm(as_completed(running), total=len(running), desc="evaluation", unit="volume"):
            row = done.result()
            rows[row["seed"]] = row
    return [rows[seed] for seed in seeds]


def _evaluate_one(bundle: str, seed: int, render: bool, engine: str) -> dict:
    from crend.labels import Labels
    from crend.metrics import compare
    from crend.predict import segment

    from .phantom import make_phantom

    phantom = make_phantom(seed, empty=False)
    found = segment(phantom.volume, bundle, render=render, engine=engine)
    figures = compare(Labels(phantom.ovary, phantom.follicles), Labels(found.ovary, found.follicles))
    row = {name: figures[part][key] for name, (part, key) in FIGURES.items()}
    return {"seed": seed, **row, "seconds": found.provenance.get("seconds")}


def summarise(rows: list[dict]) -> dict:
    """Mean, deviation and number of values present of every figure; missing ones are counted, not averaged."""
    result = {}
    for name in FIGURES:
        values = np.array([row[name] for row in rows if row[name] is not None], float)
        values = values[np.isfinite(values)]
        result[name] = {
            "mean": float(values.mean()) if values.size else None,
            "sd": float(values.std(ddof=1)) if values.size > 1 else None,
            "present": int(values.size),
            "missing": len(rows) - int(values.size),
        }
    return result


def write_report(rows: list[dict], folder, about: dict) -> None:
    """per_volume.csv and summary.json (with `about`: bundle, seeds, versions) in `folder`."""
    folder = Path(folder)
    os.makedirs(folder, exist_ok=True)
    with open(folder / "per_volume.csv", "w", newline="") as f:
        writer = csv.DictWriter(f, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "summary.json").write_text(json.dumps({**about, "figures": summarise(rows)}, indent=2) + "\n")


def markdown(summary: dict) -> str:
    """The summary as a Markdown table."""
    lines = ["| figure | mean | SD | volumes |", "|---|---|---|---|"]
    for name, figure in summary.items():
        mean = "–" if figure["mean"] is None else f"{figure['mean']:.3f}"
        deviation = "–" if figure["sd"] is None else f"{figure['sd']:.3f}"
        lines.append(f"| {name} | {mean} | {deviation} | {figure['present']} |")
    return "\n".join(lines)
