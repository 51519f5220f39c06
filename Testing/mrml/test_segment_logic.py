"""logic.segment on real MRML: what is read back from the scene is what crend found, voxel by voxel."""

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from crend import segments
from crend.errors import Cancelled, InputError
from crend.measurements import Measurements
from host import samples
from host.fixtures import describeScene

from CRendSegmentationLib.VolumeImage import imageFromVolumeNode


@pytest.fixture
def known(logic):
    """The logic with a predictor that returns what is known of the sample volume."""
    logic.predictor = samples.KnownPredictor()
    return logic


def _linear(scene):
    turn = vtk.vtkTransform()
    turn.Translate(30, -10, 5)
    turn.RotateY(33)
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Linear")
    node.SetMatrixTransformToParent(turn.GetMatrix())
    return node


def _thinPlate(scene):
    spline = vtk.vtkThinPlateSplineTransform()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in np.ndindex(2, 2, 2):
        source.InsertNextPoint(*(np.array(corner) * 60 - 20))
        target.InsertNextPoint(*(np.array(corner) * 60 - 20 + 4 * np.sin(np.array(corner) * 5 + 1)))
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    spline.SetBasisToR()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "ThinPlate")
    node.SetAndObserveTransformToParent(spline)
    return node


def _grid(scene):
    displacement = vtk.vtkImageData()
    displacement.SetDimensions(5, 5, 5)
    displacement.SetSpacing(30, 30, 30)
    displacement.SetOrigin(-50, -80, -20)
    displacement.AllocateScalars(vtk.VTK_DOUBLE, 3)
    vectors = 5 * np.sin(np.arange(5 ** 3 * 3))
    for index in range(5 ** 3):
        displacement.GetPointData().GetScalars().SetTuple3(index, *vectors[3 * index:3 * index + 3])
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(displacement)
    transform.SetInterpolationModeToCubic()
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Grid")
    node.SetAndObserveTransformFromParent(transform)
    return node


def _nested(scene):
    inner, outer = _thinPlate(scene), _linear(scene)
    inner.SetAndObserveTransformNodeID(outer.GetID())
    return inner


PARENTS = {"no transform": lambda scene: None, "linear": _linear, "thin plate": _thinPlate, "grid": _grid, "nested": _nested}


@pytest.mark.parametrize("parent", PARENTS)
@pytest.mark.parametrize("kind", ["axial", "oblique", "flipped"])
def test_segments_read_back_are_crends_voxel_by_voxel(scene, known, kind, parent):
    volume = samples.addVolume(kind)
    transform = PARENTS[parent](scene)
    volume.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    nodes = known.segment(volume)
    expected = samples.KnownPredictor().predict(imageFromVolumeNode(volume))
    wanted = {segments.OVARY_ID: sitk.GetArrayFromImage(expected.ovary)}
    for number in (1, 2, 3):
        wanted[segments.follicle_id(number)] = sitk.GetArrayFromImage(expected.follicles) == number
    for segmentID, array in wanted.items():
        read = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, segmentID, volume)
        assert np.array_equal(read, array), segmentID
        assert read.sum() > 100


@pytest.mark.parametrize("parent", PARENTS)
def test_the_surface_in_the_world_encloses_the_transformed_voxels(scene, known, parent):
    volume = samples.addVolume("oblique")
    transform = PARENTS[parent](scene)
    volume.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    node = known.segment(volume).segmentationNode
    assert node.GetParentTransformNode() is transform
    (z, y, x), radius = samples.FOLLICLES[0]
    centre = (samples.ijkToRas("oblique") @ (x, y, z, 1))[:3]
    toWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(transform, None, toWorld)
    surface = vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation(segments.follicle_id(1), surface)
    mover = vtk.vtkTransformPolyDataFilter()
    mover.SetTransform(toWorld)
    mover.SetInputData(surface)
    mover.Update()
    distance = vtk.vtkImplicitPolyDataDistance()
    distance.SetInput(mover.GetOutput())
    assert distance.EvaluateFunction(toWorld.TransformPoint(centre)) < -0.5 * radius * min(samples.SPACING)


