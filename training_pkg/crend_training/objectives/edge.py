"""Edge: object and contour losses side by side (DCAN)."""

from __future__ import annotations

from torch import Tensor

from .base import Objective
from .losses import coarse_loss
from .maps import dilate


class ObjectAndContour(Objective):
    """Segmentation loss of the objects + contour_weight * binary cross-entropy of their contours, `radius` voxels to each side."""

    def __init__(self, network, *, dice_weight: float = 0.0, contour_weight: float = 1.0, radius: int = 1):
        super().__init__(network)
        self.dice_weight, self.contour_weight, self.radius = dice_weight, contour_weight, radius

    def forward(self, image, labels, *, player="network", phase=0, context=None):
        objects, contours = self.network.maps(image)
        object_loss = coarse_loss(objects, labels, self.dice_weight)
        contour_loss = coarse_loss(contours, contour_target(labels, self.radius))
        return {"loss": object_loss + self.contour_weight * contour_loss, "object": object_loss, "contour": contour_loss}


def contour_target(labels: Tensor, radius: int = 1) -> Tensor:
    """The label boundary of (B, C, D, H, W), dilated: voxels within `radius` of both the object and what is not it."""
    labels = labels.float()
    return dilate(labels, radius) * dilate(1 - labels, radius)
