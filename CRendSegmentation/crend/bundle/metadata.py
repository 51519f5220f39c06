"""metadata.json of a model bundle: the MONAI bundle metadata schema plus a `crend` block with what prediction needs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from .metadata_check import check

SCHEMA = "https://project-monai.github.io/schema/meta_schema_20240725.json"
#: Where no ovary reaches its own, it may fall to "ovary_lowest" (`expected.select_ovary_threshold`). Follicles are found at theirs, and end at "follicles_edge" (`edges`).
THRESHOLDS = {"ovary": 0.5, "ovary_lowest": 0.1, "follicles": 0.5, "follicles_edge": 0.5}


def describe(
    *,
    network: str,
    arguments: dict,
    spacing_mm,
    patch,
    normalisation: dict,
    in_plane=None,
    version: str,
    changelog: dict,
    description: str,
    trained_on,
    measured_on,
    notice: str = "Research use only. Not for diagnosis.",
    task: str = "Segmentation of the ovary and its follicles in 3D ultrasound",
    authors: str = "not stated",
    copyright: str = "not stated",  # noqa: A002 - the schema's name
    thresholds: dict | None = None,
    render_points: int = 65536,
    smallest_follicle_mm: float = 2.0,
    least_probability: dict | None = None,
    overview: dict | None = None,
    seeds: dict | None = None,
    learned_from: dict | None = None,
    **more,
) -> dict:
    """A complete metadata dictionary for `bundle.save`, which adds the checksums.

    spacing_mm is [x, y, z] of the model grid, patch [D, H, W] in voxels. in_plane: None, or the grid's size [x, y] in voxels, to which every volume
    is resized (`inference.model_grid.grid_spacing`). `more` are further keys of the MONAI schema
    (references, data_source, eval_metrics, ...). least_probability: what is asked of small follicles (see `doubtful`). overview describes
    the second network, where there is one: `network`, `arguments`, `spacing_mm`, `in_plane`, `patch`, `normalisation`, `render`, `mirrored` (whether
    windows are seen in their mirror images, too) and `share`, what its probabilities count for in the joint ones. seeds: of the simulated
    volumes that it was trained on and watched on, "training" and "validation", each a list of [first, stop]. learned_from: of other volumes (see
    `bundle.learned`). InputError if something does
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
            **({"in_plane": [int(side) for side in in_plane]} if in_plane else {}),
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
            **({"learned_from": dict(learned_from)} if learned_from else {}),
        },
    }
    check(metadata, "metadata")
    return metadata


def _installed(package: str) -> str:
    """The installed version without its local part ("2.13.0+cpu" -> "2.13.0"), or "not installed"."""
    try:
        return installed_version(package).split("+")[0]
    except PackageNotFoundError:
        return "not installed"
