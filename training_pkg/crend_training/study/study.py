"""A cross-validation on disk: its settings, volumes and folds in study.json, one folder a run (SYSTEM/foldK) beside it."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from crend.errors import InputError

from ..configuration.experiment import Experiment, experiment_from, for_system
from ..data.cases import Cases
from ..data.folds import Fold, make_folds
from ..data.sources import checked, volumes_of, write_cases
from ..data.volumes import Entry
from ..training.train import TrainingCases

DONE, FAILED = "done.json", "failed.txt"


@dataclass(frozen=True)
class Study:
    """A prepared cross-validation."""

    folder: Path
    cases: Path
    experiment: Experiment
    entries: dict[str, Entry]
    folds: tuple[Fold, ...]

    def runs(self) -> list[tuple[str, int]]:
        """(system, fold), folds counted from 0; all systems of a fold before the next fold."""
        return [(system, fold) for fold in range(len(self.folds)) for system in self.experiment.crossval.systems]

    def run_folder(self, system: str, fold: int) -> Path:
        return self.folder / system / f"fold{fold}"

    def is_done(self, system: str, fold: int) -> bool:
        return (self.run_folder(system, fold) / DONE).is_file()

    def experiment_of(self, system: str) -> Experiment:
        return for_system(self.experiment, system)

    def training_cases(self, fold: int) -> TrainingCases:
        """Unlabelled cases are not part of a cross-validation."""
        chosen = self.folds[fold]
        return TrainingCases(*(Cases(self.cases, names) for names in (chosen.training, chosen.validation, ())))


def parse_run(text: str) -> tuple[str, int]:
    """ "crend:0" -> ("crend", 0). InputError for anything else."""
    system, _, fold = text.partition(":")
    if not fold.isdecimal():
        raise InputError(f"--only {text}: must be SYSTEM:FOLD, such as crend:0")
    return system, int(fold)


def prepare_study(experiment: Experiment, data, out, *, processes: int | None = None, tell=print) -> Study:
    """Reads and checks the volumes, makes their cases in `data`/cases, draws the folds and writes `out`/study.json; or opens the
    study that is there. InputError when `out` holds a study with other settings."""
    data, out = Path(data), Path(out)
    if (out / "study.json").is_file():
        study = open_study(out, data)
        if _plain(study.experiment) != _plain(experiment):
            changed = [key for key, value in _plain(experiment).items() if _plain(study.experiment).get(key) != value]
            raise InputError(f"{out}: holds a study with other settings ({', '.join(changed)}); choose another folder")
        return study
    entries = volumes_of(experiment, data / "volumes", processes=processes)
    if experiment.data.kind != "simulated":
        entries = checked(entries, experiment.data, tell, splits=False)
    chosen = experiment.crossval
    folds = make_folds(entries, chosen.folds, chosen.test, chosen.validation, experiment.seed)
    write_cases(experiment, data / "cases", entries, processes=processes)
    content = {
        "experiment": dataclasses.asdict(experiment),
        "entries": [dataclasses.asdict(entry) for entry in entries],
        "folds": [dataclasses.asdict(fold) for fold in folds],
    }
    temporary = out / f".study.{os.getpid()}"
    temporary.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
    os.replace(temporary, out / "study.json")
    return open_study(out, data)


def open_study(out, data=None) -> Study:
    """The study in `out`. InputError when there is none."""
    out = Path(out)
    try:
        content = json.loads((out / "study.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{out}: holds no study.json; run `crend_training crossval` first") from None
    entries = {item["name"]: _entry(item) for item in content["entries"]}
    folds = tuple(Fold(**{key: tuple(names) for key, names in item.items()}) for item in content["folds"])
    experiment = experiment_from(content["experiment"], str(out / "study.json"))
    return Study(out, Path(data) / "cases" if data else Path(), experiment, entries, folds)


def _entry(item: dict) -> Entry:
    paths = {key: tuple(Path(p) for p in item[key]) for key in ("ovaries", "follicles")}
    label = Path(item["label"]) if item["label"] else None
    spacing = tuple(item["spacing_mm"]) if item["spacing_mm"] else None
    contents = tuple(item.get("contents", ("", "")))
    return Entry(**{**item, **paths, "contents": contents, "image": Path(item["image"]), "label": label, "spacing_mm": spacing})


def _plain(experiment: Experiment) -> dict:
    """What makes two studies the same; where and how fast they run does not."""
    values = json.loads(json.dumps(dataclasses.asdict(experiment)))
    return {key: value for key, value in values.items() if key not in ("workers", "devices", "nodes", "tensorboard")}
