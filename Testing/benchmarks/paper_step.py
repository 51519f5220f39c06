"""One step of `paper.yaml` for each of the seven systems: what memory it needs, a real one on the processor, steps a second on an NVIDIA card.

    python Testing/benchmarks/paper_step.py [--width 32] [--only unet,crend] [--most-gib 10] [--out NAME]
    python Testing/benchmarks/paper_step.py --gpu [--seconds 30] [--out NAME]

Memory is that of the tensors at the peak of a step in single precision, found on torch's meta device, which computes nothing. A step that needs more than
--most-gib is not run on the processor. --gpu trains each system for --seconds in the configuration's precision, under ten minutes in all, and ends with a
line where torch has no CUDA device.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import nullcontext
from unittest import mock

from bench_tools import ROOT, finish, run_process, table

PAPER = ROOT / "training_pkg" / "crend_training" / "configs" / "paper.yaml"
GIB = 2**30


def paper(system: str, **changes):
    """The experiment of `paper.yaml` as `system` trains by it, with some settings changed."""
    import dataclasses

    from crend_training.configuration.experiment import for_system, read_experiment

    return dataclasses.replace(for_system(read_experiment(PAPER), system), **changes)


def players_of(experiment, device):
    """[(objective, the phase, {player: its optimizer})] of each phase of a new network on `device`."""
    import torch

    from crend import networks
    from crend_training.training.loop import objective_for

    torch.manual_seed(0)
    with torch.device(device):
        objective = objective_for(experiment, networks.build(experiment.network, **experiment.arguments))
    adam = {
        phase: {
            player: torch.optim.Adam(objective.parameters_of(player, phase), lr=experiment.learning_rate) for player in objective.players
        }
        for phase in range(objective.phases)
    }
    return [(objective, phase, adam[phase]) for phase in adam]


def patch_of(experiment, objective, phase: int, device) -> dict:
    """A patch of noise with a follicle in the middle of an ovary: image, labels and, where the phase needs it, context."""
    import torch

    shape = experiment.patch
    with torch.device(device):
        axes = torch.meshgrid(*[torch.linspace(-1, 1, side) for side in shape], indexing="ij")
        radius = torch.stack(axes).norm(dim=0)
        image = torch.randn(1, 1, *shape)
        labels = torch.stack([radius < 0.6, radius < 0.3]).float()[None]
        context = torch.rand(1, 2, *shape) if objective.needs_context(phase) else None
    return {"image": image, "labels": labels, "context": context}


def step(objective, phase: int, optimizers: dict, patch: dict, scaler=None) -> dict:
    """One step of every player; the losses of the network's, as tensors."""
    told = {}
    for player, optimizer in optimizers.items():
        parts = objective(patch["image"], patch["labels"], player=player, phase=phase, context=patch["context"])
        optimizer.zero_grad()
        (parts["loss"] if scaler is None else scaler.scale(parts["loss"])).backward()
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()
        told.update({name: part.detach() for name, part in parts.items() if player == "network"})
    return told


def peak_gib(experiment, device: str = "meta") -> float:
    """GiB of tensors at the peak of a step, parameters, gradients and Adam's state included: the largest of the phases'."""
    import torch
    import torch.fx.experimental._config as shapes
    from torch.distributed._tools.mem_tracker import MemTracker

    found = []
    # On the meta device no point has a probability: as many as can be count as confident. Autocast does not know the device.
    meta = (mock.patch.object(shapes, "meta_nonzero_assume_all_nonzero", True), mock.patch.object(torch, "autocast", _off))
    with meta[0] if device == "meta" else nullcontext(), meta[1] if device == "meta" else nullcontext():
        for objective, phase, optimizers in players_of(experiment, device):
            patch = patch_of(experiment, objective, phase, device)
            step(objective, phase, optimizers, patch)  # Adam's state is there from the second step on
            tracker = MemTracker()
            tracker.track_external(objective, *optimizers.values(), *(part for part in patch.values() if part is not None))
            with tracker:
                for player, optimizer in optimizers.items():
                    step(objective, phase, {player: optimizer}, patch)
                    tracker.reset_mod_stats()  # or it refuses to see a network twice
            found.append(max(sum(v for k, v in each.items() if k == "Total") for each in tracker.get_tracker_snapshot("peak").values()))
    return max(found) / GIB


def _off(*_, **__):
    return nullcontext()


def real_step(experiment) -> dict:
    """The losses of one step on the processor, of the last phase."""
    losses = {}
    for objective, phase, optimizers in players_of(experiment, "cpu"):
        patch = patch_of(experiment, objective, phase, "cpu")
        losses = {name: float(value) for name, value in step(objective, phase, optimizers, patch).items()}
    return losses


def on_card(experiment, seconds: float) -> dict:
    """{"steps a second", "GiB"} on the card in the experiment's precision, of the phase that takes longest."""
    import torch

    found = []
    for objective, phase, optimizers in players_of(experiment, "cuda"):
        patch = patch_of(experiment, objective, phase, "cuda")
        scaler = torch.amp.GradScaler("cuda") if experiment.precision == "16-mixed" else None
        mixed = torch.autocast("cuda", torch.float16) if scaler else nullcontext()
        torch.cuda.reset_peak_memory_stats()
        began, steps = time.perf_counter(), 0
        while steps < 4 or time.perf_counter() - began < seconds / objective.phases:
            with mixed:
                step(objective, phase, optimizers, patch, scaler)
            torch.cuda.synchronize()
            steps += 1
            if steps == 2:  # the first set up
                began, steps = time.perf_counter(), 2
        found.append(((steps - 2) / (time.perf_counter() - began), torch.cuda.max_memory_allocated() / GIB))
        del objective, optimizers, patch
        torch.cuda.empty_cache()
    return {"steps a second": min(rate for rate, _ in found), "GiB": max(memory for _, memory in found)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--only", default="", help="some of the systems, with commas")
    parser.add_argument("--most-gib", type=float, default=10)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--out")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    settings = {"arguments": {"width": arguments.width}}
    if arguments.step:
        print(json.dumps(real_step(paper(arguments.step, **settings))))
        return None
    import torch

    from crend import networks

    systems = [name for name in arguments.only.split(",") if name] or list(networks.CLASSES_BY_NAME)
    rows, figures = [], {}
    if arguments.gpu:
        if not torch.cuda.is_available():
            return finish(
                "A step of paper.yaml on a card", "no card: torch has no CUDA device here; nothing was measured.", {}, arguments.out
            )
        for system in systems:
            figures[system] = on_card(paper(system, **settings), min(arguments.seconds, 60))
            rows.append((system, figures[system]["steps a second"], figures[system]["GiB"]))
        title = f"A step of paper.yaml on {torch.cuda.get_device_name()}"
        return finish(title, table(("system", "steps a second", "peak GiB"), rows), figures, arguments.out)
    for system in systems:
        needed = peak_gib(paper(system, **settings))
        figures[system] = {"tensors_gib": needed}
        if needed > arguments.most_gib:
            rows.append((system, needed, "not run", f"more than {arguments.most_gib:g} GiB"))
            continue
        done = run_process([__file__, "--step", system, "--width", arguments.width])
        losses = json.loads(done["said"][-1])
        figures[system].update({"losses": losses, "process_gib": done["peak"] / 1024})
        rows.append((system, needed, done["peak"] / 1024, ", ".join(f"{name} {value:.3g}" for name, value in losses.items())))
    head = ("system", "tensors GiB", "the process's peak GiB", "losses")
    finish(f"A step of paper.yaml, width {arguments.width}", table(head, rows), figures, arguments.out)


if __name__ == "__main__":
    main()
