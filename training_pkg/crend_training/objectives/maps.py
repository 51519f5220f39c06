"""Maps drawn from probabilities or labels (B, C, D, H, W), for the systems that look at contours and doubt."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def dilate(volume: Tensor, radius: int = 1) -> Tensor:
    """The largest value within a cube of `radius` voxels around each voxel."""
    return F.max_pool3d(volume, 2 * radius + 1, stride=1, padding=radius)


def boundary_map(probabilities: Tensor) -> Tensor:
    """How much the values change within one voxel, in [0, 1]: the morphological gradient; 0 or 1 for labels. Differentiable."""
    return dilate(probabilities) + dilate(-probabilities)


def entropy_map(logits: Tensor) -> Tensor:
    """Entropy of each channel's sigmoid in bits: 1 at probability 0.5, 0 where certain, as a label map is everywhere."""
    p, q = torch.sigmoid(logits), torch.sigmoid(-logits)
    return (p * F.softplus(-logits) + q * F.softplus(logits)) / math.log(2)
