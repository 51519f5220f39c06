"""Trains one system from one experiment; a run that was killed goes on from its last checkpoint exactly as if it had not been."""

from __future__ import annotations

import json
import logging
import os
import warnings
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Callable

import torch

from crend import networks
from crend.errors import InputError
from crend.io.locking import locked

from ..configuration.experiment import Experiment, phase_steps
from ..data.cases import TrainingCases, check_prepared, grid_settings
from .checkpoints import read_checkpoint
from .plan import Plan
from .records import write_learned, write_records
from .resume import check_identity, identity
from .starting import Start, load_start_weights

LAST, BEST = "last.ckpt", "best.ckpt"


def train(
    experiment: Experiment,
    data_folder,
    run_folder,
    *,
    cases: TrainingCases | None = None,
    start: Start | None = None,
    progress: bool = True,
    stepped: Callable[[int], None] | None = None,
) -> Path:
    """Trains to the end of the plan and returns the last checkpoint; cases default to those of `data_folder`.

    run_folder gets last.ckpt, best.ckpt (best mean Dice of the validation cases), train.csv, validation.csv, TensorBoard's files,
    experiment.json (settings, seed, versions, command) and history.jsonl (a line for each start). A run found there is resumed: patches,
    augmentation, points, optimizers, averages and rates go on as in an uninterrupted run. On the CPU in float32, with as many threads, the loss
    curve is the same to the last digit; some CUDA kernels, and bfloat16 on the CPU, add up in no fixed order: there it is the same but for rounding.

    start: weights to begin with, instead of random ones; a run that is resumed has gone on from there. stepped(step): after each step.

    InputError when there are no cases or cases on another grid, for mixed precision that this machine lacks, when another process trains in the
    folder, or when its checkpoint belongs to another experiment, finished or not: other settings than those that `identity.FREE` names, other
    cases, other weights to begin with. ArithmeticError when the losses or the weights are no longer finite.
    """
    import lightning as L

    from ..objectives import OBJECTIVES
    from .loop import Training

    cases = cases or TrainingCases.of_folder(data_folder)
    _check(experiment, cases)
    run_folder = Path(run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    with quiet(), nullcontext() if rank() else locked(run_folder):
        plan = Plan(phase_steps(experiment, len(cases.training.names())), OBJECTIVES[experiment.network].phases, experiment.validate_every)
        L.seed_everything(experiment.seed, workers=True, verbose=False)
        module = Training(experiment, plan)
        module.identity = identity(experiment, cases, start.weights if start else None)
        checkpoint = _last_checkpoint(run_folder / LAST)
        if checkpoint is not None:
            _restore(module, checkpoint, run_folder / LAST)
        elif start is not None:
            module.begin_with(start)
        if not rank():
            write_learned(experiment, cases, run_folder)
        if module.step < plan.total:
            _fit(module, checkpoint, cases, run_folder, progress, stepped)
    return run_folder / LAST


def _fit(module, checkpoint, cases: TrainingCases, run_folder: Path, progress: bool, stepped) -> None:
    """From the module's step to the end of its plan."""
    import lightning as L
    from lightning.pytorch.callbacks import TQDMProgressBar

    from .curves import Curves
    from .running import KeepCheckpoints, PatchData

    experiment, precision, curves = module.experiment, precision_here(module.experiment.precision), None
    if not rank():
        curves = Curves(run_folder, module.step, experiment.tensorboard)
        write_records(experiment, run_folder, step=module.step, total=module.plan.total, precision=precision)
    callbacks = [KeepCheckpoints(run_folder, curves, checkpoint, stepped)]
    if progress:
        callbacks.append(TQDMProgressBar(refresh_rate=20))
    several = experiment.devices * experiment.nodes > 1
    trainer = L.Trainer(
        max_epochs=len(module.plan.boundaries_after(module.step)),
        precision=precision,
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=experiment.devices,
        num_nodes=experiment.nodes,
        strategy="ddp_find_unused_parameters_true" if several else "auto",
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=progress,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        limit_val_batches=None if cases.validation.names() else 0,
    )
    try:
        trainer.fit(module, datamodule=PatchData(experiment, cases, run_folder))
    finally:
        if curves:
            curves.close()


def load_checkpoint(experiment: Experiment, checkpoint):
    """The network of a checkpoint (averaged weights where the run kept an average) and the steps it has trained, those of its start included."""
    checkpoint = Path(checkpoint)
    if not checkpoint.is_file():
        raise InputError(f"{checkpoint}: no checkpoint there; train first")
    state = read_checkpoint(checkpoint)
    prefix = "network."
    weights = {k[len(prefix) :]: v for k, v in state["state_dict"].items() if k.startswith(prefix)}
    network = networks.build(experiment.network, **experiment.arguments)
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise InputError(
            f"{checkpoint}: not of {experiment.network} {experiment.arguments}; give the configuration that it was trained with"
        ) from None
    return network.eval(), load_start_weights(state)[0]


def time_and_device(run_folder, checkpoint: str = LAST) -> str | None:
    """How long a run has trained up to a checkpoint, validation included, and on what; None where the run did not write it down."""
    run_folder = Path(run_folder)
    try:
        _, seconds = load_start_weights(read_checkpoint(run_folder / checkpoint))
        device = json.loads((run_folder / "experiment.json").read_text(encoding="utf-8"))["device"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if seconds is None:
        return None
    return f"{seconds / 3600:.1f} hours on {device}" if seconds >= 360 else f"{seconds / 60:.1f} minutes on {device}"


def rank() -> int:
    """Of this process among those that train together (torchrun, SLURM, Lightning's own launcher); 0 when it is alone."""
    return next((int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID") if int(os.environ.get(name, "0"))), 0)


@contextmanager
def quiet():
    """Keeps Lightning's advice (more workers, other intervals) from the terminal."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero", "lightning.fabric")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        warnings.filterwarnings("ignore", message=r".*(does not have many workers|pin_memory|isinstance\(treespec).*")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before):
                logger.setLevel(level)


def _check(experiment: Experiment, cases: TrainingCases) -> None:
    if not cases.training.names():
        raise InputError(f"{cases.training.folder}: no cases to train on; run `crend_training prepare` first")
    if experiment.semi_weight and not cases.unlabelled.names():
        raise InputError(f"{cases.unlabelled.folder}: no unlabelled cases, but 'semi_weight' asks for them; prepare them or set it to 0")
    for some in (cases.training, cases.validation, cases.unlabelled):
        check_prepared(some, grid_settings(experiment.spacing_mm, experiment.in_plane), experiment.normalisation)
    precision_here(experiment.precision)


def precision_here(precision: str) -> str:
    """`precision`, with "auto" resolved: bf16-mixed on a graphics card that has it, else 32-true.

    InputError for a precision that this machine lacks. A CPU without bfloat16 instructions emulates them, ten times slower than
    float32; with them a step takes half the time of float32, but adds up in no fixed order: the same seed then gives another run each time,
    so "auto" leaves it alone.
    """
    if precision == "auto":
        return "bf16-mixed" if torch.cuda.is_available() and _computes_bfloat16() else "32-true"
    if precision == "32-true" or torch.cuda.is_available() or (precision == "bf16-mixed" and _computes_bfloat16()):
        return precision
    also = " or a CPU with bfloat16 instructions" if precision == "bf16-mixed" else ""
    raise InputError(f"precision '{precision}' needs a CUDA device{also} and there is none here; use 32-true or auto")


def _computes_bfloat16() -> bool:
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()


def _last_checkpoint(path: Path):
    return read_checkpoint(path) if path.is_file() else None


def _restore(module, checkpoint, path: Path) -> None:
    if "crend" not in checkpoint:
        raise InputError(f"{path}: this checkpoint can be bundled but not trained further; train in a new folder")
    if "identity" in checkpoint["crend"]:
        check_identity(checkpoint["crend"]["identity"], module.identity, path)
    try:
        module.restore(checkpoint)
    except (RuntimeError, KeyError, TypeError, ValueError):
        raise InputError(f"{path}: of another network or other settings; train in a new folder") from None
    if checkpoint["crend"]["seed"] != module.experiment.seed:
        raise InputError(f"{path}: trained with seed {checkpoint['crend']['seed']}, not {module.experiment.seed}; train in a new folder")
