"""Training steps a second of the seven systems, and what share of the time waits for data.

    python Testing/benchmarks/bench_training.py [--width 8] [--side 48] [--steps 24] [--workers 1] [--out NAME]

Two small cases of a ball within a ball, patches of --side voxels; lightning's own profiler says how long each step took, and how long it waited for its patch.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import tempfile
from pathlib import Path
from unittest import mock

from bench_tools import finish, table

from crend import networks

SKIPPED = 3  # the first steps set up
NEXT, STEP = "[_TrainingEpochLoop].train_dataloader_next", "run_training_batch"


def steps_of(system: str, arguments, folder: Path) -> dict:
    """{"seconds" a step, median; "waits": share of the time that waits for data} of one system."""
    import lightning as L
    import torch
    from lightning.pytorch.profilers import SimpleProfiler
    from training_samples import TINY, write_ball_cases

    from crend_training.training.train import train

    torch.set_num_threads(os.cpu_count() or 1)  # training_samples wants one, for tests
    experiment = dataclasses.replace(
        TINY, network=system, arguments={"width": arguments.width}, patch=(arguments.side,) * 3, steps=arguments.steps, workers=arguments.workers,
        points=arguments.side**3 // 8, validate_every=arguments.steps, checkpoint_every=arguments.steps,
    )  # fmt: skip
    cases = write_ball_cases(folder / "cases", parts=("training",))
    profiler, trainer = SimpleProfiler(), L.Trainer
    with mock.patch.object(L, "Trainer", lambda **settings: trainer(**settings, profiler=profiler)):
        train(experiment, cases, folder / "run", progress=False)
    waited, stepped = (profiler.recorded_durations[name][SKIPPED:] for name in (NEXT, STEP))
    return {"seconds": statistics.median(stepped), "waits": sum(waited) / (sum(waited) + sum(stepped))}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--side", type=int, default=48)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    found = {}
    for system in networks.CLASSES_BY_NAME:
        with tempfile.TemporaryDirectory() as folder:
            found[system] = steps_of(system, arguments, Path(folder))
    unet = found["unet"]["seconds"]
    rows = [
        (name, each["seconds"], 1 / each["seconds"], each["seconds"] / unet, f"{100 * each['waits']:.0f} %") for name, each in found.items()
    ]
    text = (
        f"Width {arguments.width}, patches of {arguments.side}^3 voxels, {arguments.steps} steps, {arguments.workers} process(es) that prepare patches.\n\n"
        + table(("system", "s a step", "steps a second", "against the U-Net", "waits for data"), rows)
    )
    finish("Training steps", text, found, arguments.out)


if __name__ == "__main__":
    main()
