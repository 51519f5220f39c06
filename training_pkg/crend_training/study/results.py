"""What the runs of a study measured, as flat rows: one a volume and system, one a matched follicle."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

from crend.errors import InputError

from ..configuration.experiment import SYSTEMS

STRUCTURE_FIGURES = ("dsc", "jc", "hd", "hd95", "asd")
DETECTION_FIGURES = (
    "fd",
    "md",
    "fd_small",
    "md_small",
    "fd_small_radius",
    "md_small_radius",
    "count_reference",
    "count_prediction",
    "count_error",
)
VOLUME_FIGURES = ("volume_reference_ml", "volume_prediction_ml")
NAMES = [f"{part}_{figure}" for part in ("follicles", "ovary") for figure in STRUCTURE_FIGURES + VOLUME_FIGURES] + list(DETECTION_FIGURES)


@dataclass(frozen=True)
class Results:
    """rows: system, fold, volume and every one of NAMES (None where it cannot be said); follicles: system, volume and the sizes of each
    matched pair; parameters: system -> count; unfinished: runs of the study without a result."""

    rows: list
    follicles: list
    parameters: dict
    unfinished: list

    def systems(self) -> list[str]:
        """In the paper's order."""
        there = {row["system"] for row in self.rows}
        return [system for system in SYSTEMS if system in there]

    def values(self, system: str, name: str) -> dict:
        """volume -> value (None where missing); a volume tested in several folds does not occur."""
        return {row["volume"]: row[name] for row in self.rows if row["system"] == system}


def read_results(folder) -> Results:
    """Of all finished runs in a study's folder. InputError when there is none."""
    from .study import open_study

    study = open_study(folder)
    rows, follicles, parameters = [], [], {}
    finished = [run for run in study.runs() if study.is_done(*run)]
    for system, fold in finished:
        run = study.run_folder(system, fold)
        parameters[system] = json.loads((run / "done.json").read_text(encoding="utf-8"))["parameters"]
        for volume in study.folds[fold].test:
            figures = json.loads((run / "volumes" / f"{volume}.json").read_text(encoding="utf-8"))
            rows.append({"system": system, "fold": fold, "volume": volume, **_row(figures)})
            follicles += [{"system": system, "volume": volume, **_sizes(match)} for match in figures["matches"]]
    if not rows:
        raise InputError(f"{folder}: no run is finished yet; `crend_training crossval` goes on with it")
    return Results(rows, follicles, parameters, [run for run in study.runs() if run not in finished])


def describe_study(folder) -> dict:
    """What a reader needs to repeat a study: settings, folds, and of every finished run its steps, seed, versions, device and seconds."""
    import dataclasses

    from .study import open_study

    study = open_study(folder)
    experiment = dataclasses.asdict(study.experiment)
    experiment["data"]["path"] = Path(experiment["data"]["path"]).name
    runs = [json.loads((study.run_folder(*run) / "done.json").read_text(encoding="utf-8")) for run in study.runs() if study.is_done(*run)]
    return {"experiment": experiment, "folds": [dataclasses.asdict(fold) for fold in study.folds], "runs": runs}


def learning_curves(folder) -> dict:
    """(system, fold) -> (steps, losses) of every run that has begun."""
    from ..training.curves import read_curve
    from .study import open_study

    study = open_study(folder)
    curves = {run: read_curve(study.run_folder(*run) / "train.csv") for run in study.runs()}
    return {run: ([row["step"] for row in rows], [row["loss"] for row in rows]) for run, rows in curves.items() if rows}


def write_rows(rows, path) -> None:
    """As CSV; nothing where there are no rows."""
    if not rows:
        return
    with open(Path(path), "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _row(figures: dict) -> dict:
    row = {f"{part}_{name}": figures[part][name] for part in ("follicles", "ovary") for name in STRUCTURE_FIGURES + VOLUME_FIGURES}
    row.update({name: figures["detection"][name] for name in DETECTION_FIGURES})
    return {name: row[name] for name in NAMES}


def _sizes(match: dict) -> dict:
    one, other = match["dv_reference_mm"], match["dv_prediction_mm"]
    return {
        "reference": match["reference"],
        "prediction": match["prediction"],
        "iou": match["iou"],
        "diameter_reference_mm": one,
        "diameter_prediction_mm": other,
        "volume_reference_ml": math.pi / 6 * one**3 / 1000,
        "volume_prediction_ml": math.pi / 6 * other**3 / 1000,
    }
