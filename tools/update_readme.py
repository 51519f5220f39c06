"""Puts into README.md what the commands really print, and the demo's pictures beside it: run after `make demo` by `make readme`.

Between `<!-- NAME -->` and `<!-- /NAME -->` stands what is made here: segment (the command, run on demo/) and measured (a sentence from
training_pkg/results/crend-sim; the bundled model's card has the tables).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
MODEL = ROOT / "CRendSegmentation" / "Resources" / "Models" / "crend-sim"
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
PICTURES = ("overview.png", "figure.png")
sys.path.insert(0, str(ROOT / "CRendSegmentation"))


def main():
    """Rewrite the parts of README.md that are made, and copy the pictures."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(DEMO / "volume.nrrd", folder)
        text = put(text, "segment", session(folder, "segment volume.nrrd out.seg.nrrd --table t.csv --json r.json"))
    text = put(text, "measured", measured())
    readme.write_text(text, encoding="utf-8")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        shutil.copyfile(DEMO / name, SCREENSHOTS / name)


def put(text, name, content):
    """The text with what stands between the marks of `name` replaced."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not marks.search(text):
        raise SystemExit(f"README.md: the marks of {name} are missing")
    return marks.sub(lambda found: found.group(1) + content + found.group(2), text)


def session(folder, words):
    """A console block: a crend command and what it printed."""
    command = [sys.executable, "-m", "crend", *words.split()]
    answer = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "CRendSegmentation")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    # A terminal shows progress as a bar, which goes away; here it came as lines.
    lines = [line.rstrip() for line in answer.stdout.splitlines() if not re.match(r"[ \d]{3} % ", line)]
    return "\n".join(["```console", f"$ crend {words}", *lines, "```", ""])


def measured():
    """How well the default model does, in a few sentences; the figures are those of the committed reports on it."""
    weights = json.loads((MODEL / "metadata.json").read_text(encoding="utf-8"))["crend"]["sha256"]
    found = {
        name: summary(name, weights) for name in ("training", "trial", "training-mixed", "trial-crowded", "training-empty", "trial-empty")
    }
    ovary, follicles = (
        [f"{found[kind]['figures'][name]['mean']:.2f}" for kind in ("training", "trial")] for name in ("ovary_dsc", "follicles_dsc")
    )
    missed = [f"{found[kind]['strata'][0]['missed_percent']:.0f}" for kind in ("training", "trial")]
    crowded = [f"{found[kind]['figures']['ovary_dsc']['mean']:.2f}" for kind in ("training-mixed", "trial-crowded")]
    volumes = [str(found[kind]["figures"]["ovary_dsc"]["present"]) for kind in ("training", "trial")]
    drawn, empty, warned = (
        sum(found[kind]["empty"][key] for kind in ("training-empty", "trial-empty")) for key in ("drawn", "volumes", "doubtful")
    )
    return (
        f"- On fresh volumes of the simulator that it learned from, and of another one ({' and '.join(volumes)}), the mean Dice is {' and '.join(ovary)} for the "
        f"ovary and {' and '.join(follicles)} for the follicles, and {' and '.join(missed)} % of the follicles are missed; in scenes full of other organs, "
        f"shadows and noise the ovary's Dice is {' and '.join(crowded)}; in {drawn} of {empty} simulated volumes "
        f"without an ovary, one was outlined, {warned} times with a warning. [All figures]({MODEL.relative_to(ROOT)}/README.md). Nothing was measured on real ovaries.\n"
    )


def summary(name, weights):
    """The committed report of that name. It must be of the bundled weights."""
    path = ROOT / "training_pkg" / "results" / "crend-sim" / name / "summary.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["sha256"] != weights:
        raise SystemExit(f"{path}: a report on other weights than the bundled ones")
    return found


if __name__ == "__main__":
    main()
