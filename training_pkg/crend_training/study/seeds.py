"""Several configurations, several runs of each from other seeds, all measured on the same volumes: what is the method, and what is chance?"""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crend.errors import InputError

from ..bundles.bundling import bundle_run
from ..configuration.experiment import Experiment
from ..data.cases import TrainingCases
from ..data.subjects import Simulated
from ..evaluation import evaluation, reports
from ..evaluation.visibility import NAMES

DEFAULT_FIGURES = ("ovary_dsc", "follicles_dsc", "ovary_boundary_dsc", "follicles_boundary_dsc", "md_percent", "fd_percent", "count_error")
#: Mean distances at the boundary, by how well it is seen.
BY_VISIBILITY = tuple(f"{structure}_{seen}_mm" for structure in ("ovary", "follicles") for seen in NAMES)


def report_folder(out, name: str, seed: int) -> Path:
    """Where the report of a run lies."""
    return Path(out) / f"{name}-seed{seed}" / "report"


def run_all(experiments: Sequence[Experiment], seeds, cases: TrainingCases, out, subjects: Sequence[Simulated], *, tell=print) -> None:
    """Trains every experiment from every seed on `cases`, bundles it and measures it on `subjects`; what is done already is kept.

    The patches of one seed are the same for all experiments, as far as their settings are. InputError for two experiments of one name, or on
    other volumes or grids than the first, and for a run found in `out` that has other settings.
    """
    from ..training.train import train

    names = [experiment.name for experiment in experiments]
    if len(set(names)) < len(names):
        raise InputError(f"two configurations are named {max(names, key=names.count)}; give each its own 'name'")
    for experiment in experiments:
        for key in ("data", "spacing_mm", "in_plane", "normalisation"):
            if getattr(experiment, key) != getattr(experiments[0], key):
                raise InputError(f"{experiment.name}: has another '{key}' than {names[0]}; all train on the same cases")
    for seed in seeds:
        for experiment in experiments:
            report = report_folder(out, experiment.name, seed)
            run, bundle = report.parent / "run", report.parent / report.parent.name
            tell(f"{experiment.name}, seed {seed}")
            seeded = dataclasses.replace(experiment, seed=seed)
            train(seeded, cases.training.folder.parent, run, cases=cases, progress=False)
            bundle_run(seeded, run, bundle)
            numbers = [subject.seed for subject in subjects]
            about = reports.about(str(bundle), range(numbers[0], numbers[-1] + 1), simulator=subjects[0].simulator, rendering=True)
            if not _is_of(report, about):
                evaluation.write_report(evaluation.evaluate(bundle, subjects), report, about)


def _is_of(report: Path, about: dict) -> bool:
    """Whether there is a report of these weights, settings and volumes."""
    if not (report / reports.SUMMARY).is_file():
        return False
    found = reports.read_report(report)
    return all(found.get(key) == about[key] for key in ("sha256", "settings", "simulator", "seeds", "rendering"))


def values_of(out, name: str, seeds, figure: str) -> np.ndarray:
    """(runs, volumes) of one figure; NaN where a run has none for a volume. InputError where reports are of different volumes."""
    rows = []
    for seed in seeds:
        with open(report_folder(out, name, seed) / "per_volume.csv", newline="", encoding="utf-8") as file:
            rows.append({row["seed"]: float(row[figure]) if row.get(figure) else math.nan for row in csv.DictReader(file)})
    if any(set(row) != set(rows[0]) for row in rows):
        raise InputError(f"{out}: the runs of {name} were measured on different volumes; measure them again in another folder")
    return np.array([[row[volume] for volume in sorted(rows[0])] for row in rows])


def compare(first: np.ndarray, second: np.ndarray) -> dict:
    """first and second (runs, volumes), the same volumes: mean difference (first minus second), its 95 % interval, and p.

    Runs and volumes are crossed random effects, estimated by their moments: the standard error has a part from the runs (pooled variance of
    the run means, a run's own chance) and one from the volumes (variance over volumes of the difference of the systems' means). Student's t
    with Satterthwaite's degrees of freedom. Two runs a system and two volumes at least, else only the difference. Volumes without a value in
    any of the runs are left out.
    """
    whole = ~(np.isnan(first).any(0) | np.isnan(second).any(0))
    first, second = first[:, whole], second[:, whole]
    result: dict = {"volumes": int(whole.sum()), "difference": None, "low": None, "high": None, "p": None}
    if not whole.any():
        return result
    by_volume = first.mean(0) - second.mean(0)
    result["difference"] = float(by_volume.mean())
    if min(len(first), len(second)) < 2 or len(by_volume) < 2:
        return result
    from scipy import stats

    parts = [(runs.mean(1).var(ddof=1) / len(runs), len(runs) - 1) for runs in (first, second)]
    parts.append((by_volume.var(ddof=1) / len(by_volume), len(by_volume) - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return {**result, "low": result["difference"], "high": result["difference"], "p": 1.0 if result["difference"] == 0 else 0.0}
    freedom = variance**2 / sum(part**2 / n for part, n in parts)
    error = math.sqrt(variance)
    reach = stats.t.ppf(0.975, freedom) * error
    p = 2 * stats.t.sf(abs(result["difference"]) / error, freedom)
    return {**result, "low": result["difference"] - reach, "high": result["difference"] + reach, "p": float(p)}


def table(out, names: Sequence[str], seeds, figures=DEFAULT_FIGURES + BY_VISIBILITY) -> str:
    """Markdown: every system's mean over runs and volumes with the deviation between runs, and its difference from the first system."""
    seeds = list(seeds)
    lines = [
        f"{len(seeds)} runs a system (seeds {', '.join(map(str, seeds))}), all on the same volumes. Mean ± deviation between the runs' means; difference from "
        f"{names[0]} with its 95 % interval and p (runs and volumes as crossed random effects).",
        "",
        "| figure | system | mean ± between runs | difference | 95 % interval | p |",
        "|---|---|---|---|---|---|",
    ]
    for figure in figures:
        base = values_of(out, names[0], seeds, figure)
        for name in names:
            own = values_of(out, name, seeds, figure)
            if np.isnan(own).all(axis=1).any():
                lines.append(f"| {figure} | {name} | – | – | – | – |")
                continue
            means = np.nanmean(own, axis=1)
            spread = f" ± {means.std(ddof=1):.4f}" if len(means) > 1 else ""
            told = ["–", "–", "–"]
            if name != names[0]:
                found = compare(own, base)
                if found["difference"] is not None:
                    told[0] = f"{found['difference']:+.4f}"
                if found["low"] is not None:
                    told[1:] = [f"{found['low']:+.4f} to {found['high']:+.4f}", f"{found['p']:.3f}"]
            lines.append(f"| {figure} | {name} | {means.mean():.4f}{spread} | " + " | ".join(told) + " |")
    return "\n".join(lines)
