"""Puts into README.md what the commands really print, and the demo's pictures beside it: run after `make demo` by `make readme`.

Between `<!-- NAME -->` and `<!-- /NAME -->` stands what is made here: segment (the command, run on demo/) and measured (a sentence from the
bundled model's card, which has the tables).
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
    """How well the default model does, in one sentence; the figures are those of its metadata and its card."""
    metadata = json.loads((MODEL / "metadata.json").read_text(encoding="utf-8"))
    figures = {name: metadata["eval_metrics"][name] for name in ("ovary_dsc", "follicles_dsc", "md_percent")}
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    found = re.search(r"In simulated volumes without an ovary .*?, one was drawn in (\d+) of (\d+)", card)
    if found is None:
        raise SystemExit(f"{MODEL}: its card does not say in how many volumes without an ovary one was drawn")
    drawn, empty = found.groups()
    return (
        f"- On {figures['ovary_dsc']['present']} simulated volumes that it was not trained on, the mean Dice is "
        f"{figures['ovary_dsc']['mean']:.2f} for the ovary and {figures['follicles_dsc']['mean']:.2f} for the follicles, and on "
        f"average {figures['md_percent']['mean']:.0f} % of a volume's follicles are missed; in {drawn} of {empty} simulated volumes without an ovary, one was "
        f"outlined. [All figures]({MODEL.relative_to(ROOT)}/README.md). Nothing was measured on real ovaries.\n"
    )


if __name__ == "__main__":
    main()
