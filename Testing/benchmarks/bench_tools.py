"""What the benchmarks share: interleaved repetitions, processes with their peak memory, and Markdown tables.

On a machine that does other things, too, seconds on the clock say little. Rivals therefore take turns within one run, medians are compared, and
processor seconds stand beside those of the clock.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "CRendSegmentation" / "Resources" / "SampleData" / "CRendSimulatedOvary.nrrd"
PLACES = ("CRendSegmentation", "training_pkg", "Testing", "Testing/support")
sys.path[:0] = [str(ROOT / name) for name in PLACES if str(ROOT / name) not in sys.path]


def take_turns(rivals: dict, repeat: int = 5) -> dict:
    """{name: {"wall", "cpu"}}: medians in seconds of `repeat` calls of each function, one after the other, after a first call that does not count."""
    for call in rivals.values():
        call()
    seconds = {name: [] for name in rivals}
    for _ in range(repeat):
        for name, call in rivals.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: {"wall": statistics.median(w for w, _ in each), "cpu": statistics.median(c for _, c in each)}
        for name, each in seconds.items()
    }


#: Starts a process and notes what it used. Between the two lies this small one: a process inherits the peak memory of the one that started it.
LAUNCHER = (
    "import json, os, sys; pid = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[2:]], os.environ); _, status, used = os.wait4(pid, 0);"
    "json.dump([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], open(sys.argv[1], 'w'))"
)


def run_process(arguments, *, environment=None) -> dict:
    """{"wall", "cpu" seconds, "peak" MB, "said"}: a Python process to its end, of its output what it said last. RuntimeError when it failed."""
    paths = os.pathsep.join(str(ROOT / name) for name in PLACES)
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "used.json"
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-S", "-c", LAUNCHER, str(note), *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": paths, **(environment or {})},
        )
        wall = time.perf_counter() - began
        code, cpu, peak = json.loads(note.read_text())
    if code:
        raise RuntimeError(f"{arguments}: {done.stderr.strip().splitlines()[-1:]}")
    return {"wall": wall, "cpu": cpu, "peak": peak, "said": done.stdout.strip().splitlines()[-1:]}


def processes_take_turns(rivals: dict, repeat: int = 5) -> dict:
    """As `take_turns`, of processes: {name: arguments of Python}; medians. (Now and then a run's peak is a third above the others', why was not found.)"""
    runs = {name: [] for name in rivals}
    for _ in range(repeat):
        for name, arguments in rivals.items():
            runs[name].append(run_process(arguments))
    return {
        name: {
            **{key: statistics.median(run[key] for run in each) for key in ("wall", "cpu", "peak")},
            "said": each[-1]["said"],
        }
        for name, each in runs.items()
    }


def table(head, rows) -> str:
    """A Markdown table; numbers with two digits after the point, below a tenth with three."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows])


def _cell(value) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"
    return str(value)


def machine() -> str:
    """The machine in a line, with how busy it was."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        name = next((line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")), name)
    busy = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} x {name}, Python {platform.python_version()}{busy}"


def finish(title: str, text: str, figures: dict, out) -> None:
    """Print the section, and write it (Markdown) and its figures (JSON) where `out`, a path without ending, says so."""
    section = f"## {title}\n\n{text.strip()}\n\n{machine()}.\n"
    print(section)
    if out:
        Path(out).with_suffix(".md").write_text(section, encoding="utf-8")
        Path(out).with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
