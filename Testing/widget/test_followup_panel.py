"""The Follow-up section: scans of one patient, dates as somebody states them, a table and a plot of the sizes by day."""

import csv

import pytest
import slicer
from host import plots, samples
from PySide6.QtCore import Qt
from test_panel import models, panel  # noqa: F401

from CRendSegmentationLib.Scene import StudyFacts
from CRendSegmentationLib.Widgets.FollowUpPanel import CYCLE_DAY, DATE, NAME, SIDE


def addScan(logic, name, follicles, patient=None):
    """A segmented volume; with a patient (an item of the subject hierarchy) in a study of that."""
    logic.predictor = samples.KnownPredictor(follicles=follicles)
    volume = samples.addVolume(name=name)
    if patient is not None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), hierarchy.CreateStudyItem(patient, f"{name} study"))
    return logic.segment(volume).segmentationNode


@pytest.fixture
def section(panel, layouts):  # noqa: F811
    """The section, open, with three scans: two of the left ovary on two days, and one of the right."""
    for name, follicles in (("First", 2), ("Second", 3), ("Right", 1)):
        addScan(panel.logic, name, follicles)
    panel.ui.followUpSection.collapsed = False
    made = panel.panel.followUp
    for row, texts in enumerate((("2026-11-03", "5", "left"), ("20261105", "7", "L"), ("2026-11-05", "7", "right"))):
        for column, text in zip((DATE, CYCLE_DAY, SIDE), texts):
            put(made, row, column, text)
    return made


def put(section, row, column, text):
    """Type into a cell."""
    section.ui.followUpTable.item(row, column).setText(text)


def cell(section, row, column):
    return section.ui.followUpTable.item(row, column).text()


def test_what_is_stated_is_kept_with_the_segmentation_and_read_again(section, scene, tmp_path):
    second = scene.GetFirstNodeByName("Second ovary")
    assert [second.GetAttribute(f"CRend.{key}") for key in ("StudyDate", "CycleDay", "Side")] == ["2026-11-05", "7", "left"]
    assert cell(section, 1, DATE) == "2026-11-05" and cell(section, 1, SIDE) == "left"
    put(section, 1, DATE, "3/11/2026")
    assert "date is written" in section.ui.followUpStatusLabel.text and cell(section, 1, DATE) == "2026-11-05"
    put(section, 1, DATE, "")
    assert "Without a date: Second ovary" in section.ui.followUpLabel.text and section.ui.followUpStatusLabel.text == ""


def test_table_and_plot_hold_the_sizes_of_each_day_and_follow_edits(section, layouts, scene):
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    before = node.GetViewArrangement()
    section.ui.followUpPlotButton.click()
    assert node.GetViewArrangement() != before and section.ui.followUpPlotButton.checked
    table = scene.GetFirstNodeByName("Follow-up").GetTable()
    shown = [[table.GetValueByName(row, name).ToString() for name in ("date", "side", "follicle_count")] for row in range(3)]
    assert shown == [["2026-11-03", "left", "2"], ["2026-11-05", "left", "3"], ["2026-11-05", "right", "1"]]
    chart = scene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
    points = {label: list(zip(x, y)) for label, x, y in plots.seriesOf(chart)}
    assert set(points) == {"left: follicles", "left: largest of each day", "right: follicles", "right: largest of each day"}
    assert [x for x, _ in points["left: follicles"]] == [5, 5, 7, 7, 7] and chart.GetXAxisTitle() == "Day of the cycle"
    first = scene.GetFirstNodeByName("First ovary")
    sizes = sorted((row["mean_diameter_mm"] for row in StudyFactsRows(first)), reverse=True)
    assert [y for x, y in points["left: follicles"] if x == 5] == pytest.approx(sizes)
    assert points["left: largest of each day"][0] == pytest.approx((5, sizes[0]))
    section.ui.followUpTable.item(1, NAME).setCheckState(Qt.Unchecked)
    assert scene.GetFirstNodeByName("Follow-up").GetTable().GetNumberOfRows() == 2
    section.ui.followUpPlotButton.click()
    assert node.GetViewArrangement() == before and not section.ui.followUpPlotButton.checked
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 1


def StudyFactsRows(segmentationNode):
    from CRendSegmentationLib.Scene.SegmentMeasurements import measureSegments

    return measureSegments(segmentationNode).rows()


def test_the_plot_view_draws_dots_for_both_sides_within_its_axes(section, scene, tmp_path):
    section.ui.followUpPlotButton.click()
    chart = scene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
    picture = plots.draw(chart, 600, 400)
    for colour in ((26, 115, 191), (217, 94, 0)):
        assert plots.near(picture, colour) > 20, colour


def test_two_results_of_one_side_and_day_are_refused_until_one_is_left_out(section):
    put(section, 2, SIDE, "left")
    assert "both are of 2026-11-05, left ovary" in section.ui.followUpHintLabel.text
    assert not section.ui.followUpPlotButton.enabled and not section.ui.followUpExportButton.enabled
    section.ui.followUpTable.item(2, NAME).setCheckState(Qt.Unchecked)
    assert section.ui.followUpPlotButton.enabled and "2026-11-05" in section.ui.followUpLabel.text


def test_the_export_is_one_row_a_date_and_side(section, tmp_path, monkeypatch):
    monkeypatch.setattr(section, "askForFile", lambda: str(tmp_path / "anna 1.5"))
    section.ui.followUpExportButton.click()
    with open(tmp_path / "anna 1.5.csv", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["date"], row["side"], len(row["mean_diameters_mm"].split())) for row in rows] == [
        ("2026-11-03", "left", 2), ("2026-11-05", "left", 3), ("2026-11-05", "right", 1)
    ]  # fmt: skip
    assert "Written to" in section.ui.followUpStatusLabel.text


def test_only_scans_of_the_chosen_patient_count_with_the_date_of_their_study(panel, scene):  # noqa: F811
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patients = [hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), name) for name in ("One", "Other")]
    mine = addScan(panel.logic, "Mine", 2, patients[0])
    addScan(panel.logic, "Hers", 2, patients[1])
    study = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(mine))
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    hierarchy.SetItemAttribute(study, constants.GetDICOMStudyDateAttributeName(), "20261103")
    panel.ui.followUpSection.collapsed = False
    panel.logic.getParameterNode().segmentation = mine
    section = panel.panel.followUp
    assert section.ui.followUpTable.rowCount == 1 and cell(section, 0, NAME) == "Mine ovary" and cell(section, 0, DATE) == "2026-11-03"
    section.ui.followUpPlotButton.click()
    table = scene.GetFirstNodeByName("Follow-up")
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(table)) == patients[0]


def test_a_side_of_an_earlier_scene_is_known(panel, scene):  # noqa: F811
    node = addScan(panel.logic, "Old", 1)
    node.SetAttribute("CRend.side", "right")
    assert StudyFacts.sideOrNothing(node) == "right"
    StudyFacts.stateSide(node, "left")
    assert StudyFacts.sideOrNothing(node) == "left"
