"""Does a model say no? Volumes without an ovary, of both simulators and pieces of real tissue, beside volumes with one.

    python Testing/benchmarks/saying_no.py --bundle crend-sim --bundle OTHER --first-seed 440 --volumes 8 --real ../shared/data

prints, for each bundle: in how many volumes without an ovary one was drawn, in how many of these with a flag, and with an ovary the mean Dice, the
error of the count, and how many of the good ones (Dice 0.85 or more) bear a flag. --real: a folder with volumes that show no ovary; each is cut into
eight pieces; --volumes 0 for these alone. Volumes are simulated once for all bundles.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import SimpleITK as sitk

import crend
from crend.bundle import bundle as bundles
from crend.confidence.plausibility import short_words
from crend.errors import InputError
from crend.inference.engines import make_engine
from crend.io.volumes import read_image
from crend.predict import segment
from crend_training.data.simulators import NAMES, simulate

GOOD = 0.85
ENDINGS = (".nrrd", ".mha")


def drawn(found) -> tuple[bool, bool]:
    """Whether a Segmentation has an ovary, and whether it then bears a flag."""
    there = found.measurements.ovary is not None
    return there, there and bool(short_words(found.provenance["flags"]))


def dice(first, second) -> float:
    one, two = (sitk.GetArrayViewFromImage(image) > 0 for image in (first, second))
    return 2 * np.count_nonzero(one & two) / max(1, np.count_nonzero(one) + np.count_nonzero(two))


def pieces(image):
    """The image cut in two along every axis: eight images."""
    half = [size // 2 for size in image.GetSize()]
    for corner in itertools.product((0, 1), repeat=3):
        where = tuple(slice(c * h, (c + 1) * h) for c, h in zip(corner, half))
        yield image[where]


def with_ovary(phantom, found) -> dict:
    count = len(np.unique(sitk.GetArrayViewFromImage(phantom.follicles))) - 1
    return {
        "ovary": dice(phantom.ovary, found.ovary),
        "follicles": dice(phantom.follicles, found.follicles),
        "count": abs(len(found.measurements.follicles) - count),
        "flagged": drawn(found)[1],
    }


def simulated(models, simulator: str, seeds) -> list[str]:
    empty: dict = {name: [] for name in models}
    full: dict = {name: [] for name in models}
    for seed in seeds:
        nothing, something = simulate(simulator, seed, empty=True), simulate(simulator, seed)
        for name, (bundle, engine) in models.items():
            empty[name].append(drawn(segment(nothing.volume, bundle, engine=engine)))
            full[name].append(with_ovary(something, segment(something.volume, bundle, engine=engine)))
    lines = []
    for name in models:
        rows, good = full[name], [row for row in full[name] if row["ovary"] >= GOOD]
        means = [
            f"{np.mean([row[key] for row in rows]):{form}}" for key, form in (("ovary", ".3f"), ("follicles", ".3f"), ("count", ".2f"))
        ]
        no = f"{sum(there for there, _ in empty[name])} of {len(rows)} | {sum(flag for _, flag in empty[name])}"
        lines.append(f"| {simulator} | {name} | {no} | {' | '.join(means)} | {sum(row['flagged'] for row in good)} of {len(good)} |")
    return lines


def real(models, folder: Path) -> list[str]:
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS):
        parts = list(pieces(read_image(path)))
        for name, (bundle, engine) in models.items():
            seen = []
            for part in parts:
                try:
                    seen.append(drawn(segment(part, bundle, engine=engine)))
                except InputError:  # a piece that is all one grey
                    seen.append((False, False))
            no = f"{sum(there for there, _ in seen)} of {len(seen)} | {sum(flag for _, flag in seen)}"
            lines.append(f"| pieces of {path.parent.name} | {name} | {no} | – | – | – | – |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", action="append", required=True, help="a model's name or folder; may be repeated")
    parser.add_argument("--simulator", action="append", choices=list(NAMES), help="all of them when left out")
    parser.add_argument("--first-seed", type=int, default=440)
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument("--real", type=Path, help="folder with real volumes that show no ovary")
    given = parser.parse_args()
    models = {}
    for each in given.bundle:
        bundle = bundles.load(each)
        models[f"{bundle.name} {bundle.metadata['version']}"] = (bundle, make_engine(bundle.model, "cpu"))
    seeds = range(given.first_seed, given.first_seed + given.volumes)
    print(f"crend {crend.__version__}, seeds {seeds.start} to {seeds.stop - 1}\n")
    print(
        "| volumes | model | drawn without an ovary | of these flagged | Dice of the ovary | of the follicles | error of the count | good but flagged |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for simulator in (given.simulator or NAMES) if len(seeds) else ():
        print("\n".join(simulated(models, simulator, seeds)), flush=True)
    if given.real:
        print("\n".join(real(models, given.real)), flush=True)


if __name__ == "__main__":
    main()
