"""Adapts a bundle to the few labelled volumes of one site: short, from the bundle's weights, at a low rate."""

from __future__ import annotations

import copy
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crend.bundle import bundle as bundles
from crend.bundle.learned import together
from crend.errors import InputError

from ..configuration.experiment import Experiment, experiment_from
from ..data.cases import Cases, case_facts
from ..data.guides import write_guides
from ..data.patches import guided
from ..data.sources import prepare_training
from ..training.records import read_learned
from ..training.starting import Start
from ..training.train import BEST, LAST, load_checkpoint, train
from .calibration_card import CALIBRATED
from .maker import NOBODY, UNSTATED, Maker

NOTICE = (
    "Research use only, not for diagnosis. Fine-tuned on volumes of its user's choice; what it does on others, and how well its confidences "
    "hold, is not known."
)

#: Patches a step. On a processor torch takes hardly longer for two small patches than for one, whose convolutions it computes in a slower way.
BATCH = 2


@dataclass(frozen=True)
class FineTuning:
    """steps: of BATCH patches; rate: falls from `rate` to a hundredth of it. seed: draws of patches and augmentation.

    share: what the trained weights count for beside those to begin with, above 0 to 1. Few volumes teach their own accidents, too; weights
    half-way between are better on others than either (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022; results/finetune).
    """

    steps: int = 300
    rate: float = 3e-4
    seed: int = 0
    rater: str = "agreement"
    share: float = 0.5
    workers: int = 1


def finetune(
    base,
    data,
    out,
    settings: FineTuning = FineTuning(),
    *,
    maker: Maker = NOBODY,
    work=None,
    progress: bool = True,
    tell=print,
    stepped=None,
) -> Path:
    """Trains the networks of the bundle `base` (name or folder) on `data`, each on its own grid, and writes the bundle `out`; returns its folder.

    Its weights lie between those of `base` and the trained ones (`settings.share`).

    data: a CSV or JSON list as `datalist.read_datalist` reads it, or a folder of USOVA3D (rater: "agreement", "1" or "2"). Rows of split
    "training" are trained on; those of "validation", where there are any, choose the best checkpoint of each network.
    maker: who answers for the new bundle, which is not the base's maker. work: folder of the cases, checkpoints and curves (default:
    OUT.finetuning); a run found there is resumed. stepped(which, step): after each step of "close look" or "first look".
    InputError for a bundle or data that will not do, where `out` is the base itself, a file, or holds anything though `work` holds no run yet, and where `work` holds
    a run from other weights, on other volumes or with other settings than the number of steps.
    """
    out = Path(os.path.abspath(out))
    if not out.name:
        raise InputError(f"{out}: is no folder of a bundle; give another one with --out")
    loaded = bundles.load(base)
    if out.resolve() == loaded.folder.resolve():
        raise InputError(f"{out}: is the bundle to begin with; give another folder with --out")
    maker.check_name(out)
    work = Path(work) if work is not None else out.with_name(out.name + ".finetuning")
    _check_free(out, work)
    if not out.absolute().parent.is_dir() or not os.access(out.absolute().parent, os.W_OK):
        raise InputError(f"{out}: its folder is missing or cannot be written to; make it first")
    block = loaded.metadata["crend"]
    known = block.get("learned_from", {})
    how = {"share": settings.share, "work": work, "progress": progress, "tell": tell, "known": known.get("training", ())}
    # The overview first: it guides the close look of some bundles.
    overview, overview_steps, guide = None, None, None
    if loaded.overview is not None:
        experiment = experiment_of(f"{loaded.name}-overview", block["overview"], data, settings)
        overview, _, overview_steps = _trained(loaded.overview, experiment, "overview-", **how, stepped=_naming(stepped, "first look"))
        guide = partial(write_guides, overview, experiment.patch)
    experiment = experiment_of(loaded.name, block, data, settings)
    network, cases, steps = _trained(loaded.network, experiment, "", **how, stepped=_naming(stepped, "close look"), guide=guide)
    trained_on, watched_on = cases
    metadata = _metadata(loaded, trained_on, watched_on, steps, overview_steps, settings, maker)
    metadata["crend"]["learned_from"] = together(known, read_learned(work / "run"))
    card = model_card(out.name, loaded, metadata, trained_on, watched_on, steps, overview_steps, settings, maker)
    return bundles.save(out, network, metadata, card, maker.licence_text(loaded), overview=overview)


