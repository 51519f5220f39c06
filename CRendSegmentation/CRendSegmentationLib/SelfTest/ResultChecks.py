"""Checks of what is installed, the sample volume, a run, bad input, a graphics card."""

import numpy as np
import slicer
import vtk

from crend.errors import InputError
from crend.structures import segments

from ..Runs import Installation
from ..Runs.Predictors import Settings
from ..Scene.Results import FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE, tableOf
from ..Scene.Surfaces import staleIDs
from .Session import check, equal, skip


def packages(session):
    """What the network needs is installed."""
    missing = Installation.missing()
    if missing:
        skip(f"{', '.join(missing)} not installed: press Install in the module's panel first")


def terminology(session):
    """Slicer knows the code of an ovarian follicle."""
    names = vtk.vtkStringArray()
    slicer.modules.terminologies.logic().GetLoadedTerminologyNames(names)
    loaded = [names.GetValue(index) for index in range(names.GetNumberOfValues())]
    check(segments.CREND_CONTEXT in loaded, f"CRend's terminology is not among {len(loaded)} that are loaded")


def sample(session):
    """The sample volume is loaded, and chosen as input it is what the slice views show."""
    session.volume = slicer.util.loadVolume(str(session.sample))
    check(session.volume is not None, f"{session.sample} cannot be loaded")
    session.ui.inputVolumeSelector.setCurrentNode(session.volume)
    equal(session.logic.getParameterNode().inputVolume, session.volume, "input")
    shown = {node.GetBackgroundVolumeID() for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    check(not shown or shown == {session.volume.GetID()}, "the slice views show another volume")


def segment(session):
    """Apply: the worker process segments, the window stays alive, segments and tables come out."""
    if Installation.missing():
        skip("packages are missing, see 1")
    check(session.volume is not None, "there is no volume, see 3")
    check(bool(session.ui.applyButton.enabled), f"Apply is off: {session.ui.applyButton.toolTip}")
    said = set()
    session.ui.applyButton.click()
    session.wait(lambda: said.add(session.ui.statusLabel.text) or not session.panel.run.running, "the result")
    check("color" not in session.ui.statusLabel.styleSheet, session.ui.statusLabel.text)
    check(len(said) > 2, "no progress was said")
    session.node = session.logic.getParameterNode().segmentation
    check(session.node is not None, session.ui.statusLabel.text)
    segmentation = session.node.GetSegmentation()
    check(segmentation.GetSegment("Ovary") is not None, "there is no segment Ovary")
    equal(tableOf(session.node, FOLLICLE_TABLE_ROLE).GetNumberOfRows(), segmentation.GetNumberOfSegments() - 1, "rows of the table node")
    equal(session.rows(), segmentation.GetNumberOfSegments() - 1, "rows in the panel")
    check(tableOf(session.node, SUMMARY_TABLE_ROLE).GetNumberOfRows() > 3, "the summary is empty")


def surfaces(session):
    """Every segment has a surface, and the 3D view looks at them."""
    session.segmentation()
    session.settle()
    equal(staleIDs(session.node), [], "segments without a surface")
    bounds = [0.0] * 6
    session.node.GetRASBounds(bounds)
    middle = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    for view in slicer.util.getNodesByClass("vtkMRMLViewNode"):
        camera = slicer.modules.cameras.logic().GetViewActiveCameraNode(view)
        if camera is not None and not (view.GetSingletonTag() or "").startswith("CRend"):
            away = np.linalg.norm(np.subtract(camera.GetFocalPoint(), middle))
            check(away < 1, f"{view.GetName()} looks {away:.0f} mm beside the result")


def badInput(session):
    """A volume of one value is refused in one line, and the scene stays as it is."""
    volume = slicer.util.addVolumeFromArray(np.full((20, 20, 20), 7, np.uint8), name="Flat")
    before = slicer.mrmlScene.GetNumberOfNodes()
    try:
        session.logic.segment(volume)
    except InputError as error:
        check("\n" not in str(error) and "Flat" in str(error), f"no line that names the volume: {error}")
    else:
        raise AssertionError("it was segmented")
    equal(slicer.mrmlScene.GetNumberOfNodes(), before, "nodes in the scene")
    slicer.mrmlScene.RemoveNode(volume)


def card(session):
    """A run on the graphics card finds what the processor found."""
    segmentation = session.segmentation()
    job = session.logic.predictor.describe(Settings(device="cuda"))
    words = []
    try:
        session.wait(lambda: words.append(job.poll()) or words[-1] is not None, "the worker")
    except InputError as error:
        skip(str(error))
    nodes = session.logic.segment(session.volume, device="cuda")
    found = nodes.segmentationNode.GetSegmentation().GetNumberOfSegments()
    for node in (nodes.segmentationNode, nodes.follicleTableNode, nodes.summaryTableNode):
        slicer.mrmlScene.RemoveNode(node)
    equal(found, segmentation.GetNumberOfSegments(), f"segments on {words[-1]}")


RESULT = (
    ("Packages are installed", packages),
    ("Slicer knows an ovarian follicle", terminology),
    ("The sample volume is loaded and shown", sample),
    ("Apply segments it while the window lives", segment),
    ("Surfaces, and the 3D view on them", surfaces),
    ("A run on the graphics card", card),
    ("Bad input is refused and the scene stays", badInput),
)
