"""Context: stage 1 first, then stage 2 on its detached probabilities (Auto-Context)."""

from __future__ import annotations

from .base import Objective
from .losses import coarse_loss


class TwoStages(Objective):
    """Phase 0 trains the first U-Net, phase 1 the second, which sees the first's probabilities of the whole volume."""

    phases = 2

    def __init__(self, network, *, dice_weight: float = 0.0):
        super().__init__(network)
        self.dice_weight = dice_weight

    def parameters_of(self, player="network", phase=0):
        return (self.network.second if phase else self.network.first).parameters()

    def needs_context(self, phase):
        return phase > 0

    def forward(self, image, labels, *, player="network", phase=0, context=None):
        if phase == 0:
            logits = self.network.first.trunk(image)[0]
        elif context is None:
            raise ValueError("the second stage trains on the first's probabilities, stitched over the volume: pass them as context")
        else:
            logits = self.network.refine(image, context.detach())
        return {"loss": coarse_loss(logits, labels, self.dice_weight)}
