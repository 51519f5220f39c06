"""metadata.json of a model bundle: the MONAI bundle metadata schema plus a `crend` block with what prediction needs."""

from __future__ import annotations

import math
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from ..confidence.familiarity import familiarity_model
from ..confidence.follicle_confidence import calibration_of
from ..errors import InputError
from ..structures.outlines import edge_threshold

SCHEMA = "https://project-monai.github.io/schema/meta_schema_20240725.json"
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
#: Where no ovary reaches its own, it may fall to "ovary_lowest" (`expected.select_ovary_threshold`). Follicles are found at theirs, and end at "follicles_edge" (`edges`).
THRESHOLDS = {"ovary": 0.5, "ovary_lowest": 0.1, "follicles": 0.5, "follicles_edge": 0.5}


def describe(
    *,
    network: str,
    arguments: dict,
    spacing_mm,
    patch,
    normalisation: dict,
    version: str,
    changelog: dict,
    description: str,
    trained_on,
    measured_on,
    notice: str = "Research use only. Not for diagnosis.",
    task: str = "Segmentation of the ovary and its follicles in 3D ultrasound",
    authors: str = "The CRend authors",
    copyright: str = "Copyright (c) The CRend authors",  # noqa: A002 - the schema's name
    thresholds: dict | None = None,
    render_points: int = 65536,
    smallest_follicle_mm: float = 2.0,
    least_probability: dict | None = None,
    overview: dict | None = None,
    seeds: dict | None = None,
    **more,
) -> dict:
    """A complete metadata dictionary for `bundle.save`, which adds the checksums.

    spacing_mm is [x, y, z] of the model grid, patch [D, H, W] in voxels. `more` are further keys of the MONAI schema
    (references, data_source, eval_metrics, ...). least_probability: what is asked of small follicles (see `doubtful`). overview describes
    the second network, where there is one: `network`, `arguments`, `spacing_mm`, `patch`, `normalisation`, `render`, `mirrored` (whether
    windows are seen in their mirror images, too) and `share`, what its probabilities count for in the joint ones. seeds: of the simulated
    volumes that it was trained on and watched on, "training" and "validation", each a list of [first, stop]. InputError if something does
    not fit.
    """
    tensor = {"type": "image", "modality": "US", "spatial_shape": list(patch), "dtype": "float32", "is_patch_data": True}
    image = {**tensor, "format": "magnitude", "num_channels": 1, "value_range": [-3, 5], "channel_def": {"0": "B-mode ultrasound"}}
    channels = {"0": "ovary, its follicles included", "1": "follicles"}
    probabilities = {**tensor, "format": "classes", "num_channels": 2, "value_range": [0, 1], "channel_def": channels}
    metadata = {
        "schema": SCHEMA,
        "version": version,
        "changelog": dict(changelog),
        "monai_version": _installed("monai"),
        "pytorch_version": _installed("torch"),
        "numpy_version": _installed("numpy"),
        "required_packages_version": {"safetensors": _installed("safetensors")},
        "task": task,
        "description": description,
        "intended_use": notice,
        "authors": authors,
        "copyright": copyright,
        **more,
        "network_data_format": {"inputs": {"image": image}, "outputs": {"pred": probabilities}},
        "crend": {
            "network": network,
            "arguments": dict(arguments),
            "spacing_mm": [float(s) for s in spacing_mm],
            "patch": [int(side) for side in patch],
            "normalisation": dict(normalisation),
            "thresholds": dict(thresholds or THRESHOLDS),
            "render": {"points": int(render_points)},
            "smallest_follicle_mm": float(smallest_follicle_mm),
            "trained_on": trained_on,
            "measured_on": measured_on,
            "notice": notice,
            **({"least_probability": dict(least_probability)} if least_probability else {}),
            **({"overview": dict(overview)} if overview else {}),
            **({"seeds": dict(seeds)} if seeds else {}),
        },
    }
    check(metadata, "metadata")
    return metadata


