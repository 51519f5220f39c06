"""Trains one system from one experiment; resumes by itself where an earlier run of the same folder stopped."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from crend import networks, points
from crend.errors import InputError

from . import losses
from .cases import case_names
from .configuration import Experiment
from .patches import Patches, training_patches

EPOCH_STEPS = 100


class Training(L.LightningModule):
    """Loss of eq. 5 on one patch at a time; Dice of fixed validation patches, coarse and rendered."""

    def __init__(self, experiment: Experiment):
        super().__init__()
        self.experiment = experiment
        self.network = networks.build(experiment.network, **experiment.arguments)

    def forward(self, image):
        """Coarse and rendered logits, both (B, 2, D, H, W)."""
        coarse, fine = self.network.trunk(image)
        count = self.experiment.render_points or coarse[0, 0].numel() // 8
        return coarse, points.render(self.network, coarse, fine, count)

    def training_step(self, batch, _):
        image, labels = batch
        settings = self.experiment
        coarse, fine = self.network.trunk(image)
        count = settings.points or fine[0, 0].numel()
        coords = points.select_training_points(coarse, count, k=settings.k, beta=settings.beta)
        hybrid = points.hybrid_features(coarse, fine, coords)
        point_labels = points.sample_at(labels, coords, mode="nearest")
        parts = {
            "coarse": losses.coarse_loss(coarse, labels, settings.dice_weight),
            "points": losses.point_loss(self.network.head(hybrid), point_labels),
        }
        if settings.lambda_contrast:
            parts["contrast"] = losses.contrastive_loss(hybrid, hybrid[:, :2], point_labels, settings.gamma)
        loss = losses.total_loss(**parts, lambda_points=settings.lambda_points, lambda_contrast=settings.lambda_contrast)
        self.log_dict({"loss": loss.detach(), **{name: part.detach() for name, part in parts.items()}}, prog_bar=True)
        return loss

    def validation_step(self, batch, _):
        image, labels = batch
        coarse, rendered = self(image)
        for name, logits in (("coarse", coarse), ("rendered", rendered)):
            for channel, structure in enumerate(("ovary", "follicles")):
                self.sums[name, structure] += overlap(logits[:, channel] > 0, labels[:, channel] > 0.5)

    def on_validation_epoch_start(self):
        self.sums = {(n, s): torch.zeros(2) for n in ("coarse", "rendered") for s in ("ovary", "follicles")}

    def on_validation_epoch_end(self):
        for (name, structure), (common, both) in self.sums.items():
            self.log(f"dice_{structure}_{name}", 2 * common / both.clamp(min=1), prog_bar=name == "rendered")

    def configure_optimizers(self):
        settings = self.experiment
        optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate)
        last = settings.final_learning_rate / settings.learning_rate

        def factor(step):
            warm = min(1.0, (step + 1) / max(settings.warmup_steps, 1))
            return warm * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def overlap(predicted, reference):
    """Twice-counted Dice terms of two masks: (voxels in both, voxels of one plus voxels of the other)."""
    return torch.tensor([(predicted & reference).sum().item(), predicted.sum().item() + reference.sum().item()])


class PatchData(L.LightningDataModule):
    """Patches of the cases in `folder`/training and `folder`/validation."""

    def __init__(self, experiment: Experiment, folder: Path):
        super().__init__()
        self.experiment, self.folder = experiment, Path(folder)

    def train_dataloader(self):
        patches = training_patches(self.experiment, self.folder / "training", self.trainer.current_epoch, EPOCH_STEPS)
        return self._loader(patches, self.experiment.batch)

    def val_dataloader(self):
        folder = self.folder / "validation"
        names = case_names(folder)
        return self._loader(Patches(folder, names, self.experiment.patch, count=3 * len(names), seed=1, ovary_share=0.9), 1)

    def _loader(self, patches, batch):
        return DataLoader(patches, batch, num_workers=self.experiment.workers, prefetch_factor=4 if self.experiment.workers else None)


def train(experiment: Experiment, data_folder, run_folder, *, progress: bool = True) -> Path:
    """Trains to `experiment.steps` and returns the last checkpoint. A run that was killed goes on from its last checkpoint."""
    run_folder = Path(run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    L.seed_everything(experiment.seed, workers=True, verbose=False)
    last = run_folder / "last.ckpt"
    callbacks = [ModelCheckpoint(run_folder, save_last=True, save_top_k=0, every_n_train_steps=experiment.checkpoint_every)]
    if experiment.average_decay:
        callbacks.append(EMAWeightAveraging(decay=experiment.average_decay))
    if progress:
        callbacks.append(TQDMProgressBar(refresh_rate=20))
    trainer = L.Trainer(
        max_steps=experiment.steps,
        precision=experiment.precision,
        callbacks=callbacks,
        logger=CSVLogger(run_folder, name="log", version=""),
        enable_progress_bar=progress,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=1,
        check_val_every_n_epoch=max(1, experiment.validate_every // EPOCH_STEPS),
        num_sanity_val_steps=0,
        log_every_n_steps=20,
        gradient_clip_val=1.0,
    )
    (run_folder / "experiment.json").write_text(_json(experiment))
    trainer.fit(Training(experiment), datamodule=PatchData(experiment, data_folder), ckpt_path=last if last.exists() else None)
    return last


def load_checkpoint(experiment: Experiment, checkpoint):
    """The network of a checkpoint (averaged weights where the run kept an average) and the steps it has trained."""
    checkpoint = Path(checkpoint)
    if not checkpoint.is_file():
        raise InputError(f"{checkpoint}: no checkpoint there; train first")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    prefix = "network."
    weights = {k[len(prefix) :]: v for k, v in state["state_dict"].items() if k.startswith(prefix)}
    network = networks.build(experiment.network, **experiment.arguments)
    network.load_state_dict(weights)
    return network.eval(), int(state["global_step"])


def _json(experiment):
    import json

    return json.dumps(dataclasses.asdict(experiment), indent=2)
