"""What a voxel counts in the losses where follicles are small.

A follicle of 3 mm has a hundredth of the voxels of one of 14 mm, and in a mean over voxels, or in Dice, a hundredth of the weight: a network
may miss it at next to no loss. Yet in a count each is one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BOX_MM = 5.4  # the side of the box in which a follicle's share is taken: one that fills half of it counts once
RIM = 2  # voxels around a small follicle that count as much as it does, so that its size is not overstated


def small_weights(labels: Tensor, spacing_mm, most: float) -> Tensor:
    """Weights (B, 2, D, H, W) float32, 1 to `most`, for labels (B, 2, D, H, W) of 0 and 1; those of the ovary are 1.

    A follicle's voxel counts sqrt(0.5 / share) times, `share` being that of the box of BOX_MM around it that follicles fill: three to four times
    in one of 3 mm, twice in one of 4 mm, about once in a large one. Whatever lies within RIM voxels counts as much.
    spacing_mm: of the grid, (x, y, z).
    """
    follicles = labels[:, 1:].float()
    share = follicles
    for axis, spacing in enumerate(reversed(tuple(spacing_mm))):
        size = [1, 1, 1]
        size[axis] = 2 * max(round(BOX_MM / 2 / spacing), 1) + 1
        share = F.avg_pool3d(share, size, stride=1, padding=[n // 2 for n in size], count_include_pad=False)
    weights = follicles * (0.5 / share.clamp(min=1e-6)).sqrt().clamp(1.0, most)
    for axis in range(3):
        size = [1, 1, 1]
        size[axis] = 2 * RIM + 1
        weights = F.max_pool3d(weights, size, stride=1, padding=[n // 2 for n in size])
    return torch.cat([torch.ones_like(weights), weights.clamp(min=1.0)], dim=1)
