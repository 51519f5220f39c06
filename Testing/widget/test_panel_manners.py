"""How the panel behaves in a window: it does not jump, does not widen, is readable on any ground, and follows the keys."""

import zipfile

import pytest
import slicer
import vtk
from host import samples
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea
from test_editing_panel import numbers, segmented, select  # noqa: F401
from test_panel import apply, cells, models, panel, wait  # noqa: F401

from crend.structures.segments import FOLLICLE_OPACITY_2D_FILL
from CRendSegmentationLib.Scene.Display import rimOf
from CRendSegmentationLib.Scene.Surfaces import surfaceOf
from CRendSegmentationLib.Widgets import Messages

LONG = "/data/someone/a very long folder/" + "_".join(["ultrasound"] * 20) + ".nrrd"


@pytest.fixture
def window(panel):  # noqa: F811
    """The panel as Slicer shows it: in a scroll area that follows the focus, narrower and lower than the panel."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(panel.parent._qt)
    area.resize(440, 400)
    area.show()
    area.activateWindow()
    wait(area.isActiveWindow)
    yield area
    area.takeWidget()
    area.close()


def press(window, button):
    """A user's click: the button is seen, gets the focus, and is pressed. Returns how far the panel has moved by that."""
    window.ensureWidgetVisible(button._qt)
    QApplication.processEvents()
    before = button._qt.mapTo(window, QPoint(0, 0)).y()
    button._qt.setFocus()
    QTest.mouseClick(button._qt, Qt.LeftButton)
    QApplication.processEvents()
    return button._qt.mapTo(window, QPoint(0, 0)).y() - before


def test_apply_and_cancel_leave_the_button_where_it_is(window, panel):  # noqa: F811
    panel.logic.predictor = samples.KnownPredictor(hold=True)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    assert press(window, panel.ui.applyButton) == 0
    assert panel.ui.applyButton.text == "Cancel"
    assert press(window, panel.ui.applyButton) == 0
    assert panel.ui.applyButton._qt.hasFocus() and panel.ui.applyButton.enabled


@pytest.mark.parametrize("name", ["addButton", "deleteButton", "undoButton"])
def test_the_buttons_of_editing_stay_where_they_are(window, segmented, name):  # noqa: F811
    segmented.ui.editSection.collapsed = False
    select(segmented, "Follicle_3")
    segmented.ui.deleteButton.click()
    select(segmented, "Follicle_2")
    before = window.verticalScrollBar().maximum()
    moved = press(window, getattr(segmented.ui, name))
    # The table above may have a row less or more; nothing else moves.
    assert abs(moved) <= abs(window.verticalScrollBar().maximum() - before) + 2


def test_long_texts_and_names_do_not_widen_the_panel(window, panel):  # noqa: F811
    for section in (panel.ui.editSection, panel.ui.exportSection, panel.ui.folderSection, panel.ui.reviewSection, panel.ui.advancedSection):
        section.collapsed = False
    QApplication.processEvents()
    width = panel.parent._qt.minimumSizeHint().width()
    assert width <= 400
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name=LONG))
    apply(panel)
    for label in (panel.ui.statusLabel, panel.ui.editStatusLabel, panel.ui.exportStatusLabel):
        Messages.say(label, f"{LONG}: cannot be read", failed=True)
    for label in (panel.ui.deviceFoundLabel, panel.ui.modelSummaryLabel, panel.ui.installLabel, panel.panel.folder.ui.folderStatusLabel):
        label.text = LONG
    QApplication.processEvents()
    assert panel.parent._qt.minimumSizeHint().width() == width


def contrast(one, other):
    """WCAG 2: 1 to 21."""

    def luminance(colour):
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#efefef", "#323232", "#1e1e1e"])
def test_what_went_wrong_is_readable_on_any_ground(panel, ground):  # noqa: F811
    palette = QPalette(panel.ui.statusLabel._qt.palette())
    palette.setColor(QPalette.Window, QColor(ground))
    panel.ui.statusLabel._qt.setPalette(palette)
    panel.panel.run.say("Out of memory", failed=True)
    colour = panel.ui.statusLabel.styleSheet.removeprefix("color: ")
    assert contrast(QColor(colour), QColor(ground)) >= 4.5


