"""Figures by what a follicle is like: size, contrast, touching neighbours, depth, spacing; and how well diameters agree."""

from __future__ import annotations

import math

import numpy as np

from crend.comparison.agreement import bland_altman

#: Contrast-to-noise ratio below which a follicle cannot be told from what is around it. Fixed on truths alone, before any model was measured by it:
#: of the crowded and the mixed scenes' follicles it leaves out at most one in twenty (seeds 400 to 407), of the plain ones' none.
VISIBLE = 0.45
STRATA = (
    ("size", "dv_mm", ((0, 2), (2, 4), (4, 6), (6, 10), (10, math.inf)), "mm"),
    ("contrast", "contrast", ((-math.inf, 20), (20, 40), (40, 80), (80, math.inf)), "grey levels"),
    ("contrast-to-noise ratio", "contrast_to_noise", ((0, VISIBLE), (VISIBLE, math.inf)), ""),
    ("touching neighbours", "neighbours", ((0, 1), (1, 3), (3, math.inf)), ""),
    ("depth of the ovary", "depth_mm", ((0, 20), (20, 35), (35, math.inf)), "mm"),
    ("voxel's longest side", "spacing_mm", ((0, 0.35), (0.35, 0.5), (0.5, math.inf)), "mm"),
)


def strata(rows) -> list[dict]:
    """One dict a stratum that holds a follicle: stratum, range, follicles, missed_percent, false, dsc, and of the mean diameters of
    matched follicles bias_mm, lower_mm, upper_mm (predicted minus true, 95 % limits of agreement). rows: of `follicle_rows`.

    false: predicted follicles that are none, where the stratum can be told of them (size, depth, spacing).
    """
    result = []
    for name, key, ranges, unit in (("all", "dv_mm", ((-math.inf, math.inf),), ""), *STRATA):
        for low, high in ranges:
            within = [row for row in rows if row.get(key) is not None and low <= row[key] < high]
            if within:
                counted = key in ("dv_mm", "depth_mm", "spacing_mm")
                result.append({"stratum": name, "range": _range(low, high, unit, key), **_figures(within, counted)})
    return result


def _figures(rows, counted: bool) -> dict:
    true = [row for row in rows if row["kind"] == "true"]
    hit = [row for row in true if row["hit"]]
    agreement = bland_altman([0.0] * len(hit), [row["mean_diameter_difference_mm"] for row in hit])
    return {
        "follicles": len(true),
        "missed_percent": 100 * (1 - len(hit) / len(true)) if true else None,
        "false": len(rows) - len(true) if counted else None,
        "dsc": float(np.mean([row["dsc"] for row in hit])) if hit else None,
        "bias_mm": agreement["bias"],
        "lower_mm": agreement["lower"],
        "upper_mm": agreement["upper"],
    }


def _range(low, high, unit: str, key: str) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if key == "neighbours":
        return f"{low}" if high == low + 1 else f"{low} and more" if math.isinf(high) else f"{low} to {high - 1}"
    words = f"{low:g} and more" if math.isinf(high) else f"below {high:g}" if math.isinf(low) or low == 0 else f"{low:g} to {high:g}"
    return f"{words} {unit}".strip()


def strata_markdown(found) -> str:
    """The strata as a Markdown table."""
    lines = [
        "| follicles by | range | follicles | missed % | false | Dice of matched | mean diameter, bias mm | limits of agreement mm |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for s in found:
        limits = "–" if s["lower_mm"] is None else f"{s['lower_mm']:+.2f} to {s['upper_mm']:+.2f}"
        false = "–" if s["false"] is None else s["false"]
        numbers = (_number(s["missed_percent"], ".1f"), false, _number(s["dsc"], ".3f"), _number(s["bias_mm"], "+.2f"), limits)
        lines.append(f"| {s['stratum']} | {s['range']} | {s['follicles']} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)


def _number(value, form: str) -> str:
    return "–" if value is None else format(value, form)
