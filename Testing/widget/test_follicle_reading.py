"""Reading the follicles in the panel: keys, ticks, the slider that hides, and what a run leaves open."""

import pytest
import slicer
from host import samples
from test_panel import apply, cells, models, panel, wait  # noqa: F401

from CRendSegmentationLib.Scene.ResultTables import readFollicleTable
from CRendSegmentationLib.Widgets.FollicleTable import CONFIRMED_COLUMN, OVARY_COLUMN, TICKED


@pytest.fixture
def segmented(panel):  # noqa: F811
    """The panel with a finished result: follicles 1 to 3 of confidence 0.9, 0.8 and 0.7."""
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    return panel


def press(widget, key, modifier=None):
    """A key as the window that has the focus gets it."""
    from host.pythonqt import unwrap
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    target = unwrap(widget)
    target.window().show()
    target.window().activateWindow()
    target.setFocus()
    QApplication.processEvents()
    QTest.keyClick(target, key, modifier or Qt.KeyboardModifier.NoModifier)
    QApplication.processEvents()


def selected(segmented):
    return segmented.panel.result.table.selected()


def ticks(segmented):
    table = segmented.ui.follicleTable
    return [int(text == TICKED) for text in cells(table, CONFIRMED_COLUMN)]


def tick(segmented, row):
    from host.pythonqt import unwrap
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    table = unwrap(segmented.ui.follicleTable)
    table.window().show()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualItemRect(table.item(row, CONFIRMED_COLUMN)).center())
    slicer.app.processEvents()


def test_editing_and_export_lie_open_after_the_first_result_only(panel):  # noqa: F811
    sections = (panel.ui.editSection, panel.ui.exportSection)
    assert all(section.collapsed for section in sections)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert not any(section.collapsed for section in sections)
    panel.ui.exportSection.collapsed = True
    apply(panel)
    assert panel.ui.exportSection.collapsed, "what the user folded stays folded"


