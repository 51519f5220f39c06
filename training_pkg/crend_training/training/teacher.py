"""Semi-supervision by a mean teacher: volumes without labels help where the teacher is confident.

After the journal version of the method (Medical Image Analysis 73:102134). The teacher is the running average of the student's
weights. On an unlabelled patch the student, who sees it with noise, is asked to agree with the teacher, who sees it without.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from crend.networks import points

from ..objectives.contrast import contrastive_loss

NOISE = 0.15


class MeanTeacher:
    """The loss of an unlabelled patch: weight(step) * (consistency + lambda_points * points + lambda_contrast * contrast).

    consistency  binary cross-entropy of the student's coarse map against the teacher's decisions, where the teacher's probability
                 is beyond `confidence` or below 1 - confidence; both channels.
    points       the same at the points that are ambiguous for the student, against the teacher's rendered decisions.
    contrast     eq. 4 with those points: a point belongs to a class when the teacher is confident of it, it is "high" when the
                 student is confident too and "low" when the student is not. Points that the teacher doubts belong to none.

    The last two exist for networks with a rendering head; contrast only where lambda_contrast > 0.
    """

    def __init__(self, experiment):
        self.confidence = experiment.semi_confidence
        self.weight, self.ramp = experiment.semi_weight, experiment.semi_ramp_steps
        self.count, self.k, self.beta, self.gamma = experiment.points, experiment.k, experiment.beta, experiment.gamma
        self.lambda_points = experiment.lambda_points
        self.lambda_contrast = 0.0 if experiment.network == "rend" else experiment.lambda_contrast

    def weight_at(self, step: int) -> float:
        """Rises from 0.0067 of the weight to all of it in `ramp` steps, as exp(-5 (1 - t)^2)."""
        t = min(1.0, step / max(self.ramp, 1))
        return self.weight * math.exp(-5 * (1 - t) ** 2)

    def __call__(self, image: Tensor, student, teacher, step: int) -> dict[str, Tensor]:
        """image (B, 1, D, H, W) -> "loss", already weighted, and its parts by name."""
        with torch.no_grad():
            teacher_coarse, teacher_fine = teacher.trunk(image)
        coarse, fine = student.trunk(image + NOISE * torch.randn_like(image))
        parts = {"consistency": agreement(coarse, teacher_coarse, self.confidence)}
        loss = parts["consistency"]
        if fine is not None:
            coords = points.select_training_points(coarse, self.count or coarse[0, 0].numel() // 8, self.k, self.beta)
            hybrid = points.hybrid_features(coarse, fine, coords)
            with torch.no_grad():
                told = teacher.head(points.hybrid_features(teacher_coarse, teacher_fine, coords))
            parts["point_consistency"] = agreement(student.head(hybrid), told, self.confidence)
            loss = loss + self.lambda_points * parts["point_consistency"]
            if self.lambda_contrast:
                labels = confident_labels(told, self.confidence)
                parts["unlabelled_contrast"] = contrastive_loss(hybrid, hybrid[:, :2], labels, self.gamma)
                loss = loss + self.lambda_contrast * parts["unlabelled_contrast"]
        return {"loss": self.weight_at(step) * loss, **parts}


def agreement(logits: Tensor, told: Tensor, confidence: float) -> Tensor:
    """Mean binary cross-entropy of logits (B, 2, ...) against the decisions of logits `told`, where those are confident; else 0."""
    with torch.autocast(logits.device.type, enabled=False):
        p = torch.sigmoid(told.detach().float())
        sure = ((p > confidence) | (p < 1 - confidence)).float()
        loss = F.binary_cross_entropy_with_logits(logits.float(), (p > 0.5).float(), reduction="none")
        return (loss * sure).sum() / sure.sum().clamp(min=1)


def confident_labels(told: Tensor, confidence: float) -> Tensor:
    """Labels (B, 2, P) that a class is given only where both channels of `told` (logits) are confident; 0 in both elsewhere."""
    p = torch.sigmoid(told.detach().float())
    sure = ((p > confidence) | (p < 1 - confidence)).all(dim=1, keepdim=True)
    return ((p > 0.5) & sure).float()
