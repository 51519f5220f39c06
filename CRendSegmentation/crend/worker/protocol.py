"""What the worker process and whoever asks it say to each other: version 3.

Both ways one JSON object a line, UTF-8; images go through files, never through JSON.

    worker says first   {"event": "hello", "protocol": 3, "crend": VERSION, "pid": PID}

    it is asked                                                     it answers, each with the request's "id"
    {"do": "segment", "id", "image": FILE, "name", "folder": DIR,   {"event": "progress", "stage", "fraction"} many times, then
     "model", "device", "engine", "smallest_follicle_mm",           one of "result" (ovary, follicles and, of two, ovaries: files in DIR,
     "split", "search", "keep_probabilities", "box", "surfaces"}    measurements, provenance), "cancelled",
                                                                    "input_error" (message), "failure" (message, details)
    {"do": "follicle", "id", "image": FILE, "name", "point": [x, y, z],    as above; "result" has "follicle": a file in DIR
     "folder": DIR, "model", "device", "engine"}
    {"do": "outline", "id", "image": FILE, "name", "point": [x, y, z],     as above; "result" has "ovary" and "follicles": files in DIR, the
     "radius_mm", "folder": DIR, "model", "device", "engine"}              probabilities near the point (see crend.editing); without a point
                                                                    the volume is only made ready. What was made ready is kept
    {"do": "batch", "id", "inputs": [PATH, ...], "out": DIR,        as above, "stage" is the volume's name; "row" (row) for each volume
     "again", and the options of "segment"}                         that is done or failed; "result" has the "rows" of all, and
                                                                    "left_out", keyed by crend.batch.VOLUME_COLUMNS
    {"do": "load", "id", "model", "device", "engine"}               as above; "result" has the model's "bundle" (its name) and "version"
    {"do": "volume", "id", "path": PATH, "name", "out": DIR,        as above; "result" has a "message", what came of the volume: its
     "options": {...}, "frame", "spacing", "box", "model",          files, or a note why there are none, lie in DIR under its name
     "device", "engine"}
    {"do": "review", "id", "folder": DIR, "names": [A, B],          as above; "result" has figures, maps (each with its .vtp in
     "reference": {"ovary": FILE, "follicles": FILE},               DIR, in RAS), marks, centres, tops and notes, as described in
     "compared": {...}, "field": FILE, "structures", "sides",       crend.comparison.review. A side may have "guide": true
     "percentile"}
    {"do": "surfaces", "id", "folder": DIR, "masks": {NAME: FILE},  as above; "result" has "surfaces": for each NAME a .vtp in DIR, in
     "measure", "draw"}                                             RAS, unless "draw" is false, and "measured", its measurements if
                                                                    they are asked for
    {"do": "describe", "id", "device", "engine"}                    {"event": "description", "text": "CPU, OpenVINO"}
    {"do": "cancel", "id"}                                          the request with that id ends as "cancelled"
    {"do": "quit"}, or its standard input closes                    nothing: it ends, even amid a volume

REQUESTS says which keys each has, what fits them and which of them must be there; what is left out takes the default of crend.predict.segment or
crend.comparison.review.review. A field is a displacement in mm from the reference's coordinates to the compared one's (see
crend.comparison.warping); a review loads no network. A side's "guide" says that its ovary is only the ellipsoid of a box.
A box is {"centre": [r, a, s], "axes": three unit vectors, "size": three lengths} (mm,
RAS; see crend.structures.box); that of a "volume" is the list of its six faces. A request that does not fit is a "failure", whose id is null where it has none.
Whatever libraries print goes to standard error, so that nothing but the protocol is on standard output.
"""

from __future__ import annotations

import math
from typing import Any, Callable, NamedTuple

PROTOCOL = 3


class Field(NamedTuple):
    """What a key of a request may hold: a test, and the same in words."""

    fits: Callable[[Any], bool]
    words: str
    needed: bool = False


def problem_of(request) -> str:
    """What is wrong with a request, in a line; "" when it is one of REQUESTS with everything that it needs."""
    if not isinstance(request, dict):
        return "not a JSON object"
    do = request.get("do")
    if not isinstance(do, str) or do not in REQUESTS:
        return f"unknown request {_short(do)}; this worker speaks protocol {PROTOCOL}"
    fields = {"do": Field(_is_text, "a name"), **REQUESTS[do]}
    for key, value in request.items():
        if key not in fields:
            return f"{do}: unknown key {_short(key)}"
        if not fields[key].fits(value):
            return f"{do}: {key!r} must be {fields[key].words}, not {_short(value)}"
    missing = [key for key, field in fields.items() if field.needed and key not in request]
    return f"{do}: {missing[0]!r} is missing" if missing else ""


def id_of(request):
    """The id that an answer to a request can bear; None where it has none."""
    number = request.get("id") if isinstance(request, dict) else None
    return number if _is_id(number) else None


def _short(value) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = "something nested"
    return text if len(text) <= 60 else text[:57] + "..."


