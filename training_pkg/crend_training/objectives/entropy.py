"""Entropy: a U-Net that must fool two discriminators, of boundary maps and of entropy maps (BEAL)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Objective
from .losses import coarse_loss
from .maps import boundary_map, entropy_map


class BoundaryAndEntropy(Objective):
    """Segmentation loss + adversarial_weight * (boundary + entropy) adversarial loss.

    The original adapts a network from one domain to another, and its discriminators tell source from target. Here there is one
    domain: they tell maps of the prediction from those of the ground truth, whose entropy is 0 everywhere. They exist in
    training only and are not counted.
    """

    players = ("network", "discriminators")

    def __init__(self, network, *, dice_weight: float = 0.0, adversarial_weight: float = 0.01, channels: int = 16):
        super().__init__(network)
        self.dice_weight, self.adversarial_weight = dice_weight, adversarial_weight
        self.discriminators = nn.ModuleDict({"boundary": Discriminator(channels), "entropy": Discriminator(channels)})

    def parameters_of(self, player="network", phase=0):
        return (self.network if player == "network" else self.discriminators).parameters()

    def forward(self, image, labels, *, player="network", phase=0, context=None):
        if player == "discriminators":
            return self._tell_apart(image, labels)
        logits = self.network.trunk(image)[0]
        segmentation = coarse_loss(logits, labels, self.dice_weight)
        self.discriminators.requires_grad_(False)
        fooled = {name: verdict(self.discriminators[name](m), True) for name, m in predicted_maps(logits).items()}
        self.discriminators.requires_grad_(True)
        loss = segmentation + self.adversarial_weight * (fooled["boundary"] + fooled["entropy"])
        return {"loss": loss, "segmentation": segmentation, **fooled}

    def _tell_apart(self, image, labels):
        with torch.no_grad():
            predicted = predicted_maps(self.network.trunk(image)[0])
        real = true_maps(labels)
        told = {
            name: (verdict(discriminator(real[name]), True) + verdict(discriminator(predicted[name]), False)) / 2
            for name, discriminator in self.discriminators.items()
        }
        return {"loss": told["boundary"] + told["entropy"], **{f"discriminator_{name}": loss for name, loss in told.items()}}


class Discriminator(nn.Sequential):
    """Four convolutions of kernel 4 and stride 2: a map (B, 2, D, H, W) -> logits of "from the ground truth" at 1/16 size."""

    def __init__(self, channels: int):
        widths = [2, channels, 2 * channels, 4 * channels, 1]
        layers = []
        for before, after in zip(widths, widths[1:]):
            layers += [nn.Conv3d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        super().__init__(*layers[:-1])


def predicted_maps(logits: Tensor) -> dict[str, Tensor]:
    """{"boundary", "entropy"} maps of predicted logits (B, 2, D, H, W)."""
    logits = logits.float()
    return {"boundary": boundary_map(torch.sigmoid(logits)), "entropy": entropy_map(logits)}


def true_maps(labels: Tensor) -> dict[str, Tensor]:
    """{"boundary", "entropy"} maps of the ground truth (B, 2, D, H, W), whose entropy is 0."""
    labels = labels.float()
    return {"boundary": boundary_map(labels), "entropy": torch.zeros_like(labels)}


def verdict(logits: Tensor, true: bool) -> Tensor:
    """Binary cross-entropy of a discriminator's logits when every place should read `true`."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(true)))
