"""One run of a cross-validation: train a system on a fold, bundle it, test it on volumes it never saw, look at its points."""

from __future__ import annotations

import json
import os
import platform
import time
import traceback
from pathlib import Path

import torch

from crend.io.locking import locked

from ..bundles.bundling import bundle_run
from ..data.volumes import read_volume
from ..evaluation.point_statistics import point_statistics
from ..training.train import BEST, LAST, load_checkpoint, train
from .study import DONE, FAILED, Study


def run_fold(study: Study, system: str, fold: int, *, device: str = "auto", engine: str = "auto", progress: bool = True) -> Path:
    """Goes on with the run where an earlier one stopped, at any point, and returns its folder; at once when it is done.

    Leaves: the training run's files, bundle/, volumes/NAME.json (all of `crend.comparison.metrics.compare`), predictions/NAME.seg.nrrd,
    points.json where the system renders, and done.json last. An error is written to failed.txt and raised.
    """
    folder = study.run_folder(system, fold)
    if study.is_done(system, fold):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FAILED).unlink(missing_ok=True)
    began = time.time()
    try:
        experiment, cases = study.experiment_of(system), study.training_cases(fold)
        train(experiment, study.cases, folder, cases=cases, progress=progress)
        with locked(folder):
            best = experiment.crossval.checkpoint == "best" and (folder / BEST).is_file()
            trained_on = f"{len(study.folds[fold].training)} volumes of a cross-validation's fold {fold}"
            bundle = bundle_run(experiment, folder, folder / "bundle", checkpoint=BEST if best else LAST, trained_on=trained_on)
            measure_volumes(bundle, [study.entries[name] for name in study.folds[fold].test], folder, device=device, engine=engine)
            network, steps = load_checkpoint(experiment, folder / (BEST if best else LAST))
            if network.head is not None and not (folder / "points.json").is_file():
                _write_json(folder / "points.json", point_statistics(experiment, network, study.cases, study.folds[fold].test))
            about = {
                "system": system,
                "fold": fold,
                "steps": steps,
                "parameters": sum(p.numel() for p in network.parameters()),
                "seed": experiment.seed,
                "seconds_since_last_start": round(time.time() - began),
                "versions": {"python": platform.python_version(), "torch": torch.__version__},
                "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
            }
            _write_json(folder / DONE, about)
    except BaseException:
        (folder / FAILED).write_text(traceback.format_exc(), encoding="utf-8")
        raise
    return folder


def measure_volumes(bundle, entries, folder, *, device: str = "auto", engine: str = "auto") -> None:
    """Segments each volume as a user would and compares at full resolution; volumes done before are left as they are."""
    from crend.bundle import bundle as bundles
    from crend.comparison.metrics import compare
    from crend.inference.engines import make_engine
    from crend.io.labels import Labels, write_labels
    from crend.predict import segment

    folder = Path(folder)
    for part in ("volumes", "predictions"):
        (folder / part).mkdir(exist_ok=True)
    missing = [entry for entry in entries if not (folder / "volumes" / f"{entry.name}.json").is_file()]
    if not missing:
        return
    model = bundles.load(bundle)
    engine = make_engine(model.model, device, engine)
    for entry in missing:
        image, labels = read_volume(entry)
        found = segment(image, model, engine=engine, name=str(entry.image))
        figures = compare(labels, Labels(found.ovary, found.follicles))
        figures.pop("definitions", None)
        figures["seconds"] = found.provenance["seconds"]
        write_labels(folder / "predictions" / f"{entry.name}.seg.nrrd", found.ovary, found.follicles)
        _write_json(folder / "volumes" / f"{entry.name}.json", figures)


def _write_json(path: Path, content) -> None:
    temporary = path.with_suffix(f".tmp{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
