"""The losses of C-Rend but for the contrastive one (paper eq. 1 and 5).

Shapes: B patches, P points, channel 0 = ovary (whole organ), 1 = follicles; labels are 0 or 1 in any dtype.
Everything is computed in float32, whatever autocast is on.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def coarse_loss(logits: Tensor, labels: Tensor, dice_weight: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Segmentation loss of the coarse map: mean binary cross-entropy of (B, 2, ...).

    The paper has the cross-entropy alone. dice_weight > 0 adds that much soft Dice loss, which brings small follicles up
    sooner when training is short. weights, of the same shape: how much each voxel counts in both (`small.small_weights`).
    """
    loss = _cross_entropy(logits, labels, weights)
    return loss + dice_weight * soft_dice_loss(logits, labels, weights) if dice_weight else loss


def soft_dice_loss(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 - soft Dice of (B, 2, ...), each channel over the whole batch, channels averaged; a voxel counts `weights` times.

    One voxel is added above and below, so that a channel that is empty in labels and prediction loses nothing.
    """
    probabilities, labels = torch.sigmoid(logits.float()), labels.float()
    spread = [0, *range(2, logits.ndim)]
    both, either = probabilities * labels, probabilities + labels
    if weights is not None:
        both, either = weights * both, weights * either
    return (1 - (2 * both.sum(spread) + 1) / (either.sum(spread) + 1)).mean()


def point_loss(point_logits: Tensor, point_labels: Tensor, dice_weight: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Eq. 1: binary cross-entropy of both channels at the selected points, (B, 2, P) each.

    Averaged, not summed, so that lambda_1 keeps its meaning when the number of points changes. dice_weight > 0 adds that much
    soft Dice loss over the points, and weights (B, 2, P) count, as in `coarse_loss`.
    """
    return coarse_loss(point_logits, point_labels, dice_weight, weights)


def total_loss(
    coarse: Tensor, points: Tensor, contrast: Tensor | None = None, lambda_points: float = 0.8, lambda_contrast: float = 0.2
) -> Tensor:
    """Eq. 5: coarse segmentation loss + lambda_1 * point loss + lambda_2 * contrastive loss (None for Rend)."""
    loss = coarse + lambda_points * points
    return loss if contrast is None else loss + lambda_contrast * contrast


def _cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    if logits.shape != labels.shape:
        raise ValueError(f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} must have the same shape")
    with torch.autocast(logits.device.type, enabled=False):
        return F.binary_cross_entropy_with_logits(logits.float(), labels.float(), weights)
