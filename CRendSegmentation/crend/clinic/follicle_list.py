"""The second page's part of one side: pictures, and the follicles beneath one another in three columns."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

from ..pictures.embedding import captioned
from ..structures import segments
from .words import axes_words, heading_html, side_words

PICTURE_WIDTH = 166  # CSS pixels: four beside each other on a page that is 186 mm wide within its margins
COLUMNS, ROWS = 3, 17
#: Percent of the page: colour, number, mean, axes, marks.
_WIDTHS = (2, 5, 6, 17, 3)


def side_html(side: str, found: Mapping, pictures: Sequence, translate: Callable[[str], str] = str) -> str:
    """The pictures and follicles of the findings of a side that was assessed."""
    _ = translate
    shown = "".join(f"<td align='center' width='25%'>{captioned(picture, PICTURE_WIDTH, _)}</td>" for picture in pictures)
    title = " · ".join(filter(None, (side_words(side, _), found["segmentation"], found["ovary_segment"])))
    return heading_html(title) + (f"<table width='100%' cellspacing='0'><tr>{shown}</tr></table>" if shown else "") + _follicles(found, _)


def _follicles(found, _) -> str:
    rows = found["follicles"]
    listed = rows[: COLUMNS * ROWS]
    if not rows:
        return f"<p>{html.escape(_('No follicles.'))}</p>"
    height = max(-(-len(listed) // COLUMNS), 1)
    titles = ("", _("No."), _("Mean"), _("Axes (mm)"), "")
    heads = "".join(f"<th align='right' width='{width}%'>{html.escape(words)}</th>" for words, width in zip(titles, _WIDTHS))
    columns = [listed[start : start + height] for start in range(0, len(listed), height)]
    body = "".join(
        "<tr>" + "".join(_follicle(column[row], _) if row < len(column) else "<td colspan='5'></td>" for column in columns) + "</tr>"
        for row in range(height)
    )
    note = _("● confirmed, ○ not; E drawn or changed by hand; B cut off by the border of the volume. Bold: above 10 mm.")
    if len(listed) < len(rows):
        note += " " + _("{number} smaller ones are not listed.").format(number=len(rows) - len(listed))
    return f"<table width='100%' cellspacing='0'><tr bgcolor='#e2e8f0'>{heads * len(columns)}</tr>{body}</table><small>{html.escape(note)}</small>"


def _follicle(row, _) -> str:
    colour = "".join(f"{round(255 * part):02x}" for part in segments.colour(row["id"]))
    strong = ("<b>", "</b>") if row["size_mm"] > 10 else ("", "")
    marks = " ".join(filter(None, ("●" if row["confirmed"] else "○", "E" if row["edited"] else "", "B" if row["touches_border"] else "")))
    cells = (str(row["id"]), f"{row['mean_diameter_mm']:.1f}", axes_words(row))
    return (
        f"<td bgcolor='#{colour}'>&nbsp;</td>"
        + "".join(f"<td class='r' align='right'>{strong[0]}{html.escape(text)}{strong[1]}</td>" for text in cells)
        + f"<td class='r'>{marks}</td>"
    )
