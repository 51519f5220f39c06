"""Context: two U-Nets in cascade, the second sees the image and the first's probabilities (Auto-Context)."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import CLASSES, Network
from .unet import UNet


class Context(Network):
    """`first(x)` gives logits (B, 2, D, H, W); `refine(x, probabilities)` gives the second stage's logits.

    The second stage trains on the first's detached probabilities, stitched together over the whole volume; `trunk` gives it
    those of the patch alone, which differ near the patch's faces, where overlapping windows weigh least.
    """

    def __init__(self, *, width: int = 32):
        super().__init__(width)
        self.first = UNet(width=width)
        self.second = UNet(width=width, inputs=1 + CLASSES)

    def refine(self, x: Tensor, probabilities: Tensor) -> Tensor:
        return self.second.trunk(torch.cat([x, probabilities], dim=1))[0]

    def trunk(self, x: Tensor) -> tuple[Tensor, None]:
        return self.refine(x, torch.sigmoid(self.first.trunk(x)[0])), None
