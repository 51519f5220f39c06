"""Whether metadata.json has what the MONAI bundle schema and prediction need, field by field."""

from __future__ import annotations

import json
from typing import Any

from ..confidence.familiarity import familiarity_model
from ..confidence.follicle_confidence import calibration_of
from ..errors import InputError
from ..inference.grey_values import NORMALISATIONS
from ..inference.model_grid import SPACING_MM
from ..networks import CLASSES_BY_NAME
from ..structures.outlines import edge_threshold

LARGEST_SIDE = 384  # of a window; the paper's is 192 x 192 x 128
LARGEST_PATCH = 256**3
LEAST_IN_PLANE = 32
LONGEST_MM = 100.0
LONGEST_VERSION = 60
LARGEST_NUMBER = 1e300
REQUIRED = {
    "schema": str,
    "version": str,
    "monai_version": str,
    "pytorch_version": str,
    "numpy_version": str,
    "required_packages_version": dict,
    "task": str,
    "description": str,
    "authors": str,
    "copyright": str,
    "network_data_format": dict,
}
TENSOR_REQUIRED = {
    "type": str,
    "format": str,
    "num_channels": int,
    "spatial_shape": list,
    "dtype": str,
    "value_range": list,
}
PARTS = ("training", "validation")  # of volumes
#: What the parts of the `crend` block may hold. "" is the block itself; what is not here nothing reads.
_NETWORK = "network arguments spacing_mm in_plane patch normalisation render mirrored"
KEYS = {
    "": f"{_NETWORK} thresholds smallest_follicle_mm least_probability overview trained_on measured_on notice seeds learned_from base sha256 graphs confidence familiar",
    "overview": f"{_NETWORK} share",
    "thresholds": "ovary ovary_lowest follicles follicles_edge",
    "least_probability": "below_mm small",
    "normalisation": "method",
    "render": "points",
    "share": "ovary follicles",
}


def check(metadata, where: str) -> None:
    """InputError, one line that starts with `where`, unless metadata has what the schema and prediction need.

    Further keys are welcome, as MONAI's schema has it; not so in the `crend` block, where a setting that is mistyped, or that a newer version
    reads, would change results unnoticed. Checksums are the loader's matter.
    """

    def demand(holds, what):
        if not holds:
            raise InputError(f"{where}: {what}; use a bundle as `crend_training` writes it.")

    demand(isinstance(metadata, dict), "not a JSON object")
    for key, kind in REQUIRED.items():
        demand(isinstance(metadata.get(key), kind), f"{key!r} is missing or not of type {kind.__name__}")
    demand(0 < len(metadata["version"]) <= LONGEST_VERSION and metadata["version"].isprintable(), "'version' is not a short text")
    demand(_are_texts(metadata.get("changelog", {})), "'changelog' is not a text for each version")
    demand(_are_texts(metadata["required_packages_version"]), "'required_packages_version' is not a text for each package")
    for key in ("intended_use", "data_source", "data_type", "references"):
        given = metadata.get(key, "")
        demand(isinstance(given, str) or _lists(given, str), f"{key!r} is not a text")
    demand(isinstance(metadata.get("eval_metrics", {}), dict), "'eval_metrics' is not an object")
    for side in ("inputs", "outputs"):
        tensors = metadata["network_data_format"].get(side)
        demand(isinstance(tensors, dict) and tensors, f"'network_data_format' has no {side!r}")
        for name, tensor in tensors.items():
            for key, kind in TENSOR_REQUIRED.items():
                there = isinstance(tensor, dict) and isinstance(tensor.get(key), kind)
                demand(there, f"{key!r} of {side} {name!r} is missing or not of type {kind.__name__}")
            demand(not isinstance(tensor["num_channels"], bool), f"'num_channels' of {side} {name!r} is no number")
            demand(_are_numbers(tensor["value_range"], 2), f"'value_range' of {side} {name!r} is not two numbers")
            sides = tensor["spatial_shape"]
            demand(_are_numbers(sides, 3) or _lists(sides, str), f"'spatial_shape' of {side} {name!r} is not three sides")

    block = metadata.get("crend")
    demand(isinstance(block, dict), "the 'crend' block is missing")
    unread = _unread(block)
    demand(not unread, f"the 'crend' block has {unread!r:.80}, which this version does not read: it is mistyped, or a newer CRend's")
    check_network(block, demand)
    demand("overview" in block or not block["arguments"].get("guided"), "the network is guided by an overview, and there is none")
    if "overview" in block:
        overview = block["overview"]
        demand(isinstance(overview, dict), "'overview' is not an object")
        check_network(overview, lambda holds, what: demand(holds, f"overview: {what}"))
        demand(not overview["arguments"].get("guided"), "overview: nothing can guide it, for it comes first")
        share = overview.get("share")
        demand(
            isinstance(share, dict) and all(_is_number(share.get(c)) and 0 <= share[c] <= 1 for c in ("ovary", "follicles")),
            "overview: 'share' of ovary and follicles are not from 0 to 1",
        )
    thresholds = block.get("thresholds")
    demand(
        isinstance(thresholds, dict) and all(_is_number(thresholds.get(c)) and 0 < thresholds[c] < 1 for c in ("ovary", "follicles")),
        "'thresholds' of ovary and follicles are not between 0 and 1",
    )
    lowest = thresholds.get("ovary_lowest", thresholds["ovary"])
    demand(_is_number(lowest) and 0 < lowest <= thresholds["ovary"], "'ovary_lowest' is not between 0 and the ovary's threshold")
    edge = edge_threshold(thresholds)
    demand(
        _is_number(edge) and thresholds["follicles"] <= edge < 1, "'follicles_edge' of 'thresholds' is not between that of follicles and 1"
    )
    smallest = block.get("smallest_follicle_mm")
    demand(_is_number(smallest) and 0 <= smallest <= LONGEST_MM, "'smallest_follicle_mm' is no length")
    least = block.get("least_probability", {"below_mm": 0, "small": 0})
    good = isinstance(least, dict) and all(_is_number(least.get(key)) for key in ("below_mm", "small"))
    demand(
        good and 0 <= least["below_mm"] <= LONGEST_MM and 0 <= least["small"] <= 1,
        "'least_probability' has no length, or no probability from 0 to 1",
    )
    demand(isinstance(block.get("notice"), str), "'notice' is missing")
    demand(_are_seeds(block.get("seeds", {})), "'seeds' are not lists of [first, stop], first below stop, of training and validation")
    demand(is_learned_from(block.get("learned_from", {})), "'learned_from' are not lists of volumes of training and validation")
    base = block.get("base", {})
    named = isinstance(base, dict) and _are_texts({key: value for key, value in base.items() if key != "sha256"})
    demand(named and _are_texts(base.get("sha256", {})), "'base' is no name, version and checksums")
    graphs = block.get("graphs", {})
    demand(_are_texts(graphs), "'graphs' are not names with a text each")
    demand(_are_texts(block.get("sha256", {})), "'sha256' is not a checksum for each file")
    for what in (calibration_of, familiarity_model):
        try:
            what(block)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
    demand(_is_plain(metadata), "it holds a text or a number that no file can")


