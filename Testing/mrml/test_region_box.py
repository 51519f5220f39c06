"""The box round an ovary on real nodes: where it is put, how it is read in the volume, and what of a box that measures nothing."""

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from host import samples, transforms

from crend.errors import InputError
from crend.io.labels import read_labels
from crend.structures.box import Box
from CRendSegmentationLib.Runs.Predictors import Settings
from CRendSegmentationLib.Scene.Export import exportSegmentation
from CRendSegmentationLib.Scene.FollicleEditing import FollicleEditing
from CRendSegmentationLib.Scene.KeptCorrections import keepForTraining
from CRendSegmentationLib.Scene.OvaryReport import sideFrom
from CRendSegmentationLib.Scene.RegionBox import boxIn, placeBox
from CRendSegmentationLib.Scene.Results import SUMMARY_TABLE_ROLE, adopt, tableOf, updateTables
from CRendSegmentationLib.Scene.ResultTables import flagsOf, readSummary, summaryText
from CRendSegmentationLib.Scene.ReviewTables import readRows
from CRendSegmentationLib.Scene.SegmentMeasurements import isEdited, isGuide, measureSegments
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

#: The middle of the sample's ovary in the volume's own RAS.
MIDDLE = (samples.ijkToRas() @ [28, 24, 20, 1])[:3]


def inside(box, volume):
    """Which voxels of a volume lie in a box as crend reads it."""
    image = imageFromVolumeNode(volume)
    shape = image.GetSize()[::-1]
    return Box.of(box).voxels(image.GetOrigin(), image.GetDirection(), image.GetSpacing()[::-1], (0, 0, 0), shape)


@pytest.mark.parametrize("parent", ["no transform", "linear"])
def test_a_box_lies_round_what_the_model_found_and_is_read_in_the_volumes_own_coordinates(known, scene, parent):
    volume, transform = samples.addVolume(), transforms.PARENTS[parent](scene)
    volume.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    result = known.segment(volume).segmentationNode
    roi = placeBox(volume, result)
    box = boxIn(volume, roi)
    ovary = samples.ball(*samples.OVARY)
    assert np.allclose(box["centre"], MIDDLE, atol=1) and inside(box, volume)[ovary].all()
    assert all(24 < side < 40 for side in box["size"])  # 16 voxels of 0.5 to 0.8 mm are its radius, and 4 mm the margin
    # The handles turn it, here by 30 degrees about its middle.
    turn = vtk.vtkTransform()
    turn.Translate(*roi.GetCenter())
    turn.RotateWXYZ(30, 1, 2, 3)
    turn.Translate(*(-value for value in roi.GetCenter()))
    roi.ApplyTransform(turn)
    turned = boxIn(volume, roi)
    assert np.allclose(turned["centre"], box["centre"]) and np.allclose(turned["size"], box["size"])
    assert np.degrees(np.arccos((np.trace(np.array(turned["axes"]) @ np.array(box["axes"]).T) - 1) / 2)) == pytest.approx(30, abs=1e-3)
    # A corner in the world is the same corner in the volume.
    corner = np.array(turned["centre"]) + np.array(turned["size"]) / 2 @ np.array(turned["axes"])
    world, wanted = [0.0] * 3, np.array([*(np.array(roi.GetSize()) / 2), 1.0])
    volume.TransformPointToWorld(corner, world)
    assert np.allclose(world, (slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix()) @ wanted)[:3])


def test_without_a_result_the_box_lies_in_the_middle_of_the_views_or_of_the_volume_that_they_look_past(views, scene):
    volume = samples.addVolume()
    roi = placeBox(volume)
    middle = (samples.ijkToRas() @ [27.5, 23.5, 19.5, 1])[:3]
    red = scene.GetNodeByID("vtkMRMLSliceNodeRed")
    assert np.allclose(boxIn(volume, roi)["centre"], middle)
    seen = (samples.ijkToRas() @ [20, 30, 10, 1])[:3]
    red.JumpSliceByCentering(*seen)
    assert placeBox(volume, None, roi) is roi and np.allclose(boxIn(volume, roi)["centre"], seen, atol=1e-4)


def test_what_is_no_box_of_the_volume_is_refused_in_words(scene, known):
    volume = samples.addVolume()
    roi = placeBox(volume)
    roi.SetSize(40, 4, 40)
    with pytest.raises(InputError, match="4 mm thin"):
        boxIn(volume, roi)
    roi.SetSize(40, 40, 40)
    with pytest.raises(InputError, match="not placed yet"):
        boxIn(volume, scene.AddNewNodeByClass("vtkMRMLMarkupsROINode"))
    shear = slicer.util.vtkMatrixFromArray(np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    leaning = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Leaning")
    leaning.SetMatrixTransformToParent(shear)
    roi.SetAndObserveTransformNodeID(leaning.GetID())
    with pytest.raises(InputError, match="sheared or scaled"):
        boxIn(volume, roi)
    leaning.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 0.0, 1.0, 1.0])))
    with pytest.raises(InputError, match="a transform that flattens it"):
        boxIn(volume, roi)
    bent = transforms.thinPlate(scene)
    for node in (roi, volume):
        node.SetAndObserveTransformNodeID(bent.GetID())
        with pytest.raises(InputError, match=f"{node.GetName()}: is under a non-linear transform"):
            boxIn(volume, roi)
        node.SetAndObserveTransformNodeID(None)
    volume.SetAndObserveTransformNodeID(bent.GetID())
    with pytest.raises(InputError, match="non-linear"):
        placeBox(volume)