def test_keys_go_from_follicle_to_follicle_and_the_slices_follow(segmented, views):
    from PySide6.QtCore import Qt

    def middle():
        matrix = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceNode").GetSliceToRAS()
        return [round(matrix.GetElement(axis, 3), 2) for axis in range(3)]

    places = []
    for wanted in ("Follicle_1", "Follicle_2", "Follicle_3", "Follicle_1"):
        press(segmented.ui.applyButton, Qt.Key.Key_N)
        assert selected(segmented) == [wanted]
        places.append(middle())
    assert places[0] == places[3] and len(set(map(tuple, places))) == 3
    press(segmented.ui.applyButton, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert selected(segmented) == ["Follicle_3"]
    assert "(N)" in segmented.ui.nextButton.toolTip and "(Shift+N)" in segmented.ui.previousButton.toolTip
    segmented.ui.nextButton.click()
    assert selected(segmented) == ["Follicle_1"]


def test_keys_write_in_a_line_of_text_and_are_not_heard_in_another_module(segmented):
    from host.pythonqt import unwrap, wrap
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QLineEdit

    line = QLineEdit(unwrap(segmented.ui.follicleTable).window())
    press(wrap(line), Qt.Key.Key_N)
    assert line.text() == "n" and selected(segmented) == []
    segmented.exit()
    press(segmented.ui.detailsText, Qt.Key.Key_N)
    assert selected(segmented) == []
    segmented.enter()
    press(segmented.ui.applyButton, Qt.Key.Key_N)
    assert selected(segmented) == ["Follicle_1"]


def test_a_tick_is_kept_in_the_table_and_taken_back_by_undo(segmented):
    table = segmented.panel.result.segmentationNode.GetNodeReference("CRend.FollicleTable")
    tick(segmented, 1)
    assert ticks(segmented) == [0, 1, 0] and [row["confirmed"] for row in readFollicleTable(table)] == [0, 1, 0]
    assert segmented.ui.undoButton.enabled and "1 confirmed" in segmented.ui.editStatusLabel.text
    segmented.ui.undoButton.click()
    assert ticks(segmented) == [0, 0, 0]


def test_confirm_all_of_the_context_menu_and_an_edit_that_takes_one_tick(segmented):
    menu = segmented.panel.reading.contextMenu()
    {action.text: action for action in menu.actions()}["Confirm all"].trigger()
    assert ticks(segmented) == [1, 1, 1]
    segmented.panel.result.table.select(["Follicle_1"])
    segmented.ui.splitButton.click()
    names = cells(segmented.ui.follicleTable, 0)
    assert dict(zip(map(int, names), ticks(segmented))) == {1: 0, 2: 1, 3: 1, 4: 0}
    segmented.ui.undoButton.click()
    assert ticks(segmented) == [1, 1, 1]


def test_space_confirms_the_selected_rows(segmented):
    from PySide6.QtCore import Qt

    segmented.panel.result.table.select(["Follicle_1", "Follicle_3"])
    press(segmented.ui.follicleTable, Qt.Key.Key_Space)
    assert ticks(segmented) == [1, 0, 1]
    press(segmented.ui.follicleTable, Qt.Key.Key_Space)
    assert ticks(segmented) == [0, 0, 0]


def test_a_tick_cannot_be_set_while_a_run_is_on(segmented):
    segmented.ui.applyButton.click()
    tick(segmented, 0)
    assert ticks(segmented) == [0, 0, 0]
    wait(lambda: not segmented.panel.run.running)


def test_the_slider_hides_and_one_undo_takes_a_whole_move_back(segmented):
    slider = segmented.ui.confidenceSlider
    slider.setSliderDown(True)
    for value in (20, 75, 85):
        slider.value = value
    slider.setSliderDown(False)
    segmented.panel.result.updateTables()
    assert [int(text) for text in cells(segmented.ui.follicleTable, 0)] == [1]
    assert segmented.ui.confidenceLabel.text == "0.85, 2 hidden" and "Follicle 2, Follicle 3" in segmented.ui.summaryLabel.text
    slider.value = 75
    assert segmented.ui.follicleTable.rowCount == 2
    segmented.ui.undoButton.click()
    assert slider.value == 85 and segmented.ui.follicleTable.rowCount == 1
    segmented.ui.undoButton.click()
    assert slider.value == 0 and segmented.ui.follicleTable.rowCount == 3 and segmented.ui.confidenceLabel.text == "none"
    assert not segmented.ui.undoButton.enabled


def test_without_confidences_there_is_no_slider(panel, scene):  # noqa: F811
    assert panel.ui.confidenceFrame.isHidden()
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert not panel.ui.confidenceFrame.isHidden()
    node = panel.panel.result.segmentationNode
    for segmentID in ("Follicle_1", "Follicle_2", "Follicle_3"):
        node.GetSegmentation().GetSegment(segmentID).RemoveTag("CRend.confidence")
    panel.panel.result.updateTables()
    assert panel.ui.confidenceFrame.isHidden()


def test_two_ovaries_have_a_column_and_figures_and_no_side(panel, scene):  # noqa: F811
    import numpy as np

    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert panel.ui.follicleTable.isColumnHidden(OVARY_COLUMN) and panel.ui.sideComboBox.enabled
    node = panel.panel.result.segmentationNode
    both = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Ovary")
    middle = int(np.argwhere(both)[:, 2].mean())
    for name, half in (("Ovary 1", slice(None, middle)), ("Ovary 2", slice(middle, None))):
        part = np.zeros_like(both)
        part[:, :, half] = both[:, :, half]
        segmentID = node.GetSegmentation().AddEmptySegment(name.replace(" ", "_"), name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(part, node, segmentID)
    node.GetSegmentation().RemoveSegment("Ovary")
    panel.panel.result.updateTables()
    assert not panel.ui.follicleTable.isColumnHidden(OVARY_COLUMN) and set(cells(panel.ui.follicleTable, OVARY_COLUMN)) == {"1", "2"}
    assert "Ovary 2" in panel.ui.summaryLabel.text and not panel.ui.sideComboBox.enabled
