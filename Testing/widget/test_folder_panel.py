"""The Folder section as a user meets it: choose two folders, press the button, read a row a volume, load one. With the real worker."""

import csv
import math
import time

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from host import samples
from host.bundles import ultrasoundLike, writeBundle
from test_panel import cells, models, panel, wait  # noqa: F401

from crend.io.labels import read_labels
from CRendSegmentationLib.Runs.FolderRun import messageOf
from CRendSegmentationLib.Runs.Predictors import WorkerPredictor
from CRendSegmentationLib.Scene.Results import ResultNodes


@pytest.fixture(scope="module")
def predictor():
    made = WorkerPredictor()
    yield made
    made.close()


@pytest.fixture
def folders(tmp_path):
    """(volumes, results): three volumes, one of which cannot be read."""
    volumes = tmp_path / "scans"
    (volumes / "site").mkdir(parents=True)
    for seed, name in enumerate(("a.nrrd", "site/b.nii.gz")):
        sitk.WriteImage(sitk.GetImageFromArray(ultrasoundLike(seed=seed)), str(volumes / name))
    (volumes / "broken.nrrd").write_text("nothing")
    return volumes, tmp_path / "results"


@pytest.fixture
def section(panel, predictor, folders, tmp_path):  # noqa: F811
    """The Folder section with both folders chosen and a tiny model."""
    panel.logic.predictor = predictor
    panel.logic.getParameterNode().model = str(writeBundle(tmp_path / "tiny"))
    found = panel.panel.folder
    found.ui.inputFolderEdit.currentPath, found.ui.outputFolderEdit.currentPath = map(str, folders)
    return found


def segmentFolder(section):
    section.ui.folderButton.click()
    wait(lambda: not section.run.running, 120)


def test_the_button_waits_for_both_folders_and_says_so(panel, tmp_path):  # noqa: F811
    ui = panel.panel.folder.ui
    assert panel.ui.folderSection.collapsed and ui.folderTable.isHidden()
    assert not ui.folderButton.enabled and "folder with the volumes" in ui.folderButton.toolTip
    ui.inputFolderEdit.currentPath = str(tmp_path)
    assert not ui.folderButton.enabled and "results" in ui.folderButton.toolTip
    ui.outputFolderEdit.currentPath = str(tmp_path / "out")
    assert ui.folderButton.enabled


def test_every_volume_is_a_row_and_a_failed_one_says_why(section, folders, scene):
    before = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    segmentFolder(section)
    assert section.ui.folderStatusLabel.text.startswith("2 of 3 volumes segmented") and "1 failed" in section.ui.folderStatusLabel.text
    assert cells(section.ui.folderTable, 0) == ["a", "broken", "site/b"]
    assert cells(section.ui.folderTable, 4)[1].startswith("failed: ") and "broken.nrrd" not in cells(section.ui.folderTable, 4)[1]
    assert "broken.nrrd" in section.ui.folderTable.item(1, 4).toolTip()
    with open(folders[1] / "volumes.csv", newline="", encoding="utf-8-sig") as file:
        written = {row["volume"]: row for row in csv.DictReader(file)}
    shown = dict(zip(cells(section.ui.folderTable, 0), cells(section.ui.folderTable, 1)))
    assert float(shown["a"]) == pytest.approx(float(written["a"]["ovary_volume_ml"]), abs=0.05) and not shown["broken"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == before, "the volumes of a folder would fill the scene"


def test_what_is_left_out_is_a_row_too_and_cannot_be_loaded(section, folders, scene):
    (folders[0] / "site/b.nii.gz").unlink()
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[3:9, 3:9, 3:9] = 1
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(folders[0] / "a-labels.nrrd"))
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(folders[0] / "quiet.nrrd"))
    segmentFolder(section)
    assert section.ui.folderStatusLabel.text.startswith("1 of 2 volumes segmented") and "2 left out" in section.ui.folderStatusLabel.text
    said = dict(zip(cells(section.ui.folderTable, 0), cells(section.ui.folderTable, 4)))
    assert set(said) == {"a", "a-labels.nrrd", "broken", "quiet"}
    assert all(said[name].startswith("left out: ") for name in ("a-labels.nrrd", "quiet")), said
    row = cells(section.ui.folderTable, 0).index("quiet")
    section.ui.folderTable.itemDoubleClicked.emit(section.ui.folderTable.item(row, 0))
    assert "quiet: has no result" in section.ui.folderStatusLabel.text
    table = scene.GetFirstNodeByName("Volumes of results").GetTable()
    assert [table.GetColumnByName("status").GetValue(row) for row in range(4)].count("left out") == 2


def test_the_scene_gets_a_table_with_units_in_its_headers(section, scene):
    segmentFolder(section)
    node = scene.GetFirstNodeByName("Volumes of results")
    assert node.GetColumnTitle("ovary_volume_ml") == "Ovary (ml)" and node.GetColumnUnitLabel("leading_mean_diameter_mm") == "mm"
    table = node.GetTable()
    assert [table.GetColumnByName("volume").GetValue(row) for row in range(3)] == ["a", "broken", "site/b"]
    assert math.isnan(table.GetColumnByName("ovary_volume_ml").GetValue(1))


