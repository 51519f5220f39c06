"""Checks of comparing: side, report, review with maps and legends, the cursor over a map, follow-up."""

import re

import numpy as np
import slicer

from crend.structures import segments

from ..Scene import StudyFacts
from ..Scene.FollowUpNodes import chartOf, followUpOf, followUpTable
from ..Scene.PlotLayout import plotShown
from ..Scene.ReviewDisplay import legendOf
from ..Scene.ReviewNodes import removeReview, reviewOf
from ..Scene.SegmentationWriter import showSegmentation
from ..Scene.SegmentMeasurements import ovaryID
from .Session import check, equal, skip

SECOND = "Second reader (self test)"


def report(session):
    """The side is stated, and the report has findings of it with pictures."""
    session.segmentation()
    session.ui.sideComboBox.currentIndex = 1
    equal(StudyFacts.sideOrNothing(session.node), "left", "side")
    findings, pictures = session.panel.study.report(session.node)
    check(bool(findings), "no findings")
    check(any(pictures.values()), "no pictures")


def twoOvaries(session):
    """Two ovaries in one segmentation are left and right only once somebody says so; then each has figures of its own."""
    session.segmentation()
    kept, settings, ui = session.node, session.logic.getParameterNode(), session.panel.study.ui
    node = _copy(session, "Two ovaries (self test)")
    segmentation = node.GetSegmentation()
    whole = slicer.util.arrayFromSegmentBinaryLabelmap(node, ovaryID(segmentation), session.volume) > 0
    middle = int(np.median(np.argwhere(whole)[:, 2]))
    segmentation.RemoveSegment(ovaryID(segmentation))
    for number, half in ((1, np.s_[:, :, :middle]), (2, np.s_[:, :, middle:])):
        part = np.zeros(whole.shape, np.uint8)
        part[half] = whole[half]
        segmentID = segmentation.AddEmptySegment(segments.ovary_id(number), segments.ovary_name(number))
        slicer.util.updateSegmentBinaryLabelmapFromArray(part, node, segmentID, session.volume)
    try:
        ui.leftSelector.setCurrentNode(None)
        settings.segmentation = node
        findings, _pictures = session.panel.study.report(node, pictures=False)
        equal(list(findings["sides"]), ["ovary 1", "ovary 2"], "sides before anybody said them")
        check(bool(findings["notes"]), "the report does not say what to do")
        ui.ovary1ComboBox.currentIndex, ui.ovary2ComboBox.currentIndex = 2, 1
        findings, pictures = session.panel.study.report(node)
        names = [findings["sides"][side]["ovary_segment"] for side in ("right", "left")]
        equal(names, ["Ovary 1", "Ovary 2"], "ovaries of the right and of the left side")
        check(all(pictures.values()), "no pictures")
        StudyFacts.setStudyDate(node, "2026-11-03")
        equal([row["side"] for row in followUpOf([node]).rows()], ["left", "right"], "sides in the follow-up")
    finally:
        settings.segmentation = kept
        slicer.mrmlScene.RemoveNode(node)
        session.ui.sideComboBox.currentIndex = 1


def studyDate(session):
    """The date in Study is that of the follow-up, and the report's."""
    session.segmentation()
    edit = session.panel.study.ui.dateEdit
    known = StudyFacts.studyDate(session.node)
    edit.text = "2026-11-03"
    session.panel.study.commit()
    found = StudyFacts.studyDate(session.node)
    edit.text = ""
    session.panel.study.commit()
    equal(str(found), str(known or "2026-11-03"), "date of the follow-up")


def review(session):
    """The result against a copy without one follicle: figures, maps with colour bars, the pair alone in views of their own."""
    session.segmentation()
    if not session.rows():
        skip("there is no follicle")
    second = _secondReader(session)
    section = session.panel.review
    session.ui.reviewSection.collapsed = False
    section.ui.referenceSelector.setCurrentNode(session.node)
    section.ui.comparedSelector.setCurrentNode(second)
    section.ui.computeButton.click()
    session.waitForRun(section.run, section.ui.reviewStatusLabel)
    made = reviewOf(session.node, second)
    check(made is not None, "there is no review")
    equal(section.ui.matchTable.rowCount, session.rows(), "rows of matched and missed follicles")
    check("1 missed" in section.ui.reviewFiguresLabel.text, "the missing follicle is not said")
    check(bool(made.maps), "there are no maps")
    for model in made.maps.values():
        check(bool(model.GetDisplayVisibility()), f"{model.GetName()} is hidden")
        check(legendOf(model) is not None and bool(legendOf(model).GetVisibility()), f"{model.GetName()} has no colour bar")
    check(section.layout.shown, "the views of a review are not shown")


