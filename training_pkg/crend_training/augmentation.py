"""Augmentation: +-30 degrees in the transverse section (paper 3), and the ways in which one scanner differs from another."""

from __future__ import annotations

import numpy as np
import torch


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
            data["image"] = other_contrast(data["image"], data["labels"], self.contrast, random)
        if self.jitter:
            data = self.intensity(data)
        image, labels = data["image"].as_tensor().float(), data["labels"].as_tensor()
        if self.jitter:
            image = image * random.uniform(0.8, 1.2) + random.uniform(-0.3, 0.3)
        moved = (image.clamp(-3, 5).contiguous(), labels.round().to(torch.uint8).contiguous())
        return moved if context is None else (*moved, data["context"].as_tensor().float().contiguous())


#: After a change of contrast the tissue's median stays this much above the fluid's, its darkest patches half of it: no ovary shows its follicles
#: lighter than itself.
LEAST_GAP = 1.0
PATCHES = (3.0, 10.0)  # voxels that a lighter or darker patch of tissue is wide
PATCHY = 0.6  # at most this much of `spread` is their deviation


def other_contrast(image, labels, spread: float, random):
    """image (1, D, H, W) with the tissue of its ovary darker, or less often lighter, by a normal deviate of `spread`, and patchy; and with the
    fluid of its follicles darker by one or lighter by half of one: echoes are logarithms, so their texture stays. labels (1, D, H, W): 1 tissue,
    2 follicles.

    The change fades over a voxel, or its edge would give the ovary away; where there is no echo nothing changes, and nothing
    gets darker than that: what is dark loses the lower part of its texture, as on a screen. Fluid stays darker than tissue: where the two
    came together or changed places, what is dark grey would have to be called either.
    """
    labels = labels.round()
    echo = image > image.min() + 0.05
    tissue, fluid = (float(np.clip(random.normal(0, spread), -2 * spread, 2 * spread)) for _ in range(2))
    if random.random() < 0.5:
        tissue = -abs(tissue)
    fluid *= 0.5 if fluid > 0 else 1.0
    darkest = -np.inf
    if (labels == 1).any() and (labels == 2).any():
        gap = float(image[labels == 1].median() - image[labels == 2].median())
        tissue, fluid = _apart(gap, tissue, fluid)
        darkest = min(fluid - gap + LEAST_GAP / 2, tissue)
    shift = (labels == 1) * (tissue + _patches(labels.shape[1:], PATCHY * spread, random)).clamp(min=darkest) + (labels == 2) * fluid
    changed = image + echo * torch.nn.functional.avg_pool3d(shift.float()[None], 3, stride=1, padding=1)[0]
    return changed.clamp(min=float(image.min()))


def _patches(shape, most: float, random):
    """A smooth random field (1, D, H, W) of mean 0, its deviation drawn from 0 to `most`, its patches PATCHES voxels wide."""
    width, deviation = random.uniform(*PATCHES), random.uniform(0, most)
    coarse = random.standard_normal([int(np.ceil(n / width)) + 1 for n in shape]).astype(np.float32)
    field = torch.nn.functional.interpolate(torch.from_numpy(coarse)[None, None], size=tuple(shape), mode="trilinear", align_corners=True)[0]
    return deviation * field / max(float(field.std()), 1e-6)


def _apart(gap: float, tissue: float, fluid: float) -> tuple[float, float]:
    """Shifts of tissue and fluid that leave of `gap` between them at least LEAST_GAP, or, where it is smaller from the start, all of it."""
    least = min(gap, LEAST_GAP)
    fluid = min(fluid, max(0.0, gap + tissue - least))
    return max(tissue, least - gap + fluid), fluid


def turn_axes(*tensors, random):
    """One of the 48 ways a box can lie: a volume may reach the program with any axis as depth."""
    order = [0] + [int(a) + 1 for a in random.permutation(3)]
    flips = [a + 1 for a in range(3) if random.random() < 0.5]
    return tuple(torch.flip(t.permute(order), flips) for t in tensors)
