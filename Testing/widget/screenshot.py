"""Pictures of the panel, as drawn by the stand-in: python Testing/widget/screenshot.py STATE OUT.png [--demo FOLDER] [--width N] [--dark]

STATE is a function of this file that is listed in STATES. FOLDER is what `make demo` leaves (volume.nrrd, truth.nrrd): with it the module's own
worker segments the sample volume. Without it, a small volume is shown whose answer is known.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import host

WIDTH, WIDE = 430, 560
MARGIN = 8
PLOT_WIDTH = 640
PAGE = 703, 1032  # A4 within margins of 12 mm, at 96 pixels an inch
RESOURCES = Path(__file__).resolve().parents[2] / "CRendSegmentation" / "Resources"
SAMPLE = RESOURCES / "SampleData" / "CRendSimulatedOvary.nrrd"


class Session:
    """The panel of a module widget with a volume, and what a user does with it. demo: a folder, or None."""

    def __init__(self, made, demo=None):
        from host import samples

        self.made, self.ui, self.demo = made, made.ui, demo
        if demo is None:
            made.logic.predictor = samples.KnownPredictor()
            self.volume = samples.addVolume(name="Ultrasound")
        else:
            self.volume = readVolume(demo / "volume.nrrd")
        self.ui.inputVolumeSelector.setCurrentNode(self.volume)

    def segment(self, until=2.0):
        """Press Apply, and wait for the result, or until that part of it is done (above 1: to the end). Returns the segmentation node."""
        self.ui.applyButton.click()
        waitFor(self.made.panel.run, lambda: self.ui.progressBar.value >= 100 * until)
        return self.made.logic.getParameterNode().segmentation

    def fold(self, *shown):
        """Fold every section but those."""
        for name in ("input", "advanced", "result", "edit", "contour", "study", "export", "review", "followUp", "folder", "learning"):
            getattr(self.ui, f"{name}Section").collapsed = name not in shown


def panel(session):
    """The whole panel after Apply."""
    session.segment()
    session.fold("input", "result", "edit", "export")
    session.ui.sideComboBox.currentIndex = 1
    session.ui.follicleTable.selectRow(1)
    return []


def segmenting(session):
    """Half-way through a run."""
    session.segment(until=0.4)
    return ["inputSection", "advancedSection", "applyButton", "progressBar", "statusLabel"]


def read(session):
    """Summary and table."""
    session.segment()
    session.ui.sideComboBox.currentIndex = 1
    session.ui.follicleTable.selectRow(0)
    return ["statusLabel", "resultSection"]


def region(session):
    """A box placed round the result, and the region that it is looked for in."""
    session.segment()
    session.ui.placeBoxButton.click()
    session.fold("input")
    return ["inputSection", "advancedSection", "applyButton", "statusLabel"]


def contours(session):
    """After three contours of the ovary that a run had found, and Ovary from contours."""
    import numpy as np

    from CRendSegmentationLib.Scene.Contours import newContour
    from CRendSegmentationLib.Scene.SegmentMeasurements import measureSegments

    ovary = measureSegments(session.segment()).ovary
    angles = np.radians(np.arange(0, 360, 30))
    for axis in range(3):
        across = [other for other in range(3) if other != axis]
        points = np.tile(ovary.centroid_ras, (len(angles), 1))
        points[:, across] += 0.5 * ovary.dv_mm * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        node = newContour(session.volume)
        for point in points:
            node.AddControlPointWorld(*map(float, point))
    session.fold("contour")
    session.ui.contoursButton.click()
    return ["contourSection"]


def correct(session):
    """After a follicle was split."""
    session.segment()
    session.ui.editSection.collapsed = False
    session.ui.follicleTable.selectRow(0)
    session.ui.splitButton.click()
    return ["resultSection", "editSection"]


def review(session):
    """After Compute: the result against the truth, or two readers of the small volume."""
    import slicer
    from host import readers

    section = session.made.panel.review
    session.layouts = slicer.vtkMRMLLayoutLogic()  # makes the views that the review is shown in
    session.layouts.SetMRMLScene(slicer.mrmlScene)
    if session.demo is None:
        reference, compared = readers.addTwoReaders(session.volume)
    else:
        compared, reference = session.segment(), addTruth(session.volume, session.demo / "truth.nrrd")
    section.ui.referenceSelector.setCurrentNode(reference)
    section.ui.comparedSelector.setCurrentNode(compared)
    section.ui.computeButton.click()
    waitFor(section.run)
    session.fold("review")
    section.ui.matchTable.selectRow(1)
    return ["reviewSection"]


def followup(session):
    """Four scans of both ovaries on three days of a cycle."""
    from host import readers, samples

    volume = samples.addVolume(name="Scans")
    scans = (
        ("2026-11-03", "6", "left", (6, 5, 3)), ("2026-11-03", "6", "right", (4, 5, 3)), ("2026-11-06", "9", "left", (8, 6, 3)),
        ("2026-11-08", "11", "left", (10, 6)), ("2026-11-08", "11", "right", (4, 6, 4)),
    )  # fmt: skip
    session.fold("followUp")
    for date, _day, side, radii in scans:
        balls = tuple((centre, radius) for (centre, _), radius in zip((((20, 24, 40), 0), ((16, 16, 20), 0), ((28, 36, 24), 0)), radii))
        readers.addReader(volume, f"{side.capitalize()} {date[5:]}", ((20, 24, 28), 18), balls)
    section = session.made.panel.followUp
    section.refresh()
    for row, (date, day, side, _radii) in enumerate(scans):
        for column, text in enumerate((date, day, side), start=1):
            section.ui.followUpTable.item(row, column).setText(text)
    return ["followUpSection"]


def plot(session):
    """The plot of the follow-up: no part of the panel, but a picture (QImage) of its own."""
    import slicer
    from host import plots
    from PySide6.QtGui import QImage

    followup(session)
    session.made.panel.followUp.ui.followUpPlotButton.click()
    drawn = plots.draw(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode"), PLOT_WIDTH, PLOT_WIDTH * 5 // 8)
    return QImage(drawn.data, drawn.shape[1], drawn.shape[0], 3 * drawn.shape[1], QImage.Format.Format_RGB888).copy()


def export(session):
    """The export buttons."""
    session.segment()
    session.fold("export")
    return ["exportSection"]


def study(session):
    """Patient and sides, with the export buttons."""
    bothSides(session)
    session.fold("study", "export")
    return ["studySection", "exportSection"]


def twoOvaries(session):
    """The Study section of a volume that shows two ovaries, of which the first is said to be the right one."""
    import numpy as np
    import SimpleITK as sitk
    from host import samples

    from crend.result import Segmentation
    from crend.structures.measurements import measure
    from CRendSegmentationLib.Scene.Results import putResultIntoScene
    from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

    volume = samples.addVolume(name="Scan")
    organs, follicles = np.zeros(samples.SHAPE, np.uint8), np.zeros(samples.SHAPE, np.uint16)
    for number, ball in enumerate((((20, 24, 16), 12), ((20, 24, 42), 11)), start=1):
        organs[samples.ball(*ball)] = number
    for number, ball in enumerate((((20, 24, 42), 6), ((20, 22, 14), 5), ((16, 28, 20), 3)), start=1):
        follicles[samples.ball(*ball)] = number
    organs, follicles = (sitk.GetImageFromArray(array) for array in (organs, follicles))
    for labels in (organs, follicles):
        labels.CopyInformation(imageFromVolumeNode(volume))
    found = Segmentation(
        organs > 0, follicles, measure(organs, follicles), {"bundle": "known", "bundle_version": "0", "ovaries": 2}, ovaries=organs
    )
    session.made.logic.getParameterNode().segmentation = putResultIntoScene(found, volume).segmentationNode
    session.made.panel.study.ui.ovary1ComboBox.currentIndex = 2
    session.fold("study")
    return ["studySection"]


def report(session):
    """The report of both ovaries, as `Report (PDF, HTML)` prints it, page beside page: no part of the panel, but a picture (QImage) of its own."""
    from PySide6.QtCore import QRectF, QSizeF, Qt
    from PySide6.QtGui import QImage, QPainter, QTextDocument

    from crend.clinic.page import page_html

    findings, pictures = bothSides(session).report(None)
    document = QTextDocument()
    document.setDocumentMargin(0)
    document.setHtml(page_html(findings, pictures))
    document.setPageSize(QSizeF(*PAGE))
    picture = QImage((PAGE[0] + 4 * MARGIN) * document.pageCount(), PAGE[1] + 4 * MARGIN, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.white)
    painter = QPainter(picture)
    for page in range(document.pageCount()):
        painter.save()
        painter.translate(page * (PAGE[0] + 4 * MARGIN) + 2 * MARGIN, 2 * MARGIN - page * PAGE[1])
        document.drawContents(painter, QRectF(0, page * PAGE[1], *PAGE))
        painter.restore()
    painter.end()
    return picture


def bothSides(session):
    """A right and a left ovary, one of them confirmed, and what the user says of them. Returns the panel's Study section."""
    from CRendSegmentationLib.Scene.SegmentMeasurements import follicleIDs
    from CRendSegmentationLib.Scene.SegmentTags import CONFIRMED_TAG

    session.volume.SetName("Scan right")
    right = session.segment()
    left = readVolume(SAMPLE)
    left.SetName("Scan left")
    session.ui.inputVolumeSelector.setCurrentNode(left)
    session.segment()
    for segmentID in follicleIDs(right.GetSegmentation()):
        right.GetSegmentation().GetSegment(segmentID).SetTag(CONFIRMED_TAG, "1")
    ui = session.made.panel.study.ui
    for edit, text in (
        (ui.patientEdit, "Doe, Jane"),
        (ui.patientIDEdit, "4711"),
        (ui.dateEdit, "2026-01-31"),
        (ui.readByEdit, "A. Reader"),
    ):
        edit.text = text
    session.made.panel.study.commit()
    ui.daySpinBox.value = 4
    for box, index in ((ui.routeComboBox, 1), (ui.qualityComboBox, 1), (ui.rightCorpusLuteumComboBox, 1), (ui.leftCorpusLuteumComboBox, 1)):
        box.currentIndex = index
    return session.made.panel.study


