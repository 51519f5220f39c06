"""A model on phantoms as anyone would draw them in an afternoon: balls in an ellipsoid, in eight looks. No model learns from them, or was chosen on them.

    python Testing/benchmarks/plain_phantoms.py [--bundle crend-sim] [--volumes 5] [--first-seed 0] [--no-render] [--out REPORT]

They share no code with the two simulators of `crend_training`, which bundled models are trained and judged by. Clouded surroundings are as dark
and as bright as ovary and follicles are: there the ovary has hardly a border. REPORT is as `crend_training evaluate` writes one, so that
`crend_training difference` compares two; there a volume's seed has its look's number (from 0) in the hundreds, and looks.md is what is printed.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent))

VOXELS_MM = (0.3, 0.4, 0.5, 0.6)
LOOKS = (
    "dark ovary",
    "bright ovary",
    "bright rim",
    "coarse tissue",
    "coarse tissue, sector",
    "clouded surroundings",
    "noise for speckle",
    "noise, sector",
)


def noise(rng, shape, grain_mm, voxel_mm):
    """Normal noise (D, H, W) of unit deviation and the given grain."""
    field = ndimage.gaussian_filter(rng.normal(size=shape), np.asarray(grain_mm) / voxel_mm)
    return field / field.std()


def anatomy(rng, shape, voxel_mm):
    """(distance from the ovary's middle in units of its half axes, mask of the ovary, labels of the follicles), each (D, H, W)."""
    grid = np.stack(np.meshgrid(*[(np.arange(n) - n / 2) * voxel_mm for n in shape], indexing="ij"), axis=-1)
    half_axes = rng.uniform(9, 18, 3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    place = (grid - rng.uniform(-6, 6, 3)) @ turn
    away = np.sqrt(((place / half_axes) ** 2).sum(axis=-1))
    follicles, balls, wanted = np.zeros(shape, np.uint16), [], rng.integers(6, 20)
    for _ in range(400):
        radius = rng.uniform(1, 5) if balls else rng.uniform(4, 8)
        middle = rng.uniform(-1, 1, 3) * half_axes
        fits = ((middle / (half_axes - 0.8 * radius).clip(0.5)) ** 2).sum() <= 1
        if len(balls) < wanted and fits and all(np.linalg.norm(middle - m) > radius + r + 0.1 for m, r in balls):
            balls.append((middle, radius))
            stretched = radius * rng.uniform(0.85, 1.15, 3)
            follicles[(((place - middle) / stretched) ** 2).sum(axis=-1) < 1] = len(balls)
    return away, (away < 1) | (follicles > 0), follicles


def amplitude(look, rng, away, ovary, voxel_mm):
    """Of the echoes (D, H, W) from the ovary's tissue and what is around it."""
    if look == "dark ovary":
        return np.where(ovary, 0.6, 1.0)
    if look == "bright ovary":
        return np.where(ovary, 1.5, 1.0)
    if look == "bright rim":
        return np.where((away > 1) & (away < 1.12) & ~ovary, 1.7, 1.0)
    if look == "clouded surroundings":
        return np.where(ovary, 1.15, np.abs(1 + 0.8 * noise(rng, ovary.shape, 5, voxel_mm)))
    return np.where(ovary, 0.85, 1.2 * np.exp(0.4 * noise(rng, ovary.shape, 2.5, voxel_mm)))


def phantom(look, seed):
    """A crend_training Phantom: uint8 volume, ovary and follicles."""
    from crend_training.phantom import Phantom

    rng = np.random.default_rng([LOOKS.index(look), seed])
    voxel_mm = VOXELS_MM[rng.integers(len(VOXELS_MM))]
    shape = tuple((rng.uniform(50, 75, 3) / voxel_mm).astype(int))
    away, ovary, follicles = anatomy(rng, shape, voxel_mm)
    if look.startswith("noise"):
        grey = ndimage.gaussian_filter(np.where(follicles > 0, 15.0, np.where(ovary, 120.0, 85.0)), 0.5 / voxel_mm)
        grey = (grey + 12 * noise(rng, shape, 0.4, voxel_mm)).clip(1, 255)
    else:
        echoes = np.where(follicles > 0, 0.06, amplitude(look, rng, away, ovary, voxel_mm))
        echoes = ndimage.gaussian_filter(echoes, 0.4 / voxel_mm).clip(0.02)
        envelope = echoes * np.hypot(noise(rng, shape, (0.45, 0.45, 0.3), voxel_mm), noise(rng, shape, (0.45, 0.45, 0.3), voxel_mm))
        # log compression of about 40 dB
        grey = (255 * np.log(envelope.clip(0.04) / 0.04) / np.log(100)).clip(1, 255)
    if look.endswith("sector"):
        grey[beyond_the_beam(shape, voxel_mm)] = 0

    def image(array):
        made = sitk.GetImageFromArray(array)
        made.SetSpacing((voxel_mm,) * 3)
        return made

    return Phantom(image(np.round(grey).astype(np.uint8)), image(ovary.astype(np.uint8)), image(follicles), {})


def beyond_the_beam(shape, voxel_mm):
    """Mask (D, H, W) of what a sector of 76 degrees, whose tip lies 15 mm above the second axis' beginning, leaves out."""
    across, deep, along = np.meshgrid(*[(np.arange(n) - n / 2) * voxel_mm for n in shape], indexing="ij")
    deep = deep + shape[1] * voxel_mm / 2 + 15
    return (np.arctan2(np.abs(along), deep) > np.radians(38)) | (np.sqrt(across**2 + deep**2 + along**2) < 15)


def main():
    from compare_on_trial import COLUMNS, NOTE, line

    from crend.bundle.bundle import load
    from crend.predict import segment
    from crend_training.evaluation.evaluation import case_of, write_report
    from crend_training.evaluation.reports import about
    from crend_training.evaluation.strata import strata, strata_markdown

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="crend-sim")
    parser.add_argument("--volumes", type=int, default=5, help="of each look")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--no-render", action="store_true")
    parser.add_argument("--out", help="folder for a report")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.volumes)
    if not 0 <= seeds.start < seeds.stop <= 100:
        parser.error("seeds of 0 to 99, please")
    bundle, everything, said = load(options.bundle), [], []

    def say(text):
        print(text, flush=True)
        said.append(text)

    say("| look | " + " | ".join(COLUMNS) + " | FD % | MD % | mean diameter mm, bias (95 % limits) |")
    say("|---" * (len(COLUMNS) + 4) + "|")
    for number, look in enumerate(LOOKS):
        cases = []
        for seed in seeds:
            truth = phantom(look, seed)
            cases.append(case_of(100 * number + seed, truth, segment(truth.volume, bundle, render=not options.no_render)))
        everything += cases
        say(line(look, [vars(case) for case in cases]))
    say(line("all", [vars(case) for case in everything]) + "\n")
    say(strata_markdown([each for each in strata([row for case in everything for row in case.follicles]) if each["stratum"] == "size"]))
    rendering = ", not rendered" if options.no_render else ""
    volumes = f"{options.volumes} volumes of each look, seeds {seeds.start} to {seeds.stop - 1}"
    say(f"\n{bundle.name} {bundle.metadata['version']}{rendering}, {volumes}. {NOTE}")
    if options.out:
        write_report(everything, options.out, about(options.bundle, seeds, simulator="plain phantoms", rendering=not options.no_render))
        Path(options.out, "looks.md").write_text("\n".join(said) + "\n")


if __name__ == "__main__":
    main()