def test_the_logic_takes_a_box_node(logic, known):
    volume = samples.addVolume()
    known.segment(volume, box=placeBox(volume))
    assert set(known.predictor.settings[-1].box) == {"centre", "axes", "size"}
    known.segment(volume)
    assert known.predictor.settings[-1] == Settings()


@pytest.fixture
def guided(logic):
    """A result with follicles in a box in which the model sees no ovary."""
    logic.predictor = samples.KnownPredictor(guide=True)
    volume = samples.addVolume()
    roi = placeBox(volume)
    roi.SetSize(60, 60, 60)
    return logic.segment(volume, box=roi).segmentationNode


def summary(node):
    return {finding: value for finding, value, _ in readSummary(tableOf(node, SUMMARY_TABLE_ROLE))}


def test_a_boxs_outline_is_shown_and_marked_and_measures_nothing(guided):
    segment = guided.GetSegmentation().GetSegment("Ovary")
    text = vtk.reference("")
    assert segment.GetTag("CRend.OvarySource", text) and str(text) == "box" and isGuide(guided) and not isEdited(guided)
    assert slicer.util.arrayFromSegmentBinaryLabelmap(guided, "Ovary").any()
    assert measureSegments(guided).ovary is None and np.isnan(summary(guided)["Ovary volume"]) and summary(guided)["Follicle count"] == 3
    shown = summaryText(tableOf(guided, SUMMARY_TABLE_ROLE), guided)
    assert "Ovary volume" in shown and "nan" not in shown and "sees no ovary in the box" in shown
    side = sideFrom(guided)
    assert side.ovary_source == "box" and side.measurements.ovary is None


def test_it_stays_a_guide_when_a_follicle_extends_it_and_undo_takes_that_back(guided):
    editing = FollicleEditing(guided)
    image = imageFromVolumeNode(guided.GetNodeReference("referenceImageGeometryRef"))
    editing.add(samples.maskOf(samples.ball((8, 24, 8), 4), image))
    updateTables(guided)
    assert editing.extendedMl > 0 and isGuide(guided) and np.isnan(summary(guided)["Ovary volume"])
    editing.undo()
    updateTables(guided)
    assert isGuide(guided) and np.isnan(summary(guided)["Ovary volume"]) and summary(guided)["Follicle count"] == 3


def test_drawn_by_hand_it_is_an_ovary_and_undo_makes_it_a_guide_again(guided):
    editing = FollicleEditing(guided)
    image = imageFromVolumeNode(guided.GetNodeReference("referenceImageGeometryRef"))
    editing.setOvary(samples.maskOf(samples.ball((20, 24, 28), 15), image))
    updateTables(guided)
    assert not isGuide(guided) and summary(guided)["Ovary volume"] > 1 and isEdited(guided)
    assert "ovary_from_box" not in [flag["key"] for flag in flagsOf(guided)]
    editing.undo()
    updateTables(guided)
    assert isGuide(guided) and np.isnan(summary(guided)["Ovary volume"])
    editing.redo()
    updateTables(guided)
    assert not isGuide(guided) and summary(guided)["Ovary volume"] > 1


def test_painted_in_segment_editor_it_is_an_ovary(guided):
    array = slicer.util.arrayFromSegmentBinaryLabelmap(guided, "Ovary")
    array[: array.shape[0] // 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, guided, "Ovary")
    updateTables(guided)
    assert not isGuide(guided) and summary(guided)["Ovary volume"] > 0.5
    assert "was changed by hand" in summaryText(tableOf(guided, SUMMARY_TABLE_ROLE), guided)


def test_a_click_that_changes_a_part_of_it_makes_it_no_ovary(guided):
    editing = FollicleEditing(guided)
    image = imageFromVolumeNode(guided.GetNodeReference("referenceImageGeometryRef"))
    editing.change("Ovary", samples.maskOf(samples.ball(*samples.OVARY) | samples.ball((20, 24, 44), 3), image))
    updateTables(guided)
    assert isGuide(guided) and np.isnan(summary(guided)["Ovary volume"])
    assert isEdited(guided), "Apply must not write over it"
    editing.undo()
    assert isGuide(guided) and not isEdited(guided)
    editing.redo()
    assert isGuide(guided) and isEdited(guided)


def test_beside_an_ovary_that_was_drawn_a_guide_measures_nothing_either(guided, tmp_path):
    volume = guided.GetNodeReference("referenceImageGeometryRef")
    other = guided.GetSegmentation().AddEmptySegment("Segment_1", "Ovary 2")
    drawn = samples.ball((8, 24, 8), 5)
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn.astype(np.uint8), guided, other, volume)
    measured = measureSegments(guided)
    assert measured.ovary.volume_ml == pytest.approx(drawn.sum() * np.prod(samples.SPACING) / 1000, rel=0.2) and measured.ovaries == ()
    exportSegmentation(guided, tmp_path / "labels.nrrd")
    found = read_labels(tmp_path / "labels.nrrd")
    wanted = drawn | (sitk.GetArrayFromImage(found.follicles) > 0)
    assert np.array_equal(sitk.GetArrayFromImage(found.ovary) > 0, wanted)


