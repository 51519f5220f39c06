"""Measures a bundle on volumes with their truth at full resolution, through the same path that a user takes."""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crend.io.kept import image_content

from ..data.subjects import truth_content
from .boundary_dice import boundary_dice
from .follicle_facts import COLUMNS, follicle_rows
from .strata import strata
from .visibility import NAMES, boundary_by_visibility
from .worst_cases import Planes, draw, error_score, planes_of, reason

WORST = 5
RETRIES = 2  # of a volume whose worker fails
POOR = 0.7  # an ovary with a lower Dice is one that a user should be warned of
GOOD = 0.85  # an ovary with this Dice or more should bear no warning
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
#: Mean distance from the true surface to the predicted one, by how well the surface can be seen; and the surface's share of each kind.
VISIBILITY = tuple(f"{part}_{kind}_mm" for part in ("ovary", "follicles") for kind in NAMES)


@dataclass(frozen=True)
class Case:
    """One volume measured: its row, its follicles, its planes to draw.

    row: seed (of a volume of a list: volume, its name), SUMMARISED, ovary_volume_ratio, expected_ovary_dsc, flags (words, "" for none),
    seconds; Dice 0..1, mm, percent. content: `crend.io.kept.image_content` of the volume; truth: digest of its labels and spacing.
    """

    row: dict
    follicles: list
    planes: Planes
    content: str = ""
    truth: str = ""


def evaluate(bundle, subjects, *, render: bool = True, engine: str = "auto", processes: int = 1, cluster: tuple = ()) -> list[Case]:
    """One Case for each of `subjects` (see `data.subjects`), in their order.

    cluster: (a Dask client, what a volume needs of a worker) instead of processes of this machine; paths must mean the same there.
    """
    return for_each(_evaluate_one, subjects, processes, str(bundle), render, engine, cluster=cluster)


def for_each(measure, things, processes: int, *arguments, cluster: tuple = ()) -> list:
    """measure(thing, *arguments) of each thing, in their order, with this many at the same time, or on a cluster as of `evaluate`."""
    from tqdm import tqdm

    bar: dict[str, Any] = {"total": len(things), "desc": "evaluation", "unit": "volume"}
    if cluster:
        from crend.cluster.tasks import run_tasks

        client, resources = cluster
        calls = [(number, (thing, *arguments)) for number, thing in enumerate(things)]
        ended = run_tasks(client, measure, calls, retries=RETRIES, resources=resources, tell=tqdm.write)
        found = {number: done.result() for number, done in tqdm(ended, **bar)}
        return [found[number] for number in range(len(things))]
    with ProcessPoolExecutor(processes, initializer=_share_cores, initargs=(processes,)) as pool:
        running = [pool.submit(measure, thing, *arguments) for thing in things]
        for done in tqdm(as_completed(running), **bar):
            done.result()
    return [done.result() for done in running]


def _share_cores(processes: int) -> None:
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // processes)))


def _evaluate_one(subject, bundle: str, render: bool, engine: str) -> Case:
    from crend.predict import segment

    truth = subject.read()
    found = segment(truth.volume, bundle, render=render, engine=engine, name=str(subject.name))
    return case_of(subject.name, truth, found, subject.column)


def case_of(name, truth, found, column: str = "seed") -> Case:
    """The Case of a Segmentation (anything with ovary, follicles, measurements and provenance) of a Phantom or Truth.

    column: what heads `name` in tables, "seed" or "volume".
    """
    from crend.comparison.metrics import compare
    from crend.confidence.plausibility import short_words
    from crend.io.labels import Labels

    reference, prediction = Labels(truth.ovary, truth.follicles), Labels(found.ovary, found.follicles)
    figures = compare(reference, prediction)
    row = {column: name, **{figure: figures[part][key] for figure, (part, key) in FIGURES.items()}}
    row.update({figure: _boundary_dice(getattr(reference, part), getattr(prediction, part)) for figure, part in BOUNDARY.items()})
    row.update(_by_visibility(truth.volume, reference, prediction))
    volumes = [figures["ovary"][f"volume_{side}_ml"] for side in ("prediction", "reference")]
    row["ovary_volume_ratio"] = volumes[0] / volumes[1] if volumes[1] else None
    row["expected_ovary_dsc"] = found.provenance.get("expected_ovary_dsc")
    row["flags"] = short_words(found.provenance.get("flags", ()))
    row["seconds"] = found.provenance.get("seconds")
    follicles = [{column: name, **follicle} for follicle in follicle_rows(truth, found, figures)]
    return Case(row, follicles, planes_of(truth.volume, reference, prediction), image_content(truth.volume), truth_content(reference))


