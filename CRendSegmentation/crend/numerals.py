"""Numbers as somebody wrote them: in an option, a list, a header, a configuration.

Python reads more than people write: to it 0_3 is 3, where 0.3 was meant, 1e400 is infinite, and YAML 1.1 takes 1:30 for 90 and 010 for 8.
"""

from __future__ import annotations

import functools
import math
import re

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NO_NUMBER = ("nan", "inf", "infinity")


def number_in(text: str, finite: bool = True) -> float:
    """The decimal number that a word stands for. finite: without nan and inf. ValueError for anything else."""
    word = text.strip()
    if _DECIMAL.fullmatch(word) and math.isfinite(float(word)):
        return float(word)
    if not finite and word.lower().lstrip("+-") in _NO_NUMBER:
        return float(word)
    raise ValueError(f"{text!r} is no number")


def whole_in(text: str) -> int:
    """The whole number that a word stands for. ValueError for anything else."""
    if _WHOLE.fullmatch(text.strip()):
        return int(text)
    raise ValueError(f"{text!r} is no whole number")


def yaml_in(text: str):
    """What a YAML text holds, its numbers as YAML 1.2 writes them; what YAML 1.1 takes for other numbers is text. yaml.YAMLError, ValueError."""
    import yaml

    return yaml.load(text, _loader())


@functools.lru_cache(None)
def _loader():
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":int", ":float"))]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    whole = re.compile(r"[+-]?(0|[1-9]\d*)$", re.ASCII)
    decimal = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)(e[+-]?\d+)?$|[+-]?\.inf$|\.nan$", re.ASCII | re.IGNORECASE)
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", whole, list("+-0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", decimal, list("+-.0123456789"))
    return Loader
