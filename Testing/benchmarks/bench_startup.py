"""What starting takes: Python, the worker of the Slicer module until it says hello, and `crend segment` beside its networks.

    python Testing/benchmarks/bench_startup.py [--repeat 5] [--out NAME]

`crend segment` runs on the sample volume, cold, with the bundled model and with a network of next to nothing that finds nothing:
what that takes is starting, reading, resampling and writing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_tools import PLACES, ROOT, SAMPLE, finish, processes_take_turns, table


def worker() -> tuple[float, float]:
    """Seconds from asking for a worker to its first line, and to the bundled model being loaded by it."""
    paths = os.pathsep.join(str(ROOT / name) for name in PLACES)
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "crend.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        text=True,
    ) as process:
        assert json.loads(process.stdout.readline())["event"] == "hello"
        hello = time.perf_counter() - began
        print(json.dumps({"do": "load", "id": 1, "device": "cpu"}), file=process.stdin, flush=True)
        while (said := json.loads(process.stdout.readline()))["event"] == "progress":
            pass
        assert said["event"] == "result", said
        loaded = time.perf_counter() - began
        process.stdin.close()
    return hello, loaded


def session() -> float:
    """Seconds that ONNX Runtime takes to make the close look's optimised graph ready: what caching that could win."""
    from crend.bundle import bundle
    from crend.inference.engines import make_engine

    model = bundle.load().model
    began = time.perf_counter()
    make_engine(model, "cpu", "onnxruntime")
    return time.perf_counter() - began


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    from tiny import save_bundle

    waits = [worker() for _ in range(arguments.repeat)]
    with tempfile.TemporaryDirectory() as folder:
        segment = ["-m", "crend", "segment", SAMPLE, Path(folder) / "out.seg.nrrd", "--device", "cpu"]
        runs = processes_take_turns(
            {
                "Python, numpy, SimpleITK": ["-c", "import numpy, SimpleITK"],
                "crend segment, a network of next to nothing": [*segment, "--model", save_bundle(Path(folder) / "tiny", ovary=-9.0)],
                "crend segment, the bundled model": segment,
            },
            arguments.repeat,
        )
    rows = [(name, run["wall"], run["cpu"], run["peak"]) for name, run in runs.items()]
    hello, loaded = (statistics.median(each) for each in zip(*waits))
    made = statistics.median(session() for _ in range(arguments.repeat))
    rows += [("ONNX Runtime optimises the graph of the close look", made, "–", "–")]
    rows += [("worker says hello", hello, "–", "–"), ("worker has loaded the bundled model", loaded, "–", "–")]
    text = f"On the sample volume; medians of {arguments.repeat}.\n\n" + table(("", "s", "CPU s", "peak MB"), rows)
    finish("Starting", text, {"processes": runs, "worker": {"hello": hello, "loaded": loaded}, "session": made}, arguments.out)


if __name__ == "__main__":
    main()
