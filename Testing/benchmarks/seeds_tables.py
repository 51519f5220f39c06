"""What `crend-training seeds` left in a folder, run by run: the files and the tables beside its own in training_pkg/results/contrast.

    python Testing/benchmarks/seeds_tables.py STUDY [--systems unet rend crend crend-acting] [--runs 3] [--out FOLDER]

Prints differences between each two systems that follow one another, of all figures, over the volumes for which every run of both has one, and of how much
farther off the ovary's boundary is where it is hidden than where it is clear; the same of each run; writes per_run.csv and per_volume.csv into --out.
STUDY may be a folder with such a per_volume.csv, too: the same tables come of it.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np

from crend_training.study.seeds import BY_VISIBILITY, DEFAULT_FIGURES, compare, values_of

FIGURES = (*DEFAULT_FIGURES, *BY_VISIBILITY)
HIDDEN_LESS_CLEAR = "ovary_hidden_mm - ovary_clear_mm"  # whether a system gains most where the boundary is not seen


def read(path):
    """The rows of a CSV file."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run_row(study, system, run):
    """One run: means over its volumes, its validation, and in how many logged steps contrast acted."""
    folder = study / f"{system}-seed{run}"
    steps, validation = read(folder / "run" / "train.csv"), read(folder / "run" / "validation.csv")[-1]
    acted = [float(step.get("contrast_acted") or 0) > 0 for step in steps]
    pulls = [float(step.get("contrast_gradient") or 0) for step in steps]
    means = {}
    for figure in FIGURES:
        values = values_of(study, system, [run], figure)
        means[figure] = "" if np.isnan(values).all() else f"{np.nanmean(values):.4f}"
    return {
        "system": system, "run": run, "sha256": " ".join(json.loads((folder / "report" / "summary.json").read_text(encoding="utf-8"))["sha256"].values()),
        "validation_ovary_dsc": f"{float(validation['dice_ovary_rendered']):.4f}",
        "validation_follicles_dsc": f"{float(validation['dice_follicles_rendered']):.4f}",
        **means,
        "logged_steps": len(steps), "logged_steps_with_contrast": sum(acted), "contrast_gradient_where_it_acted": f"{sum(pulls) / max(1, sum(acted)):.3f}",
    }  # fmt: skip


def read_figure(study, name, runs, figure):
    """(runs, volumes) of a figure, or of "FIGURE - FIGURE"."""
    first, *less = (_kept(study, name, runs, part) for part in figure.split(" - "))
    return first - less[0] if less else first


def _kept(study, name, runs, figure):
    """`values_of`, or the same out of per_volume.csv."""
    if not (study / "per_volume.csv").is_file():
        return values_of(study, name, runs, figure)
    rows = sorted((row for row in read(study / "per_volume.csv") if row["system"] == name), key=lambda row: row["volume"])
    return np.array([[float(row[figure] or "nan") for row in rows if row["run"] == str(run)] for run in runs])


def differences(study, first, second, runs):
    """Markdown: means of two systems over the same volumes, their difference, and that of each run."""
    lines = [f"| figure | volumes | {first} | {second} | {second} minus {first} (95 %) | p | each run |", "|---|---|---|---|---|---|---|"]
    for figure in (*FIGURES, HIDDEN_LESS_CLEAR):
        one, other = (read_figure(study, name, runs, figure) for name in (first, second))
        whole, found = ~(np.isnan(one).any(0) | np.isnan(other).any(0)), compare(other, one)
        cells = [figure, str(found["volumes"]), *["–"] * 5]
        if found["low"] is not None:
            told = f"{found['difference']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"
            each = ", ".join(f"{value:+.3f}" for value in (other - one)[:, whole].mean(1))
            cells[2:] = [f"{one[:, whole].mean():.3f}", f"{other[:, whole].mean():.3f}", told, f"{found['p']:.2f}", each]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(path, rows):
    """Rows of one kind as CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main():
    """Print the tables, write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--systems", nargs="+", default=["unet", "rend", "crend", "crend-acting"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    runs, systems = range(given.runs), given.systems
    for first, second in zip(systems, systems[1:]):
        print(differences(given.study, first, second, runs), end="\n\n")
    if given.out:
        each = [(system, run) for system in systems for run in runs]
        write(given.out / "per_run.csv", [run_row(given.study, *one) for one in each])
        rows = []
        for system, run in each:
            found = read(given.study / f"{system}-seed{run}" / "report" / "per_volume.csv")
            rows += [{"system": system, "run": run, "volume": row["seed"], **{f: row.get(f, "") for f in FIGURES}} for row in found]
        write(given.out / "per_volume.csv", rows)


if __name__ == "__main__":
    main()
