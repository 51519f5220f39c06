"""Edits on real segments, and the tables that follow them."""

from collections import OrderedDict

import numpy as np
import pytest
import slicer
from host import samples

from crend.errors import InputError
from crend.structures.ellipsoids import ellipsoid_volume
from crend.structures.measurements import measure
from CRendSegmentationLib.Scene.FollicleEditing import FollicleEditing
from CRendSegmentationLib.Scene.Results import updateTables
from CRendSegmentationLib.Scene.ResultTables import readFollicleTable, readSummary
from CRendSegmentationLib.Scene.SegmentMeasurements import isEdited, measureSegments
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


def size(mask):
    """The volume of a follicle as it is measured, in voxels: not always their number, where they are few and round."""
    voxel = np.prod(samples.SPACING)
    return round((ellipsoid_volume(mask != 0, samples.SPACING) or mask.astype(bool).sum() * voxel) / voxel)


SIZES = [size(samples.ball(*follicle)) for follicle in samples.FOLLICLES]


@pytest.fixture(params=["flipped"])
def nodes(request, logic):
    """A segmented volume with its tables."""
    logic.predictor = samples.KnownPredictor()
    return logic.segment(samples.addVolume(request.param))


def voxels(nodes, segmentID):
    return slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, segmentID)


def segmentIDs(nodes):
    segmentation = nodes.segmentationNode.GetSegmentation()
    return [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]


def table(nodes):
    """{segment name: (volume in voxels, marked as manual)}"""
    updateTables(nodes.segmentationNode)
    voxel = np.prod(samples.SPACING) / 1000
    return {row["segment"]: (round(row["volume_ml"] / voxel), bool(row["manual"])) for row in readFollicleTable(nodes.follicleTableNode)}


def test_segments_are_measured_as_crend_measured_them(nodes):
    volume = nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef")
    expected = samples.KnownPredictor().predict(imageFromVolumeNode(volume)).measurements
    measured = measureSegments(nodes.segmentationNode)
    for found, wanted in zip((measured.ovary, *measured.follicles), (expected.ovary, *expected.follicles)):
        for name in wanted.__dataclass_fields__:
            value = getattr(wanted, name)
            assert getattr(found, name) == (pytest.approx(value) if isinstance(value, float) else value), name


def test_an_ovary_of_another_id_is_known_by_its_terminology(nodes):
    segmentation = nodes.segmentationNode.GetSegmentation()
    ovary = slicer.vtkSegment()
    ovary.DeepCopy(segmentation.GetSegment("Ovary"))
    ovary.SetName("Left adnexa")
    expected = measureSegments(nodes.segmentationNode).ovary.volume_ml
    segmentation.RemoveSegment("Ovary")
    segmentation.AddSegment(ovary, "Segment_1")
    measured = measureSegments(nodes.segmentationNode)
    assert measured.ovary.volume_ml == pytest.approx(expected) and len(measured.follicles) == 3
    assert FollicleEditing(nodes.segmentationNode).follicleIDs() == ["Follicle_1", "Follicle_2", "Follicle_3"]


def test_follicles_of_one_name_have_numbers_of_their_own(nodes):
    for segmentID in ("Follicle_2", "Follicle_3"):
        nodes.segmentationNode.GetSegmentation().GetSegment(segmentID).SetName("Follicle 1")
    assert [follicle.id for follicle in measureSegments(nodes.segmentationNode).follicles] == [1, 2, 3]


def test_measuring_again_marks_nothing_as_manual(nodes):
    assert table(nodes) == {f"Follicle {k}": (size, False) for k, size in enumerate(SIZES, start=1)}


