"""Tables 1 and 2 of the paper from a study's results: Markdown, CSV and LaTeX, with tests, point statistics and plots."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..evaluation.significance import compare_systems
from .results import NAMES, Results, describe_study, learning_curves, read_results, write_rows

TITLES = {
    "unet": "U-Net",
    "context": "Context",
    "edge": "Edge",
    "deeplab": "Deeplab",
    "entropy": "Entropy",
    "rend": "Rend",
    "crend": "C-Rend",
}


@dataclass(frozen=True)
class Column:
    """A figure as a table shows it: its values are multiplied by `scale` and printed with `digits`."""

    name: str
    title: str
    scale: float = 1.0
    digits: int = 2


def _overlaps(part: str, short: str) -> list[Column]:
    percent = [Column(f"{part}_{name}", f"{short} {name.upper()} (%)", 100.0) for name in ("dsc", "jc")]
    return percent + [Column(f"{part}_{name}", f"{short} {name.upper()} (mm)") for name in ("hd", "hd95", "asd")]


TABLE_1 = _overlaps("follicles", "follicle") + _overlaps("ovary", "ovary")
TABLE_2 = [
    Column("fd_small", "FD, diameter < 5 mm (%)"),
    Column("md_small", "MD, diameter < 5 mm (%)"),
    Column("fd_small_radius", "FD, radius < 5 mm (%)"),
    Column("md_small_radius", "MD, radius < 5 mm (%)"),
    Column("fd", "FD, all (%)"),
    Column("md", "MD, all (%)"),
    Column("count_error", "counting error"),
]
TESTED = [column.name for column in TABLE_1 + TABLE_2]
NOTES = (
    "Mean +- standard deviation over the test volumes of all folds. DSC Dice, JC Jaccard, HD Hausdorff distance, HD95 its 95th "
    "percentile, ASD mean surface distance; follicles = their union. FD falsely detected, MD missed follicles (no overlap above 30 % IoU), of "
    "those small by diameter or by radius. A number in brackets: volumes where the figure cannot be said (a distance to nothing, a "
    "share of nothing); they are left out of the mean."
)


def write_tables(folder, out=None, *, plots: bool = True) -> str:
    """Reads a study's results and writes into `out` (default `folder`/tables): table1 and table2 (.md, .csv, .tex), tests.csv, tests.md,
    per_volume.csv, follicles.csv, about.json (settings, folds, seeds, versions), points.md where runs have point statistics, and the plots.
    Returns the Markdown of all. No path of this machine is in them."""
    results = read_results(folder)
    out = Path(out) if out else Path(folder) / "tables"
    out.mkdir(parents=True, exist_ok=True)
    (out / "about.json").write_text(json.dumps(describe_study(folder), indent=1) + "\n", encoding="utf-8")
    write_rows(results.rows, out / "per_volume.csv")
    write_rows(results.follicles, out / "follicles.csv")
    texts = []
    for number, columns in ((1, TABLE_1), (2, TABLE_2)):
        rows = table_rows(results, columns)
        write_rows(rows, out / f"table{number}.csv")
        text = f"**Table {number}**\n\n" + markdown(results, columns)
        (out / f"table{number}.md").write_text(text + "\n", encoding="utf-8")
        (out / f"table{number}.tex").write_text(latex(results, columns, f"Table {number}. {NOTES}"), encoding="utf-8")
        texts.append(text)
    texts.append(NOTES)
    tests = significance_tests(results)
    write_rows(tests, out / "tests.csv")
    texts.append(significance_markdown(tests))
    (out / "tests.md").write_text(texts[-1] + "\n", encoding="utf-8")
    points = points_markdown(folder, results)
    if points:
        (out / "points.md").write_text(points + "\n", encoding="utf-8")
        texts.append(points)
    if results.unfinished:
        texts.append("Not finished: " + ", ".join(f"{system}:{fold}" for system, fold in results.unfinished) + ".")
    if plots:
        from .plots import write_plots

        write_plots(results, learning_curves(folder), out)
    return "\n\n".join(texts)


def summary(results: Results, system: str, name: str) -> dict:
    """mean, sd (None below two values), present and missing of a figure."""
    values = list(results.values(system, name).values())
    there = np.array([v for v in values if v is not None], float)
    return {
        "mean": float(there.mean()) if there.size else None,
        "sd": float(there.std(ddof=1)) if there.size > 1 else None,
        "present": int(there.size),
        "missing": len(values) - int(there.size),
    }


def table_rows(results: Results, columns) -> list[dict]:
    """One row a system, unrounded and in the figures' own units (Dice 0 to 1)."""
    rows = []
    for system in results.systems():
        row = {"system": system, "parameters": results.parameters[system], "volumes": len(results.values(system, NAMES[0]))}
        for column in columns:
            row.update({f"{column.name}_{key}": value for key, value in summary(results, system, column.name).items() if key != "present"})
        rows.append(row)
    return rows