def check_network(block: dict, demand) -> None:
    """What a network needs to be built and run: its name and arguments, grid, windows, intensities and points."""
    name = block.get("network")
    # Of any type until `demand`, which raises, has seen them.
    arguments: Any = block.get("arguments")
    spacing: Any = block.get("spacing_mm") or ()
    patch: Any = block.get("patch") or ()
    demand(isinstance(name, str), "'network' is not a name")
    demand(name in CLASSES_BY_NAME, f"unknown network {name!r:.60}; known: {', '.join(CLASSES_BY_NAME)}")
    demand(isinstance(arguments, dict), "'arguments' is not an object")
    # Width 512 has more weights than any card's memory; no argument of a network is a larger number.
    small = all(isinstance(value, bool) or (type(value) is int and 0 <= value <= 512) for value in arguments.values())
    demand(small and not isinstance(arguments.get("width", 1), bool), "'arguments' are not small whole numbers, or true or false")
    finest, coarsest = SPACING_MM
    good = _are_numbers(spacing, 3) and all(finest <= s <= coarsest for s in spacing)
    demand(good, f"'spacing_mm' is not three lengths of {finest:g} to {coarsest:g} mm")
    in_plane = block.get("in_plane", [LEAST_IN_PLANE] * 2)
    good = _are_numbers(in_plane, 2) and all(type(side) is int and LEAST_IN_PLANE <= side <= LARGEST_SIDE for side in in_plane)
    demand(good, f"'in_plane' is not two sizes, in voxels, of {LEAST_IN_PLANE} to {LARGEST_SIDE}")
    good = _are_numbers(patch, 3) and all(isinstance(side, int) and 0 < side <= LARGEST_SIDE and side % 16 == 0 for side in patch)
    demand(
        good and max(patch) >= 32 and patch[0] * patch[1] * patch[2] <= LARGEST_PATCH,
        f"'patch' is not three multiples of 16 up to {LARGEST_SIDE}, one of them 32 or more, and at most {LARGEST_PATCH} voxels",
    )
    normalisation = block.get("normalisation")
    method = normalisation.get("method") if isinstance(normalisation, dict) else None
    demand(isinstance(method, str), "'normalisation' names no method")
    demand(method in NORMALISATIONS, f"unknown normalisation {method!r:.60}; known: {', '.join(NORMALISATIONS)}")
    render = block.get("render")
    points = render.get("points") if isinstance(render, dict) else None
    demand(type(points) is int and 0 <= points <= LARGEST_PATCH, f"'render' has no number of points up to {LARGEST_PATCH}")
    demand(isinstance(block.get("mirrored", False), bool), "'mirrored' is not true or false")


def _unread(part: dict, name: str = "") -> str:
    """The first key in a part of the block, or in the parts within it, that is none of KEYS; "" where there is none."""
    for key, value in part.items():
        if key not in KEYS[name].split():
            return f"{name}/{key}".lstrip("/")
        inside = _unread(value, key) if key in KEYS and isinstance(value, dict) else ""
        if inside:
            return inside
    return ""


def _is_number(value) -> bool:
    # Compared, not converted: a whole number of 400 digits is no float.
    return type(value) in (int, float) and abs(value) < LARGEST_NUMBER


def is_learned_from(known) -> bool:
    """Whether this may be a bundle's "learned_from" (`bundle.learned`)."""
    if not isinstance(known, dict) or set(known) - {*PARTS, "sketches"}:
        return False
    return all(_lists(known.get(part, []), str) for part in PARTS) and _are_texts(known.get("sketches", {}))


def _are_seeds(seeds) -> bool:
    if not isinstance(seeds, dict) or set(seeds) - set(PARTS):
        return False
    pairs = [pair for ranges in seeds.values() for pair in (ranges if isinstance(ranges, list) else [None])]
    return all(
        isinstance(pair, list) and len(pair) == 2 and all(type(seed) is int for seed in pair) and pair[0] < pair[1] for pair in pairs
    )


def _are_numbers(values, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(map(_is_number, values))


def _are_texts(values) -> bool:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def _lists(values, kind) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _is_plain(value) -> bool:
    """Whether results and reports, which quote metadata, can be written with it: UTF-8, and numbers that JSON has."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        return False
    return True
