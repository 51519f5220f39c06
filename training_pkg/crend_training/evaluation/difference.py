"""Two reports of `evaluate` on the same volumes, side by side, with paired tests."""

from __future__ import annotations

import csv
from pathlib import Path

from crend.errors import InputError

from .evaluation import SUMMARISED
from .reports import read_report
from .significance import holm, wilcoxon

COMPARED = [figure for figure in SUMMARISED if figure not in ("count_reference", "count_prediction")]


def difference(first, second, figures=COMPARED) -> list[dict]:
    """One row a figure, over the volumes where both reports have it: figure, pairs, first, second (means), difference (first minus
    second), p (two-sided Wilcoxon signed-rank, None below 6 pairs) and p_holm (corrected for the number of figures).

    InputError for a folder that is no report with figures, and for reports of unequal simulators, of one name for two volumes, or that share
    no volume.
    """
    one, two = _rows(first), _rows(second)
    _check_same(first, second)
    shared = sorted(set(one) & set(two))
    if not shared:
        raise InputError(f"{first} and {second}: no volume is in both; evaluate both with the same seeds, or on the same list")
    rows = []
    for figure in figures:
        pairs = [(one[seed].get(figure), two[seed].get(figure)) for seed in shared]
        pairs = [(float(a), float(b)) for a, b in pairs if a and b]
        if not pairs:
            continue
        differences = [a - b for a, b in pairs]
        means = [sum(column) / len(pairs) for column in zip(*pairs)]
        row = {"figure": figure, "pairs": len(pairs), "first": means[0], "second": means[1], "difference": means[0] - means[1]}
        rows.append({**row, "p": wilcoxon(differences)[0]})
    for row, corrected in zip(rows, holm([row["p"] for row in rows])):
        row["p_holm"] = corrected
    return rows


def _check_same(first, second) -> None:
    """InputError where what both reports call by one name are two volumes."""
    one, two = _figures_of(first), _figures_of(second)
    kinds = ["list" if "volumes" in each else each.get("simulator", "training") for each in (one, two)]
    if kinds[0] != kinds[1]:
        simulators = f"volumes of the {kinds[0]} and of the {kinds[1]} simulator"
        what = "volumes of a list and simulated ones" if "list" in kinds else simulators
        raise InputError(f"{first} and {second}: {what} are not the same; evaluate both on one")
    for key, what in (("contents", "is another volume"), ("truths", "has other labels, or another spacing,")):
        others = two.get(key, {})
        for name, content in one.get(key, {}).items():
            if others.get(name, content) != content:
                raise InputError(f"{first} and {second}: {name} {what} in each; evaluate both on the same list")


def difference_markdown(rows, first: str, second: str) -> str:
    """The rows as a Markdown table; `first` and `second` head their columns."""

    def p(value):
        return "–" if value is None else f"{value:.4f}"

    lines = [f"| figure | volumes | {first} | {second} | difference | p | p (Holm) |", "|---" * 7 + "|"]
    for row in rows:
        numbers = " | ".join(f"{row[key]:.3f}" for key in ("first", "second", "difference"))
        lines.append(f"| {row['figure']} | {row['pairs']} | {numbers} | {p(row['p'])} | {p(row['p_holm'])} |")
    return "\n".join(lines)


def heads(first, second) -> tuple[str, str]:
    """What heads the columns of two reports: model, version, and whether it was not rendered; their folders, too, where that is equal."""
    names = [_name(folder) for folder in (first, second)]
    if names[0] == names[1]:
        names = [f"{name} ({folder})" for name, folder in zip(names, (first, second))]
    return names[0], names[1]


def _name(folder) -> str:
    summary = _figures_of(folder)
    version = f" {summary['version']}" if summary.get("version") else ""
    return f"{summary['model']}{version}{'' if summary.get('rendering', True) else ', not rendered'}"


def _figures_of(folder) -> dict:
    summary = read_report(folder)
    if "figures" not in summary:
        raise InputError(
            f"{folder}: a report on volumes without an ovary has no figures to compare; give one of `evaluate` without --empty"
        )
    return summary


def _rows(folder) -> dict:
    path = Path(folder) / "per_volume.csv"
    try:
        with open(path, newline="", encoding="utf-8-sig") as f:
            return {row["volume"] if "volume" in row else int(row["seed"]): row for row in csv.DictReader(f)}
    except (OSError, KeyError, ValueError):
        raise InputError(f"{path}: no report there; run `crend_training evaluate` first") from None