def _boundary_dice(reference, prediction):
    import SimpleITK as sitk

    first, second = (sitk.GetArrayViewFromImage(image) for image in (reference, prediction))
    return boundary_dice(first, second, reference.GetSpacing()[::-1])


def _by_visibility(volume, reference, prediction) -> dict:
    """VISIBILITY, and "ovary_hidden_percent" and so on: the share of the surface."""
    import SimpleITK as sitk

    image, row = sitk.GetArrayViewFromImage(volume), {}
    for part in ("ovary", "follicles"):
        true, predicted = (sitk.GetArrayViewFromImage(getattr(labels, part)) for labels in (reference, prediction))
        for kind, (share, away) in boundary_by_visibility(image, true, predicted, volume.GetSpacing()[::-1]).items():
            row |= {f"{part}_{kind}_percent": None if share is None else 100 * share, f"{part}_{kind}_mm": away}
    return row


def summarise(rows: list[dict], figures=SUMMARISED) -> dict:
    """Mean, deviation and number of values present of every figure; missing ones are counted, not averaged."""
    result = {}
    for name in figures:
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
    """Whether flags warn of poor ovaries: how many volumes have one (Dice below POOR) and how many of them a flag, and the same of the others,
    and of those that are good (GOOD or more); and how many have an ovary that was not drawn, which is no poor one: the result says so by itself."""
    drawn = [row for row in rows if row.get("ovary_volume_ratio") != 0]
    poor = [bool(row["flags"]) for row in drawn if row["ovary_dsc"] < POOR]
    others = [bool(row["flags"]) for row in rows if row["ovary_dsc"] >= POOR]
    good = [bool(row["flags"]) for row in rows if row["ovary_dsc"] >= GOOD]
    counts = {"poor_below": POOR, "poor": len(poor), "poor_flagged": sum(poor), "others": len(others), "others_flagged": sum(others)}
    return {**counts, "good_from": GOOD, "good": len(good), "good_flagged": sum(good), "not_drawn": len(rows) - len(drawn)}


def flagged_words(counts: dict) -> str:
    """`flagged` as a sentence or two for a console."""
    missing = counts["not_drawn"]
    return (f"In {missing} {'volume' if missing == 1 else 'volumes'} no ovary was drawn. " if missing else "") + (
        f"Flagged as doubtful: {counts['poor_flagged']} of {counts['poor']} volumes with an ovary's Dice below {counts['poor_below']:g}, "
        f"{counts['others_flagged']} of the {counts['others']} others."
    )


def write_report(cases: list[Case], folder, about: dict) -> None:
    """Into `folder`: per_volume.csv, per_follicle.csv, summary.json (with `about`, see `reports.about`) and pictures of the worst cases.

    A report that lies there is replaced, its pictures included.
    """
    folder = Path(folder)
    os.makedirs(folder, exist_ok=True)
    for picture in folder.glob("worst_*_*.png"):
        picture.unlink()
    rows, follicles = [case.row for case in cases], [row for case in cases for row in case.follicles]
    column = next(iter(rows[0]))
    write_csv(folder / "per_volume.csv", list(rows[0]), rows)
    write_csv(folder / "per_follicle.csv", (column, *COLUMNS), follicles)
    worst = []
    for rank, case in enumerate(sorted(cases, key=lambda case: -error_score(case.row))[:WORST], 1):
        why = reason(case.row, case.follicles)
        name = case.row[column]
        worst.append({column: name, "why": why})
        dice = f"Dice of the ovary {case.row['ovary_dsc']:.2f}, of the follicles {case.row['follicles_dsc']:.2f}"
        draw(case.planes, f"{column} {name}: {dice}\n{why}", folder / f"worst_{rank}_{column}_{name}.png")
    contents = {
        key: {str(case.row[column]): getattr(case, part) for case in cases} for key, part in (("contents", "content"), ("truths", "truth"))
    }
    contents = contents if column == "volume" else {}
    summary = {
        **about,
        **contents,
        "figures": summarise(rows),
        "visibility": summarise(rows, VISIBILITY),
        "flags": flagged(rows),
        "strata": strata(follicles),
        "worst": worst,
    }
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
