"""Boxplots of every figure, and Bland-Altman plots of counts and follicle sizes, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crend.comparison.agreement import bland_altman


def write_plots(results, curves, folder) -> list[Path]:
    """boxplots_table1, boxplots_table2, bland_altman_count, bland_altman_volume, bland_altman_diameter and, of `curves` as
    `results.learning_curves` gives them, learning_curves; .png and .svg each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from .tables import TABLE_1, TABLE_2

    written = []

    def save(figure, name):
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # it is laid out by now, and once is enough for both files
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
    figure = Figure(figsize=(16, 7), layout="constrained")
    _learning_curves(figure, results, curves)
    save(figure, "learning_curves")
    return written


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


def _learning_curves(figure, results, curves) -> None:
    """Loss of the logged steps, and their running mean; the losses of different systems are not the same sum."""
    from .tables import TITLES

    for axes, system in zip(figure.subplots(2, 4).flat, [*results.systems(), *[None] * 8]):
        if system is None:
            axes.set_axis_off()
            continue
        axes.set_title(TITLES[system])
        axes.set_xlabel("step")
        axes.set_ylabel("training loss")
        for (name, fold), (steps, losses) in curves.items():
            if name != system:
                continue
            width = max(1, len(losses) // 20)
            mean = np.convolve(losses, np.ones(width) / width, mode="valid")
            (line,) = axes.plot(steps, losses, alpha=0.2)
            axes.plot(steps[width - 1 :], mean, color=line.get_color(), label=f"fold {fold}")
        axes.legend()


def _bland_altman(figure, title, by_system) -> None:
    from .tables import TITLES

    figure.suptitle(f"{title}: prediction - reference against their mean, limits of agreement (1.96 SD)")
    shown = None
    for axes, (system, (reference, prediction)) in zip(
        figure.subplots(2, 4, sharex=True, sharey=True).flat, [*by_system.items(), *[("", ((), ()))] * 8]
    ):
        if not system:
            axes.set_axis_off()
            continue
        axes.set_title(f"{TITLES[system]} (n = {len(reference)})")
        if not len(reference):
            continue
        shown = axes
        axes.tick_params(labelbottom=True)
        axes.plot((reference + prediction) / 2, prediction - reference, ".", alpha=0.5)
        found = bland_altman(reference, prediction)
        axes.axhline(found["bias"], color="black")
        said = f"{found['bias']:.3g}"
        if found["sd"] is not None:
            for limit in (found["lower"], found["upper"]):
                axes.axhline(limit, color="black", linestyle="--")
            said += f" ({found['lower']:.3g} to {found['upper']:.3g})"
        axes.annotate(said, (0.02, 0.95), xycoords="axes fraction", va="top")
    if shown is not None:
        figure.supxlabel(title)


def _counts(results) -> dict:
    return {
        system: tuple(
            np.array([row[key] for row in results.rows if row["system"] == system], float)
            for key in ("count_reference", "count_prediction")
        )
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
