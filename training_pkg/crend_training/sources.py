"""From an experiment's `data` to volumes on disk and cases on the model grid."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from crend.errors import InputError

from .cases import case_names, write_case
from .checking import Finding, check_entries, usable
from .configuration import Data, Experiment
from .datalist import read_datalist
from .simulated import make_cases, make_volumes
from .usova3d import find_usova3d
from .volumes import Entry, read_volume


def entries_at(path, data: Data | None = None) -> list[Entry]:
    """Entries of a CSV or JSON list, or of a folder of USOVA3D."""
    data, path = data or Data(), Path(path)
    if path.is_dir():
        return find_usova3d(path, rater=data.rater, components=data.follicles == "components")
    return read_datalist(path, components=data.follicles == "components")


def volumes_of(experiment: Experiment, folder, *, processes: int | None = None) -> list[Entry]:
    """All labelled volumes of an experiment, as files. Simulated ones are made in `folder`, unless they are there."""
    data = experiment.data
    if data.kind == "simulated":
        return make_volumes(folder, range(data.first_seed, data.last_seed), processes=processes)
    return [entry for entry in _own_entries(data) if entry.labelled]


def prepare_training(experiment: Experiment, folder, *, processes: int | None = 1, tell=print) -> None:
    """Fills `folder`/training, validation and unlabelled with the experiment's cases; what is there is kept.

    InputError where `data: problems` is "refuse" and a volume is wrong; with "skip" `tell` is called with what is left out.
    """
    folder, data = Path(folder), experiment.data
    if data.kind == "simulated":
        make_cases(experiment, folder / "validation", range(data.validation_first_seed, data.validation_last_seed))
        make_cases(experiment, folder / "training", range(data.first_seed, data.last_seed))
        make_cases(experiment, folder / "unlabelled", range(data.unlabelled_first_seed, data.unlabelled_last_seed), labelled=False)
        return
    entries = checked(_own_entries(data), data, tell)
    for split in ("training", "validation", "unlabelled"):
        write_cases(experiment, folder / split, [entry for entry in entries if entry.split == split], processes=processes)


def checked(entries, data: Data, tell=print) -> list[Entry]:
    """The entries that may be trained on; see `checking.usable`."""
    findings: list[Finding] = check_entries(entries, outside_percent=data.outside_percent)
    kept = usable(entries, findings, data.problems)
    for finding in findings:
        tell(str(finding))
    if len(kept) < len(entries):
        tell(f"{len(entries) - len(kept)} of {len(entries)} volumes are left out")
    return kept


def write_cases(experiment: Experiment, folder, entries, *, processes: int | None = 1) -> None:
    """Puts volumes on the experiment's model grid, one case each, unless it is there."""
    folder = Path(folder)
    present = set(case_names(folder))
    missing = [entry for entry in entries if entry.name not in present]
    if processes == 1:
        for entry in missing:
            _write_case(entry, folder, experiment)
    elif missing:
        with ProcessPoolExecutor(processes or os.cpu_count() or 1) as pool:
            list(pool.map(_write_case, missing, [folder] * len(missing), [experiment] * len(missing)))


def _write_case(entry: Entry, folder: Path, experiment: Experiment) -> None:
    image, labels = read_volume(entry)
    ovary, follicles = (labels.ovary, labels.follicles) if labels else (None, None)
    about = {"image": str(entry.image), "volume_spacing_mm": list(image.GetSpacing())}
    settings = {"spacing_mm": experiment.spacing_mm, "normalisation": experiment.normalisation}
    write_case(folder, entry.name, image, ovary, follicles, about=about, **settings)


def _own_entries(data: Data) -> list[Entry]:
    if not data.path:
        raise InputError(f"data: kind '{data.kind}' needs 'path'")
    path = Path(data.path)
    if data.kind == "usova3d" and not path.is_dir():
        raise InputError(f"{path}: no such folder; give that of the USOVA3D volumes as 'data: path'")
    return entries_at(path, data)