def markdown(results: Results, columns) -> str:
    """A Markdown table, one row a system: mean and standard deviation of each column."""
    head = ["system", "parameters", *(column.title for column in columns)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for system in results.systems():
        cells = [_cell(summary(results, system, c.name), c, "±") for c in columns]
        lines.append("| " + " | ".join([TITLES[system], _count(results.parameters[system]), *cells]) + " |")
    return "\n".join(lines)


def latex(results: Results, columns, caption: str) -> str:
    """A `table*` with booktabs' rules."""

    def plain(text):
        return text.replace("%", r"\%").replace("<", "$<$").replace("+-", r"$\pm$")

    lines = [
        r"\begin{table*}",
        r"\centering\footnotesize",
        rf"\caption{{{plain(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(columns) + 1)}}}",
        r"\toprule",
        " & ".join(["System", "Parameters", *(plain(c.title) for c in columns)]) + r" \\",
        r"\midrule",
    ]
    for system in results.systems():
        cells = [_cell(summary(results, system, c.name), c, r"$\pm$").replace("–", "--") for c in columns]
        lines.append(" & ".join([TITLES[system], _count(results.parameters[system]), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table*}", ""])


def significance_tests(results: Results) -> list[dict]:
    """C-Rend against each other system, and Rend against U-Net, on every figure of both tables."""
    systems, rows = results.systems(), []
    if "crend" in systems and len(systems) > 1:
        rows += compare_systems(results, TESTED)
    if {"rend", "unet"} <= set(systems):
        rows += compare_systems(results, TESTED, "rend", ["unet"])
    return rows


def significance_markdown(tests) -> str:
    """A Markdown table of what `significance_tests` returns."""
    lines = [
        "**Paired tests**: two-sided Wilcoxon signed-rank on the volumes; p after Holm for the systems compared on the same figure.",
        "",
        "| figure | system | against | pairs | mean difference | p | p (Holm) | better (p < 0.05) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in tests:
        difference = "–" if row["difference"] is None else f"{row['difference']:.4g}"
        better = TITLES.get(row["better"], "–")
        pair = f"{TITLES[row['system']]} | {TITLES[row['other']]}"
        lines.append(f"| {row['figure']} | {pair} | {row['pairs']} | {difference} | {_p(row['p'])} | {_p(row['p_holm'])} | {better} |")
    return "\n".join(lines)


def points_markdown(folder, results: Results) -> str:
    """Point statistics of the runs that have them, averaged over folds; "" where none has."""
    by_system = {}
    for system in results.systems():
        found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob(f"{system}/fold*/points.json"))]
        if found:
            by_system[system] = found
    if not by_system:
        return ""
    keys = [key for key in next(iter(by_system.values()))[0] if key not in ("patches", "before")]
    lines = ["**Points** (mean over folds; similarity: cosine of hybrid vectors, in brackets with random weights)", ""]
    lines += ["| | " + " | ".join(TITLES[system] for system in by_system) + " |", "|---" * (1 + len(by_system)) + "|"]
    for key in keys:
        cells = []
        for found in by_system.values():
            cell = _mean([f[key] for f in found])
            before = _mean([f["before"].get(key) for f in found])
            cells.append(cell if before == "–" else f"{cell} ({before})")
        lines.append(f"| {key.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean(values) -> str:
    there = [v for v in values if v is not None]
    return f"{np.mean(there):.3f}" if there else "–"


def _cell(values: dict, column: Column, plus_minus: str) -> str:
    if values["mean"] is None:
        text = "–"
    else:
        text = f"{column.scale * values['mean']:.{column.digits}f}"
        if values["sd"] is not None:
            text += f" {plus_minus} {column.scale * values['sd']:.{column.digits}f}"
    return text + (f" [{values['missing']}]" if values["missing"] else "")


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.2f}M"


def _p(p) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
