"""How time and memory of everything but the network grow with the size of the volume, the number of follicles and the number of volumes.

    python Testing/benchmarks/bench_sizes.py [--largest 112] [--follicles 60] [--volumes 200] [--out NAME]

The network is a stand-in that takes no time, so what is measured is the rest of the path. Each size runs in a process of its own, which gives its peak memory.
With --out a plot is written, too. "bends" names the first step that costs clearly more than it is larger.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from bench_tools import finish, run_process, table

SIZES = {0.5: (64, 88, 88), 2: (104, 138, 140), 8: (168, 220, 220), 28: (250, 330, 340), 112: (400, 400, 700)}
FOLLICLES = (1, 5, 15, 30, 60)
VOLUMES = (1, 10, 50, 200)
STEEP = 1.5  # a step bends where its cost grows this many times as fast as its size
SPACING = 0.2


def scene(shape, count):
    """uint8 (D, H, W) of `SPACING` mm: an ovary of about 32 mm (smaller in small volumes) with `count` round follicles on a grid within."""
    side = min(shape) * SPACING
    radius = min(16.0, 0.42 * side)
    # A ramp: in a large volume of one grey the deviation is so small that the ovary's greys and its follicles' would both be clipped.
    array = np.broadcast_to(np.linspace(25, 95, shape[2]).astype(np.uint8), shape).copy()
    axes = [(np.arange(n) - n / 2) * SPACING for n in shape]
    z, y, x = np.ix_(*axes)
    array[z**2 + y**2 + x**2 <= radius**2] = 140
    per_side = int(np.ceil(count ** (1 / 3)))
    step = 1.1 * radius / per_side
    places = [(np.array(np.unravel_index(k, (per_side,) * 3)) - (per_side - 1) / 2) * step for k in range(count)]
    for place in places:
        low = [int((c - step / 2.4 + n * SPACING / 2) / SPACING) for c, n in zip(place, shape)]
        high = [int((c + step / 2.4 + n * SPACING / 2) / SPACING) + 2 for c, n in zip(place, shape)]
        box = tuple(slice(a, b) for a, b in zip(low, high))
        part = np.ix_(*(axis[b] - c for axis, b, c in zip(axes, box, place)))
        array[box][sum(p**2 for p in part) <= (step / 2.5) ** 2] = 220
    return array


class Instant:
    """An engine that answers at once: ovary above one grey, follicle above another."""

    name, device, renders = "stand-in", "cpu", False

    def __init__(self):
        self.warnings, self.model = [], None

    def predict(self, window, points=0):
        """0.9 where the voxel is brighter than the level, else 0.1."""
        return np.where(np.stack([window > self.levels[0], window > self.levels[1]]), np.float32(0.9), np.float32(0.1))


def child(shape, count) -> None:
    """One volume in this process; says seconds by stage and the number of follicles as JSON."""
    import SimpleITK as sitk

    from crend.bundle.bundle import Bundle
    from crend.inference.grey_values import normalise, to_model_grid
    from crend.predict import segment

    array = scene(shape, count)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((SPACING,) * 3)
    settings = {
        "arguments": {},
        "spacing_mm": [0.6] * 3,
        "patch": [64, 64, 64],
        "normalisation": {"method": "zscore_nonzero"},
        "thresholds": {"ovary": 0.5, "follicles": 0.5},
        "render": {"points": 0},
        "smallest_follicle_mm": 2.0,
        "notice": "",
    }
    values, _ = to_model_grid(image, settings["spacing_mm"])
    normal = normalise(values, settings["normalisation"])
    engine = Instant()
    tissue, fluid = (float(normal[np.abs(values - grey) < 1].mean()) for grey in (140, 220))
    engine.levels = [float(normal[values < 100].max() + tissue) / 2, (tissue + fluid) / 2]
    del values, normal
    began, busy = time.perf_counter(), time.process_time()
    found = segment(image, Bundle("stand-in", Path("."), {"version": "1", "crend": settings}, engine), engine=engine)
    said = {"wall": time.perf_counter() - began, "cpu": time.process_time() - busy, "follicles": len(found.measurements.follicles)}
    print(json.dumps({**said, "stages": found.provenance["seconds_by_stage"]}))


def batch(count) -> None:
    """`count` small volumes through `segment_batch` in this process; says seconds a volume."""
    import tempfile

    import SimpleITK as sitk
    from host.bundles import ultrasoundLike, writeBundle

    from crend.batch import segment_batch
    from crend.bundle.bundle import load
    from crend.inference.engines import make_engine
    from crend.io.inputs import find_volumes
    from crend.io.volumes import read_image
    from crend.predict import segment

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model = writeBundle(folder / "model")
        for name in ("scans", "out"):
            (folder / name).mkdir()
        for k in range(count):
            sitk.WriteImage(sitk.GetImageFromArray(ultrasoundLike((24, 24, 24), seed=k)), str(folder / "scans" / f"{k:03d}.nrrd"))
        loaded = load(model)
        engine = make_engine(loaded.model, "cpu")
        began, busy = time.perf_counter(), time.process_time()
        rows = segment_batch(
            find_volumes([folder / "scans"], folder / "out"),
            folder / "out",
            lambda path, progress: segment(read_image(path), loaded, engine=engine, name=str(path)),
            model=("model", "1"),
        )
        assert all(row["status"] != "failed" for row in rows), rows[0]
        print(json.dumps({"wall": time.perf_counter() - began, "cpu": time.process_time() - busy}))


def bends(xs, ys) -> str:
    """A sentence: from which step on the cost grows clearly faster than the size, or that it does not."""
    for (x, y), (larger, more) in zip(zip(xs, ys), zip(xs[1:], ys[1:])):
        if more / y > STEEP * larger / x:
            return f"It bends between {x:g} and {larger:g}: {more / y:.1f} times the cost for {larger / x:.1f} times the size."
    return "It does not bend: no step costs clearly more than it is larger."


def plot(path, curves) -> None:
    """A PNG with one pair of axes for each curve: {name: (xs, ys, label of x, label of y)}."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(curves), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, (xs, ys, xlabel, ylabel)) in zip(np.atleast_1d(figure.subplots(1, len(curves))), curves.items()):
        axes.loglog(xs, ys, "o-")
        axes.set(title=name, xlabel=xlabel, ylabel=ylabel)
    figure.savefig(path, dpi=90)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=float, default=112, help="million voxels")
    parser.add_argument("--follicles", type=int, default=60)
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--out")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        given = json.loads(arguments.child)
        return batch(given["volumes"]) if "volumes" in given else child(tuple(given["shape"]), given["follicles"])

    def measured(**what):
        run = run_process([__file__, "--child", json.dumps(what)])
        return {**json.loads(run["said"][0]), "peak": run["peak"]}

    parts, curves, figures = [], {}, {}
    sizes = {size: measured(shape=shape, follicles=8) for size, shape in SIZES.items() if size <= arguments.largest}
    rows = [(size, " x ".join(map(str, SIZES[size])), each["cpu"], each["peak"]) for size, each in sizes.items()]
    parts.append("Size of the volume, 8 follicles.\n\n" + table(("million voxels", "voxels", "CPU s", "peak MB"), rows))
    parts.append("Time: " + bends(list(sizes), [each["cpu"] for each in sizes.values()]))
    curves["size"] = (list(sizes), [each["cpu"] for each in sizes.values()], "million voxels", "CPU s")
    counts = {count: measured(shape=SIZES[8], follicles=count) for count in FOLLICLES if count <= arguments.follicles}
    rows = [(count, each["follicles"], each["cpu"], each["peak"]) for count, each in counts.items()]
    parts.append("Number of follicles, 8 million voxels.\n\n" + table(("drawn", "found", "CPU s", "peak MB"), rows))
    parts.append("Time: " + bends(list(counts), [each["cpu"] for each in counts.values()]))
    curves["follicles"] = (list(counts), [each["cpu"] for each in counts.values()], "follicles", "CPU s")
    many = {count: measured(volumes=count) for count in VOLUMES if count <= arguments.volumes}
    rows = [(count, each["cpu"], each["cpu"] / count) for count, each in many.items()]
    parts.append("Number of volumes in a batch, 24 voxels wide, a tiny network.\n\n" + table(("volumes", "CPU s", "CPU s a volume"), rows))
    parts.append("Time: " + bends(list(many), [each["cpu"] for each in many.values()]))
    curves["volumes"] = (list(many), [each["cpu"] for each in many.values()], "volumes", "CPU s")
    figures = {"sizes": sizes, "follicles": counts, "volumes": many}
    if arguments.out:
        plot(Path(arguments.out).with_suffix(".png"), curves)
        parts.append(f"![The three curves]({Path(arguments.out).name}.png)")
    finish("Everything but the network, by size and number", "\n\n".join(parts), figures, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