def test_apply_waits_while_a_folder_is_segmented(section, panel):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    section.ui.folderButton.click()
    assert not panel.ui.applyButton.enabled and "folder is being segmented" in panel.ui.applyButton.toolTip
    assert not section.ui.folderInputFrame.enabled and section.ui.folderButton.text == "Cancel"
    wait(lambda: not section.run.running, 120)
    assert panel.ui.applyButton.enabled and section.ui.folderInputFrame.enabled


def test_a_row_comes_when_its_volume_is_done_and_a_stop_takes_a_second_and_keeps_it(section, folders):
    large = np.kron(ultrasoundLike(seed=3), np.ones((3, 3, 3), np.uint8))
    sitk.WriteImage(sitk.GetImageFromArray(large), str(folders[0] / "z.nrrd"))
    section.ui.folderButton.click()
    wait(lambda: section.ui.folderTable.rowCount == 3, 120)
    assert section.run.running and cells(section.ui.folderTable, 0) == ["a", "broken", "site/b"]
    began = time.monotonic()
    section.ui.folderButton.click()
    assert section.ui.folderButton.text == "Cancelling..." and section.ui.folderButton.enabled
    wait(lambda: not section.run.running, 20)
    assert time.monotonic() - began < 2, "a second, and another one for a busy machine"
    assert section.ui.folderStatusLabel.text.startswith("Stopped. What was done is in")
    with open(folders[1] / "volumes.csv", newline="", encoding="utf-8-sig") as file:
        assert [row["volume"] for row in csv.DictReader(file)] == ["a", "broken", "site/b"]
    assert section.ui.folderTable.rowCount == 3
    (folders[0] / "z.nrrd").unlink()
    first = (folders[1] / "a.seg.nrrd").stat().st_mtime_ns
    segmentFolder(section)
    assert cells(section.ui.folderTable, 0) == ["a", "broken", "site/b"]
    assert (folders[1] / "a.seg.nrrd").stat().st_mtime_ns == first, "what was done is not done again"


def test_other_settings_are_no_reason_to_keep_old_results(section, panel, folders):  # noqa: F811
    segmentFolder(section)
    first = (folders[1] / "a.seg.nrrd").stat().st_mtime_ns
    panel.logic.getParameterNode().smallestFollicle = 3.0
    segmentFolder(section)
    assert (folders[1] / "a.seg.nrrd").stat().st_mtime_ns != first


def test_a_double_click_loads_the_segmentation_of_its_row(section, folders, scene, monkeypatch):
    segmentFolder(section)
    loaded = []
    nodes = ResultNodes(scene.AddNewNodeByClass("vtkMRMLSegmentationNode"), None, None, "loaded")
    monkeypatch.setattr(
        "CRendSegmentationLib.Widgets.FolderPanel.loadResult", lambda row, out, surfaces: loaded.append((row["volume"], out)) or nodes
    )
    table = section.ui.folderTable
    import qt

    table.sortByColumn(0, qt.Qt.DescendingOrder)
    table.itemDoubleClicked.emit(table.item(0, 2))
    assert loaded == [("site/b", str(folders[1]))]


def test_a_loaded_result_lies_on_its_volume_and_has_surfaces(section, folders, readers):
    segmentFolder(section)
    table = section.ui.folderTable
    table.itemDoubleClicked.emit(table.item(0, 0))
    assert "color" not in section.ui.folderStatusLabel.styleSheet, section.ui.folderStatusLabel.text
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert node.GetSegmentation().GetSegment("Ovary") is not None
    assert node.GetSegmentation().ContainsRepresentation(slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName())
    volume = node.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    assert volume is slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")


def test_a_folder_without_volumes_is_refused_in_one_line(section, tmp_path):
    (tmp_path / "empty").mkdir()
    section.ui.inputFolderEdit.currentPath = str(tmp_path / "empty")
    segmentFolder(section)
    assert "no volume there" in section.ui.folderStatusLabel.text and "color" in section.ui.folderStatusLabel.styleSheet


def test_the_console_runs_a_folder_too(section, panel, folders, tmp_path):  # noqa: F811
    heard = []
    nodes = panel.logic.segmentFolder(
        folders[0] / "a.nrrd", folders[1], model=str(tmp_path / "tiny"), progress=lambda *told: heard.append(told)
    )
    assert [row["volume"] for row in nodes.rows] == ["a"] and nodes.message.startswith("1 of 1 volumes segmented")
    assert {stage for stage, _ in heard} >= {"a"} and slicer.mrmlScene.IsNodePresent(nodes.tableNode)
    assert read_labels(folders[1] / "a.seg.nrrd").ovary.GetSize() == (56, 48, 40)


def test_the_message_counts():
    done, none, failed = ({"status": status, "ovary_volume_ml": ml} for status, ml in (("done", 5.0), ("done", None), ("failed", None)))
    assert messageOf([done, none, failed]) == "2 of 3 volumes segmented, 1 without an ovary, 1 failed"
    assert messageOf([done, {"status": "left out", "ovary_volume_ml": None}]) == "1 of 1 volumes segmented, 1 left out"
