"""A training run becomes a model bundle, with a model card that prints what was measured, on what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from crend.bundle import bundle, metadata
from crend.bundle.learned import Learned, together, watched_words
from crend.inference.model_grid import describe_grid
from crend.structures.outlines import FAINT

from ..configuration.experiment import Experiment
from ..data.cases import grid_settings
from ..data.seeds import all_seeds, seeds_of, watched_among
from ..evaluation.reports import check_measured, least_words, read_report, settings_of
from ..training.records import read_learned
from .maker import NOBODY, UNSTATED, Maker
from .measured_table import measured_section

NOTICE = "Research use only, not for diagnosis. Trained on simulated ultrasound; nothing was measured on real ovaries."
NOTICE_MEASURED = "Research use only, not for diagnosis. Trained on simulated ultrasound, measured on volumes of its maker's choice, too."
NOTICE_OWN = "Research use only, not for diagnosis. Trained on volumes of its maker's choice; what it does on others is not known."
LIMITS = (
    "These figures say how well the model does on simulated volumes. They say nothing about real ovaries: no "
    "labelled real volume was at hand. Expect it to fail on scanners, organs and pathologies that the simulator does not draw, and "
    "check every result."
)
LIMITS_MEASURED = (
    "Expect it to fail on scanners, organs and pathologies that the simulator does not draw, and check every result. Figures on its maker's volumes "
    "say nothing about others."
)
LIMITS_OWN = (
    "Expect it to fail on scanners, organs and pathologies that are not among the volumes it was trained on, and check every result."
)


@dataclass(frozen=True)
class Overview:
    """A trained overview network, and what its probabilities of (ovary, follicles) count for in the joint ones, 0 to 1.

    mirrored: it sees each window in its mirror images, too, and the mean counts.
    """

    experiment: Experiment
    run_folder: Path
    share: tuple[float, float] = (0.5, 0.0)
    mirrored: bool = True


def bundle_run(
    experiment: Experiment,
    run_folder,
    out,
    reports=(),
    *,
    notes=(),
    overview: Overview | None = None,
    version: str = "0.1.0",
    changes: str = "first bundle",
    checkpoint: str = "last.ckpt",
    trained_on: str | None = None,
    maker: Maker = NOBODY,
    start=None,
) -> Path:
    """Writes the bundle of a checkpoint in `run_folder` to `out`; `reports` are folders written by `evaluate`, the first with figures counts.

    notes: Markdown texts for the card, each with its own heading (`## ...`). overview: the second network, which looks at the whole
    volume first. changes: what is new in `version`; what a bundle that lies in `out` says of other versions is kept. trained_on: which
    volumes, where they are not those of the configuration. maker: who answers for it. start: the bundle that the runs began with (`train --start`), so that
    what it had learned from is named, too, and refused in reports. InputError when there is no checkpoint or no report where one was named, and
    for a report of other weights or on volumes that were trained on.
    """
    from ..training.train import load_checkpoint, time_and_device

    run_folder, out = Path(run_folder), Path(out)
    maker.check_name(out)
    network, steps = load_checkpoint(experiment, run_folder / checkpoint)
    base = bundle.info(start) if start is not None else None
    began = base.metadata["crend"] if base else {}
    seeds = {} if trained_on else all_seeds(seeds_of(experiment, *([overview.experiment] if overview else [])), began.get("seeds", {}))
    runs = [run_folder, *([overview.run_folder] if overview else [])]
    learned = together(began.get("learned_from", {}), *map(read_learned, runs))
    found = [_measured(report, seeds, learned) for report in reports]
    measured = next((each for each in found if "figures" in each), {})
    simulated = not learned and all(each.data.kind == "simulated" for each in (experiment, *([overview.experiment] if overview else [])))
    notice, limits = (NOTICE, LIMITS) if simulated else (NOTICE_OWN, LIMITS_OWN)
    if simulated and any("volumes" in each for each in found):
        notice, limits = NOTICE_MEASURED, LIMITS_MEASURED
    trained_on = f"{trained_on or _volumes(experiment)}, {steps} steps"
    block = _network_block(experiment)
    more: dict = {}
    second = None
    if overview is not None:
        second, second_steps = load_checkpoint(overview.experiment, Path(overview.run_folder) / checkpoint)
        trained_on += f" (overview: {second_steps} steps on {_volumes(overview.experiment)})"
        share = dict(zip(("ovary", "follicles"), map(float, overview.share)))
        more["overview"] = {**_network_block(overview.experiment), "share": share, "mirrored": overview.mirrored}
    trained_on = f"{began.get('trained_on', UNSTATED)}; then {trained_on}" if began else trained_on
    described = metadata.describe(
        network=block["network"],
        arguments=block["arguments"],
        spacing_mm=block["spacing_mm"],
        in_plane=block.get("in_plane"),
        patch=block["patch"],
        normalisation=block["normalisation"],
        version=version,
        changelog={**_changes_so_far(out), version: changes},
        description=f"{experiment.network}, width {experiment.arguments.get('width', 32)}: ovary and follicles in 3D ultrasound. {notice}",
        trained_on=trained_on,
        measured_on=measured.get("on", "not measured"),
        notice=notice,
        task="Ovary and follicles in 3D ultrasound, trained on " + ("simulated volumes" if simulated else "its maker's own volumes"),
        render_points=block["render"]["points"],
        thresholds={**metadata.THRESHOLDS, "ovary_lowest": experiment.ovary_lowest, "follicles_edge": experiment.follicles_edge},
        smallest_follicle_mm=experiment.smallest_follicle_mm,
        least_probability=_least_probability(experiment),
        eval_metrics=measured.get("figures", {}),
        seeds=seeds,
        learned_from=learned,
        **maker.metadata(notice),
        **more,
    )
    sha256 = bundle.checksums(out, network, described, overview=second) if found else {}
    for report, each in zip(reports, found):
        check_measured(report, each, sha256, settings_of(described["crend"]))
    took = time_and_device(run_folder, checkpoint)
    second_took = time_and_device(overview.run_folder, checkpoint) if overview else None
    took = "; first look: ".join(part for part in (took, second_took) if part) if took else None
    card = model_card(experiment, out.name, trained_on, found, overview, took, notes, maker, said=(notice, limits))
    others = base if base and base.metadata["authors"] != maker.author else None
    return bundle.save(out, network, described, card, maker.licence_text(others), overview=second)


def _changes_so_far(out: Path) -> dict:
    """The changelog of the bundle in `out`; empty where there is none."""
    try:
        return json.loads((out / "metadata.json").read_text(encoding="utf-8"))["changelog"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _network_block(experiment: Experiment) -> dict:
    """How metadata describes a network that this experiment trained."""
    return {
        "network": experiment.network,
        "arguments": dict(experiment.arguments),
        **grid_settings(experiment.spacing_mm, experiment.in_plane),
        "patch": list(experiment.patch),
        "normalisation": dict(experiment.normalisation),
        "render": {"points": experiment.render_points or experiment.patch[0] * experiment.patch[1] * experiment.patch[2] // 8},
    }


def _volumes(experiment: Experiment) -> str:
    data = experiment.data
    if data.kind != "simulated":
        return f"volumes of {Path(data.path).name} ({data.kind})"
    without = data.unlabelled_last_seed - data.unlabelled_first_seed if experiment.semi_weight else 0
    more = f" and {without} without their labels" if without else ""
    scene = f" --scene {data.scene}" if data.scene != "plain" else ""
    if data.plain_first_seed < data.plain_last_seed:
        plain = data.plain_last_seed - data.plain_first_seed
        more = f" and {plain} of plain scenes (seeds {data.plain_first_seed} to {data.plain_last_seed - 1}, every third without an ovary){more}"
    return f"{data.last_seed - data.first_seed} simulated volumes (crend_training phantom{scene}, seeds {data.first_seed} to {data.last_seed - 1}){more}"


def _measured(report, seeds: dict, learned: dict) -> dict:
    """The summary of a report, and "on": which volumes it is about. InputError when the model learned from one of them."""
    summary = read_report(report)
    if "volumes" in summary:
        contents = summary.get("contents", {})
        trained = [name for name in summary["volumes"] if contents.get(name) in learned.get("training", ())]
        Learned(len(summary["volumes"]), trained, {}, 0).check(str(report))
        return {**summary, "on": f"{len(summary['volumes'])} volumes of its maker's list {summary.get('list', '')}"}
    first, stop = summary["seeds"]
    simulator = summary.get("simulator", "training")
    watched = watched_among(range(first, stop), simulator, seeds, str(report))
    fresh = "none of them used in training" if not watched else f"none of them trained on; {watched_words(watched)}"
    on = f"{stop - first} simulated volumes (seeds {first} to {stop - 1}), {fresh}"
    if simulator.startswith("trial"):
        kind = "volumes" if simulator == "trial" else "crowded volumes"
        on = f"{stop - first} {kind} of the trial simulator (seeds {first} to {stop - 1}), from which no model learns"
    if simulator == "training-mixed":
        on = on.replace("simulated volumes", "simulated volumes of mixed scenes")
    return {**summary, "on": on.replace(" (seeds", " without an ovary (seeds") if "empty" in summary else on}


def model_card(
    experiment: Experiment,
    name: str,
    trained_on: str,
    measured: list,
    overview: Overview | None = None,
    took=None,
    notes=(),
    maker: Maker = NOBODY,
    said: tuple[str, str] = (NOTICE, LIMITS),
) -> str:
    """README.md of the bundle. measured: as `_measured` gives them; took: how long training took; notes: Markdown texts; said: notice and limits."""
    notice, limits = said
    lines = [
        f"# {name}",
        "",
        f"**{notice}**",
        "",
        "Segments the ovary (the whole organ) and its follicles in a 3D ultrasound volume.",
        "",
        "| | |",
        "|---|---|",
        *maker.card_rows(),
        *(
            [f"| first look, at the whole volume | {_network(overview.experiment)}{', and their mirror images' * overview.mirrored} |"]
            if overview
            else []
        ),
        f"| {'close look' if overview else 'network'} | {_network(experiment)} |",
        *(
            [f"| share of the first look | {overview.share[0]:g} of the ovary's probability, {overview.share[1]:g} of the follicles' |"]
            if overview
            else []
        ),
        f"| ovary's threshold | {_threshold(experiment)} |",
        f"| follicles | {_follicles(experiment)} |",
        f"| trained on | {trained_on} |",
        *([f"| training took | {took} |"] if took else []),
        f"| augmentation | {_augmentation(experiment)} |",
        f"| objective | {_objective(experiment)} |",
        "",
        "## Measured",
        "",
    ]
    lines += measured_section(name, measured)
    for note in notes:
        lines += ["", note.strip()]
    lines += [
        "",
        "## Limits",
        "",
        limits,
        "",
    ]
    return "\n".join(lines)


def _least_probability(experiment: Experiment) -> dict | None:
    """What the bundle asks of small follicles; None where it asks nothing."""
    asked = experiment.small_follicle_probability
    return {"below_mm": float(experiment.small_follicle_mm), "small": float(asked)} if asked else None


def _follicles(experiment: Experiment) -> str:
    found, edge, least = metadata.THRESHOLDS["follicles"], experiment.follicles_edge, _least_probability(experiment)
    parts = [f"probability from {found:g} on, diameter from {experiment.smallest_follicle_mm:g} mm on"]
    parts += [f"edge at a probability of {edge:g}, unless less than {FAINT:g} of it is left"] if edge > found else []
    return "; ".join(parts + ([least_words(least)] if least else []))


def _threshold(experiment: Experiment) -> str:
    usual = metadata.THRESHOLDS["ovary"]
    if experiment.ovary_lowest >= usual:
        return f"{usual:g}"
    return f"{usual:g}; where nothing reaches it, down to {experiment.ovary_lowest:g}: where the expected Dice is highest"


def _network(experiment: Experiment) -> str:
    width = experiment.arguments.get("width", 32)
    grid = describe_grid(grid_settings(experiment.spacing_mm, experiment.in_plane))
    patch = " x ".join(str(p) for p in experiment.patch)
    detail = ", its head sees the full-size map too" if experiment.arguments.get("detail") else ""
    detail += ", it sees what the first look made of the volume" if experiment.arguments.get("guided") else ""
    return f"{experiment.network}, width {width} (the paper's is 32){detail}, grid of {grid}, windows of {patch} voxels"


def _augmentation(experiment: Experiment) -> str:
    parts = [f"rotation +-{experiment.rotation_degrees:g} degrees in the transverse section"]
    if experiment.tilt_degrees:
        parts.append(f"tilt +-{experiment.tilt_degrees:g}")
    if experiment.scale:
        parts.append(f"scale +-{100 * experiment.scale:g} %")
    if experiment.any_orientation:
        parts.append("axis order and flips")
    if experiment.intensity:
        parts.append("resolution, blur, contrast, gain, noise")
    if experiment.contrast:
        parts.append("lighter and darker tissue of the ovary")
    return ", ".join(parts)


def _objective(experiment: Experiment) -> str:
    dice = f"; soft Dice added with weight {experiment.dice_weight:g}" if experiment.dice_weight else ""
    if experiment.point_dice_weight and experiment.network in ("rend", "crend"):
        dice += f", to the loss of the points with weight {experiment.point_dice_weight:g}"
    if experiment.small_weight > 1 and experiment.network in ("rend", "crend"):
        dice += f"; small follicles count up to {experiment.small_weight:g} times"
    points = f"lambda {experiment.lambda_points:g}"
    if experiment.network == "crend":
        points = f"eq. 5 of the paper: lambda {experiment.lambda_points:g} / {experiment.lambda_contrast:g}, gamma {experiment.gamma:g}"
    return {
        "crend": f"{points}, k {experiment.k:g}, beta {experiment.beta:g}",
        "rend": f"eq. 5 of the paper without its contrastive term: {points}, k {experiment.k:g}, beta {experiment.beta:g}",
        "context": "cross-entropy, twice: the second stage on the first's probabilities, stitched over the volume",
        "edge": f"cross-entropy of objects and, with weight {experiment.contour_weight:g}, of contours",
        "entropy": f"cross-entropy and, with weight {experiment.adversarial_weight:g}, two discriminators (boundary and entropy maps)",
    }.get(experiment.network, "cross-entropy") + dice
