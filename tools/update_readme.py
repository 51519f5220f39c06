"""Puts into README.md what the commands really print, and the demo's pictures beside it: run after `make demo` by `make readme`.

Between `<!-- NAME -->` and `<!-- /NAME -->` stands what is made here: segment, compare (the commands, run on demo/) and
measured (the bundled model's card).
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
PICTURES = ("overview.png", "figure.png")
sys.path.insert(0, str(ROOT / "CRendSegmentation"))


def main():
    """Rewrite the parts of README.md that are made, and copy the pictures."""
    readme = ROOT / "README.md"
    text = readme.read_text()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(DEMO / "volume.nrrd", folder)
        shutil.copy(DEMO / "truth.nrrd", folder)
        text = put(text, "segment", session(folder, "segment volume.nrrd out.seg.nrrd --table t.csv --json r.json"))
        text = put(text, "compare", session(folder, "compare truth.nrrd out.seg.nrrd", keep_until="DSC:"))
    text = put(text, "measured", card())
    readme.write_text(text)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        shutil.copyfile(DEMO / name, SCREENSHOTS / name)


def put(text, name, content):
    """The text with what stands between the marks of `name` replaced."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not marks.search(text):
        raise SystemExit(f"README.md: the marks of {name} are missing")
    return marks.sub(lambda found: found.group(1) + content + found.group(2), text)


def session(folder, words, keep_until=None):
    """A console block: a crend command and what it printed, up to a line that begins with `keep_until`."""
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
    lines = [line.rstrip() for line in answer.stdout.splitlines()]
    if keep_until:
        lines = lines[: next((i for i, line in enumerate(lines) if line.startswith(keep_until)), len(lines))] + ["..."]
    return "\n".join(["```console", f"$ .venv/bin/python -m crend {words}", *lines, "```", ""])


def card():
    """The section Measured of the default model's card, without its tables by size and the like."""
    from crend.bundle.bundle import available

    default = available()[0]
    text = (Path(default.folder) / "README.md").read_text()
    section = re.search(r"## Measured\n\n(.*?)\n*(?=\n## |\Z)", text, re.DOTALL)
    if section is None:
        raise SystemExit(f"{default.folder}: its README.md has no section Measured")
    measured = section.group(1)
    kept = [part for part in measured.split("\n\n") if not part.startswith(("| follicles by ", "<!--"))]
    measured = "\n\n".join(kept)
    return f"The bundled model is `{default.name}`; its card says this, and more by size, contrast, depth and spacing:\n\n{measured}\n"


if __name__ == "__main__":
    main()
