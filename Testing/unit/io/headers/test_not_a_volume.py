"""What is not one volume: refused by its name, or one frame of it read."""

import numpy as np
import pytest
import SimpleITK as sitk
from header_files import CUBE, SIZES, VOXELS, metaimage, nifti, nrrd, placed

from crend.errors import InputError
from crend.io.volumes import count_frames, read_file, read_image

FRAMES = np.stack([VOXELS, 255 - VOXELS, VOXELS // 2])  # (frame, z, y, x)


def refused(path, words, **options):
    with pytest.raises(InputError) as caught:
        read_image(path, **options)
    assert words in str(caught.value) and str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value), str(caught.value)


def directions(fields):
    return f"space: left-posterior-superior\n{fields}\n"


SEQUENCES = {
    "interleaved": (f"3 {SIZES}", f"kinds: list domain domain domain\nspace directions: none {CUBE}", np.moveaxis(FRAMES, 0, -1)),
    "behind": (f"{SIZES} 3", f"kinds: domain domain domain list\nspace directions: {CUBE} none", FRAMES),
    "in time": (f"{SIZES} 3", f"kinds: domain domain domain time\nspace directions: {CUBE} none", FRAMES),
    "time first": (f"3 {SIZES}", f"kinds: time domain domain domain\nspace directions: none {CUBE}", np.moveaxis(FRAMES, 0, -1)),
    "no kinds": (f"{SIZES} 3", f"space directions: {CUBE} none", FRAMES),
    "nan for none": (f"3 {SIZES}", f"kinds: list domain domain domain\nspace directions: (nan,nan,nan) {CUBE}", np.moveaxis(FRAMES, 0, -1)),
    "between": (
        "10 3 9 8",
        "kinds: domain list domain domain\nspace directions: (.7,0,0) none (0,.7,0) (0,0,.7)",
        np.moveaxis(FRAMES, 0, 2),
    ),
}


@pytest.mark.parametrize("kind", SEQUENCES)
def test_frames_of_a_sequence_wherever_their_axis_lies(tmp_path, kind):
    sizes, fields, data = SEQUENCES[kind]
    path = nrrd(tmp_path / "a.seq.nrrd", directions(fields), sizes=sizes, dimension=4, data=np.ascontiguousarray(data).tobytes())
    refused(path, "a sequence of 3 frames; choose one with --frame K (1 to 3)")
    assert count_frames(path) == 3
    for k in range(3):
        image = read_image(path, frame=k + 1)
        assert np.array_equal(sitk.GetArrayViewFromImage(image), FRAMES[k]) and image.GetSpacing() == pytest.approx((0.7, 0.7, 0.7))
    for wrong in (0, 4, -1):
        refused(path, f"there is no frame {wrong}; it has 3, counted from 1", frame=wrong)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_frames_of_files_with_four_dimensions(tmp_path, name):
    image = sitk.GetImageFromArray(FRAMES, isVector=False)
    image.SetSpacing((0.7, 0.7, 0.7, 1))
    sitk.WriteImage(image, str(tmp_path / name))
    refused(tmp_path / name, "a sequence of 3 frames")
    frame = read_image(tmp_path / name, frame=2)
    assert np.array_equal(sitk.GetArrayViewFromImage(frame), FRAMES[1]) and frame.GetSpacing() == pytest.approx((0.7, 0.7, 0.7))
    with pytest.raises(InputError, match="a sequence of 3 frames; give one 3D image"):
        read_file(tmp_path / name)


def test_a_sequence_of_one_frame_is_a_volume(tmp_path):
    fields = directions(f"kinds: list domain domain domain\nspace directions: none {CUBE}")
    path = nrrd(tmp_path / "a.seq.nrrd", fields, sizes=f"1 {SIZES}", dimension=4)
    assert np.array_equal(sitk.GetArrayViewFromImage(read_image(path)), VOXELS) and count_frames(path) == 1
    assert np.array_equal(sitk.GetArrayViewFromImage(read_image(path, frame=1)), VOXELS)
    for kind in ("vector", "stub", "scalar"):
        fields = directions(f"kinds: {kind} domain domain domain\nspace directions: none {CUBE}")
        path = nrrd(tmp_path / "one.nrrd", fields, sizes=f"1 {SIZES}", dimension=4)
        assert np.array_equal(sitk.GetArrayViewFromImage(read_image(path)), VOXELS)


@pytest.mark.parametrize("kind, count", [("RGB-color", 3), ("vector", 3), ("RGBA-color", 4), ("3-vector", 3)])
def test_colour_is_not_a_sequence(tmp_path, kind, count):
    fields = directions(f"kinds: {kind} domain domain domain\nspace directions: none {CUBE}")
    path = nrrd(tmp_path / "a.nrrd", fields, sizes=f"{count} {SIZES}", dimension=4, data=VOXELS.tobytes() * count)
    refused(path, f"{count} values per voxel (colour")
    refused(nifti(tmp_path / "a.nii", kind=128, data=VOXELS.tobytes() * 3), "3 values per voxel (colour")


@pytest.mark.parametrize(
    "fields",
    [
        "Kinds = domain domain list\nSeq_Frame0000_ImageStatus = OK\nSeq_Frame0001_ImageStatus = OK\n",
        "UltrasoundImageOrientation = MF\nUltrasoundImageType = BRIGHTNESS\n",
        "Seq_Frame0000_ProbeToTrackerTransform = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n",
    ],
)
def test_tracked_2d_frames_are_no_volume(tmp_path, fields):
    path = metaimage(tmp_path / "a.mha", "ElementSpacing = .7 .7 .7\n" + fields)
    refused(path, "a sequence of 8 2D frames (tracked ultrasound); reconstruct a volume of it first")
    refused(path, "reconstruct a volume", spacing=(0.7, 0.7, 0.7))


def test_a_reconstructed_volume_keeps_the_kinds_of_its_frames_and_is_read(tmp_path):
    path = metaimage(tmp_path / "a.mha", "ElementSpacing = .7 .7 .7\nKinds = domain domain list\n")
    assert np.array_equal(sitk.GetArrayViewFromImage(read_image(path)), VOXELS)


def test_segmentations_complex_numbers_and_single_slices_are_named(tmp_path):
    refused(nrrd(tmp_path / "a.seg.nrrd", placed(more="Segment0_ID:=Ovary\n")), "a segmentation; give the ultrasound volume")
    fields = directions(f"kinds: complex domain domain domain\nspace directions: none {CUBE}")
    refused(nrrd(tmp_path / "b.nrrd", fields, sizes=f"2 {SIZES}", dimension=4, data=VOXELS.tobytes() * 2), "complex numbers")
    flat = "space: left-posterior-superior\nspace dimension: 2\nspace directions: (.7,0) (0,.7)\n".replace(
        "space: left-posterior-superior\n", ""
    )
    refused(nrrd(tmp_path / "c.nrrd", flat, sizes="10 9", dimension=2), "a single 2D image; give a 3D volume")
    refused(nrrd(tmp_path / "d.nrrd", placed(), sizes="72 10 1"), "a single 2D slice")
    refused(metaimage(tmp_path / "e.mha", "ElementSpacing = .7 .7\n", sizes="10 9", dimensions=2), "a single 2D image")


def test_a_picture_in_slices_needs_a_spacing(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(tmp_path / "a.tif"))
    refused(tmp_path / "a.tif", "does not say how far slices are apart; give the spacing with --spacing X Y Z")
    assert read_image(tmp_path / "a.tif", spacing=(0.6, 0.7, 0.8)).GetSpacing() == pytest.approx((0.6, 0.7, 0.8))


def test_layers_of_a_segmentation_are_components_of_one_image(tmp_path):
    fields = directions(f"kinds: list domain domain domain\nspace directions: none {CUBE}")
    data = np.ascontiguousarray(np.moveaxis(FRAMES, 0, -1)).tobytes()
    image = read_file(nrrd(tmp_path / "a.seg.nrrd", fields + "Segment0_ID:=Ovary\n", sizes=f"3 {SIZES}", dimension=4, data=data))
    assert image.GetNumberOfComponentsPerPixel() == 3 and image.GetMetaData("Segment0_ID") == "Ovary"
    assert np.array_equal(np.moveaxis(sitk.GetArrayFromImage(image), -1, 0), FRAMES)


def test_2d_frames_one_after_the_other_are_no_volume_in_any_format(tmp_path):
    words = "a sequence of 8 2D frames, not a volume; reconstruct a volume of it first"
    flat = "space dimension: 2\nkinds: domain domain list\nspace directions: (.7,0) (0,.7) none\n"
    refused(nrrd(tmp_path / "a.nrrd", flat), words)
    thin = directions("kinds: domain domain domain list\nspace directions: (.7,0,0) (0,.7,0) (0,0,.7) none")
    refused(nrrd(tmp_path / "b.nrrd", thin, sizes="10 9 1 8", dimension=4), words)
    refused(metaimage(tmp_path / "c.mha", "ElementSpacing = .7 .7 .7 1\n", sizes="10 9 1 8", dimensions=4), words)
    refused(nifti(tmp_path / "d.nii", shape=(8, 1, 9, 10)), words, frame=1)
