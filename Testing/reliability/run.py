"""python Testing/reliability/run.py [--scale S] [--seed N] [--out report.md]: everything that is tried to break CRend, and what came of it.

At scale 1 it takes less than half an hour on two quiet cores; --scale 0.02 tries two in a hundred of each. The same seed tries the same.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "support"), str(HERE.parents[1] / "CRendSegmentation")]

#: What is tried: its name here, how often at scale 1.
TRIALS = (
    ("grid", 2000), ("path", 300), ("files", 500), ("bundles", 5000), ("requests", 300), ("kills", 25), ("faults", 36), ("determinism", 20),
)  # fmt: skip


def main() -> int:
    """Run the trials and write the report; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the trials")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[name for name, _ in TRIALS], action="append", help="some of the trials alone")
    parser.add_argument("--out", type=Path, default=HERE / "report.md")
    given = parser.parse_args()
    tallies = []
    with tempfile.TemporaryDirectory() as folder:
        for name, count in TRIALS:
            if given.only and name not in given.only:
                continue
            place, began = Path(folder) / name, time.monotonic()
            place.mkdir()
            tally = attempt(name, max(1, round(count * given.scale)), given.seed, place)
            tally.seconds = time.monotonic() - began
            tallies.append(tally)
            print(f"{tally.name}: {tally.tried} tried, {dict(tally.ended)}, {len(tally.lost)} lost, {tally.seconds:.0f} s", flush=True)
    given.out.write_text(report(tallies, given), encoding="utf-8")
    print(f"wrote {given.out}")
    return int(any(tally.lost for tally in tallies))


def attempt(name: str, count: int, seed: int, folder: Path):
    """The tally of one kind of trial."""
    from reliability import bundles, determinism, faults, kills, requests, volumes

    return {
        "grid": lambda: volumes.through_grid(count, seed),
        "path": lambda: volumes.through_path(count, seed, folder),
        "files": lambda: volumes.damaged_files(count, seed, folder),
        "bundles": lambda: bundles.run(count, seed, folder),
        "requests": lambda: requests.run(count, seed, folder),
        "kills": lambda: kills.run(count, seed, folder),
        "faults": lambda: faults.run(count, seed, folder),
        "determinism": lambda: determinism.run(count, seed, folder),
    }[name]()


def report(tallies, given) -> str:
    """The report as Markdown."""
    lines = [
        "# Reliability",
        "",
        f"Written by `Testing/reliability/run.py --scale {given.scale:g} --seed {given.seed}` (`make reliability` runs it at scale 1). "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}.",
        "",
        "*Ended well*: with a result, or refused in one line. *Lost*: a crash, a hang, an error without words, or a result that is wrong.",
        "",
        "| what was tried | tried | ended well | lost | seconds |",
        "|---|---:|---|---:|---:|",
    ]
    for tally in tallies:
        ended = ", ".join(f"{count} {how}" for how, count in sorted(tally.ended.items()))
        lines.append(f"| {tally.name} | {tally.tried} | {ended} | {len(tally.lost)} | {tally.seconds:.0f} |")
    lost = [(tally.name, *each) for tally in tallies for each in tally.lost]
    lines += ["", *(f"- lost: {name}: {what}: {seen}".replace("|", "/") for name, what, seen in lost)] if lost else []
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
