"""Augmentation: +-30 degrees in the transverse section (paper 3), and the ways in which one scanner differs from another."""

from __future__ import annotations

import numpy as np
import torch

from .contrast import random_contrast


class Augmentation:
    """Callable on image (1, D, H, W) float32 (normalised) and labels (1, D, H, W) uint8; returns patches of `experiment.patch`.

    With `intensity: false` only the geometry changes, as in the paper.
    `margin` says how much larger than the patch the input must be for rotated corners to be filled.
    """

    def __init__(self, experiment):
        from monai import transforms as mt

        self.patch = tuple(experiment.patch)
        self.any_orientation = experiment.any_orientation
        tilt, turn = np.deg2rad(experiment.tilt_degrees), np.deg2rad(experiment.rotation_degrees)
        self.margin = 1.0 + 0.35 * bool(turn or tilt) + experiment.scale / 2
        self.jitter, self.contrast = experiment.intensity, experiment.contrast
        self.geometry = mt.RandAffined(
            ["image", "labels", "context"],
            spatial_size=self.patch,
            prob=1.0,
            rotate_range=(turn, tilt, tilt),
            scale_range=(experiment.scale,) * 3,
            mode=("bilinear", "nearest", "bilinear"),
            padding_mode="border",
            allow_missing_keys=True,
        )
        self.intensity = mt.Compose(
            [
                mt.RandSimulateLowResolutiond("image", prob=0.15, zoom_range=(0.5, 1.0)),
                mt.RandGaussianSmoothd("image", prob=0.2, sigma_x=(0.3, 1.2), sigma_y=(0.3, 1.2), sigma_z=(0.3, 1.2)),
                mt.RandGaussianSharpend("image", prob=0.1),
                mt.RandAdjustContrastd("image", prob=0.4, gamma=(0.6, 1.7), retain_stats=True),
                mt.RandBiasFieldd("image", prob=0.3, degree=2, coeff_range=(-0.3, 0.3)),
                mt.RandHistogramShiftd("image", prob=0.2, num_control_points=(4, 8)),
                mt.RandGaussianNoised("image", prob=0.3, std=0.25),
            ]
        )

    def __call__(self, image, labels, random, context=None):
        """The draws come from `random` (numpy Generator), whatever MONAI's own state is.

        context (C, D, H, W), a map that goes with the image, moves with it and comes back third; its values stay.
        """
        seed = int(random.integers(2**31))
        parts = (image, labels) if context is None else (image, labels, context)
        if self.any_orientation:
            parts = turn_axes(*parts, random=random)
        self.geometry.set_random_state(seed)
        self.intensity.set_random_state(seed + 1)
        data = self.geometry(dict(zip(("image", "labels", "context"), parts)))
        if self.contrast and random.random() < 0.5:
            data["image"] = random_contrast(data["image"], data["labels"], self.contrast, random)
        if self.jitter:
            data = self.intensity(data)
        image, labels = data["image"].as_tensor().float(), data["labels"].as_tensor()
        if self.jitter:
            image = image * random.uniform(0.8, 1.2) + random.uniform(-0.3, 0.3)
        moved = (image.clamp(-3, 5).contiguous(), labels.round().to(torch.uint8).contiguous())
        return moved if context is None else (*moved, data["context"].as_tensor().float().contiguous())


def turn_axes(*tensors, random):
    """One of the 48 ways a box can lie: a volume may reach the program with any axis as depth."""
    order = [0] + [int(a) + 1 for a in random.permutation(3)]
    flips = [a + 1 for a in range(3) if random.random() < 0.5]
    return tuple(torch.flip(t.permute(order), flips) for t in tensors)
