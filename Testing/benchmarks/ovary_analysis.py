"""ETH's `ovary-analysis` as a peer: its two 3D U-Nets (trained on real ovaries) on a volume, by its own rules.

Needs `pytorch3dunet` (install it with --no-deps) beside torch, numpy, scipy and SimpleITK, and the folder of `ovary_3dunet.pytorch` and
`follicle_3dunet.pytorch` from its source archive; openvino, where installed, halves the time, and again in bfloat16 on a processor made for it.

Its rules: a grid of 0.157288 mm, zero mean and unit deviation, mirrored borders, patches of 80 cubed whose logits are averaged; ovary where
the sigmoid reaches 0.8, holes filled, the largest piece, dilated by a cube of 10 voxels; follicles in that one's box, where the softmax
reaches 0.5 inside the ovary, from 30 voxels on, none that touches the box's border. Other than there, patches lie 64 voxels apart for the
ovary and 40 for the follicles (20 there: some 25 times slower), count less towards their rims, and are left out where no echo is; and
nothing is denoised first, which its README recommends and its command does where `aydin` is installed.
"""

import itertools
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage, special

from crend.result import Segmentation
from crend.structures.measurements import measure
from crend.structures.ovary import bounding_box

SPACING = 0.157288
PATCH = 80
OVARY_STRIDE, FOLLICLE_STRIDE = 64, 40
OVARY_THRESHOLD, FOLLICLE_THRESHOLD = 0.8, 0.5
DILATION = 10
SMALLEST_VOXELS = 30
OVARY_MIRRORED, FOLLICLE_MIRRORED = (32, 32, 32), (16, 32, 32)
EDGE = 12  # voxels over which a patch fades towards its rim


def load_network(path, classes, precision="f32"):
    """A trained UNet3D as a function of a patch (1, 1, 80, 80, 80) that gives logits (1, classes, 80, 80, 80), numpy float32.

    precision: "f32" or "bf16", of openvino; torch always computes in float32.
    """
    from pytorch3dunet.unet3d.model import UNet3D

    network = UNet3D(
        in_channels=1, out_channels=classes, f_maps=[32, 64, 128, 256], layer_order="gcr", num_groups=8, final_sigmoid=classes == 2
    )
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state.get("model_state_dict", state))

    class Logits(torch.nn.Module):
        """The U-Net up to its last convolution, so that no version's final activation is applied twice."""

        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            skips = []
            for encoder in self.network.encoders:
                x = encoder(x)
                skips.insert(0, x)
            for decoder, skip in zip(self.network.decoders, skips[1:]):
                x = decoder(skip, x)
            return self.network.final_conv(x)

    logits = Logits().eval()
    try:
        import openvino
    except ImportError:

        def run(patch):
            with torch.inference_mode():
                return logits(torch.from_numpy(patch)).numpy()

        return run
    example = torch.zeros(1, 1, PATCH, PATCH, PATCH)
    model = openvino.convert_model(logits, example_input=example, input=[1, 1, PATCH, PATCH, PATCH])
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision})
    return lambda patch: compiled(patch)[0]


def standardised(values):
    """Zero mean and unit deviation, float32."""
    return ((values - values.mean()) / max(float(values.std()), 1e-6)).astype(np.float32)


def widened(array, mirrored=(0, 0, 0)):
    """An array mirrored at its borders: `mirrored` voxels wider on each side, and at least a patch large along each axis."""
    return np.pad(array, [(m, m + max(0, PATCH - n - 2 * m)) for n, m in zip(array.shape, mirrored)], mode="reflect")


def inner(array, shape, mirrored=(0, 0, 0)):
    """The part of an array as `widened` gives it that is the volume of `shape`."""
    return array[tuple(slice(m, m + n) for n, m in zip(shape, mirrored))]


def mean_over_patches(network, array, boxes):
    """(mean logits (classes, D, H, W) over the patches at `boxes`, their rims counting less, 0 elsewhere; where any patch lay)."""
    total, weight = None, np.zeros(array.shape, np.float32)
    ramp = np.minimum(np.arange(PATCH) + 1, np.arange(PATCH)[::-1] + 1).astype(np.float32).clip(max=EDGE)
    window = ramp[:, None, None] * ramp[None, :, None] * ramp[None, None, :]
    for box in boxes:
        logits = network(np.ascontiguousarray(array[box])[None, None])[0]
        if total is None:
            total = np.zeros((len(logits), *array.shape), np.float32)
        total[(slice(None),) + box] += logits * window
        weight[box] += window
    if total is None:
        return np.zeros((1, *array.shape), np.float32), weight > 0
    total /= np.maximum(weight, 1e-6)
    return total, weight > 0


