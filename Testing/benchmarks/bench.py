"""make bench: every benchmark in turn, and REPORT.md of what they said; at most an hour.

    python Testing/benchmarks/bench.py [--out Testing/benchmarks/report] [--only engines,sizes] [--minutes 60] [--quick]

Each subject is a script of its own, which can be run alone. One that fails, or for which there is no time left, is named in the report as not measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from bench_tools import ROOT, machine

HERE = Path(__file__).resolve().parent
#: Subject: (script, arguments, arguments of --quick).
SUBJECTS = {
    "whole": ("bench_whole.py", [], ["--repeat", "1", "--cold", "1"]),
    "startup": ("bench_startup.py", [], ["--repeat", "1"]),
    "engines": ("bench_engines.py", [], ["--cold", "1"]),
    "network": ("bench_network.py", [], ["--side", "64"]),
    "sizes": ("bench_sizes.py", [], ["--largest", "8", "--follicles", "15", "--volumes", "10"]),
    "memory": ("bench_memory.py", [], ["--volumes", "40"]),
    "surfaces": ("bench_surfaces.py", [], ["--repeat", "1"]),
    "training": ("bench_training.py", [], ["--side", "32", "--steps", "10"]),
    "agreement": ("bench_agreement.py", ["--crop", "50"], ["--crop", "37", "--volumes", "2"]),
    "gpu": ("bench_gpu.py", [], []),
}
NOT_MEASURED = """## Not measured

- ETH's two networks (ovary-analysis) take up to an hour a volume; what they find is in `training_pkg/results/peers`.
- Surface distances in the largest volumes: `compare_peers.py` has a run of its own.
"""


def main() -> None:
    """Run the scripts one after the other and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "report")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="subjects, with commas between them; none puts the report together anew")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * arguments.minutes
    missed = []
    for name in filter(None, arguments.only.split(",")):
        script, usual, quick = SUBJECTS[name]
        left = until - time.monotonic()
        why = "no time was left"
        if left > 0:
            command = [sys.executable, HERE / script, *(quick if arguments.quick else usual), "--out", arguments.out / name]
            print(f"bench: {name}", file=sys.stderr)
            try:
                done = subprocess.run([str(part) for part in command], timeout=left, cwd=ROOT)
                why = "" if done.returncode == 0 else f"exit code {done.returncode}"
            except subprocess.TimeoutExpired:
                pass
        if why:
            missed.append(f"- {name} (`{script}`): {why}.")
    missed += [
        f"- {name} (`{SUBJECTS[name][0]}`)."
        for name in SUBJECTS
        if not (arguments.out / f"{name}.md").is_file() and not any(line.startswith(f"- {name} ") for line in missed)
    ]
    sections = [path.read_text(encoding="utf-8") for name in SUBJECTS if (path := arguments.out / f"{name}.md").is_file()]
    head = f"# Benchmarks\n\nBy `make bench`. CPU s are processor seconds, which say more than those of the clock on a machine that does other things, too.\n\n{machine()}.\n"
    rest = NOT_MEASURED + ("\n".join(missed) + "\n" if missed else "")
    (arguments.out / "REPORT.md").write_text("\n".join([head, *sections, rest]), encoding="utf-8")
    print(arguments.out / "REPORT.md")


if __name__ == "__main__":
    main()
