"""Units of length as files spell them."""

from __future__ import annotations

_MM = {
    "": 1.0, "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0, "cm": 10.0, "centimeter": 10.0, "centimetre": 10.0, "m": 1000.0, "meter": 1000.0,
    "metre": 1000.0, "um": 1e-3, "\u00b5m": 1e-3, "\u03bcm": 1e-3, "micron": 1e-3, "micrometer": 1e-3, "micrometre": 1e-3, "nm": 1e-6,
    "nanometer": 1e-6, "nanometre": 1e-6, "in": 25.4, "inch": 25.4, "inches": 25.4,
}  # fmt: skip


def millimetres(unit: str):
    """How many mm a unit of length has, None for a word that is none. "" counts as mm: volumes without a unit are in mm."""
    word = unit.strip().lower()
    return _MM.get(word, _MM.get(word.removesuffix("s")))
