"""Rend and C-Rend: coarse loss, point loss, and for C-Rend the contrastive loss (paper eq. 1 to 5)."""

from __future__ import annotations

import torch
from torch.utils.checkpoint import checkpoint

from crend.networks import points

from .base import Objective
from .contrast import PAPER, Form, Prototypes, contrast
from .losses import coarse_loss, point_loss, total_loss
from .small_follicles import small_weights

POINTS_AT_ONCE = 2**18
"""More points than these go through the head in parts."""


class Rendering(Objective):
    """Eq. 5 at `count` points of each patch (None: as many as the half-size map has voxels).

    The points' loss is eq. 1 + point_dice_weight * soft Dice over the points: where the coarse map learns by Dice, a head that learns by
    cross-entropy alone asks for more certainty before it calls a point of a small follicle one.

    small_weight > 1: small follicles count up to that many times in both losses (`small.small_weights`); spacing_mm is the grid's.

    Confident points are chosen by the coarse probabilities that are part of the hybrid vectors. lambda_contrast = 0 is Rend:
    the contrastive loss is then not computed at all.
    """

    def __init__(
        self,
        network,
        *,
        count: int | None = None,
        k: float = 2,
        beta: float = 0.7,
        lambda_points: float = 0.8,
        lambda_contrast: float = 0.2,
        gamma: float = 2.0,
        dice_weight: float = 0.0,
        point_dice_weight: float = 0.0,
        small_weight: float = 1.0,
        spacing_mm: tuple = (1.0, 1.0, 1.0),
        form: Form = PAPER,
        generator: torch.Generator | None = None,
    ):
        super().__init__(network)
        self.count, self.k, self.beta, self.gamma = count, k, beta, gamma
        self.lambda_points, self.lambda_contrast = lambda_points, lambda_contrast
        self.dice_weight, self.point_dice_weight = dice_weight, point_dice_weight
        self.small_weight, self.spacing_mm = small_weight, spacing_mm
        self.generator, self.form, self.step = generator, form, 0
        if form.prototypes and lambda_contrast:
            self.prototypes = Prototypes(self._contrasted(network.head[0].in_channels), form.prototypes)

    def forward(self, image, labels, *, player="network", phase=0, context=None):
        coarse_logits, fine = self.network.trunk(image if context is None else torch.cat([image, context], 1))
        count = self.count or coarse_logits[0, 0].numel() // 8
        coords = points.select_training_points(coarse_logits, count, self.k, self.beta, self.generator)
        if self.network.detail:
            # Between voxels a full-size map is a blend that inference, at voxel centres, never sees.
            coords = points.at_centres(coords, coarse_logits.shape[2:])
        hybrid = points.hybrid_features(coarse_logits, fine, coords)
        point_labels = points.sample_at(labels, coords, "nearest")
        weights = small_weights(labels, self.spacing_mm, self.small_weight) if self.small_weight > 1 else None
        point_weights = None if weights is None else points.sample_at(weights, coords, "nearest")
        parts = {
            "coarse": coarse_loss(coarse_logits, labels, self.dice_weight, weights),
            "points": point_loss(self._logits(hybrid), point_labels, self.point_dice_weight, point_weights),
        }
        if self.lambda_contrast:
            vectors = hybrid[:, : self._contrasted(hybrid.shape[1])]
            prototypes = getattr(self, "prototypes", None)
            parts["contrast"], acted = contrast(
                vectors, hybrid[:, :2], point_labels, self.gamma, generator=self.generator, form=self.form, prototypes=prototypes
            )
            loss = total_loss(**parts, lambda_points=self.lambda_points, lambda_contrast=self.contrast_weight())
            return {"loss": loss, **parts, "contrast_acted": acted}
        return {"loss": total_loss(**parts, lambda_points=self.lambda_points), **parts}

    def _logits(self, hybrid):
        """The head's (B, 2, P) of hybrid vectors (B, C, P). Of more than POINTS_AT_ONCE its hidden layer is computed anew on the way back: that of the
        paper's 4.7 million points, at width 32 in single precision, would take 9 GiB for each of its two maps."""
        if hybrid.shape[2] <= POINTS_AT_ONCE:
            return self.network.head(hybrid)
        parts = hybrid.split(POINTS_AT_ONCE, dim=2)
        return torch.cat([checkpoint(self.network.head, part, use_reentrant=False) for part in parts], dim=2)

    def at_step(self, step: int) -> None:
        self.step = step

    def contrast_weight(self) -> float:
        """What the contrastive loss counts for at this step (lambda_2 of eq. 5, ramped up)."""
        return self.lambda_contrast * min(1.0, (self.step + 1) / max(self.form.ramp_steps, 1))

    def _contrasted(self, channels: int) -> int:
        """How many of a hybrid vector's channels are compared."""
        return channels if self.form.detail or not self.network.detail else channels - self.network.width


class Rend(Rendering):
    """C-Rend without the contrastive loss."""

    def __init__(self, network, **settings):
        super().__init__(network, **{**settings, "lambda_contrast": 0.0})