def test_all_rows_of_a_usual_ovary_are_seen(window, segmented):  # noqa: F811
    table = segmented.ui.follicleTable._qt
    QApplication.processEvents()
    assert table.rowCount() == 3 and not table.verticalScrollBar().isVisible()
    few = table.height()
    table.setRowCount(11)
    segmented.panel.result.table._fitHeight()
    QApplication.processEvents()
    assert table.height() > few and not table.verticalScrollBar().isVisible()


def test_delete_undo_and_escape_work_by_key(window, segmented):  # noqa: F811
    table = segmented.ui.follicleTable._qt
    select(segmented, "Follicle_2")
    table.setFocus()
    QTest.keyClick(table, Qt.Key_Delete)
    assert numbers(segmented) == [1, 3]
    QTest.keyClick(table, Qt.Key_Z, Qt.ControlModifier)
    assert numbers(segmented) == [1, 2, 3]
    select(segmented, "Follicle_2")
    QTest.keyClick(table, Qt.Key_Escape)
    assert segmented.panel.result.table.selected() == []


def ringed(widget):
    """Numbers of the follicles that a rim is drawn around."""
    rim, segmentation = rimOf(), widget.panel.result.segmentationNode.GetSegmentation()
    if rim is None:
        return []
    box = vtk.vtkBoundingBox(rim.GetPolyData().GetBounds())
    return [number for number in numbers(widget) if box.ContainsPoint(surfaceOf(segmentation.GetSegment(f"Follicle_{number}")).GetCenter())]


def saved(scene):
    """The text of the scene as Slicer would save it now."""
    scene.SetSaveToXMLString(1)
    assert scene.Commit()
    scene.SetSaveToXMLString(0)
    return scene.GetSceneXMLString()


def test_the_rim_goes_with_delete_and_follows_segment_editor(segmented, segmentEditor):  # noqa: F811
    segmented.ui.follicleTable.selectRow(1)
    assert ringed(segmented) == [2]
    segmented.ui.deleteButton.click()
    assert ringed(segmented) == [] and rimOf() is None
    select(segmented, "Follicle_1")
    segmented.ui.segmentEditorButton.click()
    segmentEditor.back()
    segmentEditor.setCurrentSegmentID("Follicle_3")
    assert ringed(segmented) == [3]
    display = segmented.panel.result.segmentationNode.GetDisplayNode()
    display.SetVisibility(False)
    assert rimOf() is None
    display.SetVisibility(True)
    assert ringed(segmented) == [3]


def test_nothing_of_a_selection_is_saved_with_the_scene(segmented, scene, tmp_path):  # noqa: F811
    before = saved(scene)
    segmented.ui.follicleTable.selectRow(1)
    assert ringed(segmented) == [2] and saved(scene) == before
    assert scene.WriteToMRB(str(tmp_path / "saved.mrb"))
    with zipfile.ZipFile(tmp_path / "saved.mrb") as archive:
        archive.extractall(tmp_path)
    scene.SetURL(str(tmp_path / "saved" / "saved.mrml"))
    assert scene.Connect()
    assert rimOf() is None and not slicer.util.getNodesByClass("vtkMRMLModelNode")
    display = segmented.panel.result.segmentationNode.GetDisplayNode()
    assert [display.GetSegmentOpacity3D(f"Follicle_{number}") for number in (1, 2, 3)] == [1.0] * 3
    assert [display.GetSegmentOpacity2DFill(f"Follicle_{number}") for number in (1, 2, 3)] == [FOLLICLE_OPACITY_2D_FILL] * 3


def test_a_scene_that_an_earlier_version_saved_dimmed_is_opened_plain(segmented, scene, tmp_path):  # noqa: F811
    node = segmented.panel.result.segmentationNode
    node.SetAttribute("CRend.highlighted", "1")
    node.GetDisplayNode().SetSegmentOpacity3D("Follicle_1", 0.25)
    assert scene.WriteToMRB(str(tmp_path / "saved.mrb"))
    with zipfile.ZipFile(tmp_path / "saved.mrb") as archive:
        archive.extractall(tmp_path)
    scene.SetURL(str(tmp_path / "saved" / "saved.mrml"))
    assert scene.Connect()
    assert segmented.panel.result.segmentationNode.GetDisplayNode().GetSegmentOpacity3D("Follicle_1") == 1.0


