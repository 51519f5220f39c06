"""Rend and C-Rend (paper 2.1, 2.2): a trunk that stops at half size, and a point head for the ambiguous voxels.

The two are one module: they differ in how they are trained (C-Rend adds the contrastive term, eq. 4).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import CLASSES, Network
from .blocks import ConvBlock, Decoder, Encoder


class CRend(Network):
    """U-Net without its last decoder level, a coarse classifier at half size, and the rendering head.

    Fine features are the last level's 2*width channels and the 1*width block made of them. It is the *logits* that are
    upsampled (x2, trilinear) to full size, not the probabilities: point scores and losses work on logits, and a half-way
    value between two logits keeps the place where the probability crosses 0.5.

    With `detail`, which the paper's network does not have, the head sees the encoder's first, full-size map as well: a follicle
    no wider than two voxels of the half-size map is blurred in it, whatever the head makes of it. The fine features are then
    both maps, (B, 3*width, D/2, H/2, W/2) and (B, width, D, H, W).

    With `guided`, which the paper's network does not have either, it sees three channels: the image, and what an overview network made of it
    (probabilities of ovary and follicles, 0 to 1): a window shows too little of the surroundings to tell an ovary by them.
    """

    def __init__(self, *, width: int = 32, detail: bool = False, guided: bool = False):
        super().__init__(width)
        self.detail = detail
        self.inputs = 1 + CLASSES if guided else 1
        self.encoder = Encoder(self.inputs, width)
        self.decoder = Decoder(width, levels=3)
        self.block = ConvBlock(2 * width, width)
        self.classifier = nn.Conv3d(width, CLASSES, 1)
        self.head = nn.Sequential(
            nn.Conv1d(CLASSES + (4 if detail else 3) * width, 16 * width, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(16 * width, CLASSES, 1),
        )

    def trunk(self, x: Tensor) -> tuple[Tensor, Tensor | tuple[Tensor, Tensor]]:
        maps = self.encoder(x)
        full = maps[0] if self.detail else None
        maps[0] = None  # the decoder does not use the full-size skip: let its memory go
        half = self.decoder(maps)
        narrow = self.block(half)
        logits = F.interpolate(self.classifier(narrow), scale_factor=2.0, mode="trilinear", align_corners=False)
        fine = torch.cat([half, narrow], dim=1)
        return logits, (fine, full) if self.detail else fine