def _check_free(out: Path, work: Path) -> None:
    """InputError where `out` is a file, or a folder that holds something and is not that of the run in `work`, which goes on."""
    there = out.exists() and not (out.is_dir() and not any(out.iterdir()))
    if there and not (out.is_dir() and (work / "run").is_dir()):
        raise InputError(f"{out}: is there already, and would be replaced; give another folder with --out")


def _naming(stepped, which: str):
    return None if stepped is None else lambda step: stepped(which, step)


def _trained(network, experiment: Experiment, which: str, *, share: float, work: Path, progress: bool, tell, stepped, known, guide=None):
    """(the network trained further, as far as `share`, (names of the cases trained on, of those that chose), steps of the checkpoint taken)."""
    folder, run = work / f"{which}data", work / f"{which}run"
    cases = prepare_training(experiment, folder, tell=tell)
    training, validation = cases.training.names(), cases.validation.names()
    if not training:
        raise InputError(f"{experiment.data.path}: no labelled volume to train on; rows need a label, and the split 'training' or none")
    again = [name for name in validation if case_facts(cases.validation.folder, name).get("content") in known]
    if again and not which:
        tell(f"warning: {', '.join(again)} of split 'validation': trained on before, and so no judge of the checkpoint; put others there")
    if guided(experiment):
        for split in ("training", "validation"):
            guide(Cases(work / "overview-data" / split), getattr(cases, split))
    tell(f"{experiment.name}: {experiment.steps} steps")
    train(experiment, folder, run, cases=cases, start=Start(network.state_dict()), progress=progress, stepped=stepped)
    # a run that was stopped before its first validation, or has none, has no best checkpoint
    checkpoint = BEST if validation and (run / BEST).is_file() else LAST
    trained, steps = load_checkpoint(experiment, run / checkpoint)
    return interpolate_weights(network, trained, share), (training, validation), steps


def interpolate_weights(before, after, share: float):
    """`after` (a network, changed in place) with weights that lie from those of `before` (the same kind of network) as far as `share`, 0 to 1."""
    old = before.state_dict()
    mixed = {key: old[key].lerp(new, share) if new.is_floating_point() else new for key, new in after.state_dict().items()}
    after.load_state_dict(mixed)
    return after


