"""A sequence in the panel: the table follows the frame that the browser shows."""

import pytest
import slicer
from host import samples
from test_panel import apply, cells, models, panel, wait  # noqa: F401


class Growing(samples.KnownPredictor):
    """Finds one follicle in the first frame, two in the second, three in the third."""

    def start(self, image, name, settings):
        self.settings.append(settings)
        return samples.KnownPredictor(follicles=len(self.settings)).start(image, name, settings)


@pytest.fixture
def played(panel, scene):  # noqa: F811
    """The panel after a sequence of three frames was segmented."""
    sequence = samples.addSequence(1)
    panel.logic.predictor = Growing()
    panel.ui.inputVolumeSelector.setCurrentNode(sequence)
    assert panel.ui.inputVolumeSelector.currentNode() is sequence
    apply(panel)
    return panel


def toFrame(number):
    browser = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetSelectedItemNumber(number)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)


def test_table_and_summary_follow_the_browser(played):
    assert played.ui.statusLabel.text == "An ovary in 3 of 3 frames."
    assert len(cells(played.ui.follicleTable, 0)) == 1 and "Frame 1 of 3 (time 0 s)" in played.ui.summaryLabel.text
    toFrame(2)
    wait(lambda: played.ui.follicleTable.rowCount == 3)
    assert "Frame 3 of 3 (time 2 s)" in played.ui.summaryLabel.text
    assert cells(played.ui.follicleTable, 8) == ["", "", ""]
    toFrame(1)
    wait(lambda: played.ui.follicleTable.rowCount == 2)
    assert played.ui.segmentationSelector.currentNode() is played.panel.result.segmentationNode


def test_it_follows_when_the_browser_saves_changes_too(played, scene):
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetSaveChanges(browser.GetSequenceNode(played.panel.result.segmentationNode), True)
    for number in (1, 2, 0):
        toFrame(number)
        wait(lambda: played.ui.follicleTable.rowCount == number + 1)


def test_a_frame_is_not_edited_here_and_says_so(played):
    assert not played.ui.editSection.enabled and "sequence" in played.ui.editSection.toolTip
    frame = played.panel.result.segmentationNode.GetNodeReference("referenceImageGeometryRef")
    played.ui.inputVolumeSelector.setCurrentNode(frame)
    assert played.ui.inputVolumeSelector.currentNode() is frame
    assert not played.ui.contourSection.enabled and "sequence" in played.ui.contourSection.toolTip
    assert played.ui.exportSection.enabled
