"""The findings line by line, in the order of the page and of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..structures.callipers import ELLIPSOID_FACTOR

#: key of a side's findings, words, unit, decimals.
_FIGURES = (
    ("d1_mm", "Longest diameter d1", "mm", 1),
    ("d2_mm", "Diameter d2, across d1", "mm", 1),
    ("d3_mm", "Diameter d3, across both", "mm", 1),
    ("volume_ml", "Volume, by voxels", "ml", 1),
    ("volume_0523_ml", f"Volume, {ELLIPSOID_FACTOR} d1 d2 d3", "ml", 1),
    ("follicle_count", "Follicles in all", "", 0),
    ("follicles_2_9_mm", "Follicles of 2 to 9 mm", "", 0),
    ("antral_count", "Antral follicles (2 to 10 mm)", "", 0),
)
_COHORT = "Follicles of {size} mm and more"
#: Keys that a table of findings may hold, beside those of the cohorts.
KEYS = (
    "state", "segmentation", "ovary_segment", "ovary_source", *(key for key, *_ in _FIGURES), "follicles_above_10_mm", "leading_mean_diameter_mm", "confirmed_count",
    "confirmed", "polycystic_criterion",
)  # fmt: skip


class Line(NamedTuple):
    """One finding: key, words, unit, and its value by side; a number, a text or None. decimals: of numbers on a page. both: of both ovaries."""

    key: str
    words: str
    unit: str
    values: dict[str, Any]
    decimals: int = 0
    both: Any = None


def lines_of(findings: Mapping, translate: Callable[[str], str] = str) -> list[Line]:
    """Every finding of `findings.findings_of`, in order. translate(text): the words in another language."""
    _ = translate
    sides = findings["sides"]

    def values(of: Callable[[Mapping], Any]) -> dict[str, Any]:
        return {side: of(found) for side, found in sides.items()}

    judged = findings["polycystic_criterion"]
    lines = [
        Line("state", _("Ovary"), "", values(lambda side: side["state"])),
        Line("segmentation", _("Segmentation"), "", values(lambda side: side["segmentation"])),
        Line("ovary_segment", _("Segment, of several ovaries"), "", values(lambda side: side["ovary_segment"])),
        Line("ovary_source", _("Outline of the ovary, where not the model's or a reader's"), "", values(lambda side: side["ovary_source"])),
    ]
    for key, words, unit, decimals in _FIGURES:
        both = findings["total_antral_count"] if key == "antral_count" else None
        lines.append(Line(key, _(words), unit, values(lambda side, key=key: side[key]), decimals, both))  # type: ignore[misc]
    above = values(lambda side: None if side["follicle_count"] is None else len(side["follicles_above_10_mm"]))
    lines.append(Line("follicles_above_10_mm", _("Follicles above 10 mm"), "", above))
    leading = values(lambda side: side["leading"]["mean_diameter_mm"] if side["leading"] else None)
    lines.append(Line("leading_mean_diameter_mm", _("Leading follicle, mean diameter"), "mm", leading, 1))
    for size in findings["cohorts_mm"]:
        least = values(lambda side, size=size: side["cohorts"][str(size)])  # type: ignore[misc]
        lines.append(Line(f"follicles_{size}_mm_and_more", _(_COHORT).format(size=size), "", least))
    lines.append(Line("confirmed_count", _("Follicles confirmed by a reader"), "", values(lambda side: side["confirmed_count"])))
    confirmed = values(lambda side: side["confirmed"])
    lines.append(Line("confirmed", _("Count confirmed"), "", confirmed, 0, findings["total_antral_count_confirmed"]))
    verdicts = {side: each["verdict"] for side, each in judged["sides"].items()}
    lines.append(Line("polycystic_criterion", _("Polycystic criterion (2023)"), "", verdicts, 0, judged["verdict"]))
    return lines
