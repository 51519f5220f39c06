"""The .seg.nrrd files against Slicer's own storage node, both ways."""

import numpy as np
import pytest
import SimpleITK as sitk

slicer_core = pytest.importorskip("slicer_core")

from crend.io.labels import read_labels, write_labels  # noqa: E402
from crend.structures import segments  # noqa: E402

OBLIQUE = sitk.VersorRigid3DTransform()
OBLIQUE.SetRotation((0.3, -0.5, 0.8), 0.7)


def labels(direction=OBLIQUE.GetMatrix(), count=3):
    """An ovary box with `count` follicle boxes in it, anisotropic, oblique, off the origin."""
    organ = np.zeros((12, 14, 16), np.uint8)
    organ[2:10, 3:12, 4:15] = 1
    instances = np.zeros(organ.shape, np.uint16)
    for k in range(1, count + 1):
        instances[3 : 8 - k, 4:8, 3 * k + 2 : 3 * k + 4] = k
    images = [sitk.GetImageFromArray(a) for a in (organ, instances)]
    for image in images:
        image.SetSpacing((0.3, 0.5, 0.8))
        image.SetOrigin((-12.5, 7.25, 40.0))
        image.SetDirection(direction)
    return images


@pytest.fixture(scope="module", autouse=True)
def surfaces_can_be_made():
    """What Slicer's Segmentations module does when it starts."""
    factory = slicer_core.vtkSegmentationConverterFactory.GetInstance()
    factory.RegisterConverterRule(slicer_core.vtkBinaryLabelmapToClosedSurfaceConversionRule())


def load(path):
    """vtkMRMLSegmentationNode read by vtkMRMLSegmentationStorageNode in a scene of its own (returned too: it owns the node)."""
    scene = slicer_core.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    assert storage.ReadData(node), storage.GetUserMessages().GetAllMessagesAsString()
    return scene, node


def voxels(node, identifier, reference):
    """The segment's mask on the grid of `reference` (z, y, x), and its image to RAS matrix."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    labelmap = slicer_core.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(identifier, labelmap)
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    full = np.zeros(sitk.GetArrayViewFromImage(reference).shape, bool)
    x0, x1, y0, y1, z0, z1 = labelmap.GetExtent()
    if x1 >= x0:
        array = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(z1 - z0 + 1, y1 - y0 + 1, x1 - x0 + 1)
        full[z0 : z1 + 1, y0 : y1 + 1, x0 : x1 + 1] = array != 0
    return full, np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])


def ras_matrix(image):
    """Index to RAS, from first principles: the images of the origin and of one step along each axis."""
    origin = np.array(image.TransformIndexToPhysicalPoint((0, 0, 0)))
    steps = [np.array(image.TransformIndexToPhysicalPoint(i)) - origin for i in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    matrix = np.eye(4)
    matrix[:3] = np.column_stack(steps + [origin])
    return np.diag([-1, -1, 1, 1]) @ matrix


def ids(node):
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]


@pytest.mark.parametrize("direction", [OBLIQUE.GetMatrix(), (-1, 0, 0, 0, -1, 0, 0, 0, 1)], ids=["oblique", "flipped"])
def test_slicer_reads_what_was_written(tmp_path, direction):
    ovary, follicles = labels(direction)
    path = tmp_path / "result.seg.nrrd"
    write_labels(path, ovary, follicles)
    _, node = load(path)
    assert ids(node) == ["Ovary", "Follicle_1", "Follicle_2", "Follicle_3"]
    expected = [sitk.GetArrayFromImage(ovary) > 0] + [sitk.GetArrayFromImage(follicles) == k for k in (1, 2, 3)]
    for k, (identifier, mask) in enumerate(zip(ids(node), expected)):
        segment = node.GetSegmentation().GetSegment(identifier)
        assert segment.GetName() == ("Ovary", "Follicle 1", "Follicle 2", "Follicle 3")[k]
        assert segment.GetColor() == pytest.approx(segments.colour(k), abs=1e-5)
        assert segment.GetTerminology() == (segments.FOLLICLE_TERMINOLOGY if k else segments.OVARY_TERMINOLOGY)
        found, matrix = voxels(node, identifier, ovary)
        assert np.array_equal(found, mask), identifier
        assert matrix == pytest.approx(ras_matrix(ovary), abs=1e-6)
        assert segment.GetRepresentation("Closed surface").GetNumberOfPoints() > 0


def test_reference_geometry_is_the_images(tmp_path):
    ovary, follicles = labels()
    write_labels(tmp_path / "result.seg.nrrd", ovary, follicles)
    _, node = load(tmp_path / "result.seg.nrrd")
    geometry = slicer_core.vtkOrientedImageData()
    text = node.GetSegmentation().GetConversionParameter("Reference image geometry")
    assert slicer_core.vtkSegmentationConverter.DeserializeImageGeometry(text, geometry, False)
    assert geometry.GetExtent() == (0, 15, 0, 13, 0, 11)


@pytest.mark.parametrize("what", ["no follicles", "nothing"])
def test_slicer_reads_empty_results(tmp_path, what):
    ovary, follicles = labels(count=0)
    if what == "nothing":
        ovary = ovary * 0
    write_labels(tmp_path / "empty.seg.nrrd", ovary, follicles)
    _, node = load(tmp_path / "empty.seg.nrrd")
    assert ids(node) == ["Ovary"]
    assert np.array_equal(voxels(node, "Ovary", ovary)[0], sitk.GetArrayFromImage(ovary) > 0)


@pytest.mark.parametrize("count", [0, 3])
def test_what_slicer_wrote_is_read(tmp_path, count):
    ovary, follicles = labels(count=count)
    write_labels(tmp_path / "ours.seg.nrrd", ovary, follicles)
    scene, node = load(tmp_path / "ours.seg.nrrd")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "slicers.seg.nrrd"))
    assert storage.WriteData(node)
    again = read_labels(tmp_path / "slicers.seg.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(again.ovary), sitk.GetArrayFromImage(ovary))
    assert np.array_equal(sitk.GetArrayFromImage(again.follicles), sitk.GetArrayFromImage(follicles))
    assert again.ovary.GetOrigin() == pytest.approx(ovary.GetOrigin())
    assert again.ovary.GetDirection() == pytest.approx(ovary.GetDirection())


def test_cropped_file_of_slicer_lies_in_the_same_place(tmp_path):
    ovary, follicles = labels()
    write_labels(tmp_path / "ours.seg.nrrd", ovary, follicles)
    scene, node = load(tmp_path / "ours.seg.nrrd")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetCropToMinimumExtent(True)
    storage.SetFileName(str(tmp_path / "cropped.seg.nrrd"))
    assert storage.WriteData(node)
    again = read_labels(tmp_path / "cropped.seg.nrrd")
    assert again.ovary.GetSize() == (11, 9, 8)
    moved = sitk.Resample(again.follicles, ovary, sitk.Transform(), sitk.sitkNearestNeighbor)
    assert np.array_equal(sitk.GetArrayFromImage(moved), sitk.GetArrayFromImage(follicles))
