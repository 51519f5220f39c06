"""How well follicles come apart and how exactly they are measured, on shapes that are known by formula.

    python Testing/benchmarks/measure_follicles.py [--pairs 200] [--singles 200] [--balls 40]

Pairs: two overlapping spheres under a random affine map, the neck narrower than 70 % of the smaller one's diameter; one comes apart when
exactly two parts are found and each overlaps its own by more than 60 % IoU. Singles: irregular star-shaped ones. Balls: anywhere between
the voxels, diameters of 2 to 20 mm; printed are the share measured within 2 % of the true volume, the mean error and the largest, and
the share that any method could get within 2 %: balls of other volumes part the same voxels, and no method can tell them apart.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Testing" / "support"))

GRIDS = ((0.3, 0.3, 0.3), (0.3, 0.3, 0.6), (0.2, 0.4, 0.5))
DIAMETERS = (2, 2.5, 3, 4, 5, 8, 12, 20)


def splitting(pairs, singles):
    """(share of touching pairs that come apart, share of single ones that are split)."""
    from test_follicles import SPACINGS, apart, irregular, touching_pair

    from crend.structures.follicles import split_follicles

    rng = np.random.default_rng(2024)
    outcomes = []
    while len(outcomes) < pairs:
        spacing = SPACINGS[len(outcomes) % len(SPACINGS)]
        truth, neck = touching_pair(rng, spacing)
        if neck < 0.7:
            outcomes.append(apart(split_follicles(truth > 0, spacing, smallest_mm=1.0), truth))
    counts = [
        split_follicles(irregular(rng, SPACINGS[k % len(SPACINGS)]), SPACINGS[k % len(SPACINGS)], smallest_mm=1.0).max()
        for k in range(singles)
    ]
    return np.mean(outcomes), np.mean(np.array(counts) > 1)


def ball_errors(diameter, spacing, count):
    """(errors in percent of the volumes of balls, the chance of each that the best of all guesses is within 2 %), both (count,)."""
    from crend.structures.ellipsoids import ellipsoid_volumes
    from crend.structures.measurements import measure

    rng = np.random.default_rng([int(10 * diameter), int(1000 * sum(spacing))])
    size = (diameter / np.array(spacing)).astype(int) + 5
    errors, chances = [], []
    for _ in range(count):
        axes = [(np.arange(n) - n / 2 + rng.uniform(-0.5, 0.5)) * s for n, s in zip(size, spacing)]
        inside = axes[2][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[0] ** 2 < diameter**2 / 4
        image = sitk.GetImageFromArray(inside.astype(np.uint16))
        image.SetSpacing(spacing)
        (follicle,) = measure(image, image).follicles
        errors.append(100 * (6000 * follicle.volume_ml / (np.pi * diameter**3) - 1))
        volumes = ellipsoid_volumes(inside, spacing)
        chances.append(1.0 if volumes is None else most_within(np.sort(volumes), 0.02))
    return np.array(errors), np.array(chances)


def most_within(volumes, share):
    """Of sorted volumes, the largest part that one guess has within `share` of them."""
    ends = np.searchsorted(volumes, volumes * (1 + share) / (1 - share), side="right")
    return (ends - np.arange(len(volumes))).max() / len(volumes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--singles", type=int, default=200)
    parser.add_argument("--balls", type=int, default=40)
    options = parser.parse_args()
    if options.pairs:
        come_apart, split = splitting(options.pairs, options.singles)
        print(
            f"{options.pairs} touching pairs: {100 * come_apart:.1f} % come apart; {options.singles} irregular single ones: {100 * split:.1f} % are split\n"
        )
    print("| voxel mm | diameter mm | within 2 % | possible | mean error % | largest % |\n|---|---|---|---|---|---|")
    for spacing in GRIDS:
        for diameter in DIAMETERS:
            errors, chances = ball_errors(diameter, spacing, options.balls if diameter < 8 else max(2, options.balls // 8))
            name = " x ".join(f"{s:g}" for s in spacing)
            within, possible = 100 * np.mean(np.abs(errors) <= 2), 100 * np.mean(chances)
            print(
                f"| {name} | {diameter:g} | {within:.0f} % | {possible:.0f} % | {errors.mean():+.2f} | {np.abs(errors).max():.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
