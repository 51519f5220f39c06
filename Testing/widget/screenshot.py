"""A picture of the panel, as drawn by the stand-in: python Testing/widget/screenshot.py OUT.png"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import host  # noqa: E402


def panelPicture(widget, path, width=430, height=960):
    """Save the panel of a module widget as a PNG file."""
    widget.parent.resize(width, height)
    widget.parent.show()
    import slicer

    slicer.app.processEvents()
    assert widget.parent.grab().save(str(path))


if __name__ == "__main__":
    host.install()
    host.newScene()
    from crend import bundle
    from host import samples

    if not bundle.available():
        bundle.available = lambda: [bundle.BundleInfo("crend-sim", None, "Ovary and its follicles in 3D ultrasound", {})]
    samples.addVolume(name="Ultrasound")
    made = host.loadModule()
    made.logic.predictor = samples.KnownPredictor()
    made.ui.applyButton.click()
    while made.panel.run.running:
        made.panel.run.onTimer()
    made.ui.editSection.collapsed = False
    made.ui.exportSection.collapsed = False
    made.ui.sideComboBox.currentIndex = 1
    made.ui.follicleTable.selectRow(1)
    panelPicture(made, sys.argv[1])
