"""python Testing/reliability/run.py [--scale S] [--seed N] [--keep FOLDER] [--out report.md]: everything that is tried to break CRend, and what came of it.

At scale 1 it takes less than half an hour on two quiet cores; --scale 0.02 tries two in a hundred of each. The same seed tries the same. Trials run in parts;
with --keep each part that is done is kept there, and the same command goes on with those that are not; --minutes ends it before a part that would begin later.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "support"), str(HERE.parents[1] / "CRendSegmentation")]

# More threads than processors are tried, too: those of torch must not spin while they wait for each other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A shell's background jobs and nohup ignore signals, and so would every program that is started here and then interrupted. A handler of one's own is not inherited.
for each in ("SIGINT", "SIGHUP"):
    if hasattr(signal, each) and signal.getsignal(getattr(signal, each)) == signal.SIG_IGN:
        signal.signal(getattr(signal, each), lambda *_: None)

from reliability import models  # noqa: E402
from reliability.outcome import Tally, together  # noqa: E402

#: What is tried: its name here, how often at scale 1, in how many parts.
TRIALS = (
    ("grid", 2000, 4), ("path", 300, 12), ("files", 500, 1), ("properties", 2000, 10), ("bundles", 5000, 40), ("requests", 300, 30), ("kills", 25, 25),
    ("faults", 35, 35), ("determinism", 20, 5),
)  # fmt: skip
APART = 1000  # between the seeds of two parts


def main() -> int:
    """Run the trials and write the report; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the trials")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[name for name, *_ in TRIALS], action="append", help="some of the trials alone")
    parser.add_argument("--keep", type=Path, help="folder for the parts that are done")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--out", type=Path, default=HERE / "report.md")
    given = parser.parse_args()
    tallies, missing, until = [], [], time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as folder:
        keep = given.keep or Path(folder) / "kept"
        (keep / "models").mkdir(parents=True, exist_ok=True)
        models.KEPT[:] = [keep / "models"]
        for name, count, parts in TRIALS:
            if given.only and name not in given.only:
                continue
            found, all_shares = [], shares(max(1, round(count * given.scale)), parts)
            for part, share in enumerate(all_shares):
                path, place = keep / f"{name}-{part}-{share}-{given.seed}.json", Path(folder) / f"{name}{part}"
                if not path.is_file() and time.monotonic() < until:
                    place.mkdir()
                    began = time.monotonic()
                    tally = attempt(name, share, given.seed + APART * part, place, sum(all_shares[:part]))
                    tally.seconds = time.monotonic() - began
                    path.write_text(tally.as_json(), encoding="utf-8")
                if path.is_file():
                    found.append(Tally.from_json(path.read_text(encoding="utf-8")))
                else:
                    missing.append(f"{share} of {name}")
            if found:
                tally = together(found)
                tallies.append(tally)
                print(f"{tally.name}: {tally.tried} tried, {dict(tally.ended)}, {len(tally.lost)} lost, {tally.seconds:.0f} s", flush=True)
    given.out.write_text(report(tallies, missing, given), encoding="utf-8")
    print(f"wrote {given.out}")
    return int(any(tally.lost for tally in tallies))


def shares(count: int, parts: int) -> list[int]:
    """`count` in at most `parts` shares that differ by one at most: shares(5, 2) == [3, 2]."""
    return [count // parts + (part < count % parts) for part in range(min(parts, count))]


def attempt(name: str, count: int, seed: int, folder: Path, first: int) -> Tally:
    """The tally of one part of a kind of trial; first: how many of it the earlier parts have."""
    from reliability import bundles, determinism, faults, kills, properties, requests, volumes

    return {
        "grid": lambda: volumes.through_grid(count, seed),
        "path": lambda: volumes.through_path(count, seed, folder),
        "files": lambda: volumes.damaged_files(count, seed, folder),
        "properties": lambda: properties.run(count, seed, folder),
        "bundles": lambda: bundles.run(count, seed, folder),
        "requests": lambda: requests.run(count, seed, folder),
        "kills": lambda: kills.run(count, seed, folder),
        "faults": lambda: faults.run(count, seed % APART, folder, first),
        "determinism": lambda: determinism.run(count, seed, folder, first),
    }[name]()


def report(tallies, missing, given) -> str:
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
    lines += ["", f"Not tried, for want of time: {', '.join(missing)}."] if missing else []
    lost = [(tally.name, *each) for tally in tallies for each in tally.lost]
    lines += ["", *(f"- lost: {name}: {what}: {seen}".replace("|", "/") for name, what, seen in lost)] if lost else []
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
