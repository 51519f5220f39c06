"""make demo: `python tools/crend_demo [--out demo]` leaves volume, segmentation, tables, figure.png, scene.mrb and overview.png in a folder."""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"


def main():
    """Run every step, each in a process of its own as a user would; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "demo")
    parser.add_argument("--spacing", type=float, default=0.35, help="of the sample volume, in mm; larger is quicker")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    volume, truth, found = out / "volume.nrrd", out / "truth.nrrd", out / "segmentation.seg.nrrd"
    inside("a sample volume: simulated 3D ultrasound of one ovary", f"sample.write_sample(Path({str(out)!r}), {arguments.spacing})")
    crend("segment", volume, found, "--table", out / "follicles.csv", "--json", out / "segmentation.json")
    crend("compare", truth, found, "--json", out / "metrics.json")
    crend("figure", volume, truth, found, "--name", "CRend", "--out", out / "figure.png")
    inside("the same in Slicer's scene, by the module", f"scene.make_scene(Path({str(out)!r}))")
    inside("the scene, opened again and drawn by Slicer's views", f"picture.make_overview(Path({str(out)!r}))")
    report(out, time.perf_counter() - started)


def crend(*words):
    """Run the command line, and show how."""
    command = ["-m", "crend", *(shown(word) for word in words)]
    say(f"python {shlex.join(command)}")
    run([sys.executable, *command])


def inside(title, call):
    """Run one function of this package in a fresh interpreter: two scenes or render windows never meet."""
    say(title)
    name = call.split(".")[0]
    code = f"import sys; sys.path.insert(0, {str(TOOLS)!r}); from pathlib import Path; from crend_demo import {name}; {call}"
    run([sys.executable, "-c", code])


def run(command):
    """Run a command in the repository; its failure is the demo's."""
    code = subprocess.run(command, cwd=ROOT, env=dict(os.environ), stdin=subprocess.DEVNULL).returncode
    if code:
        raise SystemExit(code)


def say(text):
    """Print a heading."""
    print(f"\n== {text}", flush=True)


def shown(word):
    """A path as short as it can be, other words as they are."""
    if isinstance(word, Path) and word.resolve().is_relative_to(ROOT):
        return str(word.resolve().relative_to(ROOT))
    return str(word)


def report(out, seconds):
    """The figures and the files, in a few lines."""
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    detection = metrics["detection"]
    say(f"done in {seconds:.0f} s")
    print(
        f"ovary DSC {metrics['ovary']['dsc']:.3f}, follicles DSC {metrics['follicles']['dsc']:.3f}, "
        f"{detection['count_prediction']} follicles found of {detection['count_reference']}"
    )
    for path in sorted(out.iterdir()):
        print(f"  {shown(path):32} {path.stat().st_size / 1e6:8.2f} MB")


if __name__ == "__main__":
    main()
