"""What Lightning needs beside the step itself: the patches of each stretch between two boundaries, and checkpoints."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import lightning as L
from torch.utils.data import DataLoader

from crend.errors import InputError
from crend.io.atomic import reason_not_written

from ..data.guides import read_guide
from ..data.patches import Named, Patches, guided, training_patches
from ..data.stitched import read_context, write_contexts

VALIDATION_PATCHES = 3
"""Of each validation case."""


class PatchData(L.LightningDataModule):
    """Loaders for one stretch of the plan at a time: Lightning's epoch is what lies between two boundaries."""

    def __init__(self, experiment, cases, run_folder):
        super().__init__()
        self.experiment, self.cases, self.run_folder = experiment, cases, Path(run_folder)

    def train_dataloader(self):
        module = self.trainer.lightning_module
        module.enter_phase()
        end = module.plan.boundaries_after(module.step)[0]
        at_once = self.experiment.batch * self.trainer.world_size
        stretch = (module.step * at_once, (end - module.step) * at_once)
        context = self._guide(self.cases.training)
        if module.objective.needs_context(module.phase):
            context = partial(read_context, self._context(module))
        labelled = training_patches(self.experiment, self.cases.training, *stretch, context=context)
        unlabelled = training_patches(self.experiment, self.cases.unlabelled, *stretch, stream=500_000) if module.teacher else None
        return self._loader(Named(labelled, unlabelled), self.experiment.batch)

    def val_dataloader(self):
        names = self.cases.validation.names()
        count = VALIDATION_PATCHES * len(names)
        guide = self._guide(self.cases.validation)
        return self._loader(
            Named(Patches(self.cases.validation.folder, names, self.experiment.patch, count=count, seed=1, ovary_share=0.9, context=guide)),
            1,
        )

    def _guide(self, cases):
        return partial(read_guide, cases.folder) if guided(self.experiment) else None

    def _context(self, module) -> Path:
        """Written by the first process; the first stage no longer changes, so a resumed run finds or makes the same."""
        folder = self.run_folder / "context"
        if self.trainer.is_global_zero:
            first = module.network.first
            write_contexts(lambda x: first.trunk(x)[0], self.cases.training, folder, self.experiment.patch, device=module.device)
        self.trainer.strategy.barrier("context")
        return folder

    def _loader(self, patches, batch):
        workers = self.experiment.workers
        return DataLoader(
            patches, batch, num_workers=workers, prefetch_factor=4 if workers else None, worker_init_fn=leave_stopping_to_main
        )


def leave_stopping_to_main(_number: int) -> None:
    """For a process that loads patches: Ctrl-C reaches it, too, and would end it amid handing one over; and it ends when it is told to, whatever
    Lightning does with that signal in the process that it was forked from."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class KeepCheckpoints(L.Callback):
    """last.ckpt every `checkpoint_every` steps and at boundaries, after validation; best.ckpt; the curves' rows.

    A kill at any moment leaves a whole last.ckpt: a checkpoint gets its name when it is complete. A run that diverged leaves its last
    sound one.
    """

    def __init__(self, folder, curves, resumed, stepped=None):
        self.folder, self.curves, self.resumed, self.stepped = Path(folder), curves, resumed, stepped

    def on_train_start(self, trainer, module):
        if self.resumed is not None:
            for optimizer, state in zip(trainer.optimizers, self.resumed["optimizer_states"]):
                optimizer.load_state_dict(state)
            plugin = trainer.precision_plugin
            if type(plugin).__qualname__ in self.resumed:
                plugin.load_state_dict(self.resumed[type(plugin).__qualname__])
            self.resumed = None

    def on_train_batch_end(self, trainer, module, *_):
        if module.losses and trainer.is_global_zero:
            self.curves.add("train", module.step, module.losses)
        module.losses = {}
        # The last step of a stretch is saved after its validation, or a kill in between would lose that.
        if module.step % module.experiment.checkpoint_every == 0 and not module.plan.is_boundary(module.step):
            self._save(trainer, "last.ckpt")
        if self.stepped is not None:
            self.stepped(module.step)

    def on_train_epoch_end(self, trainer, module):
        best = False
        if module.scores:
            score = (module.scores["dice_ovary_rendered"] + module.scores["dice_follicles_rendered"]) / 2
            best = module.best is None or score > module.best
            module.best = score if best else module.best
            if trainer.is_global_zero:
                self.curves.add("validation", module.step, {"phase": module.phase, **module.scores})
            module.scores = {}
        if best:
            self._save(trainer, "best.ckpt")
        self._save(trainer, "last.ckpt")

    def _save(self, trainer, name: str) -> None:
        trainer.lightning_module.check_finite()
        temporary = self.folder / f".{name}.saving"
        try:
            trainer.save_checkpoint(temporary)
        except (OSError, RuntimeError) as error:  # PyTorch says that it failed and not why
            why = reason_not_written(self.folder / name, temporary)
            temporary.unlink(missing_ok=True)
            if why:
                raise InputError(f"{why} The last checkpoint is kept.") from error
            raise
        if trainer.is_global_zero:
            os.replace(temporary, self.folder / name)
        trainer.strategy.barrier(name)