def test_the_segmentation_is_under_the_transform_that_the_volume_has_now(scene, known):
    volume = samples.addVolume()
    node = known.segment(volume).segmentationNode
    volume.SetAndObserveTransformNodeID(_linear(scene).GetID())
    known.segment(volume, node)
    assert node.GetParentTransformNode().GetName() == "Linear"


def test_reference_geometry_is_the_volumes(scene, known):
    volume = samples.addVolume("flipped")
    node = known.segment(volume).segmentationNode
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is volume
    text = node.GetSegmentation().GetConversionParameter(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName())
    geometry = slicer.vtkOrientedImageData()
    assert slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, geometry)
    assert geometry.GetDimensions() == samples.SHAPE[::-1]
    matrix = vtk.vtkMatrix4x4()
    geometry.GetImageToWorldMatrix(matrix)
    assert np.allclose(slicer.util.arrayFromVTKMatrix(matrix), samples.ijkToRas("flipped"))


def test_segments_are_named_coloured_and_coded(scene, known):
    segmentation = known.segment(samples.addVolume()).segmentationNode.GetSegmentation()
    found = [segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments())]
    assert [segment.GetName() for segment in found] == ["Ovary", "Follicle 1", "Follicle 2", "Follicle 3"]
    assert len({segment.GetColor() for segment in found}) == 4
    codes = []
    for segment in found:
        text = vtk.reference("")
        segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text)
        entry = slicer.vtkSlicerTerminologyEntry()
        assert slicer.modules.terminologies.logic().DeserializeTerminologyEntry(str(text), entry)
        codes.append((entry.GetTypeObject().GetCodingSchemeDesignator(), entry.GetTypeObject().GetCodeValue()))
    assert codes == [segments.OVARY_CODE[:2]] + 3 * [segments.FOLLICLE_CODE[:2]]
    assert codes[0] == ("SCT", "15497006")


def test_slicer_knows_both_codes_from_a_loaded_terminology(scene, known):
    terminologies = slicer.modules.terminologies.logic()
    for context, label, code in ((segments.SLICER_CONTEXT, "left ovary", segments.OVARY_CODE),
                                 (segments.CREND_CONTEXT, "ovarian follicle", segments.FOLLICLE_CODE)):
        entry = slicer.vtkSlicerTerminologyEntry()
        assert terminologies.FindTypeInTerminologyBy3dSlicerLabel(context, label, entry)
        assert entry.GetTypeObject().GetCodeValue() == code[1]


def test_the_ovary_is_translucent_and_everything_is_shown_in_3d(scene, known):
    display = known.segment(samples.addVolume()).segmentationNode.GetDisplayNode()
    assert display.GetSegmentOpacity3D("Ovary") < 0.5
    assert display.GetSegmentOpacity3D("Follicle_1") == 1
    assert display.GetVisibility() and display.GetVisibility3D()
    assert all(display.GetSegmentVisibility3D(name) for name in ("Ovary", "Follicle_1", "Follicle_2", "Follicle_3"))
    assert display.GetDisplayRepresentationName3D() == "Closed surface"


def test_the_table_holds_the_measurements_with_types_and_units(scene, known):
    volume = samples.addVolume()
    node = known.segment(volume).follicleTableNode
    table = node.GetTable()
    assert tuple(table.GetColumnName(index) for index in range(table.GetNumberOfColumns())) == (*Measurements.COLUMNS, "manual")
    rows = samples.KnownPredictor().predict(imageFromVolumeNode(volume)).measurements.rows()
    assert table.GetNumberOfRows() == len(rows) == 3
    for index, row in enumerate(rows):
        assert table.GetValueByName(index, "segment").ToString() == row["segment"]
        for name in Measurements.COLUMNS:
            if name != "segment":
                assert table.GetValueByName(index, name).ToDouble() == row[name]
    assert table.GetColumnByName("id").IsA("vtkIntArray")
    assert table.GetColumnByName("dv_mm").IsA("vtkDoubleArray")
    assert (node.GetColumnUnitLabel("volume_ml"), node.GetColumnUnitLabel("dx_mm")) == ("ml", "mm")


