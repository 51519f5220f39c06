"""The panel as a user meets it: choose a volume, press Apply, read what came out. Real .ui file, real MRML, real signals."""

import time
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from host import samples
from host.bundles import writeBundle
from host.fixtures import describeScene

from crend.bundle.bundle import BundleInfo
from crend.errors import InputError
from CRendSegmentationLib.Runs.Predictors import Settings
from CRendSegmentationLib.Runs.WorkerJobs import PredictionFailed
from CRendSegmentationLib.Scene.Display import rimOf


@pytest.fixture
def models(monkeypatch):
    """Two models to choose from, whatever is installed."""
    infos = [
        BundleInfo("crend-one", Path("/models/one"), "Ovary and follicles, one", {"crend": {}}),
        BundleInfo("crend-two", Path("/models/two"), "Ovary and follicles, two", {"crend": {}}),
    ]
    monkeypatch.setattr("crend.bundle.bundle.available", lambda: list(infos))
    return infos


@pytest.fixture
def panel(models, widget):
    """The widget with known models and a predictor that knows the answer."""
    widget.logic.predictor = samples.KnownPredictor()
    return widget


def apply(widget, seconds=5):
    """Press Apply and let Slicer's event loop run until the panel is ready again."""
    widget.ui.applyButton.click()
    wait(lambda: not widget.panel.run.running, seconds)


