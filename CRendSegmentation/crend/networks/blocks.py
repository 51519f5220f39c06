"""The pieces every network is made of (widths, norms and counts as the paper's Table 1 asks for).

Shapes: B batch, C channels, D x H x W voxels in (z, y, x) order. Every 3x3x3 convolution is without bias and followed by
InstanceNorm without affine and ReLU; transposed convolutions and 1x1x1 classifiers carry a bias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 5
DIVISOR = 2 ** (LEVELS - 1)


class ConvBlock(nn.Sequential):
    """3x3x3 convolution (optionally dilated), InstanceNorm, ReLU: (B, inputs, D, H, W) -> (B, outputs, D, H, W)."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1):
        super().__init__(
            nn.Conv3d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
            nn.InstanceNorm3d(outputs),
            nn.ReLU(inplace=True),
        )


class Stage(nn.Sequential):
    """Two convolutions, the second dilated by 2; preceded by max-pooling where `pool` is set."""

    def __init__(self, inputs: int, outputs: int, pool: bool):
        blocks = [ConvBlock(inputs, outputs), ConvBlock(outputs, outputs, dilation=2)]
        super().__init__(*([nn.MaxPool3d(2)] if pool else []), *blocks)


class Encoder(nn.Module):
    """Stem and five stages of `width` x 1, 2, 4, 8, 16 channels.

    forward: (B, inputs, D, H, W) -> five maps, full size first, the last at 1/16. D, H and W must be divisible by 16 and the
    last map must hold more than one voxel, or its InstanceNorm would erase it: ValueError otherwise.
    """

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.stem = ConvBlock(inputs, width)
        widths = [width * 2**level for level in range(LEVELS)]
        self.stages = nn.ModuleList(
            Stage(before, after, pool=level > 0) for level, (before, after) in enumerate(zip([width, *widths], widths))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        check_patch(x)
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Up(nn.Module):
    """One decoder level: transposed convolution (kernel 3, stride 2), the skip concatenated, one convolution.

    forward: (B, 2*outputs, D, H, W), skip (B, outputs, 2D, 2H, 2W) -> (B, outputs, 2D, 2H, 2W).
    """

    def __init__(self, outputs: int):
        super().__init__()
        self.enlarge = nn.ConvTranspose3d(2 * outputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.fuse = ConvBlock(2 * outputs, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.fuse(torch.cat([self.enlarge(x), skip], dim=1))


class Decoder(nn.Module):
    """`levels` decoder levels upwards from the encoder's last map: levels=4 ends at full size, levels=3 at half size."""

    def __init__(self, width: int, levels: int):
        super().__init__()
        self.levels = nn.ModuleList(Up(width * 2 ** (LEVELS - 2 - level)) for level in range(levels))

    def forward(self, maps: list[Tensor]) -> Tensor:
        x = maps[-1]
        for level, up in enumerate(self.levels):
            x = up(x, maps[LEVELS - 2 - level])
        return x


def check_patch(x: Tensor) -> None:
    """ValueError unless x is (B, C, D, H, W) with D, H, W divisible by 16 and at least one of them 32 or more.

    Nothing is checked while a graph is traced for export, where sizes may be symbolic.
    """
    if torch.jit.is_tracing():
        return
    sizes = tuple(int(size) for size in x.shape[2:])
    if x.ndim != 5:
        raise ValueError(f"a patch is (B, C, D, H, W), not {tuple(x.shape)}")
    if any(size < DIVISOR or size % DIVISOR for size in sizes) or max(sizes) < 2 * DIVISOR:
        raise ValueError(f"patch {sizes}: each side must be a multiple of {DIVISOR}, one of them {2 * DIVISOR} or more")
