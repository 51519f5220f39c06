"""Follicles that are hidden or confirmed: what counts and files have of them, and what takes the marks away."""

import numpy as np
import pytest
import slicer
from host import samples

from crend.errors import InputError
from crend.io.labels import read_labels
from CRendSegmentationLib.Scene import Export
from CRendSegmentationLib.Scene.FollicleEditing import FollicleEditing
from CRendSegmentationLib.Scene.FollicleMarks import confirm, hideBelow, leastConfidence
from CRendSegmentationLib.Scene.Histogram import histogram
from CRendSegmentationLib.Scene.Results import updateTables
from CRendSegmentationLib.Scene.ResultTables import notCounted, readFollicleTable, readSummary
from CRendSegmentationLib.Scene.ReviewLabels import labelsOf
from CRendSegmentationLib.Scene.SegmentMeasurements import MODELS_TAG, isEdited, manualNames, measureSegments
from CRendSegmentationLib.Scene.SegmentTags import hiddenIDs, tagOf
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


@pytest.fixture
def nodes(known):
    """A segmented volume with its tables: follicles 1 to 3 of confidence 0.9, 0.8 and 0.7."""
    return known.segment(samples.addVolume())


def confirmed(nodes):
    updateTables(nodes.segmentationNode)
    return [row["segment"] for row in readFollicleTable(nodes.follicleTableNode) if row["confirmed"]]


def shown(nodes):
    updateTables(nodes.segmentationNode)
    return [row["segment"] for row in readFollicleTable(nodes.follicleTableNode)]


def paint(nodes, segmentID, take=slice(0, 2)):
    """Change a segment as Segment Editor does."""
    array = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, segmentID).copy()
    where = np.argwhere(array)[take]
    array[tuple(where.T)] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, nodes.segmentationNode, segmentID)


def test_hidden_follicles_leave_table_summary_histogram_and_files(nodes, tmp_path):
    node = nodes.segmentationNode
    assert hideBelow(node, 0.85) == 2 and leastConfidence(node) == 0.85
    assert shown(nodes) == ["Follicle 1"] and "Follicle 2, Follicle 3" in notCounted(node)
    summary = {finding: value for finding, value, unit in readSummary(nodes.summaryTableNode)}
    assert summary["Follicle count"] == 1
    assert sum(count for _, count in histogram(nodes.follicleTableNode)) == 1
    assert tagOf(node.GetSegmentation().GetSegment("Follicle_2"), "CRend.Hidden") == "1"
    assert not node.GetDisplayNode().GetSegmentVisibility("Follicle_2") and node.GetDisplayNode().GetSegmentVisibility("Follicle_1")
    Export.exportTable(node, tmp_path / "f.csv")
    assert len((tmp_path / "f.csv").read_text(encoding="utf-8-sig").splitlines()) == 2
    for name in ("s.seg.nrrd", "s.nii.gz"):
        Export.exportSegmentation(node, tmp_path / name)
        assert set(np.unique(_array(read_labels(tmp_path / name).follicles))) == {0, 1}, name
    (tmp_path / "surfaces").mkdir()
    assert Export.exportSurfaces(node, tmp_path / "surfaces") == 2
    assert set(labelsOf(node)[1]) == {1}, "a review compares what is shown"
    assert hideBelow(node, 0) == 0 and shown(nodes) == ["Follicle 1", "Follicle 2", "Follicle 3"]
    assert node.GetDisplayNode().GetSegmentVisibility("Follicle_2") and not node.GetAttribute("CRend.LeastConfidence")


def _array(image):
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(image)


def test_a_confirmed_or_edited_follicle_is_not_hidden(nodes):
    node = nodes.segmentationNode
    confirm(node, ["Follicle_3"])
    assert hideBelow(node, 0.85) == 1 and hiddenIDs(node.GetSegmentation()) == ["Follicle_2"]
    paint(nodes, "Follicle_2")
    assert shown(nodes) == ["Follicle 1", "Follicle 2", "Follicle 3"], "a correction is never hidden"