def check(metadata, where: str) -> None:
    """InputError, one line that starts with `where`, unless metadata has what the schema and prediction need.

    Further keys are welcome. Checksums are the loader's matter.
    """

    def demand(holds, what):
        if not holds:
            raise InputError(f"{where}: {what}; use a bundle as `crend_training` writes it.")

    demand(isinstance(metadata, dict), "not a JSON object")
    for key, kind in REQUIRED.items():
        demand(isinstance(metadata.get(key), kind), f"{key!r} is missing or not of type {kind.__name__}")
    for side in ("inputs", "outputs"):
        tensors = metadata["network_data_format"].get(side)
        demand(isinstance(tensors, dict) and tensors, f"'network_data_format' has no {side!r}")
        for name, tensor in tensors.items():
            for key, kind in TENSOR_REQUIRED.items():
                there = isinstance(tensor, dict) and isinstance(tensor.get(key), kind)
                demand(there, f"{key!r} of {side} {name!r} is missing or not of type {kind.__name__}")

    block = metadata.get("crend")
    demand(isinstance(block, dict), "the 'crend' block is missing")
    _check_network(block, demand)
    if "overview" in block:
        overview = block["overview"]
        demand(isinstance(overview, dict), "'overview' is not an object")
        _check_network(overview, lambda holds, what: demand(holds, f"overview: {what}"))
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
    demand(_is_number(block.get("smallest_follicle_mm")) and block["smallest_follicle_mm"] >= 0, "'smallest_follicle_mm' is no length")
    least = block.get("least_probability", {"below_mm": 0, "small": 0})
    good = isinstance(least, dict) and all(_is_number(least.get(key)) for key in ("below_mm", "small"))
    demand(good and least["below_mm"] >= 0 and 0 <= least["small"] <= 1, "'least_probability' has no length, or no probability from 0 to 1")
    demand(isinstance(block.get("notice"), str), "'notice' is missing")
    demand(_are_seeds(block.get("seeds", {})), "'seeds' are not lists of [first, stop], first below stop, of training and validation")
    graphs = block.get("graphs", {})
    demand(isinstance(graphs, dict) and all(isinstance(value, str) for value in graphs.values()), "'graphs' are not names with a text each")
    for what in (calibration_of, familiarity_model):
        try:
            what(block)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error


def _check_network(block: dict, demand) -> None:
    """What a network needs to be built and run: its name and arguments, grid, windows, intensities and points."""
    demand(isinstance(block.get("network"), str), "'network' is not a name")
    demand(isinstance(block.get("arguments"), dict), "'arguments' is not an object")
    spacing, patch = block.get("spacing_mm") or (), block.get("patch") or ()
    demand(_is_three(spacing) and all(0 < s < 100 for s in spacing), "'spacing_mm' is not three lengths in mm")
    demand(
        _is_three(patch) and all(isinstance(side, int) and side > 0 and side % 16 == 0 for side in patch) and max(patch) >= 32,
        "'patch' is not three multiples of 16, one of them 32 or more",
    )
    normalisation = block.get("normalisation")
    demand(isinstance(normalisation, dict) and isinstance(normalisation.get("method"), str), "'normalisation' names no method")
    render = block.get("render")
    points = render.get("points") if isinstance(render, dict) else None
    demand(isinstance(points, int) and not isinstance(points, bool) and points >= 0, "'render' has no number of points")
    demand(isinstance(block.get("mirrored", False), bool), "'mirrored' is not true or false")


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _are_seeds(seeds) -> bool:
    if not isinstance(seeds, dict) or set(seeds) - {"training", "validation"}:
        return False
    pairs = [pair for ranges in seeds.values() for pair in (ranges if isinstance(ranges, list) else [None])]
    return all(
        isinstance(pair, list) and len(pair) == 2 and all(type(seed) is int for seed in pair) and pair[0] < pair[1] for pair in pairs
    )


def _is_three(values) -> bool:
    return isinstance(values, list) and len(values) == 3 and all(_is_number(value) for value in values)


def _installed(package: str) -> str:
    """The installed version without its local part ("2.13.0+cpu" -> "2.13.0"), or "not installed"."""
    try:
        return installed_version(package).split("+")[0]
    except PackageNotFoundError:
        return "not installed"
