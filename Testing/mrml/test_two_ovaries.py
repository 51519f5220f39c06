"""Two ovaries in one volume: two segments, each with its own figures and follicles, in the scene, in files, and when these are read again."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from host import samples

from crend.io.labels import read_labels
from crend.result import Segmentation
from crend.structures.measurements import measure
from CRendSegmentationLib.Scene import Export
from CRendSegmentationLib.Scene.BrushEditing import Click
from CRendSegmentationLib.Scene.FolderResult import loadResult
from CRendSegmentationLib.Scene.FollicleEditing import FollicleEditing
from CRendSegmentationLib.Scene.KeptCorrections import correctionWords
from CRendSegmentationLib.Scene.Results import adopt, putResultIntoScene, tableOf, updateTables
from CRendSegmentationLib.Scene.ResultTables import findingWords, notCounted, readFollicleTable, readSummary, summaryText
from CRendSegmentationLib.Scene.ReviewLabels import labelsOf
from CRendSegmentationLib.Scene.SegmentMeasurements import isEdited, measureSegments
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

LEFT, RIGHT = ((20, 24, 16), 12), ((20, 24, 42), 11)
FOLLICLES = (((20, 24, 42), 6), ((20, 22, 14), 5), ((16, 28, 20), 3))


def result(image):
    """A crend Segmentation of two balls with one and two follicles; the largest follicle is in the smaller ovary."""
    organs, instances = np.zeros(samples.SHAPE, np.uint8), np.zeros(samples.SHAPE, np.uint16)
    for number, each in enumerate((LEFT, RIGHT), start=1):
        organs[samples.ball(*each)] = number
    for number, each in enumerate(FOLLICLES, start=1):
        instances[samples.ball(*each)] = number
    organs, instances = (sitk.GetImageFromArray(array) for array in (organs, instances))
    for labels in (organs, instances):
        labels.CopyInformation(image)
    how = {"bundle": "known", "bundle_version": "0", "ovaries": 2}
    return Segmentation(organs > 0, instances, measure(organs, instances), how, ovaries=organs)


@pytest.fixture
def nodes(scene):
    volume = samples.addVolume()
    return putResultIntoScene(result(imageFromVolumeNode(volume)), volume)


def ovaryNumbers(tableNode):
    return {row["segment"]: row["ovary"] for row in readFollicleTable(tableNode)}


WANTED = {"Follicle 1": 2, "Follicle 2": 1, "Follicle 3": 1}


def test_an_ovary_that_is_drawn_anew_takes_nothing_from_the_other_one(nodes):
    node, volume = nodes.segmentationNode, slicer.util.getNode("Ultrasound")
    before = measureSegments(node).ovaries
    FollicleEditing(node).setOvary(samples.maskOf(samples.ball((20, 24, 16), 18), imageFromVolumeNode(volume)))
    left, right = (
        slicer.util.arrayFromSegmentBinaryLabelmap(node, each, volume) > 0 for each in node.GetSegmentation().GetSegmentIDs()[:2]
    )
    assert left.sum() > 1.2 * samples.ball(*LEFT).sum() and not (left & right).any()
    assert measureSegments(node).ovaries[1].volume_ml == pytest.approx(before[1].volume_ml)


def test_each_ovary_is_a_segment_with_figures_of_its_own(nodes):
    node = nodes.segmentationNode
    segmentation = node.GetSegmentation()
    assert [segmentation.GetNthSegment(k).GetName() for k in range(2)] == ["Ovary 1", "Ovary 2"] and not notCounted(node)
    expected = result(imageFromVolumeNode(slicer.util.getNode("Ultrasound"))).measurements
    measured = measureSegments(node)
    for found, wanted in zip((measured.ovary, *measured.ovaries), (expected.ovary, *expected.ovaries)):
        assert found.segment == wanted.segment and found.volume_ml == pytest.approx(wanted.volume_ml)
        assert (found.d1_mm, *found.centroid_ras) == pytest.approx((wanted.d1_mm, *wanted.centroid_ras), abs=1e-6)
    for _ in range(2):  # as written, and as measured again
        assert ovaryNumbers(nodes.follicleTableNode) == WANTED
        summary = {finding: value for finding, value, unit in readSummary(nodes.summaryTableNode)}
        assert summary["Ovary 1: follicle count"] == 2 and summary["Ovary 2: antral follicle count"] == 1
        assert summary["Ovary 1: volume"] + summary["Ovary 2: volume"] == pytest.approx(summary["Ovary volume"])
        updateTables(node)
    assert not isEdited(node) and findingWords("Ovary 1: volume") == "Ovary 1: volume"
    assert "<td>Ovary 2</td>" in summaryText(nodes.summaryTableNode, node)
    display = node.GetDisplayNode()
    assert display.GetSegmentOpacity3D("Ovary_1") == display.GetSegmentOpacity3D("Ovary_2") < 1


def test_one_ovary_is_still_called_ovary_and_has_number_one(known):
    nodes = known.segment(samples.addVolume())
    assert nodes.segmentationNode.GetSegmentation().GetNthSegmentID(0) == "Ovary"
    updateTables(nodes.segmentationNode)
    assert set(ovaryNumbers(nodes.follicleTableNode).values()) == {1}
    assert not any(":" in finding for finding, _, _ in readSummary(nodes.summaryTableNode))


@pytest.mark.parametrize("name", ["two.seg.nrrd", "two.nii.gz"])
def test_files_of_slicer_and_of_crend_are_read_as_one_organ_and_the_same_follicles(nodes, tmp_path, name):
    node = nodes.segmentationNode
    Export.exportSegmentation(node, tmp_path / name)
    ours = result(imageFromVolumeNode(slicer.util.getNode("Ultrasound")))
    ours.save(tmp_path / f"ours-{name}")
    for path in (tmp_path / name, tmp_path / f"ours-{name}"):
        labels = read_labels(path)
        assert np.count_nonzero(sitk.GetArrayViewFromImage(labels.ovary)) == np.count_nonzero(sitk.GetArrayViewFromImage(ours.ovary))
        assert set(np.unique(sitk.GetArrayViewFromImage(labels.ovary))) == {0, 1}
        assert set(np.unique(sitk.GetArrayViewFromImage(labels.follicles))) == {0, 1, 2, 3}
    labels, names = labelsOf(node)
    assert set(names.values()) == set(WANTED) and np.count_nonzero(sitk.GetArrayViewFromImage(labels.ovary))


def test_a_file_of_crend_is_two_ovaries_again_in_slicer(nodes, scene, tmp_path, readers):
    ours = result(imageFromVolumeNode(slicer.util.getNode("Ultrasound")))
    ours.save(tmp_path / "a.seg.nrrd")
    again = slicer.util.loadSegmentation(tmp_path / "a.seg.nrrd")
    adopt(again)
    assert ovaryNumbers(tableOf(again, "CRend.FollicleTable")) == WANTED
    from crend.io.tables import to_json

    report = {**to_json(ours), "source": {"path": str(tmp_path / "gone.nrrd")}}
    (tmp_path / "a.json").write_text(json.dumps(report), encoding="utf-8")
    loaded = loadResult({"volume": "a", "status": "done", "input": str(tmp_path / "gone.nrrd")}, tmp_path)
    assert ovaryNumbers(loaded.follicleTableNode) == WANTED
    assert not isEdited(loaded.segmentationNode), "as the model drew them"


def test_a_follicle_extends_the_ovary_that_it_lies_in_and_undo_takes_that_back(nodes):
    node = nodes.segmentationNode
    before = [ovary.volume_ml for ovary in measureSegments(node).ovaries]
    editing = FollicleEditing(node)
    volume = imageFromVolumeNode(slicer.util.getNode("Ultrasound"))
    editing.add(samples.maskOf(samples.ball((20, 35, 42), 3), volume))
    after = measureSegments(node)
    assert after.ovaries[0].volume_ml == before[0] and after.ovaries[1].volume_ml > before[1]
    assert {follicle.segment: follicle.ovary for follicle in after.follicles}["Follicle 4"] == 2
    assert editing.extendedMl == pytest.approx(after.ovaries[1].volume_ml - before[1], rel=1e-3) and isEdited(node)
    editing.undo()
    assert [ovary.volume_ml for ovary in measureSegments(node).ovaries] == before and not isEdited(node)


def test_left_and_right_ovary_in_one_segmentation_are_two(nodes):
    segmentation = nodes.segmentationNode.GetSegmentation()
    segmentation.GetSegment("Ovary_1").SetName("Left ovary")
    segmentation.GetSegment("Ovary_2").SetName("Right ovary")
    updateTables(nodes.segmentationNode)
    findings = [finding for finding, _, _ in readSummary(nodes.summaryTableNode)]
    assert "Left ovary: volume" in findings and "Right ovary: volume" in findings


def test_what_was_corrected_of_two_ovaries_is_said_of_each(nodes):
    node = nodes.segmentationNode
    assert correctionWords(node) == "none"
    image = imageFromVolumeNode(slicer.util.getNode("Ultrasound"))
    FollicleEditing(node).change("Ovary_2", samples.maskOf(samples.ball(RIGHT[0], 13), image))
    assert correctionWords(node) == "ovary changed"


def masks(node):
    volume = slicer.util.getNode("Ultrasound")
    return [slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentID, volume) > 0 for segmentID in ("Ovary_1", "Ovary_2")]


def test_a_click_moves_the_nearer_ovary_and_takes_nothing_from_the_other(nodes):
    node, image = nodes.segmentationNode, imageFromVolumeNode(slicer.util.getNode("Ultrasound"))
    before = masks(node)
    (z, y, x), radius = RIGHT
    for number, place in ((1, (x + radius + 2, y, z)), (1, (x - radius - 1, y + 1, z)), (0, (LEFT[0][2] - LEFT[1] - 2, y, z))):
        point = (samples.ijkToRas() @ (*place, 1))[:3]
        click = Click(node, None, image, point, True, 4.0, "Ultrasound")
        assert click.isOvary and click.name == f"Ovary {number + 1}"
        grown = sitk.GetArrayFromImage(sitk.Resample(click.changed()[0], image, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
        assert grown[place[::-1]] and (grown | before[number] == grown).all() and not (grown & before[1 - number]).any()


def test_contours_draw_the_nearer_ovary_anew(nodes):
    node, image = nodes.segmentationNode, imageFromVolumeNode(slicer.util.getNode("Ultrasound"))
    before = masks(node)
    drawn = samples.ball(RIGHT[0], 13)
    assert FollicleEditing(node).setOvary(samples.maskOf(drawn, image)) == ("Ovary 2", [])
    after = masks(node)
    assert np.array_equal(after[0], before[0]) and np.array_equal(after[1], drawn)
