"""Never a wrong millimetre: the size of a voxel as the file says it, or a refusal that names what stands there."""

import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from header_files import CUBE, VOXELS, affine, metaimage, nifti, nrrd, placed, vtk

from crend.errors import InputError
from crend.io.acquisition import header_warnings_of
from crend.io.labels import read_labels
from crend.io.volumes import read_image

CURE = "correct the file, or give the true spacing with --spacing X Y Z"


def refused(path, **options):
    with pytest.raises(InputError) as caught:
        read_image(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and message.endswith(".")
    return message.removeprefix(f"{path}: ")


def spacing_of(path, warned="", **options):
    image = read_image(path, **options)
    assert (sitk.GetArrayViewFromImage(image) == VOXELS).all()
    warnings = " ".join(header_warnings_of(image))
    assert warned in warnings if warned else warnings == ""
    return pytest.approx(image.GetSpacing())


@pytest.mark.parametrize(
    "unit, step",
    [
        ("mm", ".7"),
        ("cm", ".07"),
        ("m", ".0007"),
        ("um", "700"),
        ("µm", "700"),
        ("\u03bcm", "700"),
        ("micron", "700"),
        ("centimeters", ".07"),
        ("", ".7"),
    ],
)
def test_units_of_the_space_are_heeded(tmp_path, unit, step):
    directions = f"({step},0,0) (0,{step},0) (0,0,{step})"
    path = nrrd(tmp_path / "a.nrrd", placed(directions, f'space units: "{unit}" "{unit}" "{unit}"\n'))
    assert spacing_of(path, "not in mm" if unit not in ("mm", "") else "") == (0.7, 0.7, 0.7)


def test_units_of_axes_that_have_spacings_are_heeded(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", 'spacings: .07 .07 700\nunits: "cm" "cm" "um"\n')
    assert spacing_of(path, "not in mm") == (0.7, 0.7, 0.7)


def test_a_unit_that_is_no_length_is_refused(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", placed(more='space units: "pixel" "pixel" "pixel"\n'))
    assert refused(path) == f'its space units are "pixel"; {CURE}.'


def test_fewer_units_than_axes_are_refused(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", placed("(.07,0,0) (0,.07,0) (0,0,.07)", 'space units: "cm"\n'))
    assert refused(path) == f'its header says space units "cm" of 3 axes; {CURE}.'
    path = nrrd(tmp_path / "b.nrrd", 'spacings: .07 .07 .07\nunits: "cm"\n')
    assert refused(path) == f'its header says units "cm", fewer than it has axes; {CURE}.'


def test_limits_of_the_axes_must_fit_to_the_spacing(tmp_path):
    for last in ("7 6.3 5.6", "6.3 5.6 4.9", "7 nan 5.6"):  # of voxels between them, or on them
        for name in ("axis mins: 0 0 0\naxis maxs", "axismins: 0 0 0\naxismaxs"):
            assert spacing_of(nrrd(tmp_path / "a.nrrd", f"spacings: .7 .7 .7\n{name}: {last}\n")) == (0.7, 0.7, 0.7)
    path = nrrd(tmp_path / "b.nrrd", "spacings: 1 1 1\naxis mins: 0 0 0\naxis maxs: 7 6.3 5.6\n")
    assert refused(path) == f"its spacings are 1 x 1 x 1, its axis mins and maxs 0.7 x 0.7 x 0.7 a voxel; {CURE}."


@pytest.mark.parametrize(
    "write, words",
    [
        (lambda p: nrrd(p / "a.nrrd"), "neither spacings nor space directions"),
        (lambda p: nrrd(p / "a.nrrd", "spacings: nan nan nan\n"), "neither spacings nor space directions"),
        (lambda p: nrrd(p / "a.nrrd", "spacings: .7 .7 nan\n"), "spacings .7 .7 nan are impossible"),
        (lambda p: nrrd(p / "a.nrrd", "spacings: .7 .7 0\n"), "spacings .7 .7 0 are impossible"),
        (lambda p: nrrd(p / "a.nrrd", placed("(.7,0,0) (0,.7,0) (0,0,0)")), "are impossible"),
        (lambda p: nrrd(p / "a.nrrd", placed("(nan,0,0) (0,.7,0) (0,0,.7)")), "are impossible"),
        (
            lambda p: nrrd(p / "a.nrrd", placed(more="spacings: .9 .9 .9\n")),
            "spacings are 0.9 x 0.9 x 0.9, its space directions 0.7 x 0.7 x 0.7",
        ),
        (lambda p: metaimage(p / "a.mha", ""), "no spacing"),
        (lambda p: metaimage(p / "a.mha", "ElementSpacing = .7 .7 0\n"), "ElementSpacing = .7 .7 0 is impossible"),
        (lambda p: metaimage(p / "a.mha", "ElementSpacing = nan .7 .7\n"), "is impossible"),
        (lambda p: metaimage(p / "a.mha", "ElementSpacing = -.7 .7 .7\n"), "is impossible"),
        (lambda p: vtk(p / "a.vtk", ""), "no SPACING"),
        (lambda p: vtk(p / "a.vtk", "SPACING .7 0 .7\n"), "SPACING .7 0 .7 is impossible"),
        (lambda p: vtk(p / "a.vtk", "SPACING .7 nan .7\n"), "is impossible"),
        (lambda p: nifti(p / "a.nii", (0.7, 0.7, 0)), "pixdim says voxels of 0.7 x 0.7 x 0"),
        (lambda p: nifti(p / "a.nii", (np.nan, 0.7, 0.7), qform=1), "pixdim says voxels of nan x 0.7 x 0.7"),
        (
            lambda p: nifti(p / "a.nii", (1.1,) * 3, sform=affine()),
            "pixdim says voxels of 1.1 x 1.1 x 1.1 mm, its sform 0.7 x 0.7 x 0.7 mm",
        ),
        (
            lambda p: nifti(p / "a.nii", (0.7, 0.7, 1.4), qform=1, sform=affine(), order=">"),
            "0.7 x 0.7 x 1.4 mm, its sform 0.7 x 0.7 x 0.7 mm",
        ),
        (lambda p: nifti(p / "a.nii", (0.8,) * 3, sform=affine(), version=2), "pixdim says voxels of 0.8 x 0.8 x 0.8 mm"),
        (lambda p: nifti(p / "a.nii", units=5), "unit of length has the code 5"),
    ],
)
def test_no_spacing_out_of_nowhere_and_none_that_contradicts_itself(tmp_path, write, words):
    path = write(tmp_path)
    message = refused(path)
    assert words in message and message.endswith(f"; {CURE}.")
    given = read_image(path, spacing=(0.6, 0.7, 0.8))
    assert given.GetSpacing() == pytest.approx((0.6, 0.7, 0.8)) and (sitk.GetArrayViewFromImage(given) == VOXELS).all()
    assert words.partition(" are")[0][:8] in header_warnings_of(given)[0] and "as given" in header_warnings_of(given)[0]


@pytest.mark.parametrize(
    "first, second",
    [("ElementSpacing = .7 .7 .7", "ElementSpacing = .9 .9 .9"), ("Offset = 1 2 3", "Position = 3 2 1"), ("NDims = 3", "NDims = 2")],
)
def test_a_field_that_is_said_twice_is_refused_with_both_values(tmp_path, first, second):
    message = refused(metaimage(tmp_path / "a.mha", f"{first}\n{second}\n" + "ElementSpacing = .7 .7 .7\n" * ("Element" not in first)))
    assert first.partition(" = ")[2] in message and second.partition(" = ")[2] in message


def test_a_spacing_said_twice_is_refused_in_other_formats(tmp_path):
    assert '".7 .7 .7" and ".9 .9 .9"' in refused(nrrd(tmp_path / "a.nrrd", "spacings: .7 .7 .7\nspacings: .9 .9 .9\n"))
    assert ".7 .7 .7 and .9 .9 .9" in refused(vtk(tmp_path / "a.vtk", "SPACING .7 .7 .7\nASPECT_RATIO .9 .9 .9\n"))


def test_of_two_sizes_the_one_that_is_none_is_passed_over_and_said(tmp_path):
    assert spacing_of(nifti(tmp_path / "a.nii", (0.7, 0.7, 0), sform=affine()), "taken from its sform") == (0.7, 0.7, 0.7)
    assert spacing_of(nifti(tmp_path / "b.nii", (np.nan,) * 3, sform=affine()), "taken from its sform") == (0.7, 0.7, 0.7)
    broken = affine()
    broken[:, 2] = 0
    assert spacing_of(nifti(tmp_path / "c.nii", qform=1, sform=broken), "taken from pixdim") == (0.7, 0.7, 0.7)
    assert spacing_of(nifti(tmp_path / "d.nii", sform=affine(np.nan)), "taken from pixdim") == (0.7, 0.7, 0.7)


@pytest.mark.parametrize("units, factor", [(0, 1), (1, 1e-3), (2, 1), (3, 1e3)])
@pytest.mark.parametrize("order", "<>")
def test_units_of_nifti_are_heeded_in_spacing_and_place(tmp_path, units, factor, order):
    path = nifti(tmp_path / "a.nii", np.full(3, 0.7) * factor, sform=affine() * factor, units=units, order=order)
    assert spacing_of(path) == (0.7, 0.7, 0.7)
    assert read_image(path).GetOrigin() == pytest.approx((-1, -2, 3), abs=1e-5)


def test_both_versions_of_nifti_are_read_with_either_form_or_none(tmp_path):
    for version in (1, 2):
        for options in ({}, {"qform": 1}, {"sform": affine()}, {"qform": 1, "sform": affine()}):
            assert spacing_of(nifti(tmp_path / "a.nii", version=version, **options)) == (0.7, 0.7, 0.7)


def test_element_size_stands_in_for_a_missing_spacing(tmp_path):
    assert spacing_of(metaimage(tmp_path / "a.mha", "ElementSize = .7 .7 .7\n")) == (0.7, 0.7, 0.7)


def test_an_element_size_beside_the_spacing_is_refused_or_said(tmp_path):
    same, thick, other = (f"ElementSpacing = .7 .7 .7\nElementSize = {size}\n" for size in (".70 .70 .70", ".7 .7 2", "1 1 1"))
    assert spacing_of(metaimage(tmp_path / "a.mha", same)) == (0.7, 0.7, 0.7)
    assert spacing_of(metaimage(tmp_path / "b.mha", thick), "ElementSize = .7 .7 2; voxels of 0.7 x 0.7 x 0.7 taken") == (0.7, 0.7, 0.7)
    assert refused(metaimage(tmp_path / "c.mha", other)) == f"its header says ElementSpacing = .7 .7 .7 and ElementSize = 1 1 1; {CURE}."


def test_a_scaled_matrix_is_read_as_slicer_reads_it(tmp_path):
    path = metaimage(tmp_path / "a.mha", "ElementSpacing = .7 .7 .7\nTransformMatrix = 2 0 0 0 2 0 0 0 2\n")
    assert spacing_of(path, "voxels of 1.4 x 1.4 x 1.4 mm") == (1.4, 1.4, 1.4)
    assert read_image(path).GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    path = metaimage(tmp_path / "b.mha", "TransformMatrix = 0 .7 0 .5 0 0 0 0 .6\n")
    assert spacing_of(path, "taken from TransformMatrix") == (0.7, 0.5, 0.6)


def test_labels_without_a_spacing_are_refused_too(tmp_path):
    with pytest.raises(InputError, match="neither spacings nor space directions"):
        read_labels(nrrd(tmp_path / "a.nrrd"))
    with pytest.raises(InputError, match="pixdim says voxels of 1.1"):
        read_labels(nifti(tmp_path / "a.nii", (1.1,) * 3, sform=affine()))


def test_a_spacing_of_the_users_must_be_possible(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", placed())
    for wrong in ((0, 0.5, 0.5), (np.nan, 0.5, 0.5), (-1, 1, 1), (0.5, 0.5)):
        with pytest.raises(InputError, match="^--spacing .*: give three lengths in mm"):
            read_image(path, spacing=wrong)


def test_compressed_headers_say_the_same(tmp_path):
    plain = nifti(tmp_path / "a.nii", (1.1,) * 3, sform=affine())
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(plain.read_bytes()))
    assert "pixdim says voxels of 1.1" in refused(tmp_path / "a.nii.gz")
    assert spacing_of(nrrd(tmp_path / "a.nrrd", placed(CUBE), encoding="gzip", data=gzip.compress(VOXELS.tobytes()))) == (0.7, 0.7, 0.7)


@pytest.mark.parametrize("unit, step", [("cm", 0.07), ("um", 700), ("mm", 0.7), ("?", 0.7)])
def test_units_of_metaimage_are_heeded(tmp_path, unit, step):
    path = metaimage(tmp_path / "a.mha", f"ElementSpacing = {step} {step} {step}\nDistanceUnits = {unit}\n")
    assert spacing_of(path, f"in {unit}; converted to mm" if unit in ("cm", "um") else "") == (0.7, 0.7, 0.7)


def test_a_unit_of_metaimage_that_is_no_length_is_refused(tmp_path):
    assert 'its lengths are in "furlong"' in refused(metaimage(tmp_path / "a.mha", "ElementSpacing = 1 1 1\nDistanceUnits = furlong\n"))
