"""Augmentation: +-30 degrees in the transverse section (paper 3), and the ways in which one scanner differs from another."""

from __future__ import annotations

import numpy as np
import torch

from .contrast import random_contrast


class Augmentation:
    """Callable on image (1, D, H, W) float32 (normalised) and labels (1, D, H, W) uint8; returns patches of `experiment.patch`.

    With `intensity: false` only the geometry changes, as in the paper. With `strong: true` half of the patches get one of the changes of
    STRONG, of any strength up to its largest, instead of the usual mixture (Müller and Hutter, TrivialAugment, ICCV 2021).
    `margin` says how much larger than the patch the input must be for rotated corners to be filled.
    """

    def __init__(self, experiment):
        from monai import transforms as mt

        self.patch = tuple(experiment.patch)
        self.any_orientation = experiment.any_orientation
        tilt, turn = np.deg2rad(experiment.tilt_degrees), np.deg2rad(experiment.rotation_degrees)
        self.margin = 1.0 + 0.35 * bool(turn or tilt) + experiment.scale / 2
        self.jitter, self.contrast, self.strong = experiment.intensity, experiment.contrast, experiment.strong
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
        if self.strong and random.random() < 0.5:
            data["image"] = STRONG[random.integers(len(STRONG))](data["image"], float(random.random()), random)
        elif self.jitter:
            data = self.intensity(data)
        image, labels = data["image"].as_tensor().float(), data["labels"].as_tensor()
        if self.jitter:
            image = image * random.uniform(0.8, 1.2) + random.uniform(-0.3, 0.3)
        moved = (image.clamp(-3, 5).contiguous(), labels.round().to(torch.uint8).contiguous())
        return moved if context is None else (*moved, data["context"].as_tensor().float().contiguous())


def _power(image, amount, random):
    """Gamma from 1/3.5 to 3.5."""
    low, high = image.amin(), image.amax()
    share = (image - low) / (high - low).clamp_min(1e-3)
    return low + (high - low) * share ** float(np.exp((2 * amount - 1) * np.log(3.5)))


def _noise(image, amount, random):
    grain = torch.from_numpy(random.standard_normal(tuple(image.shape), dtype=np.float32))
    return image + amount * grain


def _speckle(image, amount, random):
    grain = torch.from_numpy(random.standard_normal(tuple(image.shape), dtype=np.float32))
    return image + amount * 0.6 * (image - image.amin()) * grain


def _coarse(image, amount, random):
    """At down to a third of the resolution along each axis."""
    size = [max(8, int(n / (1 + 2 * amount * random.random()))) for n in image.shape[1:]]
    small = torch.nn.functional.interpolate(image[None], size=size, mode="trilinear", align_corners=False)
    return torch.nn.functional.interpolate(small, size=image.shape[1:], mode="trilinear", align_corners=False)[0]


def _few_greys(image, amount, random):
    step = (image.amax() - image.amin()) / (4 + 28 * (1 - amount))
    return torch.round(image / step.clamp_min(1e-3)) * step


def _shade(image, amount, random):
    """Brighter towards one side."""
    ramps = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in image.shape[1:]), indexing="ij")
    return image + 2 * amount * sum(float(w) * r for w, r in zip(random.normal(0, 0.6, 3), ramps))


def _clip(image, amount, random):
    """Dark or bright greys pressed together."""
    low, high = (float(v) for v in torch.quantile(image[:, ::2, ::2, ::2].flatten(), torch.tensor([0.45 * amount, 1 - 0.3 * amount])))
    return image.clamp(low, max(high, low + 1e-3))


def _erase(image, amount, random):
    """A box without a signal: a shadow."""
    image = image.clone()
    box = [slice(s := int(random.integers(0, n)), s + 1 + int(amount * 0.5 * n)) for n in image.shape[1:]]
    image[(slice(None), *box)] = image.amin()
    return image


STRONG = (_power, _noise, _speckle, _coarse, _few_greys, _shade, _clip, _erase)


def turn_axes(*tensors, random):
    """One of the 48 ways a box can lie: a volume may reach the program with any axis as depth."""
    order = [0] + [int(a) + 1 for a in random.permutation(3)]
    flips = [a + 1 for a in range(3) if random.random() < 0.5]
    return tuple(torch.flip(t.permute(order), flips) for t in tensors)
