"""What a volume's file says of its spacing is held against what Slicer has read of it."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from dicom_files import CLIP, enhanced, write

from crend.errors import InputError
from crend.io.acquisition import header_warnings_of
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

HEADER = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 10 9 8\nencoding: raw\n{}\n\n"
VOXELS = np.random.default_rng(0).integers(1, 200, (8, 9, 10)).astype(np.uint8)


def load(scene, path):
    """The file as Slicer's own reader has it."""
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Scan")
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    assert storage.ReadData(volume)
    volume.SetAndObserveStorageNodeID(storage.GetID())
    return volume


def nrrd(path, fields):
    path.write_bytes(HEADER.format(fields).encode() + VOXELS.tobytes())
    return path


def test_a_spacing_that_slicer_has_read_wrong_is_refused_until_the_user_says_the_true_one(scene, tmp_path):
    fields = 'space: left-posterior-superior\nspace units: "cm" "cm" "cm"\nspace directions: (.07,0,0) (0,.07,0) (0,0,.07)'
    volume = load(scene, nrrd(tmp_path / "cm.nrrd", fields))
    with pytest.raises(
        InputError, match="^Scan: Slicer has read voxels of 0.07 x .* where cm.nrrd states 0.7 x 0.7 x 0.7 mm; enter the true"
    ):
        imageFromVolumeNode(volume)
    volume.SetSpacing(0.7, 0.7, 0.7)
    assert imageFromVolumeNode(volume).GetSpacing() == pytest.approx((0.7, 0.7, 0.7))


def test_a_file_without_a_spacing_is_refused_until_the_user_says_one(scene, tmp_path):
    volume = load(scene, nrrd(tmp_path / "none.nrrd", ""))
    with pytest.raises(InputError, match="^Scan: its header says neither spacings nor space directions; enter the true spacing"):
        imageFromVolumeNode(volume)
    volume.SetSpacing(0.5, 0.5, 0.7)
    assert imageFromVolumeNode(volume).GetSpacing() == pytest.approx((0.5, 0.5, 0.7))


def test_what_must_be_known_of_a_header_goes_with_the_image(scene, tmp_path):
    path = tmp_path / "scaled.mha"
    fields = "ObjectType = Image\nNDims = 3\nBinaryData = True\nElementSpacing = 0.7 0.7 0.7\nTransformMatrix = 2 0 0 0 2 0 0 0 2\n"
    path.write_bytes((fields + "DimSize = 10 9 8\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n").encode() + VOXELS.tobytes())
    image = imageFromVolumeNode(load(scene, path))
    assert image.GetSpacing() == pytest.approx((1.4, 1.4, 1.4))
    assert "voxels of 1.4 x 1.4 x 1.4 mm" in header_warnings_of(image)[0]


def test_a_whole_file_is_read_without_a_word(scene, tmp_path):
    image = sitk.GetImageFromArray(VOXELS)
    image.SetSpacing((0.4, 0.5, 0.6))
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    read = imageFromVolumeNode(load(scene, tmp_path / "scan.nii.gz"))
    assert read.GetSpacing() == pytest.approx((0.4, 0.5, 0.6)) and header_warnings_of(read) == []
    assert np.array_equal(sitk.GetArrayFromImage(read), VOXELS)


def test_a_volume_whose_file_is_gone_is_read_all_the_same(scene, tmp_path):
    volume = load(scene, nrrd(tmp_path / "none.nrrd", ""))
    (tmp_path / "none.nrrd").unlink()
    assert slicer.mrmlScene is scene and imageFromVolumeNode(volume).GetSize() == (10, 9, 8)


def test_dicom_ultrasound_that_slicer_reads_as_it_likes_is_held_against_its_groups(scene, tmp_path):
    volume = load(scene, enhanced(tmp_path / "a.dcm"))
    with pytest.raises(InputError, match="^Scan: Slicer has read voxels of .* where a.dcm states 0.7 x 0.6 x 0.5 mm"):
        imageFromVolumeNode(volume)
    volume.SetSpacing(0.7, 0.6, 0.5)
    assert imageFromVolumeNode(volume).GetSpacing() == pytest.approx((0.7, 0.6, 0.5))
    clip = load(scene, write(tmp_path / "b.dcm", [], CLIP, frames=6))
    with pytest.raises(InputError, match="^Scan: an ultrasound clip of 6 frames in time, not a volume; export the 3D volume"):
        imageFromVolumeNode(clip)
    clip.SetSpacing(0.7, 0.6, 0.5)
    with pytest.raises(InputError, match="an ultrasound clip"):
        imageFromVolumeNode(clip)