def folder(session):
    """After a folder was segmented: two volumes and a file that is none."""
    section = session.made.panel.folder
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)  # short paths are legible in a picture
        Path("scans").mkdir()
        shutil.copy(SAMPLE, "scans/patient 1.nrrd")
        shutil.copy(session.demo / "volume.nrrd", "scans/patient 2.nrrd")
        Path("scans/patient 3.nrrd").touch()
        section.ui.inputFolderEdit.currentPath, section.ui.outputFolderEdit.currentPath = "scans", "results"
        session.fold("folder")
        section.ui.folderButton.click()
        waitFor(section.run)
        os.chdir("/")
    return ["folderSection"]


def learning(session):
    """After a corrected volume was kept."""
    section = session.made.panel.learning
    session.segment()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)  # short paths are legible in a picture
        section.ui.keptFolderEdit.currentPath = "corrections"
        section.ui.correctedByEdit.text, section.ui.patientEdit.text = "Dr B", "c41e90b2"
        session.fold("learning")
        section.ui.keepButton.click()
        os.chdir("/")
    return ["learningSection"]


STATES = {
    state.__name__: state
    for state in (panel, segmenting, read, region, correct, contours, review, followup, plot)
    + (study, twoOvaries, export, folder, learning, report)
}


def waitFor(run, enough=lambda: False):
    """Poll a run as Slicer's timer does, until it has ended or that is enough."""
    while run.running and not enough():
        run.onTimer()
        time.sleep(0.02)