def wait(condition, seconds=5):
    """Let Slicer's event loop run until `condition` holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        slicer.app.processEvents()
        time.sleep(0.01)


def cells(table, column):
    return [table.item(row, column).text() for row in range(table.rowCount)]


def test_apply_waits_for_a_volume_and_says_so(panel):
    assert not panel.ui.applyButton.enabled
    assert "Choose" in panel.ui.applyButton.toolTip


def test_a_volume_that_is_already_loaded_is_preselected(models, scene):
    import host

    volume = samples.addVolume()
    made = host.loadModule()
    assert made.ui.inputVolumeSelector.currentNode() is volume
    assert made.ui.applyButton.enabled
    made.cleanup()


def test_apply_is_off_when_no_model_is_installed(monkeypatch, scene):
    import host

    monkeypatch.setattr("crend.bundle.bundle.available", list)
    samples.addVolume()
    made = host.loadModule()
    assert not made.ui.applyButton.enabled
    assert "No model is installed" in made.ui.applyButton.toolTip
    made.cleanup()


def test_choosing_a_volume_and_apply_fills_scene_summary_and_table(panel):
    volume = samples.addVolume()
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    assert panel.ui.applyButton.enabled
    apply(panel)
    assert panel.ui.statusLabel.text == "1 ovary of 4.1 ml with 3 follicles."
    assert [int(text) for text in cells(panel.ui.follicleTable, 0)] == [1, 2, 3]
    assert "<b>3</b>" in panel.ui.summaryLabel.text
    node = panel.ui.segmentationSelector.currentNode()
    assert node.GetSegmentation().GetNumberOfSegments() == 4
    assert panel.ui.applyButton.enabled and not panel.ui.progressBar.visible


def test_the_table_sorts_by_number_not_by_text(panel):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    import qt

    column = 6
    panel.ui.follicleTable.sortByColumn(column, qt.Qt.AscendingOrder)
    volumes = [float(text) for text in cells(panel.ui.follicleTable, column)]
    assert volumes == sorted(volumes) and len(volumes) == 3
    assert [int(text) for text in cells(panel.ui.follicleTable, 0)] == [3, 2, 1]


def test_the_second_apply_overwrites_the_chosen_segmentation(panel, scene):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    panel.logic.predictor = samples.KnownPredictor(follicles=1)
    apply(panel)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert panel.ui.follicleTable.rowCount == 1


def test_choosing_another_segmentation_shows_its_table(panel):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    panel.ui.segmentationSelector.setCurrentNode(None)
    assert panel.ui.follicleTable.rowCount == 0
    panel.ui.segmentationSelector.setCurrentNode(slicer.util.getNode("*ovary"))
    assert panel.ui.follicleTable.rowCount == 3


def test_no_ovary_is_said_in_words(panel):
    panel.logic.predictor = samples.KnownPredictor(ovary=False, follicles=0)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert panel.ui.statusLabel.text == "No ovary found."
    assert panel.ui.follicleTable.rowCount == 0


@pytest.mark.parametrize(
    "error, words",
    [(InputError("Ultrasound: too dark; choose another volume."), "too dark"), (RuntimeError("out of memory"), "out of memory")],
)
def test_an_error_is_said_in_words_and_leaves_scene_and_panel_ready(panel, scene, error, words):
    panel.logic.predictor = samples.KnownPredictor(error=error)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    before = describeScene(scene)
    apply(panel)
    assert words in panel.ui.statusLabel.text
    assert describeScene(scene) == before
    assert panel.ui.applyButton.enabled


def test_the_chosen_model_is_used_and_kept_in_the_scene(panel):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.modelComboBox.currentIndex = 1
    assert panel.ui.modelSummaryLabel.text == "Ovary and follicles, two"
    apply(panel)
    assert panel.logic.predictor.settings[-1].model == "crend-two"
    assert panel.logic.getParameterNode().model == "crend-two"


def test_closing_the_scene_empties_the_panel(panel, scene):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    scene.Clear(0)
    assert panel.ui.follicleTable.rowCount == 0
    assert not panel.ui.applyButton.enabled
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert panel.ui.follicleTable.rowCount == 3


def test_leaving_and_entering_the_module_keeps_the_choice(panel):
    volume = samples.addVolume()
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    panel.exit()
    panel.enter()
    assert panel.ui.inputVolumeSelector.currentNode() is volume
    assert panel.ui.applyButton.enabled


def test_a_result_that_comes_while_another_module_is_open_is_there_on_return(panel):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.applyButton.click()
    panel.exit()
    wait(lambda: not panel.panel.run.running)
    panel.enter()
    assert panel.ui.follicleTable.rowCount == 3 and panel.ui.segmentationSelector.currentNode() is not None


def test_research_use_and_simulated_training_are_stated(panel):
    text = panel.ui.noticeLabel.text
    assert "Research use only" in text and "simulated ultrasound" in text


def test_apply_turns_into_cancel_and_the_window_stays_alive(panel, scene):
    panel.logic.predictor = samples.KnownPredictor(hold=True)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    before = describeScene(scene)
    panel.ui.applyButton.click()
    assert panel.ui.applyButton.text == "Cancel" and not panel.ui.inputSection.enabled
    wait(lambda: "Looking closely" in panel.ui.statusLabel.text)
    assert panel.ui.progressBar.value > 0
    panel.ui.applyButton.click()
    wait(lambda: panel.ui.applyButton.text == "Apply")
    assert "Cancelled" in panel.ui.statusLabel.text
    assert panel.ui.applyButton.enabled and panel.ui.inputSection.enabled
    assert describeScene(scene) == before
    panel.logic.predictor = samples.KnownPredictor()
    apply(panel)
    assert panel.ui.follicleTable.rowCount == 3


def test_closing_the_scene_cancels_what_is_running(panel, scene):
    panel.logic.predictor = samples.KnownPredictor(hold=True)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.applyButton.click()
    scene.Clear(0)
    assert not panel.panel.run.running
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_failure_has_its_details_folded_away(panel):
    panel.logic.predictor = samples.KnownPredictor(error=PredictionFailed("the worker process ended unexpectedly", "Killed\nby 9"))
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert "ended unexpectedly" in panel.ui.statusLabel.text and "Killed" not in panel.ui.statusLabel.text
    assert not panel.ui.detailsSection.isHidden() and panel.ui.detailsSection.collapsed
    assert panel.ui.detailsText.plainText == "Killed\nby 9"
    panel.logic.predictor = samples.KnownPredictor()
    apply(panel)
    assert panel.ui.detailsSection.isHidden()


def test_advanced_settings_reach_the_predictor(panel):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    panel.ui.smallestFollicleSpinBox.value = 3.5
    panel.ui.splitCheckBox.checked = False
    panel.ui.searchCheckBox.checked = False
    panel.ui.deviceComboBox.currentIndex = 1
    apply(panel)
    assert panel.logic.predictor.settings[-1] == Settings(None, "cpu", "auto", False, 3.5, False)
    assert panel.ui.deviceComboBox.currentText == "cpu"


def test_selecting_a_row_centres_the_slice_views_in_the_world_and_highlights_the_segment(panel, scene):
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100)
    transform.SetMatrixTransformToParent(matrix)
    volume = samples.addVolume("axial")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    slices = [scene.AddNewNodeByClass("vtkMRMLSliceNode") for _ in range(3)]
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    apply(panel)
    panel.ui.follicleTable.selectRow(1)
    (z, y, x), _ = samples.FOLLICLES[1]
    expected = (samples.ijkToRas("axial") @ (x, y, z, 1))[:3] + (100, 0, 0)
    for node in slices:
        assert [node.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)] == pytest.approx(list(expected), abs=0.2)
    bounds = np.zeros(6)
    rimOf().GetRASBounds(bounds)
    assert (bounds[::2] < expected).all() and (expected < bounds[1::2]).all(), "the rim lies where the follicle is in the world"
    panel.ui.follicleTable.clearSelection()
    assert rimOf() is None


def test_selecting_a_segment_selects_its_row(panel, scene):
    editor = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    editor.SetAndObserveSegmentationNode(panel.ui.segmentationSelector.currentNode())
    editor.SetSelectedSegmentID("Follicle_3")
    assert panel.panel.result.table.selected() == ["Follicle_3"]


def test_segment_editor_opened_after_the_result_is_followed_too(panel, scene):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    panel.exit()
    editor = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    editor.SetAndObserveSegmentationNode(panel.ui.segmentationSelector.currentNode())
    editor.SetSelectedSegmentID("Follicle_2")
    panel.enter()
    assert panel.panel.result.table.selected() == ["Follicle_2"]
    editor.SetSelectedSegmentID("Follicle_1")
    assert panel.panel.result.table.selected() == ["Follicle_1"]


def test_both_ovaries_add_up_when_both_sides_are_known(panel, scene):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert panel.ui.bothOvariesLabel.isHidden()
    panel.ui.sideComboBox.currentIndex = 1
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name="Other side"))
    panel.logic.predictor = samples.KnownPredictor(follicles=2)
    apply(panel)
    panel.ui.sideComboBox.currentIndex = 2
    assert "Follicle count: <b>5</b> (left 3, right 2)" in panel.ui.bothOvariesLabel.text
    segment = panel.ui.segmentationSelector.currentNode().GetSegmentation().GetSegment("Ovary")
    text = vtk.reference("")
    segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text)
    assert "SCT^24028007^Right" in str(text)


def test_the_histogram_counts_follicles_by_the_millimetre(panel, scene):
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    panel.ui.histogramButton.click()
    chart = scene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
    series = chart.GetNthPlotSeriesNode(0)
    assert series.IsXColumnRequired()
    table = series.GetTableNode().GetTable()
    bars = {
        table.GetValueByName(row, series.GetXColumnName()).ToInt(): table.GetValueByName(row, series.GetYColumnName()).ToInt()
        for row in range(table.GetNumberOfRows())
    }
    assert bars == {1: 0, 2: 0, 3: 0, 4: 1, 5: 0, 6: 1, 7: 0, 8: 1, 9: 0}
    panel.ui.histogramButton.click()
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1


def test_a_model_from_a_folder_is_listed_used_and_a_folder_without_one_refused_in_words(panel, tmp_path, monkeypatch):
    folder = str(writeBundle(tmp_path / "mine"))
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    monkeypatch.setattr(panel.panel.models, "askForFolder", lambda: str(tmp_path))
    panel.ui.modelComboBox.currentIndex = 2
    assert "metadata.json" in panel.ui.statusLabel.text and panel.ui.modelComboBox.currentIndex == 0
    monkeypatch.setattr(panel.panel.models, "askForFolder", lambda: folder)
    panel.ui.modelComboBox.currentIndex = 2
    assert panel.ui.modelComboBox.currentText == "mine"
    assert panel.ui.modelSummaryLabel.text == "Untrained, for tests"
    apply(panel)
    assert panel.logic.predictor.settings[-1].model == folder
