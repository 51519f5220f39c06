"""Batches that are killed, whole process tree and all, and started again: nothing half-written is left or taken for done."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from reliability.models import tiny_bundle
from reliability.outcome import Tally

VOLUMES = 4


def run(count: int, seed: int, folder: Path) -> Tally:
    """`count` batches of a few volumes, each killed at a random moment, then run to its end."""
    import SimpleITK as sitk
    from tiny import volume

    from crend.io.labels import read_labels
    from crend.worker.client import PACKAGE_FOLDER

    tally, rng = Tally("batches killed and started again"), random.Random(seed)
    bundle, scans = tiny_bundle(folder / "everything", ovary=9.0), folder / "scans"
    scans.mkdir()
    for number in range(VOLUMES):
        sitk.WriteImage(volume((40, 44, 48 + number)), str(scans / f"{number}.nrrd"))
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER, "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    for number in range(count):
        out = folder / f"out{number}"
        command = [sys.executable, "-m", "crend", "batch", str(scans), "--out", str(out), "--model", str(bundle), "--device", "cpu"]
        kind = rng.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT))
        after = rng.uniform(0.5, 6.0)
        process = subprocess.Popen(command, **quiet)
        time.sleep(after)
        process.send_signal(kind)
        process.wait(timeout=60)
        code = subprocess.run(command, timeout=300, **quiet).returncode
        wrong = [f"exit code {code}"] if code else []
        wrong += [path.name for path in out.rglob(".crend-*")]
        with open(out / "volumes.csv", newline="", encoding="utf-8-sig") as file:
            states = [row["status"] for row in csv.DictReader(file)]
        wrong += [] if states == ["done"] * VOLUMES else [str(states)]
        for k in range(VOLUMES):
            read_labels(out / f"{k}.seg.nrrd")
        tally.count(f"{number}: {kind.name} after {after:.1f} s", not wrong, "whole" if not wrong else "left behind", ", ".join(wrong))
    return tally
