"""What a step of fine-tuning and a volume cost on this machine, found out by doing them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from crend.bundle import bundle as bundles


@dataclass(frozen=True)
class Costs:
    """Seconds of a step of each network ("close look", "first look") and of a volume that is segmented; device in words."""

    step: dict
    volume: float
    device: str


def measure_costs(base, subject) -> Costs:
    """Two steps of each network of the bundle `base`, on noise, of which the second counts; and the volume of `subject` once."""
    import torch

    from crend.predict import segment

    from .finetuning import experiment_of

    loaded = bundles.load(base)
    block = loaded.metadata["crend"]
    parts = {"close look": (loaded.network, block)} | ({"first look": (loaded.overview, block["overview"])} if "overview" in block else {})
    steps = {which: _step(network, experiment_of(which, part)) for which, (network, part) in parts.items()}
    truth = subject.read()
    began = time.monotonic()
    segment(truth.volume, loaded, name=str(subject.name))
    took = time.monotonic() - began
    gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() != 1)}"
    return Costs(steps, took, device)


def _step(network, experiment) -> float:
    """Seconds of one step of training a copy of `network`."""
    import copy

    import torch

    from ..data.patches import guided
    from ..training.loop import objective_for

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = copy.deepcopy(network).to(device).train()
    objective = objective_for(experiment, network)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-6)
    image = torch.randn(experiment.batch, 1, *experiment.patch, device=device)
    labels = (torch.rand(experiment.batch, 2, *experiment.patch, device=device) > 0.5).float()
    context = torch.rand(experiment.batch, 2, *experiment.patch, device=device) if guided(experiment) else None
    took = 0.0
    for _ in range(2):
        began = time.monotonic()
        loss = objective(image, labels, context=context)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        float(loss.detach())  # waits for the device
        took = time.monotonic() - began
    return took
