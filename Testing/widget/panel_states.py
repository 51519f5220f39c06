"""States of the panel that are worth a picture: what a user does until it looks like that."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panel_session import addTruth, readVolume, waitFor

PLOT_WIDTH = 640
MARGIN = 8
PAGE = 703, 1032  # A4 within margins of 12 mm, at 96 pixels an inch
RESOURCES = Path(__file__).resolve().parents[2] / "CRendSegmentation" / "Resources"
SAMPLE = RESOURCES / "SampleData" / "CRendSimulatedOvary.nrrd"


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
    from host import samples

    from CRendSegmentationLib.Scene.Results import putResultIntoScene

    volume, found = samples.addTwoOvaries("Scan")
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