def test_an_edit_of_the_shape_takes_the_tick_and_its_undo_gives_it_back(nodes):
    node = nodes.segmentationNode
    editing = FollicleEditing(node)
    confirm(node, ["Follicle_1", "Follicle_2", "Follicle_3"])
    editing.merge(["Follicle_2", "Follicle_3"])
    assert confirmed(nodes) == ["Follicle 1"]
    editing.undo()
    assert confirmed(nodes) == ["Follicle 1", "Follicle 2", "Follicle 3"]
    editing.split("Follicle_1")
    assert confirmed(nodes) == ["Follicle 2", "Follicle 3"]
    editing.undo()
    paint(nodes, "Follicle_3")
    assert confirmed(nodes) == ["Follicle 1", "Follicle 2"]
    node.GetSegmentation().GetSegment("Follicle_1").SetName("Dominant follicle")
    assert confirmed(nodes) == ["Dominant follicle", "Follicle 2"], "another name is no other shape"


def test_marks_are_edits_that_undo_takes_back_one_by_one(nodes):
    node = nodes.segmentationNode
    editing = FollicleEditing(node)
    editing.mark(lambda marked: confirm(marked, ["Follicle_1"]), "confirmed")
    editing.mark(lambda marked: hideBelow(marked, 0.75), "hidden")
    editing.mark(lambda marked: hideBelow(marked, 0.85), "hidden", goOn=True)
    assert shown(nodes) == ["Follicle 1"] and isEdited(node)
    editing.undo()
    assert shown(nodes) == ["Follicle 1", "Follicle 2", "Follicle 3"] and confirmed(nodes) == ["Follicle 1"]
    assert node.GetDisplayNode().GetSegmentVisibility("Follicle_3") and leastConfidence(node) == 0
    editing.undo()
    assert confirmed(nodes) == [] and not editing.canUndo and not isEdited(node)
    editing.redo()
    assert confirmed(nodes) == ["Follicle 1"]
    editing.redo()
    assert shown(nodes) == ["Follicle 1"] and leastConfidence(node) == 0.85 and not editing.canRedo
    editing.undo()
    editing.mark(lambda marked: hideBelow(marked, 0.75), "confirmed", goOn=True)
    assert not editing.canRedo, "a mark that goes on after something was taken back is another edit"


def test_tags_that_somebody_wrote_into_are_no_numbers(nodes):
    segmentation = nodes.segmentationNode.GetSegmentation()
    segmentation.GetSegment("Follicle_1").SetTag("CRend.confidence", "0_9")
    segmentation.GetSegment("Follicle_2").SetTag("CRend.confidence", "7")
    segmentation.GetSegment("Follicle_3").SetTag(MODELS_TAG, "none 1 2 3")
    measured = measureSegments(nodes.segmentationNode)
    assert [follicle.confidence for follicle in measured.follicles] == [None] * 3
    assert manualNames(nodes.segmentationNode, measured) == {"Follicle 3"}


def test_a_follicle_is_not_added_over_a_hidden_one(nodes):
    node = nodes.segmentationNode
    volume = node.GetNodeReference("referenceImageGeometryRef")
    hideBelow(node, 0.85)
    mask = samples.maskOf(samples.ball(samples.FOLLICLES[1][0], 3), imageFromVolumeNode(volume))
    with pytest.raises(InputError, match="Follicle 2 is at this point, but hidden"):
        FollicleEditing(node).add(mask)


def test_marks_survive_a_saved_segmentation(nodes, scene, tmp_path):
    node = nodes.segmentationNode
    confirm(node, ["Follicle_1", "Follicle_2"])
    hideBelow(node, 0.75)
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "saved.seg.nrrd"))
    assert storage.WriteData(node)
    again = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    assert storage.ReadData(again)
    from CRendSegmentationLib.Scene.Results import adopt, tableOf

    adopt(again)
    rows = readFollicleTable(tableOf(again, "CRend.FollicleTable"))
    assert [(row["segment"], row["confirmed"]) for row in rows] == [("Follicle 1", 1), ("Follicle 2", 1)]
    assert not again.GetDisplayNode().GetSegmentVisibility("Follicle_3")
