"""Deeplab: the U-Net with atrous spatial pyramid pooling (ASPP) at its bottleneck."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import CLASSES
from .blocks import DIVISOR, ConvBlock
from .unet import UNet

RATES = (1, 2, 3)
"""Dilations that fit a bottleneck of 12 x 12 x 8; 6 and more would see mostly padding."""


class ASPP(nn.Module):
    """3x3x3 convolutions at every rate and a 1x1x1 one, side by side, then joined by a 1x1x1: (B, inputs, ...) -> (B, outputs, ...)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        point = nn.Sequential(nn.Conv3d(inputs, outputs, 1, bias=False), nn.InstanceNorm3d(outputs), nn.ReLU(inplace=True))
        self.branches = nn.ModuleList([point, *(ConvBlock(inputs, outputs, dilation=rate) for rate in RATES)])
        self.join = nn.Sequential(
            nn.Conv3d(len(self.branches) * outputs, outputs, 1, bias=False), nn.InstanceNorm3d(outputs), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.join(torch.cat([branch(x) for branch in self.branches], dim=1))


class Deeplab(UNet):
    """U-Net whose classifier also sees the ASPP's 3/2*width channels, upsampled x16 (trilinear).

    The 1x1x1 classifier of the two concatenated is kept as two, one for each part, and the second is applied before the
    upsampling: both are linear, so the logits are the same, but no 48 channels at full size are needed for them.
    """

    def __init__(self, *, width: int = 32):
        super().__init__(width=width)
        channels = max(1, 3 * width // 2)
        self.aspp = ASPP(16 * width, channels)
        self.aspp_classifier = nn.Conv3d(channels, CLASSES, 1, bias=False)

    def trunk(self, x: Tensor) -> tuple[Tensor, None]:
        maps, last = self.features(x)
        wide = self.aspp_classifier(self.aspp(maps[-1]))
        wide = F.interpolate(wide, scale_factor=float(DIVISOR), mode="trilinear", align_corners=False)
        return self.classifier(last) + wide, None
