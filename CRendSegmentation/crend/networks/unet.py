"""The U-Net that the other systems are measured against; trained adversarially it is the Entropy system."""

from __future__ import annotations

from torch import Tensor, nn

from .base import CLASSES, Network
from .blocks import Decoder, Encoder


class UNet(Network):
    """Encoder, four decoder levels and a 1x1x1 classifier at full size; `inputs` image channels.

    `features(x)` gives what systems with further branches build on: the encoder's maps and the decoder's last map
    (B, width, D, H, W).
    """

    def __init__(self, *, width: int = 32, inputs: int = 1):
        super().__init__(width)
        self.inputs = inputs
        self.encoder = Encoder(inputs, width)
        self.decoder = Decoder(width, levels=4)
        self.classifier = nn.Conv3d(width, CLASSES, 1)

    def features(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        maps = self.encoder(x)
        return maps, self.decoder(maps)

    def trunk(self, x: Tensor) -> tuple[Tensor, None]:
        return self.classifier(self.features(x)[1]), None