def test_what_a_file_says_of_a_guide_is_said_and_one_that_was_painted_on_is_an_ovary(guided, readers, tmp_path):
    exportSegmentation(guided, tmp_path / "guide.seg.nrrd")
    array = slicer.util.arrayFromSegmentBinaryLabelmap(guided, "Ovary")
    array[: array.shape[0] // 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, guided, "Ovary")
    exportSegmentation(guided, tmp_path / "painted.seg.nrrd")
    volume = measureSegments(guided).ovary.volume_ml
    guide, painted = (slicer.util.loadSegmentation(str(tmp_path / f"{name}.seg.nrrd")) for name in ("guide", "painted"))
    for node in (guide, painted):
        adopt(node)
    assert isGuide(guide) and np.isnan(summary(guide)["Ovary volume"])
    assert "sees no ovary in the box" in summaryText(tableOf(guide, SUMMARY_TABLE_ROLE), guide)
    assert not isGuide(painted) and summary(painted)["Ovary volume"] == pytest.approx(volume)
    assert "was changed by hand" in summaryText(tableOf(painted, SUMMARY_TABLE_ROLE), painted)


def test_it_stays_a_guide_where_a_transform_that_moves_it_is_hardened(guided, scene):
    guided.SetAndObserveTransformNodeID(transforms.linear(scene).GetID())
    assert "stretched" not in [flag["key"] for flag in flagsOf(guided)]
    guided.HardenTransform()
    updateTables(guided)
    assert isGuide(guided) and np.isnan(summary(guided)["Ovary volume"])


@pytest.mark.parametrize("parent", ["thin plate", "nested"])
def test_sizes_under_a_transform_that_bends_are_said_to_be_the_volumes_own(guided, scene, parent):
    guided.SetAndObserveTransformNodeID(transforms.PARENTS[parent](scene).GetID())
    assert flagsOf(guided)[0]["key"] == "stretched" and "stretched" in [flag["key"] for flag in sideFrom(guided).flags]


def test_a_guide_and_its_box_are_kept_with_the_scene(guided, scene, tmp_path):
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    with zipfile.ZipFile(tmp_path / "scene.mrb") as archive:
        archive.extractall(tmp_path)
    size = scene.GetFirstNodeByClass("vtkMRMLMarkupsROINode").GetSize()
    scene.SetURL(str(tmp_path / "scene" / "scene.mrml"))
    assert scene.Connect()
    node = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert isGuide(node) and measureSegments(node).ovary is None
    assert scene.GetFirstNodeByClass("vtkMRMLMarkupsROINode").GetSize() == size


def test_a_guide_is_told_from_an_ovary_wherever_its_outline_goes(guided, logic, reviewer, layouts, tmp_path):
    volume = guided.GetNodeReference("referenceImageGeometryRef")
    logic.predictor = samples.KnownPredictor()
    drawn = logic.segment(volume, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawn")).segmentationNode
    made = reviewer.start(drawn, guided).wait()
    assert "The ovary of the compared one is only the ellipsoid of a box" in made.notes[0]
    rows = {row["structure"]: row for row in readRows(made.metricsTableNode)}
    assert rows["Ovary"]["dsc"] is None and rows["Ovary"]["volume_compared_ml"] is None and rows["All follicles"]["dsc"] == 1.0
    with pytest.raises(InputError, match="only that of the box; draw the ovary first"):
        keepForTraining(guided, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    exportSegmentation(guided, tmp_path / "guide.nii.gz")
    found = read_labels(tmp_path / "guide.nii.gz")
    assert np.array_equal(sitk.GetArrayFromImage(found.ovary) > 0, sitk.GetArrayFromImage(found.follicles) > 0)
    exportSegmentation(guided, tmp_path / "guide.seg.nrrd")
    assert read_labels(tmp_path / "guide.seg.nrrd").guide
    array = slicer.util.arrayFromSegmentBinaryLabelmap(guided, "Ovary")
    array[: array.shape[0] // 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, guided, "Ovary")
    exportSegmentation(guided, tmp_path / "painted.seg.nrrd")
    assert not read_labels(tmp_path / "painted.seg.nrrd").guide
    assert "ellipsoid" not in " ".join(reviewer.start(drawn, guided).wait().notes)
