"""What a run's folder says of how it came about: experiment.json of its last start, history.jsonl of every one."""

from __future__ import annotations

import dataclasses
import json
import platform
import sys
from pathlib import Path

import torch

from crend.bundle.learned import together
from crend.bundle.metadata_check import is_learned_from

from ..configuration.experiment import Experiment
from ..data.cases import TrainingCases, learned_of

HISTORY = "history.jsonl"
LEARNED = "learned_from.json"


def write_records(experiment: Experiment, run_folder, *, step: int, total: int, precision: str) -> None:
    """To be called when a run begins or goes on at `step` of `total` (over all phases). experiment.json is written anew each time, so
    only the history's lines tell of a schedule that was changed on the way."""
    from importlib.metadata import version

    run_folder = Path(run_folder)
    threads = torch.get_num_threads()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {threads} thread{'s' * (threads > 1)}"
    about = {
        **dataclasses.asdict(experiment),
        "precision": precision,
        "command": " ".join(Path(a).name if i == 0 else a for i, a in enumerate(sys.argv)),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("torch", "lightning", "monai", "numpy")}},
        "device": device,
    }
    (run_folder / "experiment.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    rates = {key: about[key] for key in ("learning_rate", "final_learning_rate", "warmup_steps")}
    with open(run_folder / HISTORY, "a", encoding="utf-8") as f:
        f.write(json.dumps({"step": step, "total": total, "steps": experiment.steps, "epochs": experiment.epochs, **rates,
                            "precision": precision, "device": device}) + "\n")  # fmt: skip


def write_learned(experiment: Experiment, cases: TrainingCases, run_folder) -> None:
    """What the run learns from, with what it did before; nothing where all of it is simulated."""
    known = together(read_learned(run_folder), learned_of(cases, unlabelled=bool(experiment.semi_weight)))
    if known:
        (Path(run_folder) / LEARNED).write_text(json.dumps(known) + "\n", encoding="utf-8")


def read_learned(run_folder) -> dict:
    """What the run in a folder has learned from, {} where it does not say."""
    try:
        known = json.loads((Path(run_folder) / LEARNED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if is_learned_from(known) else {}
