"""Fills a folder with simulated cases, one process a core, skipping those already there."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from .cases import case_names, write_case
from .configuration import Experiment


def case_name(seed: int) -> str:
    return f"sim{seed:06d}"


def make_cases(experiment: Experiment, folder, seeds, *, processes: int | None = None) -> None:
    """Simulates the volumes of `seeds` and writes them as cases of the experiment's grid into `folder`."""
    from tqdm import tqdm

    folder = Path(folder)
    present = set(case_names(folder))
    missing = [seed for seed in seeds if case_name(seed) not in present]
    if not missing:
        return
    processes = processes or os.cpu_count() or 1
    with ProcessPoolExecutor(processes) as pool:
        running = [pool.submit(_make, seed, folder, experiment.spacing_mm, experiment.normalisation) for seed in missing]
        for done in tqdm(as_completed(running), total=len(running), desc="simulated volumes", unit="volume"):
            done.result()


def _make(seed: int, folder: Path, spacing_mm, normalisation) -> None:
    from .phantom import make_phantom

    phantom = make_phantom(seed)
    write_case(
        folder,
        case_name(seed),
        phantom.volume,
        phantom.ovary,
        phantom.follicles,
        spacing_mm=spacing_mm,
        normalisation=normalisation,
        about={"seed": seed},
    )
