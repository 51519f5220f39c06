"""A network for tests: it thresholds intensities, so what it finds is known voxel by voxel."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from crend.bundle.bundle import Bundle

BACKGROUND, ORGAN, FOLLICLE = 60.0, 140.0, 220.0


class Threshold(torch.nn.Module):
    """Follows the networks' protocol: sharp logits around two normalised intensities; no rendering head."""

    head = None

    def __init__(self, organ: float, follicle: float, sharpness: float = 8.0):
        super().__init__()
        self.register_buffer("levels", torch.tensor([organ, follicle]).reshape(1, 2, 1, 1, 1))
        self.sharpness = sharpness

    def trunk(self, x):
        return self.sharpness * (x - self.levels), None


class Rendering(torch.nn.Module):
    """As Threshold, but its trunk says 0 (probability 0.5) everywhere and its head says what `logits` are."""

    def __init__(self, logits=(9.0, -9.0)):
        super().__init__()
        self.register_buffer("logits", torch.tensor(logits).reshape(1, 2, 1))

    def trunk(self, x):
        shape = (x.shape[0], 2) + tuple(x.shape[2:])
        return torch.zeros(shape, device=x.device), torch.zeros((1, 3) + tuple(n // 2 for n in x.shape[2:]), device=x.device)

    def head(self, hybrid):
        return self.logits.expand(hybrid.shape[0], 2, hybrid.shape[2])


def scene(shape, organ, follicles=(), *, empty=None):
    """uint8 (D, H, W): background with boxes of organ and follicle; organ and follicles are tuples of three slices."""
    array = np.full(shape, BACKGROUND, np.uint8)
    for box in organ if isinstance(organ, list) else [organ]:
        array[box] = ORGAN
    for box in follicles:
        array[box] = FOLLICLE
    if empty is not None:
        array[empty] = 0
    return array


def image_of(array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), direction=None):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(np.asarray(direction, float).ravel())
    return image


def bundle_for(
    array,
    *,
    spacing=1.0,
    patch=(32, 32, 32),
    smallest_mm=1.0,
    network=None,
    points=64,
    overview=None,
    share=None,
    guided=False,
    mirrored=False,
):
    """A loaded bundle whose network finds, on this array, what lies above the levels half-way between the three values."""
    inside = array[array > 0].astype(float)
    levels = [((a + b) / 2 - inside.mean()) / inside.std() for a, b in ((BACKGROUND, ORGAN), (ORGAN, FOLLICLE))]
    settings = {
        "arguments": {"guided": guided},
        "spacing_mm": [spacing] * 3,
        "patch": list(patch),
        "normalisation": {"method": "zscore_nonzero"},
        "thresholds": {"ovary": 0.5, "follicles": 0.5},
        "render": {"points": points},
        "smallest_follicle_mm": smallest_mm,
        "mirrored": mirrored,
        "notice": "Research use only.",
    }
    if overview is not None:
        same = {key: settings[key] for key in ("patch", "normalisation", "render")}
        settings["overview"] = {**same, "spacing_mm": [2 * spacing] * 3, "share": share or {"ovary": 0.5, "follicles": 0.5}}
    return Bundle("stand-in", Path("."), {"version": "1", "crend": settings}, network or Threshold(*levels), overview)
