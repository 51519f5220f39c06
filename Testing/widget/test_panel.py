"""The panel as a user meets it: choose a volume, press Apply, read what came out. Real .ui file, real MRML, real signals."""

import time
from pathlib import Path

import pytest
import slicer
from crend.bundle import BundleInfo
from crend.errors import InputError
from host import samples
from host.fixtures import describeScene


@pytest.fixture
def models(monkeypatch):
    """Two models to choose from, whatever is installed."""
    infos = [BundleInfo("crend-one", Path("/models/one"), "Ovary and follicles, one", {"crend": {}}),
             BundleInfo("crend-two", Path("/models/two"), "Ovary and follicles, two", {"crend": {}})]
    monkeypatch.setattr("crend.bundle.available", lambda: list(infos))
    return infos


@pytest.fixture
def panel(models, widget):
    """The widget with known models and a predictor that knows the answer."""
    widget.logic.predictor = samples.KnownPredictor()
    return widget


def apply(widget, seconds=5):
    """Press Apply and let Slicer's event loop run until the panel is ready again."""
    widget.ui.applyButton.click()
    until = time.monotonic() + seconds
    while widget.panel.run.running and time.monotonic() < until:
        slicer.app.processEvents()
        time.sleep(0.01)
    assert not widget.panel.run.running


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

    monkeypatch.setattr("crend.bundle.available", lambda: [])
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


@pytest.mark.parametrize("error, words", [(InputError("Ultrasound: too dark; choose another volume."), "too dark"),
                                          (RuntimeError("out of memory"), "out of memory")])
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


def test_research_use_and_simulated_training_are_stated(panel):
    text = panel.ui.noticeLabel.text
    assert "Research use only" in text and "simulated ultrasound" in text
