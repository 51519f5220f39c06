"""What a report of `evaluate` says of itself, in its summary.json: which model, and on which volumes it was measured."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from crend.bundle import bundle as bundles
from crend.errors import InputError
from crend.io.text_files import read_text
from crend.structures.outlines import edge_threshold

SUMMARY = "summary.json"


def settings_of(block: dict) -> dict:
    """The settings of a bundle's "crend" block that decide, beside its weights, what it predicts."""
    overview = block.get("overview")
    return {
        "overview": overview and {"share": overview["share"], "mirrored": overview.get("mirrored", False)},
        "thresholds": block["thresholds"],
        "smallest_follicle_mm": block["smallest_follicle_mm"],
        **({"least_probability": block["least_probability"]} if "least_probability" in block else {}),
        "render_points": block["render"]["points"],
    }


def about(
    model,
    seeds=None,
    *,
    simulator: str = "training",
    rendering: bool,
    volumes=None,
    listed: str = "",
    split: str = "all",
    components: bool = False,
) -> dict:
    """What was measured: bundle, version, checksums of its weights, settings, volumes. model: a bundle's name or folder.

    seeds: a range, of `simulator`; or instead volumes: the names of those of a list, listed: the list's name, and which split of it and
    whether follicles are connected pieces.
    """
    import torch

    import crend

    info = bundles.info(model)
    how = {**({"split": split} if split != "all" else {}), **({"components": True} if components else {})}
    return {
        "model": info.name,
        "version": info.metadata["version"],
        "sha256": info.metadata["crend"].get("sha256"),
        "settings": settings_of(info.metadata["crend"]),
        **({"list": listed, **how, "volumes": list(volumes)} if volumes else {"simulator": simulator, "seeds": [seeds.start, seeds.stop]}),
        "rendering": rendering,
        "versions": {"crend": crend.__version__, "torch": torch.__version__, "python": platform.python_version()},
    }


def read_report(folder) -> dict:
    """summary.json of a report. Older ones name no version, weights or settings. InputError when there is none."""
    path = Path(folder) / SUMMARY
    try:
        summary = json.loads(read_text(path))
        if not isinstance(summary.get("figures", summary.get("empty")), dict):
            raise ValueError
        if "volumes" in summary:
            if not (isinstance(summary["volumes"], list) and summary["volumes"] and isinstance(summary.get("list", ""), str)):
                raise ValueError
        elif not summary["seeds"][0] < summary["seeds"][1]:
            raise ValueError
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise InputError(f"{path}: no report there; run `crend_training evaluate` first") from None
    return summary


#: What a report of other settings does, by the first of `settings_of` that is another.
OTHERWISE = {
    "overview": "measures the weights with another --share",
    "thresholds": "measures the weights with other thresholds",
    "smallest_follicle_mm": "counts follicles from another size on",
    "least_probability": "asks another probability of small follicles",
    "render_points": "renders another number of points",
}


def check_measured(folder, summary: dict, sha256: dict, settings: dict) -> None:
    """InputError when the report in `folder` is of other weights, or of other settings; what an older one does not say is let be."""
    measured = summary.get("settings", settings)
    wrong = ["measures other weights than those bundled"] if summary.get("sha256", sha256) != sha256 else []
    wrong += [words for key, words in OTHERWISE.items() if measured.get(key) != settings.get(key)]
    if wrong:
        raise InputError(f"{folder}: {wrong[0]}; run `crend_training evaluate` on this bundle, and give that report")


def least_words(least: dict) -> str:
    """What a bundle's `least_probability` asks of small follicles, in a few words."""
    return f"of those below {least['below_mm']:g} mm a mean probability of {least['small']:g} is asked"


def settings_words(summary: dict) -> str | None:
    """The settings that a report was measured with, in a line; None where it does not say."""
    settings = summary.get("settings")
    if settings is None:
        return None
    thresholds = settings["thresholds"]
    faint = f" (down to {thresholds['ovary_lowest']:g} where nothing reaches it)" if "ovary_lowest" in thresholds else ""
    edge = f" (edges {edge_threshold(thresholds):g})" if edge_threshold(thresholds) > thresholds["follicles"] else ""
    words = f"follicles from {settings['smallest_follicle_mm']:g} mm; thresholds: "
    words += f"ovary {thresholds['ovary']:g}{faint}, follicles {thresholds['follicles']:g}{edge}"
    least = settings.get("least_probability")
    words += f"; {least_words(least)}" if least else ""
    return f"Measured with {words}{'' if summary.get('rendering', True) else '; not rendered'}."
