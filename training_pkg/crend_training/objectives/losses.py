"""The losses of C-Rend (paper eq. 1, 3, 4 and 5).

Shapes: B patches, P points, channel 0 = ovary (whole organ), 1 = follicles; labels are 0 or 1 in any dtype.
Everything is computed in float32, whatever autocast is on.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

HIGH_CONFIDENCE = 0.9
EPSILON = 1e-6


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


def contrastive_loss(
    hybrid: Tensor,
    probabilities: Tensor,
    labels: Tensor,
    gamma: float = 2.0,
    most: int = 2048,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Eq. 3 and 4: hybrid vectors of a class are drawn together, those of follicle and ovary pushed apart.

    hybrid (B, C, P) carries the gradient; probabilities (B, 2, P) and labels (B, 2, P) only choose the points.
    The two classes are follicle and ovary *without* follicles; of the latter the probability is min(p_ovary, 1 - p_follicle),
    so both channels must agree before a point counts as confident. In each patch and for each class:

        high   labelled so and p > 0.9, at most `most`, drawn at random
        low    labelled so and not high, the `most` closest to 0.5
        pos_i  = mean over low  k of the same class  exp(cos(high_i, low_k))         eq. 3
        neg_i  = mean over high k of the other class exp(cos(high_i, high_k))
        loss   = gamma - mean_i log(pos_i / neg_i)                                   eq. 4

    Eq. 4 as printed, gamma - (1/N) sum(-log(pos/neg)), falls when vectors of one class move *apart*; the sign here is the
    one that the paper's text asks for. Means instead of sums over k keep log(pos/neg) within [-2, 2] and so, for gamma = 2,
    the loss within [0, 4] however many points each set has. The result is the mean over the classes and patches that have
    all three sets; the others contribute nothing, and 0 comes back when none has.
    """
    if not (hybrid.ndim == 3 and probabilities.shape == labels.shape == (hybrid.shape[0], 2, hybrid.shape[2])):
        raise ValueError(
            f"hybrid (B, C, P) with probabilities and labels (B, 2, P) expected, "
            f"not {tuple(hybrid.shape)}, {tuple(probabilities.shape)}, {tuple(labels.shape)}"
        )
    with torch.autocast(hybrid.device.type, enabled=False):
        unit = F.normalize(hybrid.float(), dim=1, eps=EPSILON).transpose(1, 2)
        terms = []
        for vectors, p, label in zip(unit, probabilities.detach().float(), labels):
            classes = [_high_and_low(*one, most, generator) for one in _classes(p, label)]
            for (high, low), (other, _) in (classes, classes[::-1]):
                if len(high) and len(low) and len(other):
                    pos = _mean_similarity(vectors[high], vectors[low])
                    neg = _mean_similarity(vectors[high], vectors[other])
                    terms.append(gamma - (pos / neg).log().mean())
        return torch.stack(terms).mean() if terms else hybrid.new_zeros((), dtype=torch.float32)


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


def _classes(p: Tensor, label: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Follicle and ovary without follicles in one patch: (probability (P,), labelled so (P,) bool) of each."""
    ovary, follicle = label[0] > 0.5, label[1] > 0.5
    return [(p[1], follicle), (torch.minimum(p[0], 1 - p[1]), ovary & ~follicle)]


def _high_and_low(p: Tensor, labelled: Tensor, most: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Indices of a class's high-confidence points and of its low-confidence ones, `most` of each at most."""
    confident = p > HIGH_CONFIDENCE
    high = torch.nonzero(labelled & confident).flatten()
    if len(high) > most:
        device = generator.device if generator is not None else high.device
        high = high[torch.randperm(len(high), generator=generator, device=device)[:most].to(high.device)]
    low = torch.nonzero(labelled & ~confident).flatten()
    if len(low) > most:
        low = low[(p[low] - 0.5).abs().topk(most, largest=False, sorted=False).indices]
    return high, low


def _mean_similarity(vectors: Tensor, others: Tensor) -> Tensor:
    """Mean over `others` (M, C) of exp(cosine) to each of `vectors` (N, C), unit length both: (N,)."""
    return (vectors @ others.T).exp().mean(dim=1)
