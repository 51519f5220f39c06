"""What a box round the ovary brings, on simulated volumes: follicles missed and false, counting error, Dice of the ovary, against automatic.

    python Testing/benchmarks/box_figures.py --json FILE [--simulator trial ...] [--first-seed 480] [--volumes 20] [--empty [too]] [--print]

A box is wider than the true ovary by 2 to 8 mm along each axis, and off centre: that width is shared out at random between the two faces. Of
volumes without an ovary it is a box of 30 to 55 mm a side at a random place with echoes. Boxes depend on the seed alone. Every volume is written into FILE as
soon as it is done, and those in it are not done again; --print only prints the tables of what is there.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from crend.bundle.bundle import load
from crend.comparison.metrics import compare
from crend.inference.engines import make_engine
from crend.io.atomic import replacing
from crend.io.labels import Labels
from crend.predict import segment
from crend_training.data.simulators import NAMES, simulate

WIDER_MM, SIDE_MM = (2.0, 8.0), (30.0, 55.0)
MISSED = 0.5  # an ovary whose Dice is less was missed
LPS_RAS = np.array([-1.0, -1.0, 1.0])
FIGURES = {"false": "false_one_to_one", "missed": "missed_one_to_one", "count_error": "count_error", "follicles": "count_reference"}


def points_of(image, mask):
    """RAS positions (n, 3) of the True voxels of a mask (D, H, W) of an image."""
    matrix = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    return (np.argwhere(mask)[:, ::-1] @ matrix.T + np.array(image.GetOrigin())) * LPS_RAS


def box_round(ovary, seed):
    """R0 R1 A0 A1 S0 S1 of a box round a true ovary."""
    generator = np.random.default_rng(seed)
    points = points_of(ovary, sitk.GetArrayViewFromImage(ovary) > 0)
    wider, share = generator.uniform(*WIDER_MM, 3), generator.uniform(0, 1, 3)
    return np.stack([points.min(axis=0) - wider * share, points.max(axis=0) + wider * (1 - share)], axis=1).ravel().tolist()


def box_anywhere(volume, seed):
    """R0 R1 A0 A1 S0 S1 of a box at a random place with echoes."""
    generator = np.random.default_rng(seed)
    places = np.argwhere(sitk.GetArrayViewFromImage(volume) > 0)
    chosen = np.zeros(volume.GetSize()[::-1], bool)
    chosen[tuple(places[generator.integers(len(places))])] = True
    (centre,), size = points_of(volume, chosen), generator.uniform(*SIDE_MM, 3)
    return np.stack([centre - size / 2, centre + size / 2], axis=1).ravel().tolist()


def unlikely_of(found):
    """How many places a Segmentation left out as too unlikely to be follicles."""
    said = [flag["text"] for flag in found.flags if flag["key"] == "unlikely_follicles"]
    return int(re.search(r"\d+", said[0])[0]) if said else 0


def figures_of(phantom, found):
    """Figures of a Segmentation: plain JSON."""
    compared = compare(Labels(phantom.ovary, phantom.follicles), Labels(found.ovary, found.follicles))
    row = {name: compared["detection"][key] for name, key in FIGURES.items()}
    return {
        **row,
        "ovary_dsc": compared["ovary"]["dsc"],
        "source": found.ovary_source,
        "doubtful": "doubtful" in found.message,
        "unlikely": unlikely_of(found),
    }


def measure(simulator, seed, empty, bundle, engine):
    """{"automatic", "box"} of a volume; of one without an ovary what is found in the box alone."""
    phantom = simulate(simulator, seed, empty=empty)
    if empty:
        found = segment(phantom.volume, bundle, engine=engine, box=box_anywhere(phantom.volume, seed))
        return {"box": {"false": len(found.measurements.follicles), "source": found.ovary_source, "unlikely": unlikely_of(found)}}
    box = box_round(phantom.ovary, seed)
    runs = {"automatic": None, "box": box}
    return {name: figures_of(phantom, segment(phantom.volume, bundle, engine=engine, box=given)) for name, given in runs.items()}


def rows(title, cases):
    """Lines of a table: automatic and in a box, on the same volumes."""
    lines = []
    for way in ("automatic", "box"):
        found = [case[way] for case in cases]
        total = sum(each["follicles"] for each in found)
        drawn = [each["ovary_dsc"] for each in found if each["source"] == "model"]
        cells = [
            f"{title}, {len(cases)} volumes",
            way,
            f"{sum(each['missed'] for each in found)} of {total}",
            str(sum(each["false"] for each in found)),
            f"{np.mean([each['count_error'] for each in found]):.2f}",
            f"{np.mean(drawn):.3f} ({len(drawn)})" if drawn else "– (0)",
            str(sum(each["source"] == "box" for each in found)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def table(measured):
    """Markdown of all that was measured: {"SIMULATOR SEED": ...}, of volumes without an ovary {"SIMULATOR SEED empty": ...}."""
    lines = [
        "| volumes | | follicles missed | false | counting error | Dice of outlines by the model (how many) | guides from the box |",
        "|---" * 7 + "|",
    ]
    everything, empties = [], []
    for simulator in NAMES:
        cases = [case for name, case in measured.items() if name.split()[0] == simulator and not name.endswith("empty")]
        if cases:
            lines += rows(simulator, cases)
        everything += cases
        boxes = [case["box"] for name, case in measured.items() if name.split()[0] == simulator and name.endswith("empty")]
        if boxes:
            false = sum(each["false"] for each in boxes)
            empties.append(
                f"| {simulator} | {len(boxes)} | {false} | {false / len(boxes):.2f} | {sum(each['source'] == 'model' for each in boxes)} |"
            )
    missed = [case for case in everything if case["automatic"]["ovary_dsc"] < MISSED]
    if missed:
        lines += rows(f"ovaries that automatic misses (Dice below {MISSED})", missed)
    if empties:
        lines += ["", "| boxes without an ovary | boxes | false follicles | a box | ovary outlined |", "|---" * 5 + "|", *empties]
    return "\n".join(lines)


def measured(path, todo, one, only_print):
    """{name: what `one(simulator, seed, empty, bundle, engine)` says} of a file, which gets each volume of `todo` that is not in it as soon as it is done.

    todo: (engine's name, [(simulator, seed, empty)], minutes after which none is begun). SystemExit for a file of another model.
    """
    engine_name, volumes, minutes = todo
    bundle, end = load(), time.monotonic() + 60 * minutes
    identity = {"bundle": bundle.name, "version": bundle.metadata["version"]}
    known = json.loads(path.read_text()) if path.exists() else {"about": identity, "volumes": {}}
    if known["about"] != identity:
        raise SystemExit(f"{path}: of another model; give another file")
    engine = make_engine(bundle.model, engine=engine_name)
    for simulator, seed, empty in volumes:
        name = f"{simulator} {seed}" + (" empty" if empty else "")
        if only_print or name in known["volumes"] or time.monotonic() > end:
            continue
        known["volumes"][name] = one(simulator, seed, empty, bundle, engine)
        print(name, known["volumes"][name], file=sys.stderr, flush=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(known, indent=1) + "\n")
    return known["volumes"]


def arguments(description, first_seed, volumes):
    """The parser of what every script of boxes takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--simulator", action="append", choices=NAMES, default=[])
    parser.add_argument("--first-seed", type=int, default=first_seed)
    parser.add_argument("--volumes", type=int, default=volumes)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no volume after this time")
    parser.add_argument("--print", action="store_true", help="measure nothing")
    return parser


def volumes_of(options, empties):
    """[(simulator, seed, empty)] that the options name."""
    seeds = range(options.first_seed, options.first_seed + options.volumes)
    return [(simulator, seed, empty) for seed in seeds for simulator in options.simulator or NAMES for empty in empties]


def main():
    """Measure what is not there yet, and print the tables."""
    parser = arguments(__doc__, 480, 20)
    parser.add_argument("--empty", nargs="?", choices=("only", "too"), const="only", help="volumes without an ovary, alone or as well")
    options = parser.parse_args()
    volumes = volumes_of(options, {None: (False,), "only": (True,), "too": (False, True)}[options.empty])
    print(table(measured(options.json, (options.engine, volumes, options.minutes), measure, options.print)))


if __name__ == "__main__":
    main()
