"""What the panel chooses by itself, and what cannot be pressed while something is under way."""

from host import samples
from test_panel import apply, models, panel  # noqa: F401

from crend.errors import Cancelled


def test_another_volume_gets_a_result_of_its_own(panel, scene):  # noqa: F811
    first, second = samples.addVolume(name="First"), samples.addVolume(name="Second")
    drawn = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawn by hand")
    drawn.SetReferenceImageGeometryParameterFromVolumeNode(second)
    panel.ui.inputVolumeSelector.setCurrentNode(first)
    apply(panel)
    result = panel.ui.segmentationSelector.currentNode()
    panel.ui.inputVolumeSelector.setCurrentNode(second)
    assert panel.ui.segmentationSelector.currentNode() is None and panel.ui.follicleTable.rowCount == 0
    panel.logic.predictor = samples.KnownPredictor(follicles=1)
    apply(panel)
    other = panel.ui.segmentationSelector.currentNode()
    assert other not in (result, drawn)
    assert result.GetSegmentation().GetNumberOfSegments() == 4 and drawn.GetSegmentation().GetNumberOfSegments() == 0
    panel.ui.inputVolumeSelector.setCurrentNode(first)
    assert panel.ui.segmentationSelector.currentNode() is result and panel.ui.follicleTable.rowCount == 3
    panel.ui.segmentationSelector.setCurrentNode(other)
    panel.exit()
    panel.enter()
    assert panel.ui.segmentationSelector.currentNode() is other, "what the user chose stays chosen"


def test_a_result_stays_shown_when_its_volume_is_removed(panel, scene):  # noqa: F811
    volume = samples.addVolume()
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    apply(panel)
    scene.RemoveNode(volume)
    assert panel.ui.inputVolumeSelector.currentNode() is None and panel.ui.follicleTable.rowCount == 3


def test_a_sequence_and_a_volume_have_results_of_their_own(panel, scene):  # noqa: F811
    volume, sequence = samples.addVolume(), samples.addSequence(1)
    panel.ui.inputVolumeSelector.setCurrentNode(sequence)
    apply(panel)
    frames = panel.ui.segmentationSelector.currentNode()
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    assert panel.ui.segmentationSelector.currentNode() is None
    apply(panel)
    assert panel.ui.statusLabel.text == "1 ovary of 4.1 ml with 3 follicles."
    panel.ui.inputVolumeSelector.setCurrentNode(sequence)
    assert panel.ui.segmentationSelector.currentNode() is frames


class Folder:
    """A run on a folder that ends only when it is cancelled."""

    fraction, cancelling = 0.5, False

    def poll(self):
        return None

    def words(self):
        return "under way"

    def cancel(self):
        self.cancelling = True

    def wait(self):
        raise Cancelled


def chooseFolders(widget, folder):
    """Choose the folders of the Folder section. Returns its button."""
    ui = widget.panel.folder.ui
    ui.inputFolderEdit.currentPath, ui.outputFolderEdit.currentPath = str(folder), str(folder / "out")
    return ui.folderButton


def test_no_folder_is_begun_while_apply_runs(panel, tmp_path):  # noqa: F811
    panel.logic.predictor = samples.KnownPredictor(hold=True)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    button = chooseFolders(panel, tmp_path)
    assert button.enabled
    panel.ui.applyButton.click()
    assert not button.enabled and "busy" in panel.ui.folderSection.toolTip
    panel.panel.folder.ui.outputFolderEdit.currentPath = str(tmp_path / "other")
    assert not button.enabled, "not even when another folder is chosen"
    panel.panel.run.cancel()
    assert button.enabled and not panel.ui.folderSection.toolTip


def test_no_apply_and_no_add_while_a_folder_is_segmented(panel, tmp_path, monkeypatch):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    monkeypatch.setattr(panel.logic, "startFolder", lambda *_: Folder())
    button = chooseFolders(panel, tmp_path)
    panel.ui.addButton.click()
    button.click()
    assert not panel.ui.applyButton.enabled and "folder" in panel.ui.applyButton.toolTip
    assert not panel.ui.addButton.enabled and not panel.ui.addButton.checked and panel.ui.deleteButton.enabled
    panel.panel.folder.close()
    assert panel.ui.applyButton.enabled and panel.ui.addButton.enabled
