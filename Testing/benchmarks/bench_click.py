"""What a click of *Grow here* or *Shrink here* takes, part by part: the volume made ready once, then of each click the networks, their rendering and the outline.

    OMP_NUM_THREADS=1 python Testing/benchmarks/bench_click.py [--clicks 9] [--engine auto] [--seed 440]

Clicks lie 2 mm outside the true ovary of a simulated volume, at places that the seed chooses, each to grow. Printed are medians, in seconds of the clock and of the
processor: on a busy machine the latter is what a free one would take with one thread.
"""

import argparse
import os
import time

import numpy as np
import SimpleITK as sitk
from bench_tools import table

from crend.bundle.bundle import load
from crend.editing import PreparedVolume
from crend.inference.engines import make_engine
from crend.structures.brush import RADIUS_MM, crop_around, reshape
from crend_training.data.simulators import simulate

OUTSIDE_MM = 2.0


def places_outside(ovary, count, seed):
    """`count` points (x, y, z; LPS) about OUTSIDE_MM outside a mask."""
    from scipy import ndimage

    mask = sitk.GetArrayViewFromImage(ovary) > 0
    away = ndimage.distance_transform_edt(~mask, sampling=ovary.GetSpacing()[::-1])
    there = np.argwhere(np.abs(away - OUTSIDE_MM) < 0.3)
    chosen = there[np.random.default_rng(seed).choice(len(there), count, replace=False)]
    return [ovary.TransformIndexToPhysicalPoint([int(value) for value in place[::-1]]) for place in chosen]


class Clock:
    """Seconds of named parts, each time that one is done: of the clock and of the processor."""

    def __init__(self):
        self.parts = {}

    def time(self, name, do):
        """The result of do()."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = do()
        self.parts.setdefault(name, []).append((time.perf_counter() - wall, time.process_time() - cpu))
        return result

    def rows(self):
        """[(name, median of the clock, median of the processor)]."""
        return [(name, *np.median(values, axis=0)) for name, values in self.parts.items()]


def forget(prepared):
    """Make a click run the networks, wherever it lies."""
    for view in filter(None, (prepared.close, prepared._overview)):
        view._seen.clear()


def watch(clock, name, engine):
    """Let the clock time an engine's network and, apart from it, its rendering."""
    trunk, predict = engine.trunk, engine.predict
    engine.trunk = lambda window: clock.time(f"{name}: network", lambda: trunk(window))
    engine.predict = lambda window, points=0: clock.time(f"{name}: network and rendering", lambda: predict(window, points))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=9)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--seed", type=int, default=440)
    options = parser.parse_args()
    phantom = simulate("training", options.seed)
    clock = Clock()
    bundle = clock.time("bundle loaded", load)
    engine = clock.time("engine started", lambda: make_engine(bundle.model, "cpu", options.engine))
    prepared = clock.time("volume made ready", lambda: PreparedVolume(phantom.volume, bundle, engine=engine))
    ovary = sitk.Cast(phantom.ovary > 0, sitk.sitkUInt8)
    places = places_outside(ovary, options.clicks + 1, options.seed)
    prepared.near(places[0], RADIUS_MM)  # the first window of a network takes longer
    for name, view in (("close look", prepared.close), ("overview", prepared._overview)):
        if view is not None:
            watch(clock, name, getattr(view._engine, "_engine", view._engine))
    for place in places[1:]:
        forget(prepared)
        clock.time("click, whole", lambda place=place: click(clock, prepared, phantom.volume, ovary, place))
        clock.time("probabilities 1 mm from the last click", lambda place=place: prepared.near(np.add(place, (1, 0, 0)), RADIUS_MM))
    size = " x ".join(map(str, phantom.volume.GetSize()))
    print(f"{options.clicks} clicks, volume {size}, {engine.name}, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '')}\n")
    print(table(("part", "s", "processor s"), clock.rows()))


def click(clock, prepared, image, ovary, place):
    """One click: what the model says near it, and the outline moved."""
    ovary_chance, _ = clock.time("probabilities near the click", lambda: prepared.near(place, RADIUS_MM))
    part = crop_around(image, place, RADIUS_MM)
    mask = sitk.GetArrayFromImage(crop_around(ovary, place, RADIUS_MM)) > 0
    position = part.TransformPhysicalPointToContinuousIndex(place)[::-1]
    values, chance = (sitk.GetArrayFromImage(each) for each in (part, ovary_chance))
    clock.time("outline moved", lambda: reshape(mask, position, part.GetSpacing()[::-1], grow=True, values=values, probability=chance))


if __name__ == "__main__":
    main()
