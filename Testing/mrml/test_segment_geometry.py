"""Where the segments of logic.segment lie: voxel by voxel on the volume, under whatever transform it is."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from host import samples
from host.transforms import PARENTS, linear

from crend.structures import segments
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


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
    volume.SetAndObserveTransformNodeID(linear(scene).GetID())
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


def test_probabilities_are_volumes_that_lie_on_the_ultrasound(scene, known):
    volume = samples.addVolume("flipped")
    volume.SetAndObserveTransformNodeID(linear(scene).GetID())
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
