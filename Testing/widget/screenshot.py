"""A picture of the panel, as drawn by the stand-in: python Testing/widget/screenshot.py OUT.png [review]"""

import sys

import host


def panelPicture(widget, path, width=430, height=960):
    """Save the panel of a module widget as a PNG file."""
    widget.parent.resize(width, height)
    widget.parent.show()
    import slicer

    slicer.app.processEvents()
    assert widget.parent.grab().save(str(path))


def segment(made):
    """What a user sees after Apply."""
    from host import samples

    made.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name="Ultrasound"))
    made.logic.predictor = samples.KnownPredictor()
    made.ui.applyButton.click()
    while made.panel.run.running:
        made.panel.run.onTimer()
    made.ui.editSection.collapsed = False
    made.ui.exportSection.collapsed = False
    made.ui.sideComboBox.currentIndex = 1
    made.ui.follicleTable.selectRow(1)


def review(made):
    """What a user sees after Compute, with all other sections folded."""
    import slicer
    from host import readers, samples

    section = made.panel.review
    layouts = slicer.vtkMRMLLayoutLogic()
    layouts.SetMRMLScene(slicer.mrmlScene)
    reference, compared = readers.addTwoReaders(samples.addVolume(name="Ultrasound"))
    section.ui.referenceSelector.setCurrentNode(reference)
    section.ui.comparedSelector.setCurrentNode(compared)
    section.ui.computeButton.click()
    while section.run.running:
        section.run.onTimer()
    for folded in (made.ui.inputSection, made.ui.resultSection, made.ui.editSection):
        folded.collapsed = True
    made.ui.reviewSection.collapsed = False
    section.ui.matchTable.selectRow(1)


if __name__ == "__main__":
    host.install()
    host.newScene()
    from crend.bundle import bundle

    if not bundle.available():
        bundle.available = lambda: [bundle.BundleInfo("crend-sim", None, "Ovary and its follicles in 3D ultrasound", {})]
    widget = host.loadModule()
    {"panel": segment, "review": review}[sys.argv[2] if len(sys.argv) > 2 else "panel"](widget)
    panelPicture(widget, sys.argv[1], height=1150 if sys.argv[2:] == ["review"] else 960)
    widget.logic.close()
