"""From a volume node to a SimpleITK image: same voxels, same place in the body, or one clear line."""

import numpy as np
import pytest
import slicer
import vtk
from host import samples

from crend.errors import InputError
from CRendSegmentationLib.Scene.VolumeImage import ijkToRasMatrix, imageFromVolumeNode


@pytest.mark.parametrize("kind", ["axial", "oblique", "flipped"])
def test_a_voxel_lies_at_the_same_place_in_the_body(scene, kind):
    image = imageFromVolumeNode(samples.addVolume(kind))
    i, j, k = 7, 11, 30
    ras = samples.ijkToRas(kind) @ (i, j, k, 1)
    lps = image.TransformIndexToPhysicalPoint((i, j, k))
    assert np.allclose((-lps[0], -lps[1], lps[2]), ras[:3])


@pytest.mark.parametrize("kind", ["axial", "oblique", "flipped"])
def test_the_way_back_gives_the_same_matrix(scene, kind):
    image = imageFromVolumeNode(samples.addVolume(kind))
    assert np.allclose(slicer.util.arrayFromVTKMatrix(ijkToRasMatrix(image)), samples.ijkToRas(kind))


def test_voxels_and_type_are_kept(scene):
    array = samples.voxels().astype(np.int16) - 20
    image = imageFromVolumeNode(samples.addVolume(array=array))
    assert image.GetPixelIDTypeAsString() == "16-bit signed integer"
    assert image.GetPixel(28, 24, 20) == array[20, 24, 28]


def test_the_image_is_a_copy(scene):
    volume = samples.addVolume()
    image = imageFromVolumeNode(volume)
    before = image.GetPixel(3, 3, 3)
    slicer.util.arrayFromVolume(volume)[:] = 0
    assert image.GetPixel(3, 3, 3) == before


def test_a_parent_transform_is_not_applied(scene):
    volume = samples.addVolume("axial")
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100)
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    assert np.allclose(imageFromVolumeNode(volume).GetOrigin(), (-11, 23, 37))


def _noImage(scene):
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Bad")


def _labelmap(scene):
    return slicer.util.addVolumeFromArray(samples.voxels(), name="Bad", nodeClassName="vtkMRMLLabelMapVolumeNode")


def _colour(scene):
    return slicer.util.addVolumeFromArray(np.zeros((8, 8, 8, 3), np.uint8) + 5, name="Bad", nodeClassName="vtkMRMLVectorVolumeNode")


def _sheared(scene):
    volume = samples.addVolume("axial", name="Bad")
    matrix = samples.ijkToRas("axial")
    matrix[0, 1] += 0.2
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return volume


def _model(scene):
    return scene.AddNewNodeByClass("vtkMRMLModelNode", "Bad")


@pytest.mark.parametrize("make", [_noImage, _labelmap, _colour, _sheared, _model])
def test_anything_else_is_refused_in_one_line_that_names_the_volume(scene, make):
    with pytest.raises(InputError, match="^Bad: [^\n]+; [^\n]+$"):
        imageFromVolumeNode(make(scene))


def test_no_volume_is_refused_in_one_line(scene):
    with pytest.raises(InputError, match="^no volume is selected; [^\n]+$"):
        imageFromVolumeNode(None)
