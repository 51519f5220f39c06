"""How well a few contours give the ovary: volume and Dice against ellipsoids, and ellipsoids with two bulges, of known volume.

    python Testing/benchmarks/bench_contours.py [--shapes 40] [--hand MM] [--out NAME]

Planes turn about the long axis, from another angle for each shape; each bulge is a ball of a third of the ellipsoid's radius anywhere on its surface.
--hand: every contour is drawn larger or smaller and every point is off by about that many millimetres.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from bench_tools import finish, table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from ovary_shapes import Ovary, grid

from crend.structures.contours import ovary_from_contours

PLANES = (2, 3, 4, 6)


def errors(ovary: Ovary, contours, image) -> tuple[float, float]:
    """(error of the volume in percent, Dice in percent) of what the contours give."""
    found = sitk.GetArrayFromImage(ovary_from_contours(contours, image)) > 0
    truth = ovary.mask_on(image)
    return 100 * (found.sum() / truth.sum() - 1), 200 * (found & truth).sum() / (found.sum() + truth.sum())


def by_hand(contours, off: float, generator):
    """The contours as a hand draws them that errs by about `off` mm: on the whole contour, and on each point."""
    drawn = []
    for contour in contours:
        outward = contour / np.linalg.norm(contour, axis=1, keepdims=True)
        drawn.append(contour + outward * generator.normal(scale=off, size=(len(contour), 1)) + outward * generator.normal(scale=off))
    return drawn


def measure(bulges: int, planes: int, shapes: int, hand: float) -> tuple:
    """Mean error, mean and largest absolute error of the volume, mean Dice, all in percent, of several shapes."""
    generator, image = np.random.default_rng(0), grid()
    found = []
    for seed in range(shapes):
        ovary = Ovary(bulges, seed, half_axes=generator.uniform((14, 10, 9), (22, 14, 13)))
        contours = ovary.turning(planes, start=generator.uniform(0, np.pi))
        found.append(errors(ovary, by_hand(contours, hand, generator), image))
    volume, dice = np.array(found).T
    return volume.mean(), np.abs(volume).mean(), np.abs(volume).max(), dice.mean()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", type=int, default=40)
    parser.add_argument("--hand", type=float, default=0.0)
    parser.add_argument("--out")
    given = parser.parse_args()
    rows = []
    for bulges in (0, 2):
        for planes in PLANES:
            figures = measure(bulges, planes, given.shapes, given.hand)
            rows.append((f"{bulges} bulges", planes, *(f"{figure:.1f}" for figure in figures)))
    head = ("ellipsoid with", "planes", "mean error of the volume, %", "mean size of it, %", "largest, %", "Dice, %")
    hand = f", drawn by a hand that errs by about {given.hand:g} mm" if given.hand else ""
    finish(f"The ovary from contours: {given.shapes} shapes each{hand}", table(head, rows), {"head": head, "rows": rows}, given.out)


if __name__ == "__main__":
    main()
