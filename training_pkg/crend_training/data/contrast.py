"""Ovaries lighter, darker and patchier than the simulator draws them, with follicles that stay darker than the tissue around them."""

from __future__ import annotations

import numpy as np
import torch

#: After a change of contrast the tissue's median stays this much above the fluid's, its darkest patches half of it: no ovary shows its follicles
#: lighter than itself.
LEAST_GAP = 1.0
PATCHES = (3.0, 10.0)  # voxels that a lighter or darker patch of tissue is wide
PATCHY = 0.6  # at most this much of `spread` is their deviation


def random_contrast(image, labels, spread: float, random):
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
    field = torch.nn.functional.interpolate(torch.from_numpy(coarse)[None, None], size=tuple(shape), mode="trilinear", align_corners=True)[
        0
    ]
    return deviation * field / max(float(field.std()), 1e-6)


def _apart(gap: float, tissue: float, fluid: float) -> tuple[float, float]:
    """Shifts of tissue and fluid that leave of `gap` between them at least LEAST_GAP, or, where it is smaller from the start, all of it."""
    least = min(gap, LEAST_GAP)
    fluid = min(fluid, max(0.0, gap + tissue - least))
    return max(tissue, least - gap + fluid), fluid
