"""Engines against each other: one window of the bundled model, rendering apart, then whole cold runs of `crend segment`.

    python Testing/benchmarks/bench_engines.py [--repeat 5] [--cold 3] [--out NAME]

torch is the peer that the others are measured against; the largest difference from its probabilities at voxels that all of them rendered, or none, is given.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from bench_tools import SAMPLE, finish, processes_take_turns, table, take_turns

from crend.bundle import bundle
from crend.inference.engines import installed, make_engine


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cold", type=int, default=3, help="cold runs of crend segment with each engine")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    names = [name for name in ("torch", "onnxruntime", "openvino") if installed(name)]
    model = bundle.load().model
    window = np.random.default_rng(0).normal(size=model.window_shape).astype(np.float32)
    points = model.block["render"]["points"]
    engines = {name: make_engine(model, "cpu", name) for name in names}
    plain = take_turns({name: lambda engine=engine: engine.predict(window) for name, engine in engines.items()}, arguments.repeat)
    rendered = take_turns(
        {name: lambda engine=engine: engine.predict(window, points) for name, engine in engines.items()}, arguments.repeat
    )
    expected = engines["torch"].predict(window)
    apart = {name: float(np.abs(engine.predict(window) - expected).max()) for name, engine in engines.items()}
    rows = [
        (
            name,
            plain[name]["cpu"],
            rendered[name]["cpu"],
            rendered[name]["wall"],
            rendered[name]["cpu"] / rendered["torch"]["cpu"],
            f"{apart[name]:.0e}",
        )
        for name in names
    ]
    text = "One window of the bundled close look, medians.\n\n" + table(
        ("engine", "trunk, CPU s", "with rendering, CPU s", "with rendering, s", "CPU against torch", "largest difference"), rows
    )
    figures = {"window": {"plain": plain, "rendered": rendered, "difference": apart}}
    if arguments.cold:
        with tempfile.TemporaryDirectory() as folder:
            command = ["-m", "crend", "segment", SAMPLE, Path(folder) / "out.nrrd", "--device", "cpu", "--engine"]
            cold = processes_take_turns({name: [*command, name] for name in names}, arguments.cold)
        rows = [(name, run["wall"], run["cpu"], run["cpu"] / cold["torch"]["cpu"], run["peak"]) for name, run in cold.items()]
        head = ("engine", "s", "CPU s", "CPU against torch", "peak MB")
        text += f"\n\n`crend segment` on the sample volume, from a cold start, medians of {arguments.cold}.\n\n" + table(head, rows)
        figures["cold"] = cold
    finish("Engines against each other", text, figures, arguments.out)


if __name__ == "__main__":
    main()
