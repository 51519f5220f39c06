"""Boxplots of every figure, and Bland-Altman plots of counts and follicle sizes, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_plots(results, folder) -> list[Path]:
    """boxplots_table1, boxplots_table2, bland_altman_count, bland_altman_volume and bland_altman_diameter, .png and .svg each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from .tables import TABLE_1, TABLE_2

    written = []

    def save(figure, name):
        FigureCanvasAgg(figure)
        for ending in ("png", "svg"):
            figure.savefig(Path(folder) / f"{name}.{ending}", dpi=120)
            written.append(Path(folder) / f"{name}.{ending}")

    for number, columns in ((1, TABLE_1), (2, TABLE_2)):
        figure = Figure(figsize=(16, 7), layout="constrained")
        _boxplots(figure, results, columns)
        save(figure, f"boxplots_table{number}")
    pairs = {
        "count": ("follicles in a volume", _counts(results)),
        "volume": ("follicle volume (ml)", _sizes(results, "volume", "ml")),
        "diameter": ("follicle diameter (mm)", _sizes(results, "diameter", "mm")),
    }
    for name, (title, by_system) in pairs.items():
        figure = Figure(figsize=(16, 7), layout="constrained")
        _bland_altman(figure, title, by_system)
        save(figure, f"bland_altman_{name}")
    return written


def limits_of_agreement(reference, prediction) -> tuple[float, float, float]:
    """Mean difference (prediction - reference), and the limits of agreement, 1.96 standard deviations below and above it."""
    difference = np.asarray(prediction, float) - np.asarray(reference, float)
    mean = float(difference.mean())
    spread = 1.96 * float(difference.std(ddof=1)) if len(difference) > 1 else 0.0
    return mean, mean - spread, mean + spread


def _boxplots(figure, results, columns) -> None:
    from .tables import TITLES

    systems = results.systems()
    for axes, column in zip(figure.subplots(2, 5).flat, [*columns, *[None] * 10]):
        if column is None:
            axes.set_axis_off()
            continue
        values = [[column.scale * v for v in results.values(s, column.name).values() if v is not None] for s in systems]
        axes.boxplot([v or [np.nan] for v in values], showmeans=True)
        axes.set_xticks(range(1, len(systems) + 1), [TITLES[s] for s in systems], rotation=60)
        axes.set_title(column.title)


def _bland_altman(figure, title, by_system) -> None:
    from .tables import TITLES

    figure.suptitle(f"{title}: prediction - reference against their mean, limits of agreement (1.96 SD)")
    shown = None
    for axes, (system, (reference, prediction)) in zip(figure.subplots(2, 4, sharex=True, sharey=True).flat, [*by_system.items(), *[("", ((), ()))] * 8]):
        if not system:
            axes.set_axis_off()
            continue
        axes.set_title(f"{TITLES[system]} (n = {len(reference)})")
        if not len(reference):
            continue
        shown = axes
        axes.plot((reference + prediction) / 2, prediction - reference, ".", alpha=0.5)
        mean, low, high = limits_of_agreement(reference, prediction)
        axes.axhline(mean, color="black")
        for limit in (low, high):
            axes.axhline(limit, color="black", linestyle="--")
        axes.annotate(f"{mean:.2g} ({low:.2g} to {high:.2g})", (0.02, 0.95), xycoords="axes fraction", va="top")
    if shown is not None:
        figure.supxlabel(title)


def _counts(results) -> dict:
    return {
        system: tuple(np.array([row[key] for row in results.rows if row["system"] == system], float) for key in ("count_reference", "count_prediction"))
        for system in results.systems()
    }


def _sizes(results, what: str, unit: str) -> dict:
    return {
        system: tuple(
            np.array([row[f"{what}_{side}_{unit}"] for row in results.follicles if row["system"] == system], float)
            for side in ("reference", "prediction")
        )
        for system in results.systems()
    }
