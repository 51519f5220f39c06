"""Whether an engine finds what torch finds on the CPU, along the whole path, on simulated volumes: counts equal, diameters within 0.01 mm.

    python Testing/benchmarks/bench_agreement.py [--engine onnxruntime] [--device cpu] [--volumes 40] [--first-seed 900000] [--crop MM] [--out NAME]

`--engine torch --device cuda` compares half precision on an NVIDIA card with the CPU (limit 0.1 mm there). One line a volume; a run that was stopped
goes on where it was, from NAME.csv. --crop cuts a cube of that many millimetres around the ovary out of each volume: fewer windows, quicker.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from bench_tools import finish

from crend.bundle import bundle
from crend.inference.engines import make_engine
from crend.predict import segment
from crend_training.data.simulators import simulate

COLUMNS = ("seed", "follicles", "follicles_here", "largest_difference_mm", "ovary_ml", "ovary_ml_here")


def cropped(phantom, side_mm: float):
    """The phantom's volume, or where `side_mm` is not 0 the cube of that side around the middle of its ovary."""
    import SimpleITK as sitk

    if not side_mm:
        return phantom.volume
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(phantom.ovary)
    middle = phantom.ovary.TransformPhysicalPointToIndex(shape.GetCentroid(1))
    size = [min(n, int(side_mm / s)) for n, s in zip(phantom.volume.GetSize(), phantom.volume.GetSpacing())]
    first = [min(max(m - side // 2, 0), n - side) for m, side, n in zip(middle, size, phantom.volume.GetSize())]
    return sitk.RegionOfInterest(phantom.volume, size, first)


def compare(image, loaded, reference, engine) -> tuple:
    """What both engines find in a volume, as the columns after the seed; the difference is of follicles in order of size."""
    found = [segment(image, loaded, engine=each).measurements for each in (reference, engine)]
    counts = [len(each.follicles) for each in found]
    apart = max((abs(a.dv_mm - b.dv_mm) for a, b in zip(*(each.follicles for each in found))), default=0.0)
    ovaries = [each.ovary.volume_ml if each.ovary else 0.0 for each in found]
    return (*counts, round(apart, 6), *(round(volume, 4) for volume in ovaries))


def main() -> None:
    """Measure, print, write. Exit code 1 when an engine finds something else."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="onnxruntime")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--volumes", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=900_000)
    parser.add_argument("--crop", type=float, default=0.0)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    limit = 0.01 if arguments.device == "cpu" else 0.1
    done = Path(arguments.out).with_suffix(".csv") if arguments.out else None
    rows = list(csv.reader(done.open()))[1:] if done and done.is_file() else []
    known = {int(row[0]) for row in rows}
    loaded = bundle.load()
    reference, engine = make_engine(loaded.model, "cpu", "torch"), make_engine(loaded.model, arguments.device, arguments.engine)
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.volumes):
        if seed in known:
            continue
        rows.append(
            [str(value) for value in (seed, *compare(cropped(simulate("training", seed), arguments.crop), loaded, reference, engine))]
        )
        print(dict(zip(COLUMNS, rows[-1])), flush=True)
        if done:
            with done.open("w", newline="") as file:
                csv.writer(file).writerows([COLUMNS, *rows])
    counts = sum(row[1] == row[2] for row in rows)
    largest = max((float(row[3]) for row in rows), default=0.0)
    follicles = sum(int(row[1]) for row in rows)
    cut = f", cubes of {arguments.crop:g} mm around the ovary" if arguments.crop else ""
    text = (
        f"{engine.name} on {engine.device} against torch on the CPU, {len(rows)} volumes of the training simulator (seeds from "
        f"{arguments.first_seed}{cut}): "
        f"{counts} with the same number of follicles ({follicles} in all); largest difference of an equal-volume diameter {largest:.4f} mm."
    )
    finish(
        f"Agreement of {engine.name} on {engine.device} with torch",
        text,
        {"volumes": len(rows), "same": counts, "largest_mm": largest},
        arguments.out,
    )
    raise SystemExit(counts < len(rows) or largest >= limit)


if __name__ == "__main__":
    main()