def test_a_segment_at_the_border_is_said_to_be_cut_off(nodes):
    editing = FollicleEditing(nodes.segmentationNode)
    image = imageFromVolumeNode(nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef"))
    editing.add(samples.maskOf(samples.ball((3, 24, 53), 4), image))
    updateTables(nodes.segmentationNode)
    cut = {row["segment"]: row["touches_border"] for row in readFollicleTable(nodes.follicleTableNode)}
    assert cut == {"Follicle 1": 0, "Follicle 2": 0, "Follicle 3": 0, "Follicle 4": 1}


def test_a_deleted_follicle_leaves_the_table_and_undo_brings_it_back(nodes):
    editing = FollicleEditing(nodes.segmentationNode)
    assert not editing.canUndo
    editing.delete(["Follicle_2"])
    assert set(table(nodes)) == {"Follicle 1", "Follicle 3"}
    assert {row[0]: row[1] for row in readSummary(nodes.summaryTableNode)}["Follicle count"] == 2
    editing.undo()
    assert table(nodes)["Follicle 2"][0] == SIZES[1]
    assert segmentIDs(nodes) == ["Ovary", "Follicle_1", "Follicle_2", "Follicle_3"]
    assert not editing.canUndo


def test_merged_follicles_are_their_union_in_the_largest_ones_place(nodes):
    first, third = voxels(nodes, "Follicle_1").astype(bool), voxels(nodes, "Follicle_3").astype(bool)
    FollicleEditing(nodes.segmentationNode).merge(["Follicle_3", "Follicle_1"])
    assert np.array_equal(voxels(nodes, "Follicle_1"), first | third)
    assert table(nodes) == {"Follicle 1": (size(first | third), True), "Follicle 2": (SIZES[1], False)}


def test_a_split_follicle_becomes_two_that_cover_the_same_voxels(nodes):
    before = voxels(nodes, "Follicle_1").astype(bool)
    editing = FollicleEditing(nodes.segmentationNode)
    made = editing.split("Follicle_1")
    assert made == ["Follicle_1", "Follicle_4"]
    parts = [voxels(nodes, segmentID).astype(bool) for segmentID in made]
    assert np.array_equal(parts[0] | parts[1], before) and not (parts[0] & parts[1]).any()
    rows = table(nodes)
    assert rows["Follicle 1"][1] and rows["Follicle 4"][1] and rows["Follicle 2"] == (SIZES[1], False)
    editing.undo()
    assert np.array_equal(voxels(nodes, "Follicle_1"), before)
    assert table(nodes)["Follicle 1"] == (SIZES[0], False)


def test_an_added_follicle_takes_nothing_from_others(nodes):
    editing = FollicleEditing(nodes.segmentationNode)
    image = imageFromVolumeNode(nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef"))
    (z, y, x), radius = samples.FOLLICLES[0]
    overlapping = samples.ball((z, y, x - radius - 1), 4)
    free = overlapping & ~samples.ball(*samples.FOLLICLES[0]) & ~samples.ball(*samples.FOLLICLES[1])
    assert free.sum() < overlapping.sum()
    assert editing.add(samples.maskOf(overlapping, image)) == "Follicle_4"
    assert np.array_equal(voxels(nodes, "Follicle_4"), free)
    assert table(nodes)["Follicle 4"] == (size(free), True) and table(nodes)["Follicle 1"] == (SIZES[0], False)
    with pytest.raises(InputError, match="already"):
        editing.add(samples.maskOf(samples.ball((z, y, x), 2), image))


def test_several_edits_are_taken_back_one_by_one(nodes):
    editing = FollicleEditing(nodes.segmentationNode)
    editing.delete(["Follicle_3"])
    editing.merge(["Follicle_1", "Follicle_2"])
    assert set(table(nodes)) == {"Follicle 1"}
    editing.undo()
    assert table(nodes) == {"Follicle 1": (SIZES[0], False), "Follicle 2": (SIZES[1], False)}
    editing.undo()
    assert set(table(nodes)) == {"Follicle 1", "Follicle 2", "Follicle 3"}


def contents(nodes):
    """[(segment ID, its voxels, what is said of it in the table)], in the segments' order."""
    rows = table(nodes)
    volume = nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef")
    found = []
    for segmentID in segmentIDs(nodes):
        name = nodes.segmentationNode.GetSegmentation().GetSegment(segmentID).GetName()
        there = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, segmentID, volume)
        found.append((segmentID, (there > 0).tobytes(), rows.get(name)))
    return found


def image(nodes):
    return imageFromVolumeNode(nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef"))


EDITS = {
    "delete": lambda editing, nodes: editing.delete(["Follicle_2"]),
    "merge": lambda editing, nodes: editing.merge(["Follicle_1", "Follicle_3"]),
    "split": lambda editing, nodes: editing.split("Follicle_1"),
    "add": lambda editing, nodes: editing.add(samples.maskOf(samples.ball((3, 24, 53), 4), image(nodes))),
    "change": lambda editing, nodes: editing.change("Follicle_2", samples.maskOf(samples.ball((16, 18, 22), 9), image(nodes))),
    "draw": lambda editing, nodes: editing.setOvary(samples.maskOf(samples.ball((20, 24, 28), 12), image(nodes))),
}


@pytest.mark.parametrize("edit", EDITS)
def test_redo_brings_back_what_undo_took_back_and_both_agree_with_the_table(nodes, edit):
    editing = FollicleEditing(nodes.segmentationNode)
    before = contents(nodes)
    EDITS[edit](editing, nodes)
    after = contents(nodes)
    assert after != before and not editing.canRedo
    for _ in range(2):
        editing.undo()
        assert contents(nodes) == before and editing.canRedo and not editing.canUndo
        editing.redo()
        assert contents(nodes) == after and editing.canUndo and not editing.canRedo
    editing.undo()
    editing.delete(["Follicle_3"])
    assert not editing.canRedo, "another edit was made since"


def test_what_was_painted_over_an_edit_is_not_lost_when_that_is_taken_back(nodes):
    editing = FollicleEditing(nodes.segmentationNode)
    EDITS["change"](editing, nodes)
    volume = nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef")
    painted = voxels(nodes, "Follicle_2")
    painted[16, 18, 22] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, nodes.segmentationNode, "Follicle_2", volume)
    after = contents(nodes)
    editing.undo()
    editing.redo()
    assert contents(nodes) == after


def test_a_follicle_extends_the_ovary_by_what_it_gains_and_by_no_more(nodes):
    # In Segment Editor somebody has drawn the ovary so that most of a follicle lies outside.
    (z, y, x), radius = samples.FOLLICLES[0]
    drawn = samples.ball(*samples.OVARY)
    drawn[:, :, x:] = False
    volume = nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef")
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn.astype(np.uint8), nodes.segmentationNode, "Ovary", volume)
    grown = samples.ball(*samples.FOLLICLES[0])
    gained = samples.ball((z, y, x + radius), 2) & ~grown
    FollicleEditing(nodes.segmentationNode).change("Follicle_1", samples.maskOf(grown | gained, image(nodes)))
    ovary = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, "Ovary", volume) > 0
    assert gained.any() and np.array_equal(ovary, drawn | gained)


