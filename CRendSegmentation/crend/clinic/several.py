"""Two ovaries of one volume as sides of a report: one Side each. Which is left and which is right a reader has to say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ..errors import InputError
from .study import Side

_KEY = re.compile(r"ovary (\d+)")


def ovary_sides(side: Side) -> dict[int, Side]:
    """{number of the ovary: its Side} of a Side whose volume shows several; {} where it shows one, or several were measured as one.

    A follicle that lies in none of them counts for none; each Side says how many these are.
    """
    measured = side.measurements
    if measured is None or not measured.ovaries:
        return {}
    strays = sum(follicle.ovary is None for follicle in measured.follicles)
    sides = {}
    for number, part in measured.by_ovary():
        own = {follicle.id for follicle in part.follicles}
        sides[number] = replace(
            side,
            measurements=part,
            ovary=part.ovary.segment,
            ovaries=1,
            confirmed=side.confirmed & own,
            edited=side.edited & own,
            follicles_in_no_ovary=strays,
        )
    return sides


def one_ovary(side: Side, number: int | None, path, option: str) -> Side:
    """The Side of ovary `number` of the report `path`, or, where its volume shows one only, the Side itself.

    InputError, naming `option`, where there are several and nobody says which, or none of that number.
    """
    parts = ovary_sides(side)
    if not parts:
        if number not in (None, 1):
            known = "an older version measured its ovaries as one; segment it anew" if side.ovaries > 1 else f"leave {option} out"
            raise InputError(f"{path}: has no ovary {number} of its own; {known}.")
        return side
    if number not in parts:
        those = " or ".join(map(str, parts))
        raise InputError(f"{path}: shows {len(parts)} ovaries; say which of them it is: {option} {those}, as its tables number them.")
    return parts[number]


def unstated(number: int) -> str:
    """What a report calls ovary `number` of a volume, of which nobody said the side."""
    return f"ovary {number}"


def number_of(side: str) -> int | None:
    """The number in what `unstated` returns; None for a side."""
    match = _KEY.fullmatch(side)
    return int(match.group(1)) if match else None


def what_to_say(name: str, ovaries: Iterable[str], how: str) -> str:
    """The sentence on ovaries of a volume whose side nobody stated. how: where to state it."""
    names = list(ovaries)
    verb = "is" if len(names) == 1 else "are"
    return f"{name}: nobody stated of which side {' and '.join(names)} {verb}. {how}"
