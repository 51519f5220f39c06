"""From an experiment's `data` to volumes on disk and cases on the model grid."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from crend.bundle.learned import facts_of
from crend.errors import InputError

from ..configuration.experiment import Data, Experiment
from .cases import Cases, TrainingCases, case_facts, case_names, check_prepared, grid_settings, write_case
from .checking import check_entries, usable
from .findings import Finding
from .lists import read_datalist
from .simulated import case_name, make_cases, make_plain_cases, make_volumes
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
    return [entry for entry in _own_entries(data) if entry.labelled or entry.labels_lost]


def prepare_training(experiment: Experiment, folder, *, processes: int | None = 1, tell=print) -> TrainingCases:
    """Fills `folder`/training, validation and unlabelled with the experiment's cases and returns them; what is there is kept.

    InputError where `data: problems` is "refuse" and a volume is wrong; with "skip" `tell` is called with what is left out. InputError, too,
    where `folder` holds a case of a volume that the list no longer has in that split: it would be trained on, though it is for testing now.
    Simulated cases of other seeds may be there, they are not returned.
    """
    folder, data = Path(folder), experiment.data
    if data.kind == "simulated":
        seeds = {
            "validation": range(data.validation_first_seed, data.validation_last_seed),
            "training": range(data.first_seed, data.last_seed),
            "unlabelled": range(data.unlabelled_first_seed, data.unlabelled_last_seed),
        }
        plain = range(data.plain_first_seed, data.plain_last_seed)
        for split, some in seeds.items():
            make_cases(experiment, folder / split, some, labelled=split != "unlabelled")
        make_plain_cases(experiment, folder / "training", plain)
        names = {split: [case_name(seed) for seed in some] for split, some in seeds.items()}
        return _cases_of(folder, {**names, "training": [*names["training"], *map(case_name, plain)]})
    entries = checked(_own_entries(data), data, tell)
    splits = {split: [entry for entry in entries if entry.split == split] for split in ("training", "validation", "unlabelled")}
    for split, some in splits.items():
        _refuse_others(folder / split, {entry.name for entry in some})
    for split, some in splits.items():
        write_cases(experiment, folder / split, some, processes=processes)
    return _cases_of(folder, {split: [entry.name for entry in some] for split, some in splits.items()})


def checked(entries, data: Data, tell=print, *, splits: bool = True) -> list[Entry]:
    """The entries that may be trained on; see `checking.usable`. splits: as `checking.check_entries` takes it."""
    findings: list[Finding] = check_entries(entries, outside_percent=data.outside_percent, splits=splits)
    kept = usable(entries, findings, data.problems)
    for finding in findings:
        tell(str(finding))
    if len(kept) < len(entries):
        tell(f"{len(entries) - len(kept)} of {len(entries)} volumes are left out")
    return kept


def write_cases(experiment: Experiment, folder, entries, *, processes: int | None = 1) -> None:
    """Puts volumes on the experiment's model grid, one case each, unless it is there and image and labels are what they were.

    InputError where a case is there on another grid, or normalised in another way.
    """
    folder = Path(folder)
    present = set(case_names(folder))
    there = tuple(entry.name for entry in entries if entry.name in present)
    check_prepared(Cases(folder, there), grid_settings(experiment.spacing_mm, experiment.in_plane), experiment.normalisation)
    if processes == 1:
        for entry in entries:
            _write_case(entry, folder, experiment, entry.name in present)
    elif entries:
        with ProcessPoolExecutor(processes or os.cpu_count() or 1) as pool:
            list(pool.map(_write_case, *zip(*((entry, folder, experiment, entry.name in present) for entry in entries))))


def _write_case(entry: Entry, folder: Path, experiment: Experiment, present: bool) -> None:
    image, labels = read_volume(entry)
    source = _digest(image, labels)
    if present and case_facts(folder, entry.name).get("source") == source:
        return
    ovary, follicles = (labels.ovary, labels.follicles) if labels else (None, None)
    about = {"image": str(entry.image), "volume_spacing_mm": list(image.GetSpacing()), "source": source, **facts_of(image)}
    settings = {"spacing_mm": experiment.spacing_mm, "in_plane": experiment.in_plane, "normalisation": experiment.normalisation}
    write_case(folder, entry.name, image, ovary, follicles, about=about, **settings)


def _digest(image, labels) -> str:
    """sha256 of voxels and geometry: the same wherever the files lie and however they are compressed."""
    import SimpleITK as sitk

    digest = hashlib.sha256()
    for part in (image, labels.ovary, labels.follicles) if labels else (image,):
        array = sitk.GetArrayViewFromImage(part)
        digest.update(repr((array.dtype.str, array.shape, part.GetSpacing(), part.GetOrigin(), part.GetDirection())).encode())
        digest.update(array.data)
    return digest.hexdigest()


def _refuse_others(folder: Path, names: set[str]) -> None:
    others = [name for name in case_names(folder) if name not in names]
    if others:
        raise InputError(
            f"{folder}/{others[0]}: prepared before, but the list no longer has this volume in split '{folder.name}'; give another folder "
            f"(--data; of finetune --out or --work), or delete {folder}"
        )


def _cases_of(folder: Path, names: dict) -> TrainingCases:
    return TrainingCases(*(Cases(folder / split, tuple(names[split])) for split in ("training", "validation", "unlabelled")))


def _own_entries(data: Data) -> list[Entry]:
    if not data.path:
        raise InputError(f"data: kind '{data.kind}' needs 'path'")
    path = Path(data.path)
    if data.kind == "usova3d" and not path.is_dir():
        raise InputError(f"{path}: no such folder; give that of the USOVA3D volumes as 'data: path'")
    return entries_at(path, data)