def experiment_of(name: str, block: dict, data="list.csv", settings: FineTuning = FineTuning()) -> Experiment:
    """The settings of a fine-tuning: the network and grid that a bundle's `block` describes, the bundled model's augmentation, a low rate."""
    data = Path(data)
    kind = "usova3d" if data.is_dir() else "datalist"
    values = {
        "name": name,
        "network": block["network"],
        "arguments": dict(block["arguments"]),
        "spacing_mm": list(block["spacing_mm"]),
        "in_plane": list(block.get("in_plane") or []),
        "patch": list(block["patch"]),
        "normalisation": dict(block["normalisation"]),
        "data": {"kind": kind, "path": str(data), "rater": settings.rater},
        "seed": settings.seed,
        "steps": settings.steps,
        "batch": BATCH,
        "learning_rate": settings.rate,
        "final_learning_rate": settings.rate / 100,
        "warmup_steps": min(20, settings.steps // 10),
        "average_decay": 0.99,
        "points": block["render"]["points"] // 2 or None,
        "render_points": block["render"]["points"] or None,
        "dice_weight": 1.0,
        "point_dice_weight": 1.0,
        "tilt_degrees": 15.0,
        "scale": 0.2,
        "any_orientation": True,
        "validate_every": max(1, min(100, settings.steps)),
        "checkpoint_every": max(1, min(50, settings.steps)),
        "tensorboard": False,
        "workers": settings.workers,
    }
    return experiment_from(values, f"fine-tuning of {name}")


def _metadata(loaded, training, validation, steps: int, overview_steps: int | None, settings: FineTuning, maker: Maker) -> dict:
    metadata = copy.deepcopy(loaded.metadata)
    # Numbers alone: files are often called by patients' names, and a bundle is passed on. `learned_from` tells which they were.
    volumes = f"{len(training)} volumes of its user"
    watched = f", chosen on {len(validation)} others" if validation else ""
    version = _next_version(metadata["version"])
    metadata["version"] = version
    metadata["changelog"] = {**metadata.get("changelog", {}), version: f"fine-tuned from {loaded.name} {loaded.metadata['version']}"}
    metadata["description"] = f"{loaded.name} {loaded.metadata['version']}, fine-tuned on {volumes}. {NOTICE}"
    metadata |= maker.metadata(NOTICE)
    metadata["task"] = f"Ovary and follicles in 3D ultrasound: {loaded.name}, fine-tuned on {len(training)} of its user's volumes"
    metadata.pop("eval_metrics", None)
    block = metadata["crend"]
    block.pop("sha256", None)
    mixed = f"; {_share_words(settings.share)}" if settings.share < 1 else ""
    counts = f"{steps} steps" if overview_steps is None else f"{steps} steps (overview: {overview_steps})"
    block["trained_on"] = f"{block.get('trained_on', UNSTATED)}; then {counts} at {settings.rate:g} on {volumes}{watched}{mixed}"
    block["measured_on"] = "not measured since it was fine-tuned"
    block["notice"] = NOTICE
    block["base"] = {"name": loaded.name, "version": loaded.metadata["version"], "sha256": dict(loaded.metadata["crend"]["sha256"])}
    return metadata


def _next_version(version: str) -> str:
    """ "0.3.0-finetuned" after 0.3.0, then "0.3.0-finetuned.2" and so on, whether calibrated between or not."""
    version = version.removesuffix(CALIBRATED)
    found = re.fullmatch(r"(.*-finetuned)(?:\.(\d+))?", version)
    return f"{found[1]}.{int(found[2] or 1) + 1}" if found else f"{version}-finetuned"


def model_card(
    name: str, loaded, metadata: dict, training, validation, steps: int, overview_steps: int | None, settings: FineTuning, maker: Maker
) -> str:
    """README.md of the fine-tuned bundle."""
    block = metadata["crend"]
    lines = [
        f"# {name}",
        "",
        f"**{NOTICE}**",
        "",
        "| | |",
        "|---|---|",
        *maker.card_rows(),
        f"| base | {loaded.name} {loaded.metadata['version']}, sha256 {', '.join(f'{name} {sha}' for name, sha in block['base']['sha256'].items())} |",
        f"| base trained on | {loaded.metadata['crend'].get('trained_on', UNSTATED)} |",
        f"| fine-tuned on | {len(training)} volumes; `learned_from` in metadata.json has digests of their voxels, and sketches |",
        f"| checkpoint | {_chosen(validation, steps)} |",
    ]
    if overview_steps is not None:
        lines.append(f"| checkpoint of the first look | {_chosen(validation, overview_steps)} |")
    lines.append(
        f"| rate | {settings.rate:g}, falling to a hundredth; Adam, {BATCH} patches of {' x '.join(map(str, block['patch']))} voxels a step |"
    )
    lines += [f"| weights | {_share_words(settings.share)} |"] if settings.share < 1 else []
    lines += [
        "",
        "## Measured",
        "",
        "Not since it was fine-tuned: what was measured of the base does not hold here. Measure it on labelled volumes that it was not "
        "trained on: `crend_training evaluate --list`, or `crend evaluate` on USOVA3D.",
        "",
        "## Limits",
        "",
        "A few volumes of one scanner make a model of that scanner. Compare it with its base on other volumes before it is used for them. "
        "The base's confidences, and what it finds unfamiliar, were fitted to the base.",
        "",
    ]
    return "\n".join(lines)


def _share_words(share: float) -> str:
    return f"{share:g} of the trained weights, {1 - share:g} of the base's"


def _chosen(validation, steps: int) -> str:
    return f"the best on {len(validation)} volumes, after {steps} steps" if validation else f"the last, after {steps} steps"
