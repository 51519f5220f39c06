"""Words that several parts of the report share."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

from .several import number_of


def side_words(side: str, translate: Callable[[str], str] = str) -> str:
    """A side as a heading."""
    _ = translate
    number = number_of(side)
    if number is not None:
        return _("Ovary {number}, side not stated").format(number=number)
    return {"right": _("Right ovary"), "left": _("Left ovary")}.get(side, _("Ovary, side not stated"))


def heading_html(words: str) -> str:
    """A heading. No h2: of that Qt's rich text takes no size."""
    return f"<p class='heading'>{html.escape(words)}</p>"


def axes_words(row: Mapping) -> str:
    """The three axes of a follicle in mm, in one piece."""
    return "×".join(f"{row[key]:.1f}" for key in ("dx_mm", "dy_mm", "dz_mm"))
