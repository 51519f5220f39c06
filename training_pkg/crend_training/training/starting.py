"""Weights of another run to begin with, instead of random ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crend import networks
from crend.bundle import bundle as bundles
from crend.errors import InputError
from crend.inference.model_grid import describe_grid

from ..configuration.experiment import Experiment
from ..data.cases import grid_settings
from .checkpoints import read_checkpoint


@dataclass(frozen=True)
class Start:
    """A state dict of the network, and what it took: steps, and seconds where they are known. A run that begins with it adds to both."""

    weights: dict
    steps: int = 0
    seconds: float | None = 0.0


def start_of(experiment: Experiment, checkpoint) -> Start:
    """The (averaged) weights of a checkpoint, or of a bundle (its name or folder), as a start for `experiment`.

    Of a bundle it is the network on the experiment's grid: the close look or the overview. How long that took to train is not known.

    Where the experiment's network has `detail`, or is `guided`, and the checkpoint's was not, what it did not see before gets a weight of 0, so
    that the run begins with the same predictions. InputError for a checkpoint that is missing or of another network.
    """
    import torch

    checkpoint = Path(checkpoint)
    if not checkpoint.is_file() and (checkpoint.is_dir() or checkpoint.name in {found.name for found in bundles.available()}):
        return _start_of_bundle(experiment, checkpoint)
    if not checkpoint.is_file():
        raise InputError(f"{checkpoint}: no checkpoint there; give the last.ckpt or best.ckpt of a run, or a bundle")
    state, prefix = read_checkpoint(checkpoint), "network."
    weights = {name[len(prefix) :]: value for name, value in state["state_dict"].items() if name.startswith(prefix)}
    with torch.device("meta"):
        wanted = networks.build(experiment.network, **experiment.arguments).state_dict()
    weights = _fitted(weights, wanted)
    if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in wanted.items()}:
        raise InputError(f"{checkpoint}: not of {experiment.network} {experiment.arguments}; begin with a run of the same network")
    steps, seconds = load_start_weights(state)
    return Start(weights, steps, seconds)


def _start_of_bundle(experiment: Experiment, name) -> Start:
    loaded = bundles.load(str(name))
    block = loaded.metadata["crend"]
    for part, network in ((block, loaded.network), (block.get("overview"), loaded.overview)):
        same = part and (part["network"], _unguided(part["arguments"])) == (experiment.network, _unguided(experiment.arguments))
        if same and np.allclose(part["spacing_mm"], experiment.spacing_mm) and list(part.get("in_plane") or []) == experiment.in_plane:
            wanted = networks.build(experiment.network, **experiment.arguments).state_dict()
            return Start(_fitted(network.state_dict(), wanted), 0, None)
    kind = f"{experiment.network} {experiment.arguments} at {describe_grid(grid_settings(experiment.spacing_mm, experiment.in_plane))}"
    raise InputError(f"{name}: has no network like that of the configuration ({kind})")


def _unguided(arguments: dict) -> dict:
    return {key: value for key, value in arguments.items() if key != "guided"}


def _fitted(weights: dict, wanted: dict) -> dict:
    """`weights` with 0 for the channels that the network of `wanted` sees and theirs did not: in the head (`detail`) and in the stem (`guided`)."""
    fitted = dict(weights)
    for name, widen, dimensions in (("head.0.weight", _widened, 3), ("encoder.stem.0.weight", _with_inputs, 5)):
        if name in wanted and name in fitted and fitted[name].ndim == dimensions:
            fitted[name] = widen(fitted[name], wanted[name].shape[1])
    return fitted


def load_start_weights(checkpoint: dict) -> tuple[int, float | None]:
    """Steps and seconds (None: not known) that a loaded checkpoint took, with those of the run that it began with."""
    own = checkpoint.get("crend", {})
    before = own.get("before", {"steps": 0, "seconds": 0.0})
    known = None not in (own.get("seconds"), before["seconds"])
    return int(checkpoint["global_step"]) + before["steps"], float(own["seconds"]) + before["seconds"] if known else None


def _with_inputs(weight, inputs: int):
    """weight (outputs, n, 3, 3, 3) of a stem with zeros for channels n to `inputs`."""
    import torch

    return torch.nn.functional.pad(weight, (0,) * 6 + (0, max(0, inputs - weight.shape[1])))


def _widened(weight, inputs: int):
    """weight (outputs, n, 1) with zeros for inputs n to `inputs`."""
    import torch

    return torch.nn.functional.pad(weight, (0, 0, 0, max(0, inputs - weight.shape[1])))
