"""One step of any system: its players in turn, in the phase that the step belongs to, with draws that depend on the step alone."""

from __future__ import annotations

import dataclasses
import time

import lightning as L
import torch

from crend import networks
from crend.networks import points

from ..configuration.experiment import Experiment
from ..objectives import objective_of
from ..objectives.contrast import Form
from .average import Average
from .optimizers import ConvolutionMuon
from .plan import Plan, learning_rate, step_seed
from .starting import Start
from .teacher import MeanTeacher

_RENDERING = {
    "count": "points",
    "k": "k",
    "beta": "beta",
    "lambda_points": "lambda_points",
    "point_dice_weight": "point_dice_weight",
    "small_weight": "small_weight",
    "spacing_mm": "spacing_mm",
}
SETTINGS = {
    "edge": {"contour_weight": "contour_weight", "radius": "contour_radius"},
    "entropy": {"adversarial_weight": "adversarial_weight", "channels": "discriminator_channels"},
    "rend": _RENDERING,
    "crend": {**_RENDERING, "gamma": "gamma", "lambda_contrast": "lambda_contrast"},
}
"""What each objective takes from the experiment, beside dice_weight."""

CURE = "train with precision 32-true, or with a lower learning_rate in another folder"


def objective_for(experiment: Experiment, network):
    """The objective of the experiment's system, with the experiment's settings."""
    chosen = {name: getattr(experiment, key) for name, key in SETTINGS.get(experiment.network, {}).items()}
    if experiment.network == "crend":
        chosen["form"] = Form(**dataclasses.asdict(experiment.contrastive))
    return objective_of(experiment.network, network, dice_weight=experiment.dice_weight, **chosen)


