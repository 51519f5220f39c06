"""Checks of files: exports, a folder, a sequence, a scene that is saved, closed and opened."""

import shutil

import slicer

from ..Runs import Installation
from .Session import check, equal, skip


def exports(session):
    """Every export button writes its files."""
    session.segmentation()
    tools, out = session.panel.export, session.folder / "export"
    out.mkdir()
    buttons = (
        ("exportTableButton", "follicles.csv"),
        ("exportReportButton", "report.html"),
        ("exportReportButton", "report.pdf"),
        ("exportSegmentationButton", "labels.seg.nrrd"),
        ("exportSegmentationButton", "labels.nii.gz"),
    )
    try:
        for button, name in buttons:
            tools.askForFile = lambda *_, path=str(out / name): path
            getattr(session.ui, button).click()
            check((out / name).is_file(), f"{name}: {session.ui.exportStatusLabel.text}")
        tools.askForFolder = lambda *_: str(out)
        session.ui.exportSurfacesButton.click()
        check(any(out.glob("*.stl")) and any(out.glob("*.obj")), f"surfaces: {session.ui.exportStatusLabel.text}")
    finally:
        for name in ("askForFile", "askForFolder"):
            tools.__dict__.pop(name, None)


def folder(session):
    """A folder with one volume is segmented, and a double click loads its result."""
    if Installation.missing():
        skip("packages are missing, see 1")
    scans, out = session.folder / "scans", session.folder / "results"
    scans.mkdir()
    shutil.copy(session.sample, scans / "volume.nrrd")
    section = session.panel.folder
    section.ui.inputFolderEdit.currentPath, section.ui.outputFolderEdit.currentPath = str(scans), str(out)
    section.ui.folderButton.click()
    session.waitForRun(section.run, section.ui.folderStatusLabel)
    equal(section.ui.folderTable.rowCount, 1, "rows")
    check((out / "volumes.csv").is_file() and (out / "volume.seg.nrrd").is_file(), "files are missing")
    kept = session.logic.getParameterNode().segmentation
    section.onDoubleClicked(section.ui.folderTable.item(0, 0))
    loaded = session.logic.getParameterNode().segmentation
    check(loaded is not None and loaded is not kept, section.ui.folderStatusLabel.text)
    if session.node is not None:
        session.logic.getParameterNode().inputVolume = session.volume
        session.logic.getParameterNode().segmentation = session.node


def sequence(session):
    """Two frames are segmented into a sequence that the browser plays."""
    if Installation.missing():
        skip("packages are missing, see 1")
    check(session.volume is not None, "there is no volume")
    array = slicer.util.arrayFromVolume(session.volume)[::2, ::2, ::2]
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Self test")
    for number in range(2):
        frame = slicer.util.addVolumeFromArray(array.copy(), name="frame")
        frame.SetSpacing([2 * value for value in session.volume.GetSpacing()])
        node.SetDataNodeAtValue(frame, str(number))
        slicer.mrmlScene.RemoveNode(frame)
    run, made = session.logic.start(node), []
    session.wait(lambda: made.append(run.poll()) or made[-1] is not None, "the frames")
    equal(made[-1].segmentationSequenceNode.GetNumberOfDataNodes(), 2, "frames")
    check(made[-1].segmentationNode is not None, "nothing shows the frames")


def reopen(session):
    """A scene that was saved, closed and opened shows its result in the panel."""
    session.segmentation()
    rows, name, path = session.rows(), session.node.GetName(), session.folder / "scene.mrb"
    check(bool(slicer.mrmlScene.WriteToMRB(str(path))), "the scene could not be saved")
    slicer.mrmlScene.Clear(0)
    equal(session.rows(), 0, "rows without a scene")
    check(bool(slicer.mrmlScene.ReadFromMRB(str(path), True)), "the scene could not be opened")
    session.panel.setParameterNode(session.logic.getParameterNode())
    session.node = session.logic.getParameterNode().segmentation
    session.volume = session.logic.getParameterNode().inputVolume
    check(session.node is not None and session.node.GetName() == name, "the panel has lost the result")
    equal(session.rows(), rows, "rows in the opened scene")


def close(session):
    """A closed scene leaves nothing in the panel."""
    slicer.mrmlScene.Clear(0)
    session.node = session.volume = None
    equal(session.rows(), 0, "rows")
    check(not session.ui.editStatusLabel.text and "color" not in session.ui.statusLabel.styleSheet, "old words are left")


FILES = (
    ("Exports", exports),
    ("A folder", folder),
    ("A sequence", sequence),
    ("A scene saved and opened", reopen),
    ("A closed scene", close),
)
