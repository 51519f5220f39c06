"""Draws the pictures of the documentation and of README.md anew, from what `make demo` left: run by `make pictures`. Look at each of them.

python tools/make_pictures.py [DEMO [STATE ...]]; the states are the keys of PANEL.

docs/pictures/: the panel in every state of Testing/widget/screenshot.py, the slices of the volume alone, and the report.
Resources/Screenshots/: the whole panel.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
PICTURES = ROOT / "docs" / "pictures"
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
#: State of the panel: the picture.
PANEL = {
    "panel": SCREENSHOTS / "panel.png",
    "segmenting": PICTURES / "segment.png",
    "plot": PICTURES / "followup-plot.png",
    "twoOvaries": PICTURES / "two-ovaries.png",
    **{
        name: PICTURES / f"{name}.png"
        for name in ("read", "region", "correct", "contours", "review", "followup", "study", "export", "folder", "learning", "report")
    },
}


def main():
    """Draw every picture in a process of its own."""
    demo = Path(sys.argv[1]).resolve() if sys.argv[1:] else DEMO
    PICTURES.mkdir(exist_ok=True)
    for state in sys.argv[2:] or PANEL:
        run(ROOT / "Testing" / "widget" / "screenshot.py", state, PANEL[state], "--demo", demo)
    if sys.argv[2:]:
        return
    code = f"from crend_demo.slices import make_slices; from pathlib import Path; make_slices(Path({str(demo)!r}), Path({str(PICTURES / 'load.png')!r}))"
    run("-c", f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); {code}")


def run(*words):
    """Run Python in the repository; its failure is ours."""
    folders = os.pathsep.join(str(ROOT / name) for name in ("CRendSegmentation", "training_pkg"))
    subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        check=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": folders, "QT_QPA_PLATFORM": "offscreen"},
    )


if __name__ == "__main__":
    main()
