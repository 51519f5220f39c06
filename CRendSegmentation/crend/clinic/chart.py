"""The histogram of both ovaries, as HTML that Qt's rich text knows."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

import numpy as np

from ..pictures.embedding import image_tag
from .findings import counts_by_mm
from .several import unstated
from .study import NOT_STATED
from .words import heading_html, side_words

BAR_WIDTH, CHART_HEIGHT = 7, 52  # CSS pixels
#: mm on the axis: always up to the first, never beyond the last.
AXIS_MM = (14, 30)
COLOURS = {
    "right": (43, 108, 176),
    "left": (217, 119, 6),
    NOT_STATED: (43, 108, 176),
    unstated(1): (85, 96, 112),
    unstated(2): (47, 133, 90),
}
_GROUND = (213, 219, 227)
_OTHER = (128, 90, 160)


def histogram(sides: Mapping, translate: Callable[[str], str] = str) -> str:
    """Bars of coloured pictures, one a side for each whole millimetre: Qt's rich text has no others. "" without follicles."""
    _ = translate
    counts = {side: counts_by_mm(found) for side, found in sides.items()}
    largest = max((size for each in counts.values() for size in each), default=0)
    if not largest:
        return ""
    axis = range(1, min(max(AXIS_MM[0], largest), AXIS_MM[1]) + 1)
    top = max(number for each in counts.values() for number in each.values())
    bars = ticks = ""
    for size in axis:
        pair = ""
        for side, each in counts.items():
            number = each.get(size, 0) if size < axis[-1] else sum(n for s, n in each.items() if s >= size)
            height = max(round(CHART_HEIGHT * number / top), 1)
            words = f"<small>{number}</small>" if number else ""
            colour = COLOURS.get(side, _OTHER) if number else _GROUND
            pair += f"<td align='center' valign='bottom' style='padding:0'>{words}<br>{_bar(colour, height)}</td>"
        bars += pair
        label = f"{size}+" if size == axis[-1] and largest > size else f"{size}"
        ticks += f"<td align='center' colspan='{len(counts)}' style='padding:0'><small>{label}</small></td>"
    legend = "&nbsp;&nbsp;&nbsp;".join(
        f"{_bar(COLOURS.get(side, _OTHER), BAR_WIDTH)} {html.escape(side_words(side, _))}" for side in counts
    )
    return (
        heading_html(_("Follicles by mean diameter, rounded to whole mm"))
        + f"<table width='100%' cellspacing='0'><tr>{bars}</tr><tr>{ticks}</tr></table><small>{legend}</small>"
    )


def _bar(colour: tuple, height: int) -> str:
    return image_tag(np.full((1, 1, 3), colour, np.uint8), BAR_WIDTH, height)
