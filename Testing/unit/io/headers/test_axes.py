"""Axes at right angles, or a refusal: the same for files, images in memory and labels."""

import numpy as np
import pytest
import SimpleITK as sitk
from header_files import VOXELS, affine, metaimage, nifti, nrrd, placed, vtk

from crend.errors import InputError
from crend.io.labels import read_labels, write_labels
from crend.io.volumes import check_image, image_like, read_image


def tilted(degrees):
    tangent = 0.7 * np.tan(np.radians(degrees))
    return f"(.7,0,0) (0,.7,0) (0,{tangent:g},.7)"


@pytest.mark.parametrize("degrees", [0.1, 20, 89.4])
def test_sheared_axes_are_refused(tmp_path, degrees):
    path = nrrd(tmp_path / "a.nrrd", placed(tilted(degrees)))
    with pytest.raises(InputError, match=f"not at right angles .{degrees:g} degrees off.; resample it to a regular grid"):
        read_image(path)
    with pytest.raises(InputError, match="not at right angles"):
        read_labels(path)


@pytest.mark.parametrize("matrix", ["1 0 0 .36 1 0 0 0 1", "1 0 0 0 1 0 0 .36 1"])
def test_a_sheared_metaimage_is_refused(tmp_path, matrix):
    with pytest.raises(InputError, match="not at right angles"):
        read_image(metaimage(tmp_path / "a.mha", f"ElementSpacing = .7 .7 .7\nTransformMatrix = {matrix}\n"))


def test_a_flat_matrix_is_refused(tmp_path):
    with pytest.raises(InputError, match="TransformMatrix|no numbers|right angles"):
        read_image(metaimage(tmp_path / "a.mha", "ElementSpacing = .7 .7 .7\nTransformMatrix = 1 0 0 0 1 0 0 0 0\n"))


@pytest.mark.parametrize("lean", [1e-5, 1e-4, 9e-4])
def test_a_nifti_that_leans_a_little_is_accepted_and_its_labels_can_be_written(tmp_path, lean):
    image = read_image(nifti(tmp_path / "a.nii", sform=affine(lean=lean)))
    assert image.GetSpacing() == pytest.approx((0.7, 0.7, 0.7), rel=1e-5)
    axes = np.reshape(image.GetDirection(), (3, 3))
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    empty = image_like(np.zeros(VOXELS.shape, np.uint8), image)
    write_labels(tmp_path / "labels.nii.gz", empty, sitk.Cast(empty, sitk.sitkUInt16))
    assert read_labels(tmp_path / "labels.nii.gz").ovary.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-6)


def test_one_that_leans_more_is_refused(tmp_path):
    with pytest.raises(InputError, match="not at right angles"):
        read_image(nifti(tmp_path / "a.nii", sform=affine(lean=2e-3)))


def test_images_in_memory_are_held_to_the_same(tmp_path):
    image = sitk.GetImageFromArray(VOXELS)
    image.SetSpacing((0.7,) * 3)
    for direction, words in (
        ((1, 0.3, 0, 0, 1, 0, 0, 0, 1), "directions are|right angles"),
        ((1, 0.1, 0, 0, np.sqrt(0.99), 0, 0, 0, 1), "not at right angles"),
        ((2, 0, 0, 0, 2, 0, 0, 0, 2), "directions are 2 x 2 x 2 long instead of 1"),
    ):
        image.SetDirection(direction)
        with pytest.raises(InputError, match=words):
            check_image(image, "x")
    image.SetDirection((1, 5e-4, 0, 0, 1, 0, 0, 0, 1))
    check_image(image, "x")
    image.SetOrigin((0, np.nan, 0))
    with pytest.raises(InputError, match="origin .*nan.* is no place"):
        check_image(image, "x")


@pytest.mark.parametrize(
    "write",
    [
        lambda p: nrrd(p / "a.nrrd", placed(more="space origin: (0,nan,0)\n")),
        lambda p: metaimage(p / "a.mha", "ElementSpacing = .7 .7 .7\nOffset = 0 nan 0\n"),
        lambda p: nifti(p / "a.nii", sform=affine(origin=(0, np.nan, 0))),
    ],
)
def test_a_place_that_is_none_is_refused(tmp_path, write):
    with pytest.raises(InputError, match="origin .*nan.* is no place"):
        read_image(write(tmp_path))


@pytest.mark.parametrize("space, signs", [("RAS", (-1, -1, 1)), ("left-anterior-superior", (1, -1, 1)), ("scanner-xyz", (1, 1, 1))])
def test_spaces_of_nrrd_are_turned_as_itk_turns_them(tmp_path, space, signs):
    path = nrrd(tmp_path / "a.nrrd", f"space: {space}\nspace directions: (0,.5,0) (.6,0,0) (0,0,-.7)\nspace origin: (1,2,3)\n")
    image, itks = read_image(path), sitk.ReadImage(str(path))
    assert image.GetOrigin() == pytest.approx(np.multiply(signs, (1, 2, 3)))
    for part in ("Spacing", "Origin", "Direction"):
        assert getattr(image, f"Get{part}")() == pytest.approx(getattr(itks, f"Get{part}")())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.nii", "a.nii.gz", "a.hdr", "a.mha", "a.mhd", "a.vtk"])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_format_and_type_is_read_as_itk_reads_it(tmp_path, name, kind):
    generator = np.random.default_rng(3)
    array = generator.normal(60, 10, (9, 10, 12)).astype(kind)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.6, 0.4, 0.55))
    image.SetOrigin((1, -2, 3.5))
    if not name.endswith(".vtk"):
        turn = sitk.VersorTransform()
        turn.SetRotation(list(generator.normal(size=3)), 1.1)
        image.SetDirection((np.reshape(turn.GetMatrix(), (3, 3)) @ np.diag([1, 1, -1])).ravel())
    sitk.WriteImage(image, str(tmp_path / name), True)
    read, itks = read_image(tmp_path / name), sitk.ReadImage(str(tmp_path / name))
    assert read.GetPixelID() == itks.GetPixelID() and np.array_equal(sitk.GetArrayViewFromImage(read), array)
    for part in ("Spacing", "Origin", "Direction"):
        assert getattr(read, f"Get{part}")() == pytest.approx(getattr(itks, f"Get{part}")(), abs=1e-6)


def test_vtk_lies_where_it_says(tmp_path):
    assert read_image(vtk(tmp_path / "a.vtk", "SPACING .5 .6 .7\n")).GetSpacing() == pytest.approx((0.5, 0.6, 0.7))