def test_undo_leaves_what_others_drew_after_the_edit(nodes):
    editing = FollicleEditing(nodes.segmentationNode)
    assert editing.split("Follicle_1")[1] == "Follicle_4"
    segmentation = nodes.segmentationNode.GetSegmentation()
    drawn = segmentation.AddEmptySegment("Segment_1", "Drawn since")
    segmentation.RemoveSegment("Follicle_3")
    editing.undo()
    assert segmentIDs(nodes) == ["Ovary", "Follicle_1", "Follicle_2", drawn]


def test_painting_as_segment_editor_does_marks_the_follicle_only(nodes):
    volume = nodes.segmentationNode.GetNodeReference("referenceImageGeometryRef")
    painted = voxels(nodes, "Follicle_2")
    painted[16, 18, 22 - 8 : 22] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, nodes.segmentationNode, "Follicle_2", volume)
    assert table(nodes) == {"Follicle 1": (SIZES[0], False), "Follicle 2": (size(painted), True), "Follicle 3": (SIZES[2], False)}


@pytest.mark.parametrize("segmentID", ["Ovary", "Follicle_2"])
def test_a_segment_that_was_erased_counts_as_edited_so_that_no_run_writes_over_it(nodes, segmentID):
    assert not isEdited(nodes.segmentationNode)
    empty = np.zeros_like(voxels(nodes, segmentID))
    slicer.util.updateSegmentBinaryLabelmapFromArray(empty, nodes.segmentationNode, segmentID)
    assert segmentID in segmentIDs(nodes) and isEdited(nodes.segmentationNode)


def test_edits_that_cannot_be_are_refused_in_words_and_change_nothing(nodes):
    editing = FollicleEditing(nodes.segmentationNode)
    for attempt, words in ((lambda: editing.delete([]), "select a follicle"), (lambda: editing.merge(["Follicle_1"]), "two or more")):
        with pytest.raises(InputError, match=words):
            attempt()
    assert not editing.canUndo and len(segmentIDs(nodes)) == 4


SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


def surfaces(nodes):
    """{segment ID: (its surface, when that was made)}"""
    segmentation = nodes.segmentationNode.GetSegmentation()
    found = {segmentID: segmentation.GetSegment(segmentID).GetRepresentation(SURFACE) for segmentID in segmentIDs(nodes)}
    return {segmentID: (surface, surface.GetMTime()) for segmentID, surface in found.items()}


@pytest.mark.parametrize("edit, changed", [("split", {"Follicle_1", "Follicle_4"}), ("merge", {"Follicle_2"}), ("delete", set())])
def test_an_edit_makes_the_surfaces_of_what_it_changes_and_no_others(nodes, edit, changed):
    before = surfaces(nodes)
    editing = FollicleEditing(nodes.segmentationNode)
    {"split": lambda: editing.split("Follicle_1"), "merge": lambda: editing.merge(["Follicle_2", "Follicle_3"])}.get(
        edit, lambda: editing.delete(["Follicle_3"])
    )()
    after = surfaces(nodes)
    assert {segmentID for segmentID in after if after[segmentID] != before.get(segmentID)} == changed
    assert all(surface.GetNumberOfPoints() > 0 for surface, _ in after.values())
    editing.undo()
    assert set(surfaces(nodes)) == set(before) and surfaces(nodes)["Ovary"] == before["Ovary"]


def test_after_an_edit_only_what_changed_is_measured(nodes, monkeypatch):
    monkeypatch.setattr("CRendSegmentationLib.Scene.MaskMeasurements._measured", OrderedDict())
    updateTables(nodes.segmentationNode)
    measured = []
    monkeypatch.setattr(
        "CRendSegmentationLib.Scene.MaskMeasurements.measure", lambda mask, empty: measured.append(mask) or measure(mask, empty)
    )
    FollicleEditing(nodes.segmentationNode).split("Follicle_1")
    updateTables(nodes.segmentationNode)
    assert len(measured) == 2, "the two parts"
