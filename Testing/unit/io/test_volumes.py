"""Reading a volume, and what is said about one that cannot be segmented."""

import os
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.io.volumes import check_image, read_image, read_label_image


def noise(shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def image_of(array, spacing=1.0, **arguments):
    image = sitk.GetImageFromArray(array, **arguments)
    image.SetSpacing([spacing] * image.GetDimension())
    return image


def refused(image):
    with pytest.raises(InputError) as caught:
        check_image(image, "scan.nrrd")
    message = str(caught.value)
    assert message.startswith("scan.nrrd: ") and "\n" not in message and (";" in message or "," in message)
    return message


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_scalar_type_is_welcome(dtype):
    check_image(image_of(noise((8, 8, 8), dtype)), "x")


def test_wrong_dimensions():
    assert "single 2D image" in refused(image_of(noise((8, 8))))
    assert "single 2D slice" in refused(image_of(noise((1, 8, 8))))
    assert "4D" in refused(image_of(noise((3, 8, 8, 8)), isVector=False))
    assert "only 3 x 3 x 3 voxels" in refused(image_of(noise((3, 3, 3))))
    assert "no voxels" in refused(sitk.Image(0, 0, 0, sitk.sitkUInt8))


def test_wrong_voxels():
    assert "3 values per voxel" in refused(image_of(noise((8, 8, 8, 3)), isVector=True))
    assert "1 values per voxel" in refused(image_of(noise((8, 8, 8, 1)), isVector=True))
    assert "complex" in refused(sitk.Image(8, 8, 8, sitk.sitkComplexFloat32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(value):
    array = noise((8, 8, 8), np.float32)
    array[3, 4, 5] = value
    assert "NaN or infinite" in refused(image_of(array))


def test_values_beyond_any_grey_level():
    array = noise((8, 8, 8), np.float64)
    array[3, 4, 5] = -1e300
    assert "no grey levels" in refused(image_of(array))


def test_constant_volumes():
    assert "all voxels are 0" in refused(image_of(np.zeros((8, 8, 8), np.uint8)))
    assert "all voxels are 7.5" in refused(image_of(np.full((8, 8, 8), 7.5, np.float32)))


def test_a_spacing_that_must_be_wrong():
    assert "80 x 80 x 80" not in refused(image_of(noise((8, 8, 8)), 100.0))
    assert "800 x 800 x 800 mm" in refused(image_of(noise((8, 8, 8)), 100.0))
    assert "spacing" in refused(image_of(noise((8, 8, 8)), 0.0001))


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii.gz", "a.nii", "a.mha", "a.vtk"])
def test_formats_that_users_have(tmp_path, name):
    image = image_of(noise((8, 9, 10)), 0.5)
    sitk.WriteImage(image, str(tmp_path / name))
    read = read_image(tmp_path / name)
    assert read.GetSize() == (10, 9, 8) and read.GetSpacing() == pytest.approx((0.5, 0.5, 0.5))
    assert np.array_equal(sitk.GetArrayFromImage(read), noise((8, 9, 10)))


def test_one_frame_of_four_dimensions_is_a_volume(tmp_path):
    sitk.WriteImage(image_of(noise((1, 8, 9, 10)), isVector=False), str(tmp_path / "a.nrrd"))
    assert read_image(tmp_path / "a.nrrd").GetSize() == (10, 9, 8)


def test_files_that_are_none(tmp_path):
    (tmp_path / "empty.nrrd").write_bytes(b"")
    (tmp_path / "text.nrrd").write_text("hello")
    (tmp_path / "notes.txt").write_text("hello")
    for cut in (tmp_path / "cut.nrrd", tmp_path / "cut.nii.gz", tmp_path / "cut.nii", tmp_path / "cut.vtk"):
        sitk.WriteImage(image_of(noise((20, 20, 20))), str(cut))
        cut.write_bytes(cut.read_bytes()[:-100])
    (tmp_path / "folder").mkdir()
    wrong = {
        "missing.nrrd": "no such file",
        "empty.nrrd": "is empty (0 bytes)",
        "text.nrrd": "not an image format",
        "notes.txt": "not an image format",
        "cut.nrrd": "damaged or incomplete",
        "cut.nii.gz": "damaged or incomplete",
        "cut.nii": "damaged or incomplete",
        "cut.vtk": "damaged or incomplete",
        "folder": "without a DICOM series",
    }
    for name, words in wrong.items():
        with pytest.raises(InputError) as caught:
            read_image(tmp_path / name)
        assert words in str(caught.value) and str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [read_image, read_label_image])
def test_a_pair_of_header_and_voxels_is_read_by_either_name_and_refused_when_cut_short(tmp_path, read):
    sitk.WriteImage(image_of(noise((20, 20, 20))), str(tmp_path / "a.hdr"))
    for name in ("a.hdr", "a.img"):
        assert read(tmp_path / name).GetSize() == (20, 20, 20)
    (tmp_path / "a.img").write_bytes((tmp_path / "a.img").read_bytes()[:-100])
    for name in ("a.hdr", "a.img"):
        with pytest.raises(InputError, match=f"{name}: is damaged or incomplete"):
            read(tmp_path / name)


def test_a_sheared_volume_is_not_called_damaged(tmp_path):
    path = tmp_path / "a.nii"
    sitk.WriteImage(image_of(noise((8, 8, 8))), str(path))
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, 0, 1)  # qform_code, sform_code
    struct.pack_into("<12f", content, 280, 1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)  # sform
    path.write_bytes(content)
    with pytest.raises(InputError, match="a.nii: its axes are not at right angles .*; resample it to a regular grid"):
        read_image(path)


@pytest.mark.skipif(os.name == "nt", reason="names are always Unicode there")
def test_a_name_that_is_not_utf8_is_refused_instead_of_ending_the_process(tmp_path):
    folder = tmp_path / os.fsdecode(b"M\xfcller")
    folder.mkdir()
    write_series(tmp_path, noise((2, 16, 18)), 1)
    (tmp_path / "1_99.dcm").rename(tmp_path / os.fsdecode(b"\xfc.dcm"))
    for path in (folder, folder / "a.nrrd", tmp_path):
        with pytest.raises(InputError, match="not UTF-8; rename it") as caught:
            read_image(path)
        assert str(caught.value).isascii()
    with pytest.raises(InputError, match="not UTF-8; rename it"):
        read_label_image(folder / "a.nrrd")


def write_series(folder, array, series, positions=None):
    """One DICOM file a slice, 0.5 mm apart or at `positions`, in reverse order of their names."""
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k in range(array.shape[0]):
        piece = image_of(array[k][None], 0.5)[:, :, 0]
        for key, value in {
            "0008|0060": "MR",
            "0020|000e": f"1.2.826.0.1.3680043.2.1125.{series}",
            "0020|000d": "1.2.826.0.1.3680043.2.1125.9",
            "0008|0018": f"1.2.826.0.1.3680043.2.1125.{series}.{k}",
            "0020|0032": f"0\\0\\{0.5 * k if positions is None else positions[k]}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0013": str(k),
        }.items():
            piece.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{series}_{100 - k}.dcm"))
        writer.Execute(piece)


def test_a_folder_with_one_dicom_series_is_a_volume(tmp_path):
    array = noise((6, 16, 18))
    write_series(tmp_path, array, 1)
    image = read_image(tmp_path)
    assert image.GetSize() == (18, 16, 6) and image.GetSpacing() == pytest.approx((0.5, 0.5, 0.5))
    assert np.array_equal(sitk.GetArrayFromImage(image), array)
    write_series(tmp_path, array, 2)
    with pytest.raises(InputError, match="holds 2 DICOM series"):
        read_image(tmp_path)


def test_a_series_with_missing_or_unevenly_spaced_slices_is_refused(tmp_path):
    write_series(tmp_path, noise((20, 16, 18)), 1)
    for k in range(5, 9):
        (tmp_path / f"1_{100 - k}.dcm").unlink()
    with pytest.raises(InputError, match="slices are missing or unevenly spaced .*; export the series again"):
        read_image(tmp_path)


def test_rounded_positions_of_slices_are_even(tmp_path):
    write_series(tmp_path, noise((12, 16, 18)), 1, [round(k / 3, 2) for k in range(12)])
    assert read_image(tmp_path).GetSpacing()[2] == pytest.approx(1 / 3, abs=1e-3)


def test_a_single_dicom_slice_says_that_the_folder_is_wanted(tmp_path):
    write_series(tmp_path, noise((1, 16, 18)), 1)
    with pytest.raises(InputError, match="their folder"):
        check_image(image_of(noise((16, 18))), "x")
    with pytest.raises(InputError, match="2D slice"):
        read_image(tmp_path / "1_100.dcm")
