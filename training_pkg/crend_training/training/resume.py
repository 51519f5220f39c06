"""What decides the result of a run; a checkpoint keeps it, so that a run is not taken for that of another experiment."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from crend.errors import InputError

from ..configuration.experiment import Experiment
from ..data.cases import Cases, TrainingCases, case_facts

FREE = (
    # Where the volumes came from is compared as the cases themselves.
    *("name", "data", "crossval", "overrides"),
    *("workers", "devices", "nodes", "precision"),
    *("tensorboard", "log_every", "checkpoint_every", "validate_every"),
    # They say what a bundle makes of probabilities.
    *("follicles_edge", "ovary_lowest", "smallest_follicle_mm", "small_follicle_mm", "small_follicle_probability"),
    # A schedule may be made longer or shorter on the way; history.jsonl says so.
    *("steps", "epochs", "warmup_steps"),
)
"""Settings that a run may go on without, or with other values."""


def identity(experiment: Experiment, cases: TrainingCases, start: dict | None = None) -> dict:
    """Settings, names of the cases with the digests of their volumes, and the sha256 of the weights to begin with (a state dict), as plain values."""
    settings = json.loads(json.dumps(dataclasses.asdict(experiment)))
    used = {"training": cases.training, "validation": cases.validation}
    if experiment.semi_weight:
        used["unlabelled"] = cases.unlabelled
    return {
        "settings": {key: value for key, value in settings.items() if key not in FREE},
        "cases": {part: _sources(some) for part, some in used.items()},
        "grows": [part for part, some in used.items() if some.chosen is None],
        "start": None if start is None else weights_digest(start),
    }


def check_identity(stored: dict, now: dict, checkpoint) -> None:
    """InputError with the first thing in which the run of `checkpoint` differs from the one asked for.

    Cases may have come in addition where either run takes what is in its folder; a setting that only one of them knows is not compared.
    """
    difference = _setting(stored["settings"], now["settings"]) or _start(stored["start"], now["start"]) or _case(stored, now)
    if difference:
        raise InputError(
            f"{checkpoint}: {difference}; give another folder (--run; of finetune --out or --work), or delete {checkpoint.parent}"
        )


def weights_digest(state: dict) -> str:
    """sha256 of a state dict, names and shapes included."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _sources(cases: Cases) -> dict[str, str]:
    """Name -> digest of the volume, empty where the case does not know it (simulated ones have their seed as their name)."""
    return {name: case_facts(cases.folder, name).get("source", "") for name in cases.names()}


def _setting(stored: dict, now: dict) -> str | None:
    for key in now:
        if key in stored and stored[key] != now[key]:
            return f"trained with {key} {stored[key]}, not {now[key]}"
    return None


def _start(stored: str | None, now: str | None) -> str | None:
    before, after = ("random weights" if digest is None else f"weights of sha256 {digest[:12]}" for digest in (stored, now))
    return None if stored == now else f"began with {before}, not {after}"


def _case(stored: dict, now: dict) -> str | None:
    for part, before in stored["cases"].items():
        after = now["cases"].get(part, {})
        gone, new = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
        if gone:
            return f"its {part} cases hold '{gone[0]}', which is not among them now"
        if new and part not in {*stored["grows"], *now["grows"]}:
            return f"its {part} cases do not hold '{new[0]}', which is among them now"
        for name, source in before.items():
            if source and after[name] and source != after[name]:
                return f"its {part} case '{name}' was of another image or other labels"
    return None