def test_the_summary_counts_follicles_and_gives_the_ovarys_volume(scene, known):
    table = known.segment(samples.addVolume()).summaryTableNode.GetTable()
    values = {table.GetValueByName(row, "finding").ToString(): (table.GetValueByName(row, "value").ToDouble(),
                                                                table.GetValueByName(row, "unit").ToString())
              for row in range(table.GetNumberOfRows())}
    millilitres = samples.ball(*samples.OVARY).sum() * np.prod(samples.SPACING) / 1000
    assert values["Ovary volume"] == (pytest.approx(millilitres), "ml")
    assert values["Follicle count"] == (3, "")


def test_everything_is_in_the_volumes_study(scene, known):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    volume = samples.addVolume()
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
    nodes = known.segment(volume)
    for node in (nodes.segmentationNode, nodes.follicleTableNode, nodes.summaryTableNode):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study


def test_a_second_run_overwrites_segmentation_and_tables(scene, known):
    volume = samples.addVolume()
    first = known.segment(volume)
    count = scene.GetNumberOfNodes()
    known.predictor = samples.KnownPredictor(follicles=1)
    second = known.segment(volume, first.segmentationNode)
    assert second[:3] == first[:3]
    assert scene.GetNumberOfNodes() == count
    assert second.segmentationNode.GetSegmentation().GetNumberOfSegments() == 2
    assert second.follicleTableNode.GetNumberOfRows() == 1


def test_no_ovary_is_said_in_words_and_gives_empty_results(scene, known):
    known.predictor = samples.KnownPredictor(ovary=False, follicles=0)
    volume = samples.addVolume()
    nodes = known.segment(volume)
    assert nodes.message == "no ovary found"
    assert nodes.segmentationNode.GetSegmentation().GetNumberOfSegments() == 1
    assert not slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, "Ovary", volume).any()
    assert nodes.follicleTableNode.GetNumberOfRows() == 0
    assert nodes.follicleTableNode.GetNumberOfColumns() == len(Measurements.COLUMNS) + 1


BAD_VOXELS = {
    "flat": np.zeros((1, 40, 40), np.uint8) + 3,
    "tiny": np.arange(27, dtype=np.uint8).reshape(3, 3, 3),
    "constant": np.full((20, 20, 20), 7, np.uint8),
    "not a number": np.where(np.arange(8000).reshape(20, 20, 20) == 5, np.nan, 1.0),
    "infinite": np.where(np.arange(8000).reshape(20, 20, 20) == 5, np.inf, 1.0),
}


@pytest.mark.parametrize("what", BAD_VOXELS)
def test_bad_voxels_are_refused_in_one_line_and_the_scene_stays(scene, known, what):
    volume = samples.addVolume(name="Poor scan", array=BAD_VOXELS[what])
    before = describeScene(scene)
    with pytest.raises(InputError, match="^Poor scan: [^\n]+$"):
        known.segment(volume)
    assert describeScene(scene) == before
    assert known.predictor.settings == []


@pytest.mark.parametrize("error", [InputError("the model is broken"), Cancelled(), RuntimeError("out of memory")])
def test_the_scene_stays_when_the_prediction_does_not_end_well(scene, known, error):
    volume = samples.addVolume()
    known.predictor = samples.KnownPredictor(error=error)
    before = describeScene(scene)
    with pytest.raises(type(error)):
        known.segment(volume)
    assert describeScene(scene) == before