def cursor(session):
    """The cursor over a map says the distance there, a click moves the slices."""
    session.segmentation()
    manager, section = slicer.app.layoutManager(), session.panel.review
    made = reviewOf(session.node, slicer.mrmlScene.GetFirstNodeByName(SECOND))
    if made is None:
        skip("there is no review")
    if manager is None:
        skip("no main window, so no 3D views")
    check(section.probe.following > 0, "no view is followed")
    model = next(iter(made.maps.values()))
    views = [manager.threeDWidget(number).threeDView() for number in range(manager.threeDViewCount)]
    view = next(view for view in views if view.mrmlViewNode().GetID() in model.GetDisplayNode().GetViewNodeIDs())
    view.forceRender()
    interactor = view.interactor()
    renderer = view.renderWindow().GetRenderers().GetFirstRenderer()
    points = slicer.util.arrayFromModelPoints(model)
    eye = np.array(renderer.GetActiveCamera().GetPosition())
    nearest = points[np.linalg.norm(points - eye, axis=1).argmin()]
    renderer.SetWorldPoint(*[float(value) for value in nearest], 1.0)
    renderer.WorldToDisplay()
    x, y = (int(value) for value in renderer.GetDisplayPoint()[:2])
    _event(interactor, "MouseMoveEvent", x, y)
    said = section.ui.reviewDistanceLabel.text
    check(re.search(r"\d\.\d\d mm", said) is not None, f"over the map: {said}")
    _event(interactor, "LeftButtonPressEvent", x, y)
    _event(interactor, "LeftButtonReleaseEvent", x, y)
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        place = [node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
        away = np.linalg.norm(np.subtract(place, nearest))
        check(away < 3, f"{node.GetName()} is {away:.1f} mm beside the click")


def ordinaryLayout(session):
    """One click leads back to the layout before; the review goes without a trace."""
    section = session.panel.review
    second = slicer.mrmlScene.GetFirstNodeByName(SECOND)
    made = reviewOf(session.node, second)
    if made is None:
        skip("there is no review")
    section.ui.ordinaryLayoutButton.click()
    check(not section.layout.shown, "the views of a review are still shown")
    equal(section.probe.following, 0, "views that are followed")
    removeReview(made)


def followUp(session):
    """Two dates of one side give a table and a plot."""
    session.segmentation()
    second = slicer.mrmlScene.GetFirstNodeByName(SECOND) or _secondReader(session)
    StudyFacts.setStudyDate(session.node, "2026-11-03")
    StudyFacts.setStudyDate(second, "2026-11-05")
    StudyFacts.stateSide(second, "left")
    section = session.panel.followUp
    session.ui.followUpSection.collapsed = False
    section.show(session.node)
    section.ui.followUpPlotButton.click()
    table = followUpTable(StudyFacts.patientItem(session.node))
    check(table is not None, section.ui.followUpHintLabel.text)
    equal(table.GetTable().GetNumberOfRows(), 2, "rows")
    if slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode") is not None:
        check(plotShown(chartOf(table)), "the plot is not shown")
    section.ui.followUpPlotButton.click()
    slicer.mrmlScene.RemoveNode(second)


def _secondReader(session):
    """A copy of the result without its largest follicle."""
    node = _copy(session, SECOND)
    node.GetSegmentation().RemoveSegment(session.follicles()[0])
    return node


def _copy(session, name):
    """A copy of the result under another name."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.GetSegmentation().DeepCopy(session.node.GetSegmentation())
    node.SetReferenceImageGeometryParameterFromVolumeNode(session.volume)
    node.SetAndObserveTransformNodeID(session.node.GetTransformNodeID())
    showSegmentation(node)
    return node


def _event(interactor, name, x, y):
    interactor.SetEventInformation(x, y, 0, 0, chr(0), 0, None)
    interactor.InvokeEvent(name)


REVIEW = (
    ("Side and report", report),
    ("Two ovaries in one volume", twoOvaries),
    ("The date of the study", studyDate),
    ("Review with maps and colour bars", review),
    ("The cursor over a map", cursor),
    ("Back to the ordinary layout", ordinaryLayout),
    ("Follow-up of two dates", followUp),
)
