"""Weights of another run to begin with, instead of random ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crend import networks
from crend.errors import InputError

from ..configuration.experiment import Experiment


@dataclass(frozen=True)
class Start:
    """A state dict of the network, and what it took: steps, and seconds where they are known. A run that begins with it adds to both."""

    weights: dict
    steps: int = 0
    seconds: float | None = 0.0


def start_of(experiment: Experiment, checkpoint) -> Start:
    """The (averaged) weights of a checkpoint as a start for `experiment`.

    Where the experiment's network has `detail` and the checkpoint's had none, the head gives what it did not see before a weight
    of 0, so that the run begins with the same predictions. InputError for a checkpoint that is missing or of another network.
    """
    import torch

    checkpoint = Path(checkpoint)
    if not checkpoint.is_file():
        raise InputError(f"{checkpoint}: no checkpoint there; give the last.ckpt or best.ckpt of a run")
    state, prefix = torch.load(checkpoint, map_location="cpu", weights_only=True), "network."
    weights = {name[len(prefix) :]: value for name, value in state["state_dict"].items() if name.startswith(prefix)}
    with torch.device("meta"):
        wanted = networks.build(experiment.network, **experiment.arguments).state_dict()
    for name in wanted.keys() & weights.keys() & {"head.0.weight"}:
        weights[name] = _widened(weights[name], wanted[name].shape[1])
    if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in wanted.items()}:
        raise InputError(f"{checkpoint}: not of {experiment.network} {experiment.arguments}; begin with a run of the same network")
    steps, seconds = load_start_weights(state)
    return Start(weights, steps, seconds)


def load_start_weights(checkpoint: dict) -> tuple[int, float | None]:
    """Steps and seconds (None: not known) that a loaded checkpoint took, with those of the run that it began with."""
    own = checkpoint.get("crend", {})
    before = own.get("before", {"steps": 0, "seconds": 0.0})
    known = None not in (own.get("seconds"), before["seconds"])
    return int(checkpoint["global_step"]) + before["steps"], float(own["seconds"]) + before["seconds"] if known else None


def _widened(weight, inputs: int):
    """weight (outputs, n, 1) with zeros for inputs n to `inputs`."""
    import torch

    return torch.nn.functional.pad(weight, (0, 0, 0, max(0, inputs - weight.shape[1])))