def patches(shape, stride):
    """Boxes of 80 cubed that cover an array of `shape`, `stride` voxels apart."""
    starts = [sorted({min(s, n - PATCH) for s in range(0, n - PATCH + stride, stride)}) for n in shape]
    return [tuple(slice(s, s + PATCH) for s in corner) for corner in itertools.product(*starts)]


def systems(folder, precision="f32"):
    """name -> function from a 3D image to a Segmentation on its grid, by the networks in `folder`: as its command writes it, and undilated."""
    folder = Path(folder)
    return by(load_network(folder / "ovary_3dunet.pytorch", 2, precision), load_network(folder / "follicle_3dunet.pytorch", 3, precision))


def by(ovary_network, follicle_network):
    """The same, by two functions from a patch to logits. The networks run once for both."""
    latest = {}

    def run(image, dilated):
        if latest.get("image") is not image:
            latest.update(image=image, found=_find(image, ovary_network, follicle_network))
        grid, masks, follicles, seconds = latest["found"]
        arrays = (masks[dilated] | (follicles > 0)).astype(np.uint8), follicles
        images = [_onto(image, grid, array) for array in arrays]
        return Segmentation(*images, measure(*images), {"bundle": "ovary-analysis", "seconds": seconds})

    return {
        "ovary-analysis (ETH)": lambda image: run(image, True),
        "ovary-analysis (ETH), ovary not dilated": lambda image: run(image, False),
    }


def _find(image, ovary_network, follicle_network):
    """(fine grid, (ovary, dilated ovary) (D, H, W) bool there, follicles (D, H, W) uint16, seconds)."""
    began = time.perf_counter()
    fine = sitk.Resample(image, _fine_grid(image), sitk.Transform(), sitk.sitkLinear)
    values = np.clip(np.rint(sitk.GetArrayFromImage(fine)), 0, 255).astype(np.uint8)
    ovary = _ovary(ovary_network, values)
    dilated = ndimage.maximum_filter(ovary, DILATION)
    follicles = np.zeros(values.shape, np.uint16)
    if ovary.any():
        box = _box(dilated)
        follicles[box] = _follicles(follicle_network, values[box], dilated[box])
    return fine, (ovary, dilated), follicles, round(time.perf_counter() - began, 2)


def _ovary(network, values):
    array, heard = widened(standardised(values), OVARY_MIRRORED), widened(values > 0, OVARY_MIRRORED)
    boxes = [box for box in patches(array.shape, OVARY_STRIDE) if heard[box].mean() > 0.05]
    logits, seen = mean_over_patches(network, array, boxes)
    mask = inner(seen & (special.expit(logits[-1]) >= OVARY_THRESHOLD), values.shape, OVARY_MIRRORED)
    mask = ndimage.binary_fill_holes(mask)
    labels, count = ndimage.label(mask)
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]) if count else mask


def _box(mask):
    """Slices around a mask, at least a patch long where the array allows."""
    box = []
    for found, n in zip(bounding_box(mask, 0), mask.shape):
        lack = max(0, PATCH - (found.stop - found.start))
        start = max(0, min(found.start - lack // 2, n - PATCH))
        box.append(slice(start, min(n, max(found.stop, start + PATCH))))
    return tuple(box)


def _follicles(network, values, inside):
    """Instances (uint16), the largest first."""
    array = widened(standardised(values), FOLLICLE_MIRRORED)
    logits, _ = mean_over_patches(network, array, patches(array.shape, FOLLICLE_STRIDE))
    probability = inner(special.softmax(logits, axis=0)[1], values.shape, FOLLICLE_MIRRORED)
    mask = (probability >= FOLLICLE_THRESHOLD) & inside
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[sizes < SMALLEST_VOXELS] = 0
    sizes[0] = 0
    for axis in range(3):
        for end in (0, -1):
            sizes[np.take(labels, end, axis)] = 0
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    table = np.zeros(len(sizes), np.uint16)
    table[order] = np.arange(1, len(order) + 1)
    return table[labels]


def _fine_grid(image):
    """An empty image on the volume's box, of 0.157288 mm."""
    size = [max(1, round(n * s / SPACING)) for n, s in zip(image.GetSize(), image.GetSpacing())]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing([SPACING] * 3)
    grid.SetDirection(image.GetDirection())
    first = [(SPACING / s - 1) / 2 for s in image.GetSpacing()]
    grid.SetOrigin(image.TransformContinuousIndexToPhysicalPoint(first))
    return grid


def _onto(image, fine, array):
    labels = sitk.GetImageFromArray(array)
    labels.CopyInformation(fine)
    return sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor)
