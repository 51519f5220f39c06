"""Simulated volumes, one process a core, skipping those already there: as cases, or as files."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from ..configuration.experiment import Experiment
from .cases import case_names, write_case
from .volumes import Entry

EMPTY_EVERY = 3  # seeds, of the plain scenes beside others


def case_name(seed: int) -> str:
    """Name of the case that is simulated from `seed`."""
    return f"sim{seed:06d}"


def make_cases(experiment: Experiment, folder, seeds, *, processes: int | None = None, labelled: bool = True) -> None:
    """Simulates the volumes of `seeds` and writes them as cases of the experiment's grid into `folder`; without labels if asked to."""
    _make_cases(experiment, folder, seeds, processes, labelled, experiment.data.scene)


def make_plain_cases(experiment: Experiment, folder, seeds, *, processes: int | None = None) -> None:
    """As `make_cases`, of plain scenes, every third without an ovary."""
    _make_cases(experiment, folder, seeds, processes, True, "plain", EMPTY_EVERY)


def _make_cases(experiment: Experiment, folder, seeds, processes, labelled: bool, scene: str, empty_every: int = 0) -> None:
    folder = Path(folder)
    present = set(case_names(folder))
    missing = [seed for seed in seeds if case_name(seed) not in present]
    settings = {"spacing_mm": experiment.spacing_mm, "in_plane": experiment.in_plane, "normalisation": experiment.normalisation}
    _simulate(_make_case, missing, processes, folder, settings, labelled, scene, empty_every)


def make_volumes(folder, seeds, *, processes: int | None = None) -> list[Entry]:
    """Simulates the volumes of `seeds`, each with an ovary in it, into `folder`/NAME (volume.nrrd, labels.nrrd, parameters.json)."""
    folder, seeds = Path(folder), list(seeds)
    missing = [seed for seed in seeds if not (folder / case_name(seed) / "parameters.json").is_file()]
    _simulate(_make_volume, missing, processes, folder)
    names = [case_name(seed) for seed in seeds]
    return [Entry(name, folder / name / "volume.nrrd", folder / name / "labels.nrrd") for name in names]


def _simulate(make, seeds, processes, *arguments) -> None:
    from tqdm import tqdm

    if not seeds:
        return
    with ProcessPoolExecutor(processes or os.cpu_count() or 1) as pool:
        running = [pool.submit(make, seed, *arguments) for seed in seeds]
        for done in tqdm(as_completed(running), total=len(running), desc="simulated volumes", unit="volume"):
            done.result()


def _make_case(seed: int, folder: Path, settings: dict, labelled: bool, scene: str, empty_every: int) -> None:
    from ..phantom import make_phantom

    # Where nothing is asked for, the seed draws whether there is an ovary.
    phantom = make_phantom(seed, scene=scene, **({"empty": seed % empty_every == 0} if empty_every else {}))
    truth = (phantom.ovary, phantom.follicles) if labelled else (None, None)
    write_case(folder, case_name(seed), phantom.volume, *truth, about={"seed": seed}, **settings)


def _make_volume(seed: int, folder: Path) -> None:
    from ..phantom import make_phantom, write_phantom

    # parameters.json comes last, so it says that the others are whole. An empty volume could not be measured.
    write_phantom(make_phantom(seed, empty=False), folder / case_name(seed))
