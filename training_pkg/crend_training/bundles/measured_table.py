"""What reports say of a bundle, as one table for its model card: a column a kind of volume, and below it how each was measured."""

from __future__ import annotations

from ..evaluation.reports import settings_words
from ..evaluation.strata import VISIBLE

FIGURES_ARE = (
    "Means over volumes, except for follicles missed and false, which are of all. Dice: 0 to 1; HD95: millimetres; a follicle is found where the overlap is above 30 % IoU; "
    f"one whose contrast-to-noise ratio is below {VISIBLE:g} cannot be seen. The error of the count is |predicted - true| of a volume."
)
KINDS = {"training": "training", "training-mixed": "training, mixed scenes", "trial": "trial", "trial-crowded": "trial, crowded scenes"}


def measured_section(name: str, reports: list) -> list[str]:
    """Markdown lines. reports: summaries with "on", the words for their volumes; name: of the bundle, for the commands."""
    if not reports:
        return ["Nothing yet."]
    columns: dict[str, list] = {}
    for each in reports:
        columns.setdefault(_column(each), []).append(each)
    figures = {heading: _figures(found) for heading, found in columns.items()}
    rows = list(dict.fromkeys(row for each in figures.values() for row in each))
    lines = [f"| | {' | '.join(figures)} |", f"|---|{'---|' * len(figures)}"]
    lines += [f"| {row} | {' | '.join(each.get(row, '–') for each in figures.values())} |" for row in rows]
    lines += ["", FIGURES_ARE, ""] if any("figures" in each for each in reports) else [""]
    said = list(dict.fromkeys(words for words in map(settings_words, reports) if words))
    return [*lines, *said, *([""] if said else []), *(f"- {each['on']}, by `{command(name, each)}`" for each in reports)]


def command(name: str, report: dict) -> str:
    """What measured it."""
    simulator = report.get("simulator", "training")
    options = [f"--simulator {simulator}"] * (simulator != "training" and "volumes" not in report)
    options += ["--empty"] * ("empty" in report) + ["--no-render"] * (not report.get("rendering", True))
    if "volumes" in report:
        options.append(f"--list {report.get('list') or 'LIST'}")
        options += [f"--split {report.get('split')}"] * ("split" in report) + ["--components"] * ("components" in report)
    else:
        first, stop = report["seeds"]
        options.append(f"--first-seed {first} --volumes {stop - first}")
    return f"python -m crend_training evaluate {name} {' '.join(options)} --out REPORT"


def _column(report: dict) -> str:
    heading = report.get("list") or "own volumes" if "volumes" in report else KINDS.get(report.get("simulator", "training"), "others")
    return heading if report.get("rendering", True) else f"{heading}, not rendered"


def _figures(reports) -> dict:
    """Row -> text, of the reports on one kind of volume. Of two of a kind the first with a row counts."""
    found: dict[str, str] = {}
    for each in reports:
        rows = _without(each["empty"]) if "empty" in each else _with(each)
        found = {**rows, **found}
    return {row: found[row] for row in (*ROWS, *EMPTY_ROWS) if row in found}


ROWS = {
    "volumes": None,
    "ovary: Dice": ("ovary_dsc", ".3f"),
    "ovary: HD95, mm": ("ovary_hd95_mm", ".2f"),
    "follicles: Dice": ("follicles_dsc", ".3f"),
    "follicles: HD95, mm": ("follicles_hd95_mm", ".2f"),
    "error of the count": ("count_error", ".2f"),
    "follicles below 5 mm missed, %, mean over volumes": ("md_small_percent", ".1f"),
    "follicles missed, %": None,
    "of those that can be seen, %": None,
    "false follicles, %": None,
    "mean diameter, mm: bias (95 % limits)": None,
    "ovaries not drawn": None,
    "ovaries drawn with a Dice below 0.7, warned of": None,
    "ovaries with a Dice of 0.85 or more, warned of": None,
}
EMPTY_ROWS = ("an ovary drawn where there is none (95 % interval)", "of these warned of")


def _with(summary: dict) -> dict:
    present = summary["figures"]
    rows = {"volumes": str(max((figure["present"] + figure["missing"] for figure in present.values()), default=0))}
    for row, figure in ROWS.items():
        if figure and present.get(figure[0], {}).get("mean") is not None:
            rows[row] = format(present[figure[0]]["mean"], figure[1])
    by = {(each["stratum"], each["range"]): each for each in summary.get("strata", ())}
    every, seen = by.get(("all", "")), by.get(("contrast-to-noise ratio", f"{VISIBLE:g} and more"))
    if every and every["missed_percent"] is not None:
        rows["follicles missed, %"] = f"{every['missed_percent']:.1f}"
        found = every["follicles"] * (1 - every["missed_percent"] / 100)
        rows["false follicles, %"] = f"{100 * every['false'] / max(1, found + every['false']):.1f}"
        if every["bias_mm"] is not None and every["lower_mm"] is not None:
            limits = f"({every['lower_mm']:+.2f} to {every['upper_mm']:+.2f})"
            rows["mean diameter, mm: bias (95 % limits)"] = f"{every['bias_mm']:+.2f} {limits}"
    if seen and seen["missed_percent"] is not None:
        rows["of those that can be seen, %"] = f"{seen['missed_percent']:.1f}"
    flags = summary.get("flags", {})
    if "not_drawn" in flags:
        rows["ovaries not drawn"] = str(flags["not_drawn"])
        rows["ovaries drawn with a Dice below 0.7, warned of"] = f"{flags['poor_flagged']} of {flags['poor']}"
    if "good" in flags:
        rows["ovaries with a Dice of 0.85 or more, warned of"] = f"{flags['good_flagged']} of {flags['good']}"
    return rows


def _without(counts: dict) -> dict:
    from scipy.stats import binomtest

    drawn, volumes = counts["drawn"], counts["volumes"]
    low, high = binomtest(drawn, volumes).proportion_ci(method="wilson") if volumes else (0, 1)
    interval = f"({100 * low:.0f} to {100 * high:.0f} %)"
    return dict(zip(EMPTY_ROWS, (f"{drawn} of {volumes} {interval}", f"{counts['doubtful']} of {drawn}")))