class Training(L.LightningModule):
    """Trains `network` by its objective; `step` counts patches (batches) over all phases.

    A checkpoint's state_dict holds the averaged weights as network.*, where an average is kept, and what the objective adds
    (discriminators) under its own name. `current_model_state` holds the weights that training goes on with.
    """

    def __init__(self, experiment: Experiment, plan: Plan):
        super().__init__()
        self.automatic_optimization = False
        self.experiment, self.plan = experiment, plan
        # So laid out, oneDNN takes all of its 3D convolutions: half the time a patch on the CPU when several are trained on at once.
        self.network = networks.build(experiment.network, **experiment.arguments).to(memory_format=torch.channels_last_3d)
        objective = objective_for(experiment, self.network)
        for name, child in objective.named_children():
            if child is not self.network:
                self.add_module(name, child)
        # In tuples, so that torch does not register them: state_dict would hold the network several times.
        self._objective = (objective,)
        self._average = (Average(self.network, experiment.average_decay) if experiment.average_decay else None,)
        self.teacher = MeanTeacher(experiment) if experiment.semi_weight else None
        self.step, self.phase, self.best = 0, 0, None
        self.seconds_before, self.began = 0.0, time.monotonic()
        self.identity: dict | None = None
        self.before: dict | None = None
        self.told: dict[str, torch.Tensor] = {}
        self.losses: dict[str, float] = {}
        self.scores: dict[str, float] = {}

    @property
    def objective(self):
        return self._objective[0]

    @property
    def average(self) -> Average | None:
        return self._average[0]

    @property
    def finished_network(self):
        """The network as it would be bundled now."""
        return self.average.network if self.average else self.network

    def configure_optimizers(self):
        """One for each phase and player: all are kept in checkpoints, only those of the phase take steps."""
        self.players = [(phase, player) for phase in range(self.objective.phases) for player in self.objective.players]
        # Discriminators, which must not win, stay with Adam.
        kinds = {"network": ConvolutionMuon} if self.experiment.optimizer == "muon" else {}
        rate = self.experiment.learning_rate
        return [kinds.get(player, torch.optim.Adam)(self.objective.parameters_of(player, phase), lr=rate) for phase, player in self.players]

    def on_fit_start(self):
        self.began = time.monotonic()
        if self.average:
            self.average.network.to(self.device)

    def enter_phase(self) -> None:
        """To be called before the patches of a step are drawn. A new phase starts from the averaged weights of the one before."""
        phase = self.plan.phase(self.step)
        if phase != self.phase:
            self.phase, self.best = phase, None
            if self.average:
                self.average.copy_to(self.network)

    def training_step(self, batch, _):
        settings, in_phase = self.experiment, self.step - self.phase * self.plan.steps
        torch.manual_seed(step_seed(settings.seed, self.step, self.global_rank))
        rate = learning_rate(settings, in_phase, self.plan.steps)
        told = {}
        self.objective.at_step(in_phase)
        logs = (self.step + 1) % settings.log_every == 0 or self.step + 1 == self.plan.total
        for (phase, player), optimizer in zip(self.players, _list(self.optimizers())):
            if phase != self.phase:
                continue
            parts = self.objective(batch["image"], batch["labels"], player=player, phase=phase, context=batch.get("context"))
            if self.teacher and player == "network":
                parts = _join(parts, self.teacher(batch["unlabelled"], self.network, self.average and self.average.network, in_phase))
            for group in optimizer.param_groups:
                group["lr"] = rate * (1.0 if player == "network" else settings.discriminator_learning_rate / settings.learning_rate)
            optimizer.zero_grad()
            alone = self._norm_of_contrast(parts) if logs and player == "network" else None
            self.manual_backward(parts["loss"])
            if alone is not None:
                parts["contrast_gradient"] = alone / self._norm(p.grad for p in self.network.parameters()).clamp(min=1e-12)
            optimizer.step()
            told.update(
                {name if player == "network" or name != "loss" else f"{player}_loss": part.detach() for name, part in parts.items()}
            )
        if self.average:
            self.average.update(self.network, in_phase)
        self.step += 1
        self.told = told
        if logs:
            self.losses = {"phase": self.phase, "learning_rate": rate, **{name: float(value) for name, value in told.items()}}
            self.log_dict({k: v for k, v in self.losses.items() if k not in ("phase", "learning_rate")}, prog_bar=True, logger=False)
            self._check_losses()

    def _norm_of_contrast(self, parts):
        """Norm of the contrastive term's own gradient in the network, scaled as the whole gradient is; None where there is no such term."""
        term = parts.get("contrast")
        if term is None:
            return None
        if not term.requires_grad:  # it did not act
            return torch.zeros((), device=self.device)
        term = self.objective.contrast_weight() * term
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
        return self._norm(gradients) * (scaler.get_scale() if scaler else 1.0)

    @staticmethod
    def _norm(gradients):
        return torch.linalg.vector_norm(torch.stack([g.float().norm() for g in gradients if g is not None]))

    def check_finite(self) -> None:
        """ArithmeticError where the last step's losses, or the weights that it left, are not finite: such a run cannot go on.

        Asks the device, which takes time: to be called now and then, and always before a checkpoint replaces a sound one."""
        self._check_losses()
        if not all(bool(value.isfinite().all()) for value in self.state_dict().values()):
            raise ArithmeticError(f"the weights are not finite at step {self.step}: {CURE}")

    def _check_losses(self) -> None:
        if not all(map(torch.isfinite, self.told.values())):
            raise ArithmeticError(f"the loss is not finite at step {self.step}: {CURE}")

    def on_before_optimizer_step(self, optimizer):
        # Here mixed precision has unscaled the gradients already.
        if self.experiment.gradient_clip:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, self.experiment.gradient_clip)

    def predict_both(self, image, context=None):
        """Coarse and rendered logits (B, 2, D, H, W) of the finished network; the same twice where it does not render. context: what guides it."""
        network = self.finished_network
        if self.phase < self.objective.phases - 1:
            network = network.first
        coarse, fine = network.trunk(image if context is None else torch.cat([image, context], 1))
        if fine is None:
            return coarse, coarse
        return coarse, points.render(network, coarse, fine, self.experiment.render_points or coarse[0, 0].numel() // 8)

    def on_validation_epoch_start(self):
        self.sums = torch.zeros(2, 2, 2, device=self.device, dtype=torch.float64)

    def validation_step(self, batch, _):
        for way, logits in enumerate(self.predict_both(batch["image"], batch.get("context"))):
            for channel in range(2):
                self.sums[way, channel] += overlap(logits[:, channel] > 0, batch["labels"][:, channel] > 0.5)

    def on_validation_epoch_end(self):
        sums = self.all_gather(self.sums).reshape(-1, 2, 2, 2).sum(0)
        dice = (2 * sums[..., 0] / sums[..., 1].clamp(min=1)).tolist()
        self.scores = {
            f"dice_{structure}_{way}": dice[w][s]
            for w, way in enumerate(("coarse", "rendered"))
            for s, structure in enumerate(("ovary", "follicles"))
        }
        self.log_dict({k: v for k, v in self.scores.items() if k.endswith("rendered")}, prog_bar=True, logger=False)

    def on_save_checkpoint(self, checkpoint):
        current = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        checkpoint["current_model_state"] = current
        if self.average:
            averaged = self.average.network.state_dict()
            checkpoint["state_dict"].update({f"network.{name}": value for name, value in averaged.items()})
        checkpoint["global_step"] = self.step
        seconds = None if self.seconds_before is None else self.seconds_before + time.monotonic() - self.began
        checkpoint["crend"] = {"step": self.step, "phase": self.phase, "best": self.best, "seed": self.experiment.seed, "seconds": seconds}
        if self.before is not None:
            checkpoint["crend"]["before"] = self.before
        if self.identity is not None:
            checkpoint["crend"]["identity"] = self.identity

    def begin_with(self, start: Start) -> None:
        """Weights of a trained network instead of random ones, for the average, too."""
        self.before = {"steps": start.steps, "seconds": start.seconds}
        self.network.load_state_dict(start.weights)
        if self.average:
            self.average.network.load_state_dict(start.weights)

    def restore(self, checkpoint) -> None:
        """Weights, average and counters of a checkpoint; the optimizers' states come once they exist."""
        state = checkpoint["state_dict"]
        if self.average:
            self.average.network.load_state_dict(_network_of(state))
        self.load_state_dict({**state, **checkpoint["current_model_state"]})
        self.step, self.phase, self.best = (checkpoint["crend"][key] for key in ("step", "phase", "best"))
        self.seconds_before, self.before = checkpoint["crend"].get("seconds"), checkpoint["crend"].get("before")


def overlap(predicted, reference):
    """Twice-counted Dice terms of two masks: (voxels in both, voxels of one plus voxels of the other), on their device."""
    return torch.stack([(predicted & reference).sum(), predicted.sum() + reference.sum()])


def _network_of(state: dict) -> dict:
    prefix = "network."
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def _join(parts: dict, more: dict) -> dict:
    more = dict(more)
    return {**parts, "loss": parts["loss"] + more.pop("loss"), **more}


def _list(optimizers):
    return optimizers if isinstance(optimizers, list) else [optimizers]
