"""How real do simulated volumes look to a network that has only ever seen real ovaries?

Runs the follicle 3D U-Net of `ovary-analysis` (trained on real 3D ovarian ultrasound; `follicle_3dunet.pytorch` of its source
archive) inside the true, dilated ovary of simulated volumes and prints the follicle Dice of each and their mean. Needs
`pytorch3dunet` (with --no-deps) beside torch, numpy, scipy and SimpleITK; openvino, where installed, halves the time.

    python Testing/benchmarks/probe_realism.py follicle_3dunet.pytorch --seeds 0-7 --pictures OUT

A low Dice has two readings: the volume is unlike ultrasound, or it is hard (hazy follicles, shadows). Look at the pictures.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage, special

sys.path.insert(0, str(Path(__file__).parents[2] / "training_pkg"))

from crend_training.phantom import make_phantom  # noqa: E402

SPACING = 0.157288
PATCH = 80


def load_network(path):
    """The trained UNet3D as a function of a patch (1, 1, 80, 80, 80) that gives logits (1, 3, 80, 80, 80), numpy."""
    from pytorch3dunet.unet3d.model import UNet3D

    network = UNet3D(in_channels=1, out_channels=3, f_maps=[32, 64, 128, 256], layer_order="gcr", num_groups=8, final_sigmoid=False)
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state.get("model_state_dict", state))
    network.eval()

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
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
    return lambda patch: compiled(patch)[0]


def crop_to_ovary(phantom, margin_mm):
    """Volume, ovary and follicle arrays (z, y, x) around the ovary at the network's spacing."""
    ovary = sitk.GetArrayFromImage(phantom.ovary)
    spacing = np.array(phantom.ovary.GetSpacing())
    boxes = ndimage.find_objects(ovary)[0][::-1]
    low = [max(0, int(s.start - margin_mm / h)) for s, h in zip(boxes, spacing)]
    high = [min(n, int(s.stop + margin_mm / h)) for s, h, n in zip(boxes, spacing, phantom.ovary.GetSize())]
    size = [int(round((h - l) * s / SPACING)) for l, h, s in zip(low, high, spacing)]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing([SPACING] * 3)
    grid.SetDirection(phantom.volume.GetDirection())
    grid.SetOrigin(phantom.volume.TransformIndexToPhysicalPoint(low))
    images = (phantom.volume, sitk.sitkLinear), (phantom.ovary, sitk.sitkNearestNeighbor), (phantom.follicles, sitk.sitkNearestNeighbor)
    return [sitk.GetArrayFromImage(sitk.Resample(image, grid, sitk.Transform(), how)) for image, how in images]


def follicle_probability(network, volume, organ, follicles, stride, most):
    """Softmax of channel 1 (z, y, x) and where it was computed; overlapping patches are averaged, patches without ovary skipped.

    most > 0: only so many patches, each about a random voxel, half of them of the ovary and half of its follicles.
    """
    array = (volume - volume.mean()) / max(float(volume.std()), 1e-6)
    pad = [(0, max(0, PATCH - n)) for n in array.shape]
    array = np.pad(array.astype(np.float32), pad, mode="reflect" if min(array.shape) > PATCH // 2 else "edge")
    organ = np.pad(organ, pad)
    total, weight = np.zeros(array.shape, np.float32), np.zeros(array.shape, np.float32)
    ramp = np.minimum(np.arange(PATCH) + 1, np.arange(PATCH)[::-1] + 1).astype(np.float32).clip(max=12)
    window = ramp[:, None, None] * ramp[None, :, None] * ramp[None, None, :]
    starts = [sorted({min(s, n - PATCH) for s in range(0, n - PATCH + stride, stride)}) for n in array.shape]
    boxes = [tuple(slice(s, s + PATCH) for s in corner) for corner in itertools.product(*starts)]
    boxes = [box for box in boxes if organ[box].mean() > 0.05]
    if most and len(boxes) > most:
        rng = np.random.default_rng(0)
        places = [np.argwhere(mask) for mask in (organ, follicles > 0) if mask.any()]
        centres = [rng.choice(places[i % len(places)]) for i in range(most)]
        boxes = [tuple(slice(s, s + PATCH) for s in np.clip(c - PATCH // 2, 0, np.array(array.shape) - PATCH)) for c in centres]
    for box in boxes:
        logits = network(np.ascontiguousarray(array[box])[None, None])
        total[box] += special.softmax(logits, axis=1)[0, 1] * window
        weight[box] += window
    back = tuple(slice(0, n) for n in volume.shape)
    return (total / np.maximum(weight, 1e-6))[back], (weight > 0)[back]


def dice(a, b):
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def picture(path, volume, truth, found):
    """Three middle slices; truth outlined white in the left half, prediction in the right half."""
    rows = []
    middle = [int(c) for c in ndimage.center_of_mass(truth if truth.any() else np.ones_like(truth))]
    side = max(volume.shape)
    for axis in range(3):
        plain = np.take(volume, middle[axis], axis)
        panels = [plain]
        for mask in (truth, found):
            flat = np.take(mask, middle[axis], axis)
            panels.append(np.where(flat & ~ndimage.binary_erosion(flat), 255, plain))
        panels = [np.pad(panel, [(0, side - n) for n in panel.shape]) for panel in panels]
        rows.append(np.hstack(panels))
    sitk.WriteImage(sitk.GetImageFromArray(np.vstack(rows).astype(np.uint8)), str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="follicle_3dunet.pytorch")
    parser.add_argument("--seeds", default="0-7", help="first-last, or a comma list")
    parser.add_argument("--stride", type=int, default=64, help="patch stride in voxels; 20 is the original's, and slow")
    parser.add_argument("--patches", type=int, default=0, help="at most so many patches a volume, Dice there only (0 = all)")
    parser.add_argument("--smooth", type=float, default=0.0, help="Gaussian smoothing before the network, in voxels (the original may denoise)")
    parser.add_argument("--pictures", help="folder for one PNG a seed: volume, truth, prediction")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last) + 1) if last else [int(s) for s in options.seeds.split(",")]
    network = load_network(options.model)
    scores = []
    for seed in seeds:
        started = time.perf_counter()
        phantom = make_phantom(seed, empty=False)
        volume, organ, follicles = crop_to_ovary(phantom, margin_mm=2.0)
        # black beyond the sector's edge is no finding
        inside = (volume > 0) | (organ > 0)
        organ = ndimage.binary_dilation(organ > 0, iterations=10) & inside
        if options.smooth:
            volume = ndimage.gaussian_filter(volume.astype(np.float32), options.smooth)
        probability, done = follicle_probability(network, volume, organ, follicles, options.stride, options.patches)
        truth, found = (follicles > 0) & done, (probability > 0.5) & organ & done
        scores.append(dice(truth, found) if truth.any() else float("nan"))
        precision = (truth & found).sum() / max(1, found.sum())
        recall = (truth & found).sum() / max(1, truth.sum())
        print(
            f"seed {seed:4d}  {phantom.parameters['look']:<10}  {int(follicles.max()):2d} follicles  Dice {scores[-1]:.3f}"
            f"  precision {precision:.2f}  recall {recall:.2f}  {time.perf_counter() - started:.0f} s  ({int(done.mean() * 100)} % covered)",
            flush=True,
        )
        if options.pictures:
            Path(options.pictures).mkdir(parents=True, exist_ok=True)
            picture(Path(options.pictures) / f"seed{seed}.png", volume, truth, found)
    print(f"mean follicle Dice {np.nanmean(scores):.3f}, median {np.nanmedian(scores):.3f} over {len(scores)} volumes")


if __name__ == "__main__":
    main()
