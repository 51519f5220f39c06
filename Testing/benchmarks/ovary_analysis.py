"""ETH's `ovary-analysis` as a peer: its two 3D U-Nets (trained on real ovaries) on a volume, by its own rules.

Needs `pytorch3dunet` (install it with --no-deps) beside torch, numpy, scipy and SimpleITK, and the folder of `ovary_3dunet.pytorch` and
`follicle_3dunet.pytorch` from its source archive; openvino, where installed, halves the time.

Its rules: a grid of 0.157288 mm, zero mean and unit deviation, patches of 80 cubed; ovary where the sigmoid reaches 0.8, holes filled, the
largest piece; follicles in that one's box, where the softmax reaches 0.5 inside the ovary dilated by 10 voxels, from 30 voxels on, none that
touches the box's border. Other than there, patches lie 64 voxels apart for the ovary and 40 for the follicles (20 there: some 25 times
slower), and nothing is denoised first (optional there).
"""

import itertools
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage, special

from crend.measurements import measure
from crend.organ import bounding_box
from crend.result import Segmentation

SPACING = 0.157288
PATCH = 80
OVARY_STRIDE, FOLLICLE_STRIDE = 64, 40
OVARY_THRESHOLD, FOLLICLE_THRESHOLD = 0.8, 0.5
DILATION = 10
SMALLEST_VOXELS = 30
EDGE = 12  # voxels over which a patch fades towards its rim


def load_network(path, classes, precision="f32"):
    """A trained UNet3D as a function of a patch (1, 1, 80, 80, 80) that gives logits (1, classes, 80, 80, 80), numpy float32.

    precision: "f32" or "bf16", of openvino; torch always computes in float32.
    """
    from pytorch3dunet.unet3d.model import UNet3D

    network = UNet3D(in_channels=1, out_channels=classes, f_maps=[32, 64, 128, 256], layer_order="gcr", num_groups=8, final_sigmoid=classes == 2)
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
    """Zero mean and unit deviation, float32, at least a patch large along each axis."""
    array = ((values - values.mean()) / max(float(values.std()), 1e-6)).astype(np.float32)
    pad = [(0, max(0, PATCH - n)) for n in array.shape]
    return np.pad(array, pad, mode="reflect" if min(array.shape) > PATCH // 2 else "edge")


def mean_over_patches(network, array, boxes, activate):
    """(mean of `activate(logits)` (D, H, W) over the patches at `boxes`, their rims counting less; where any patch lay)."""
    total, weight = np.zeros(array.shape, np.float32), np.zeros(array.shape, np.float32)
    ramp = np.minimum(np.arange(PATCH) + 1, np.arange(PATCH)[::-1] + 1).astype(np.float32).clip(max=EDGE)
    window = ramp[:, None, None] * ramp[None, :, None] * ramp[None, None, :]
    for box in boxes:
        total[box] += activate(network(np.ascontiguousarray(array[box])[None, None]))[0] * window
        weight[box] += window
    return total / np.maximum(weight, 1e-6), weight > 0


def patches(shape, stride):
    """Boxes of 80 cubed that cover an array of `shape`, `stride` voxels apart."""
    starts = [sorted({min(s, n - PATCH) for s in range(0, n - PATCH + stride, stride)}) for n in shape]
    return [tuple(slice(s, s + PATCH) for s in corner) for corner in itertools.product(*starts)]


def follicle_softmax(logits):
    return special.softmax(logits, axis=1)[:, 1]


def system(folder, precision="f32"):
    """Function from a 3D image to a Segmentation on its grid, by the networks in `folder`."""
    folder = Path(folder)
    return by(load_network(folder / "ovary_3dunet.pytorch", 2, precision), load_network(folder / "follicle_3dunet.pytorch", 3, precision))


def by(ovary_network, follicle_network):
    """The same, by two functions from a patch to logits."""

    def run(image):
        began = time.perf_counter()
        fine = sitk.Resample(image, _fine_grid(image), sitk.Transform(), sitk.sitkLinear)
        values = np.clip(np.rint(sitk.GetArrayFromImage(fine)), 0, 255).astype(np.uint8)
        ovary = _ovary(ovary_network, values)
        follicles = np.zeros(values.shape, np.uint16)
        if ovary.any():
            inside = ndimage.maximum_filter(ovary, DILATION)
            box = _box(inside)
            follicles[box] = _follicles(follicle_network, values[box], inside[box])
        arrays = (ovary | (follicles > 0)).astype(np.uint8), follicles
        images = [_onto(image, fine, array) for array in arrays]
        return Segmentation(*images, measure(*images), {"bundle": "ovary-analysis", "seconds": round(time.perf_counter() - began, 2)})

    return run


def _ovary(network, values):
    array = standardised(values)
    heard = np.pad(values > 0, [(0, n - m) for n, m in zip(array.shape, values.shape)])
    boxes = [box for box in patches(array.shape, OVARY_STRIDE) if heard[box].mean() > 0.05]
    logit, seen = mean_over_patches(network, array, boxes, lambda logits: logits[:, 1])
    mask = ndimage.binary_fill_holes(seen & (special.expit(logit) >= OVARY_THRESHOLD))
    mask = mask[tuple(slice(0, n) for n in values.shape)]
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
    array = standardised(values)
    padded = np.pad(inside, [(0, n - m) for n, m in zip(array.shape, inside.shape)])
    boxes = [box for box in patches(array.shape, FOLLICLE_STRIDE) if padded[box].any()]
    probability, _ = mean_over_patches(network, array, boxes, follicle_softmax)
    mask = (probability[tuple(slice(0, n) for n in values.shape)] >= FOLLICLE_THRESHOLD) & inside
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