def _is_text(value) -> bool:
    # Paths go to libraries in C, which a surrogate or a NUL inside would crash, or cut short.
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_id(value) -> bool:
    return (type(value) is int and abs(value) < 2**63) or (_is_text(value) and len(value) <= 200)


def _is_number(value) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300 and not math.isnan(value)


def _is_length(value) -> bool:
    return value is None or (_is_number(value) and value >= 0)


def _is_path(value) -> bool:
    return _is_text(value) and value != ""


def _lists(fits, count: int | None = None) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and (len(value) > 0 if count is None else len(value) == count) and all(map(fits, value))


def _or_none(fits) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _are_files(value) -> bool:
    return isinstance(value, dict) and all(_is_text(name) and _is_path(path) for name, path in value.items())


def _are_labels(value) -> bool:
    if not isinstance(value, dict) or type(value.get("guide", False)) is not bool:
        return False
    paths = {key: path for key, path in value.items() if key != "guide"}
    return set(paths) == {"ovary", "follicles"} and all(map(_is_path, paths.values()))


def _is_box(value) -> bool:
    three = _lists(_is_number, 3)
    fitting = {"centre": three, "axes": _lists(three, 3), "size": three}
    return isinstance(value, dict) and set(value) == set(fitting) and all(fits(value[key]) for key, fits in fitting.items())


_FLAG = Field(lambda value: isinstance(value, bool), "true or false")
_ID = {"id": Field(_is_id, "a whole number or a text", True)}
_ENGINE = {
    "device": Field(_is_text, "a text"),
    "engine": Field(_is_text, "a text"),
}
_NETWORK = {"model": Field(_or_none(_is_path), "a name, a path or null"), **_ENGINE}
_PATH, _FOLDER = Field(_is_path, "a path", True), Field(_is_path, "a folder's path", True)
_NAME = Field(_is_text, "a text")
_OPTIONS = {"search": _FLAG, "split": _FLAG, "smallest_follicle_mm": Field(_is_length, "a length in mm or null")}
_CHOICES = {**_OPTIONS, "identify": _FLAG}
_CHOSEN = Field(
    lambda value: isinstance(value, dict) and all(key in _CHOICES and _CHOICES[key].fits(chosen) for key, chosen in value.items()),
    f"an object of {', '.join(_CHOICES)}",
    True,
)
_READING = {
    "frame": Field(lambda value: type(value) is int and value > 0, "a whole number from 1"),
    "spacing": Field(_lists(lambda value: _is_number(value) and value > 0, 3), "three lengths in mm"),
    "box": Field(_lists(_is_number, 6), "six numbers in mm"),
}
_BOX = Field(lambda value: value is None or _is_box(value), "null, or an object with the numbers of centre (3), axes (3 x 3) and size (3)")
_POINT = Field(_lists(_is_number, 3), "three numbers", True)
_PATHS = Field(_lists(_is_path), "a list of paths", True)
_SIDE = Field(_are_labels, "an object with the paths of ovary and follicles and, if wanted, guide: true or false", True)

#: {what to do: {key: what fits it}}.
REQUESTS = {
    "segment": {
        **_ID,
        "image": _PATH,
        "folder": _FOLDER,
        "name": _NAME,
        **_NETWORK,
        **_OPTIONS,
        "keep_probabilities": _FLAG,
        "box": _BOX,
        "surfaces": _FLAG,
    },
    "follicle": {**_ID, "image": _PATH, "folder": _FOLDER, "name": _NAME, "point": _POINT, **_NETWORK},
    "outline": {
        **_ID,
        "image": _PATH,
        "folder": _FOLDER,
        "name": _NAME,
        "point": _POINT._replace(needed=False),
        "radius_mm": Field(lambda value: _is_number(value) and 0 < value <= 50, "a length in mm, up to 50"),
        **_NETWORK,
    },
    "batch": {**_ID, "inputs": _PATHS, "out": _FOLDER, "folder": _FOLDER._replace(needed=False), "again": _FLAG, **_NETWORK, **_OPTIONS},
    "load": {**_ID, **_NETWORK},
    "volume": {**_ID, "path": _PATH, "name": Field(_is_path, "a path", True), "out": _FOLDER, "options": _CHOSEN, **_READING, **_NETWORK},
    "review": {
        **_ID,
        "folder": _FOLDER,
        "names": Field(_lists(_is_text, 2), "two names"),
        "reference": _SIDE,
        "compared": _SIDE,
        "field": Field(_or_none(_is_path), "a path or null"),
        "structures": Field(_lists(lambda value: value in ("ovary", "follicles")), "a list of ovary and follicles"),
        "sides": Field(_lists(lambda value: value in ("reference", "compared")), "a list of reference and compared"),
        "masks": Field(_are_files, "an object of paths"),
        "percentile": Field(lambda value: _is_number(value) and 0 <= value <= 100, "a number from 0 to 100"),
    },
    "surfaces": {**_ID, "folder": _FOLDER, "masks": Field(_are_files, "an object of paths", True), "measure": _FLAG, "draw": _FLAG},
    "describe": {**_ID, **_ENGINE},
    "cancel": _ID,
    "quit": {"id": _ID["id"]._replace(needed=False)},
}