def test_probabilities_are_volumes_that_lie_on_the_ultrasound(scene, known):
    volume = samples.addVolume("flipped")
    volume.SetAndObserveTransformNodeID(_linear(scene).GetID())
    node = known.segment(volume, keepProbabilities=True).segmentationNode
    kept = node.GetNodeReference("CRend.FollicleProbability")
    assert kept.GetParentTransformNode() is volume.GetParentTransformNode()
    array = slicer.util.arrayFromVolume(kept)
    assert array.dtype == np.float32
    (z, y, x), _ = samples.FOLLICLES[0]
    inside = np.linalg.inv(slicer.util.arrayFromVTKMatrix(_matrixOf(kept))) @ samples.ijkToRas("flipped") @ (x, y, z, 1)
    assert array[tuple(np.round(inside[2::-1]).astype(int))] == 1 and array[0, 0, 0] == 0
    count = scene.GetNumberOfNodes()
    known.segment(volume, node, keepProbabilities=True)
    assert scene.GetNumberOfNodes() == count


def _matrixOf(volume):
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def test_a_volume_removed_or_moved_on_the_way_is_an_error_and_the_scene_stays(scene, known):
    volume = samples.addVolume()
    run = known.start(volume)
    volume.SetOrigin(0, 0, 0)
    before = describeScene(scene)
    with pytest.raises(InputError, match="^Ultrasound: was moved"):
        run.wait()
    run = known.start(volume)
    scene.RemoveNode(volume)
    with pytest.raises(InputError, match="^Ultrasound: was removed"):
        run.wait()
    assert set(describeScene(scene)) <= set(before)


def test_progress_is_told_and_cancel_leaves_the_scene(scene, known):
    known.predictor = samples.KnownPredictor(hold=True)
    volume = samples.addVolume()
    before, told = describeScene(scene), []
    with pytest.raises(Cancelled):
        known.segment(volume, progress=lambda *what: told.append(what), cancelled=lambda: len(told) > 2)
    assert told[0] == ("windows", 0.25)
    assert describeScene(scene) == before


@pytest.mark.parametrize("existing", [False, True])
def test_the_scene_stays_when_writing_the_result_fails(scene, known, existing, monkeypatch):
    from CRendSegmentationLib import Results

    volume = samples.addVolume()
    node = known.segment(volume).segmentationNode if existing else None
    known.predictor = samples.KnownPredictor(follicles=1)
    before = describeScene(scene)

    def fail(segmentationNode):
        raise MemoryError

    monkeypatch.setattr(Results, "showSegmentation", fail)
    with pytest.raises(MemoryError):
        known.segment(volume, node)
    assert describeScene(scene) == before
    if existing:
        assert slicer.util.arrayFromSegmentBinaryLabelmap(node, "Follicle_3", volume).sum() == samples.ball(*samples.FOLLICLES[2]).sum()


def test_the_result_survives_saving_and_loading_the_scene(scene, known, tmp_path):
    volume = samples.addVolume("oblique")
    volume.SetAndObserveTransformNodeID(_linear(scene).GetID())
    known.segment(volume)
    expected = samples.ball(*samples.FOLLICLES[1])
    bundle = str(tmp_path / "scene.mrb")
    scene.SetRootDirectory(str(tmp_path))
    assert scene.WriteToMRB(bundle)
    scene.Clear(0)
    zipfile.ZipFile(bundle).extractall(tmp_path)
    scene.SetURL(str(next(tmp_path.rglob("*.mrml"))))
    assert scene.Import(None)
    node = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    read = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Follicle_2", volume)
    assert np.array_equal(read, expected)
    table = node.GetNodeReference("CRend.FollicleTable")
    assert table.GetNumberOfRows() == 3
    assert table.GetTable().GetColumnByName("id").IsA("vtkIntArray")


def test_the_notice_and_the_model_stay_with_the_segmentation(scene, known):
    node = known.segment(samples.addVolume()).segmentationNode
    assert "Research use only" in node.GetAttribute("CRend.notice")
    assert node.GetAttribute("CRend.bundle") == "known"