def readVolume(path):
    """A scalar volume node of an image file."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Ultrasound")
    node.AddDefaultStorageNode(str(path))
    assert node.GetStorageNode().ReadData(node), path
    return node


def addTruth(volume, path):
    """A segmentation node of a label image, called "Truth"."""
    import slicer

    from crend.io.labels import read_labels
    from crend.result import Segmentation
    from crend.structures.measurements import measure
    from CRendSegmentationLib.Scene.SegmentationWriter import showSegmentation, writeSegmentation

    labels = read_labels(path)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Truth")
    writeSegmentation(node, volume, Segmentation(labels.ovary, labels.follicles, measure(labels.ovary, labels.follicles)))
    showSegmentation(node)
    return node


def savePicture(made, path, widgets=(), width=WIDTH, height=960):
    """Save the panel of a module widget as a PNG file; where widgets are named, the part that holds them.

    The panel lies in a scroll area, as in Slicer: so it is as high as its texts are at this width.
    """
    from PySide6.QtWidgets import QApplication, QFrame, QScrollArea

    panel = made.parent._qt
    area = QScrollArea()
    area.setFrameShape(QFrame.NoFrame)
    area.setWidgetResizable(True)
    area.setWidget(panel)
    area.resize(width, height)
    area.show()
    for _ in range(3):  # labels of rich text ask for their height once they have their width
        QApplication.processEvents()
        area.resize(width, max(height, panel.height()))  # no bar at the side
    picture = panel.grab()
    if widgets:
        picture = picture.copy(frameOf(made, widgets))
    assert picture.save(str(path)), path
    area.takeWidget()


def darken():
    """Colours as those of Slicer's dark theme."""
    from PySide6.QtGui import QColor, QPalette
    from PySide6.QtWidgets import QApplication

    QApplication.setStyle("Fusion")
    palette = QPalette(QColor("#323232"))
    for role, colour in ((QPalette.Base, "#2b2b2b"), (QPalette.AlternateBase, "#353535"), (QPalette.Highlight, "#3d6ea5")):
        palette.setColor(role, QColor(colour))
    QApplication.setPalette(palette)


def frameOf(made, widgets):
    """The rectangle (QRect) of the panel around named widgets, as wide as the panel."""
    from PySide6.QtCore import QPoint, QRect

    shown = [getattr(made.ui, name) for name in widgets]
    tops = [widget.mapTo(made.parent, QPoint(0, 0)).y() for widget in shown]
    ends = [top + widget.size.height() for top, widget in zip(tops, shown)]
    return QRect(0, max(min(tops) - MARGIN, 0), made.parent.width, max(ends) - min(tops) + MARGIN + 2)


def main():
    """Draw one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", choices=STATES)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--demo", type=lambda text: Path(text).resolve())
    parser.add_argument("--width", type=int, help="pixels")
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    host.install()
    if given.dark:
        darken()
    host.newScene()
    made = host.loadModule()
    shown = STATES[given.state](Session(made, given.demo))
    if not isinstance(shown, list):
        assert shown.save(str(given.out)), given.out
        return made.logic.close()
    wide, tall = given.state in ("correct", "folder"), given.state in ("panel", "read", "correct", "review", "learning")
    savePicture(made, given.out, shown, given.width or (WIDE if wide else WIDTH), 1250 if tall else 700)
    return made.logic.close()


if __name__ == "__main__":
    main()
