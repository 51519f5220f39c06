"""U-Net and Deeplab: the segmentation loss alone."""

from __future__ import annotations

from .base import Objective
from .losses import coarse_loss


class Plain(Objective):
    """Binary cross-entropy of both channels; dice_weight as in `coarse_loss`."""

    def __init__(self, network, *, dice_weight: float = 0.0):
        super().__init__(network)
        self.dice_weight = dice_weight

    def forward(self, image, labels, *, player="network", phase=0, context=None):
        return {"loss": coarse_loss(self.network.trunk(image)[0], labels, self.dice_weight)}
