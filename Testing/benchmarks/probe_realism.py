"""How real do simulated volumes look to a network that has only ever seen real ovaries?

Runs the follicle 3D U-Net of `ovary-analysis` (trained on real 3D ovarian ultrasound; `follicle_3dunet.pytorch` of its source
archive) inside the true, dilated ovary of simulated volumes and prints the follicle Dice of each and their mean. Needs
`pytorch3dunet` (with --no-deps) beside torch, numpy, scipy and SimpleITK; openvino, where installed, halves the time.

    python Testing/benchmarks/probe_realism.py follicle_3dunet.pytorch --seeds 0-7 --pictures OUT

A low Dice has two readings: the volume is unlike ultrasound, or it is hard (hazy follicles, shadows). Look at the pictures.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage, special

sys.path.insert(0, str(Path(__file__).parents[2] / "training_pkg"))

from ovary_analysis import PATCH, SPACING, load_network, mean_over_patches, patches, standardised, widened

from crend_training.phantom import make_phantom


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
    array = widened(standardised(volume))
    organ = np.pad(organ, [(0, n - m) for n, m in zip(array.shape, organ.shape)])
    boxes = [box for box in patches(array.shape, stride) if organ[box].mean() > 0.05]
    if most and len(boxes) > most:
        rng = np.random.default_rng(0)
        places = [np.argwhere(mask) for mask in (organ, follicles > 0) if mask.any()]
        centres = [rng.choice(places[i % len(places)]) for i in range(most)]
        boxes = [tuple(slice(s, s + PATCH) for s in np.clip(c - PATCH // 2, 0, np.array(array.shape) - PATCH)) for c in centres]
    logits, done = mean_over_patches(network, array, boxes)
    back = tuple(slice(0, n) for n in volume.shape)
    return special.softmax(logits, axis=0)[1][back], done[back]


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
    parser.add_argument(
        "--smooth", type=float, default=0.0, help="Gaussian smoothing before the network, in voxels (the original may denoise)"
    )
    parser.add_argument("--pictures", help="folder for one PNG a seed: volume, truth, prediction")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last) + 1) if last else [int(s) for s in options.seeds.split(",")]
    network = load_network(options.model, 3)
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
