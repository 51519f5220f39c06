"""Edge: a U-Net with a second branch for the contours of ovary and follicles, fused afterwards (DCAN)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import CLASSES
from .blocks import ConvBlock
from .unet import UNet

FILL = 2
"""Voxels by which `fuse` lets the inside of an object grow back."""


class Edge(UNet):
    """`maps(x)` gives object and contour logits, (B, 2, D, H, W) each, for training; `trunk` gives them fused."""

    def __init__(self, *, width: int = 32):
        super().__init__(width=width)
        self.contour = nn.Sequential(ConvBlock(width, width), nn.Conv3d(width, CLASSES, 1))

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        last = self.features(x)[1]
        return self.classifier(last), self.contour(last)

    def trunk(self, x: Tensor) -> tuple[Tensor, None]:
        return fuse(*self.maps(x)), None


def fuse(objects: Tensor, contours: Tensor) -> Tensor:
    """Object logits without the voxels that contours cut off, (B, 2, D, H, W) each.

    The inside is "object and not contour"; it is filled back by FILL voxels, within the object. Object voxels that no inside
    reaches (specks and bridges that are contour throughout) change the sign of their logit; all others keep theirs.
    """
    inside = ((objects > 0) & (contours <= 0)).to(objects.dtype)
    reached = F.max_pool3d(inside, 2 * FILL + 1, stride=1, padding=FILL) > 0
    return torch.where(reached, objects, -objects.abs())