def test_closing_the_scene_leaves_no_old_words(segmented, scene):  # noqa: F811
    segmented.ui.splitButton.click()
    scene.Clear(0)
    assert [label.text for label in (segmented.ui.statusLabel, segmented.ui.editStatusLabel, segmented.ui.exportStatusLabel)] == [""] * 3


def test_the_histogram_counts_whole_follows_edits_and_leads_back(segmented, layouts, scene):  # noqa: F811
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    before = node.GetViewArrangement()
    segmented.ui.histogramButton.click()
    assert node.GetViewArrangement() != before and segmented.ui.histogramButton.checked
    chart = scene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
    assert not chart.GetYAxisRangeAuto() and chart.GetYAxisRange() == (0, 10)
    select(segmented, "Follicle_1")
    segmented.ui.deleteButton.click()
    table = chart.GetNthPlotSeriesNode(0).GetTableNode().GetTable()
    assert sum(table.GetValueByName(row, "follicles").ToInt() for row in range(table.GetNumberOfRows())) == 2
    segmented.ui.histogramButton.click()
    assert node.GetViewArrangement() == before and not segmented.ui.histogramButton.checked


def test_probabilities_are_no_ultrasound(panel, scene):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.probabilitiesCheckBox.checked = True
    apply(panel)
    kept = scene.GetFirstNodeByName("Ultrasound ovary probability")
    assert kept is not None
    panel.ui.inputVolumeSelector.setCurrentNode(kept)
    apply(panel)
    assert "no ultrasound; choose the volume that they were made from" in panel.ui.statusLabel.text


def test_segments_of_other_kinds_are_named_but_not_counted(segmented):  # noqa: F811
    segmentation = segmented.panel.result.segmentationNode.GetSegmentation()
    other = slicer.vtkSegment()
    other.DeepCopy(segmentation.GetSegment("Follicle_1"))
    other.RemoveTag(slicer.vtkSegment.GetTerminologyEntryTagName())
    other.SetName("Endometrioma")
    segmentation.AddSegment(other, "Endometrioma")
    wait(lambda: "Not counted: Endometrioma" in segmented.ui.summaryLabel.text)
    assert numbers(segmented) == [1, 2, 3] and "'Follicle 4'" in segmented.ui.summaryLabel.text.replace("&#x27;", "'")


def test_a_side_counts_once(panel):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name="Left"))
    apply(panel)
    panel.ui.sideComboBox.currentIndex = 1
    panel.panel.result.table.select(["Follicle_1"])
    panel.ui.deleteButton.click()
    apply(panel)
    panel.ui.sideComboBox.currentIndex = 1
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name="Right"))
    apply(panel)
    panel.ui.sideComboBox.currentIndex = 2
    text = panel.ui.bothOvariesLabel.text
    assert "Follicle count: <b>6</b> (left 3, right 3)" in text and "2 results are called left; Left ovary_1 counts." in text


def test_a_segmentation_from_a_file_is_dressed_and_measured(panel, scene):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    made = panel.panel.result.segmentationNode
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "From a file")
    for index, name in enumerate(("Ovary", "Follicle 1", "Follicle 2")):
        segment = slicer.vtkSegment()
        segment.DeepCopy(made.GetSegmentation().GetNthSegment(index))
        segment.RemoveRepresentation(slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName())
        segment.SetName(name)
        node.GetSegmentation().AddSegment(segment, f"Segment_{index + 1}")
    node.CreateDefaultDisplayNodes()
    panel.ui.segmentationSelector.setCurrentNode(node)
    display = node.GetDisplayNode()
    assert display.GetSegmentOpacity3D("Segment_1") == 0.25 and display.GetSegmentOpacity3D("Segment_2") == 1.0
    assert node.GetSegmentation().ContainsRepresentation(slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName())
    assert numbers(panel) == [1, 2] and "Ovary volume" in panel.ui.summaryLabel.text
    display.SetSegmentOpacity3D("Segment_1", 0.6)
    panel.ui.segmentationSelector.setCurrentNode(made)
    panel.ui.segmentationSelector.setCurrentNode(node)
    assert display.GetSegmentOpacity3D("Segment_1") == 0.6, "what the user chose is left"


def test_a_little_below_zero_is_not_minus_zero(widget):
    from CRendSegmentationLib.Widgets.NumberItem import numberItem

    assert [numberItem(value, 1).text().strip() for value in (-0.04, -0.06, 0.0, None)] == ["0.0", "-0.1", "0.0", ""]
