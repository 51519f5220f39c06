"""Follicles whose edge is softer on the tissue's side than the simulator draws it: a wall of cells, a wide beam, frames that were averaged.

Where every edge in training is equally sharp, a network learns how steep it is instead of where it lies half-way, and takes follicles with a softer
one for larger than they are.
"""

from __future__ import annotations

import torch

WIDTHS = (0.7, 1.4)  # voxels, deviation of the Gaussian with which the darkening fades outwards
REACH = 4  # voxels


def softer_edges(image, labels, most: float, random):
    """image (1, D, H, W) with the tissue beside its follicles darker by up to `most` of what lies between tissue and fluid, fading outwards.

    labels (1, D, H, W): 1 tissue, 2 follicles. Where there is no echo nothing changes; where there is only one of both, nothing at all does.
    """
    labels = labels.round()
    fluid, tissue = labels == 2, labels == 1
    if not (fluid.any() and tissue.any()):
        return image
    gap = max(0.0, float(image[tissue].median() - image[fluid].median()))
    share, width = random.uniform(0, most), random.uniform(*WIDTHS)
    nearby = _blurred(fluid.float(), width)
    # 1 in the voxel beside a flat edge, half a voxel away from it.
    nearby = nearby / float(torch.special.ndtr(torch.tensor(-0.5 / width)))
    echo = image > image.min() + 0.05
    darker = share * gap * nearby.clamp(max=1.0) * (~fluid & echo)
    return (image - darker).clamp(min=float(image.min()))


def _blurred(mask, width: float):
    """mask (1, D, H, W) under a Gaussian of deviation `width` voxels."""
    x = torch.arange(-REACH, REACH + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (x / width) ** 2)
    kernel /= kernel.sum()
    for axis in range(3):
        shape, padding = [1, 1, 1, 1, 1], [0, 0, 0]
        shape[axis + 2], padding[axis] = -1, REACH
        mask = torch.nn.functional.conv3d(mask[None], kernel.view(shape), padding=padding)[0]
    return mask
