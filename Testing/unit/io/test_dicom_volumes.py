"""DICOM as scanners write it: volumes by the places of their frames, and what is none refused by its name."""

import shutil

import dicom_files
import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import BIG, CLIP, EXPLICIT, IMPLICIT, SEGMENTATION, STILL, VOXELS, enhanced, measures, orientation, series, write

from crend.errors import InputError
from crend.io.acquisition import header_warnings_of
from crend.io.itk_warnings import heard
from crend.io.volumes import count_frames, read_file, read_image

SPACING = (0.7, 0.6, 0.5)


def refused(path, words, **options):
    with pytest.raises(InputError) as caught:
        read_image(path, **options)
    assert words in str(caught.value) and "\n" not in str(caught.value), str(caught.value)


def assert_read(path, wanted=SPACING, voxels=VOXELS, **options):
    image = read_image(path, **options)
    assert image.GetSpacing() == pytest.approx(wanted)
    assert np.array_equal(sitk.GetArrayViewFromImage(image), voxels)
    return image


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("undefined", [False, True])
def test_an_enhanced_ultrasound_volume_has_the_spacing_of_its_groups(tmp_path, syntax, undefined):
    if syntax == BIG and undefined:
        pytest.skip("one of the two is enough")
    image = assert_read(enhanced(tmp_path / "a.dcm", syntax=syntax, undefined=undefined))
    assert image.GetOrigin() == pytest.approx((0, 0, 0)) and header_warnings_of(image) == []


def test_groups_of_each_frame_say_the_same_as_those_of_all(tmp_path):
    assert_read(enhanced(tmp_path / "a.dcm", shared=[orientation()], per_frame=[measures()]))
    assert_read(enhanced(tmp_path / "b.dcm", shared=[measures()], per_frame=[orientation()]))
    refused(
        enhanced(tmp_path / "c.dcm", per_frame=[measures((0.9, 0.9))]),
        "say [0.9, 0.9] and [0.6, 0.7]",
    )


def test_frames_are_put_in_the_order_of_their_places(tmp_path):
    order = [3, 0, 5, 1, 4, 2]
    assert_read(enhanced(tmp_path / "a.dcm", places=[(0, 0, 0.5 * k) for k in order], voxels=VOXELS[order]))
    image = assert_read(enhanced(tmp_path / "b.dcm", places=[(0, 0, -0.5 * k) for k in range(6)]), voxels=VOXELS[::-1])
    assert image.GetOrigin() == pytest.approx((0, 0, -2.5))


def test_an_oblique_volume_lies_where_its_header_says(tmp_path):
    along = np.array([0.6, 0.8, 0.0])
    normal = np.cross((0, 0, 1), along)
    shared = [measures(), orientation((0, 0, 1, *along))]
    image = assert_read(enhanced(tmp_path / "a.dcm", shared=shared, places=[(1, 2, 3) + 0.5 * k * normal for k in range(6)]))
    last = image.TransformIndexToPhysicalPoint((2, 3, 5))
    assert last == pytest.approx((1, 2, 3) + 2 * 0.7 * np.array([0, 0, 1]) + 3 * 0.6 * along + 5 * 0.5 * normal)


def test_a_spacing_that_is_missing_or_contradicts_itself_is_refused(tmp_path):
    refused(enhanced(tmp_path / "a.dcm", shared=[orientation()]), "no pixel spacing; correct the file, or give the true spacing")
    assert_read(tmp_path / "a.dcm", (0.8, 0.9, 0.6), spacing=(0.8, 0.9, 0.6))
    refused(enhanced(tmp_path / "b.dcm", places=[None] * 6), "no distance between slices")
    assert_read(tmp_path / "b.dcm", (0.8, 0.9, 0.6), spacing=(0.8, 0.9, 0.6))
    image = assert_read(enhanced(tmp_path / "c.dcm", places=[None] * 6, shared=[measures(between=0.5), orientation()]))
    assert "distance of 0.5 mm" in header_warnings_of(image)[0]
    refused(
        enhanced(tmp_path / "d.dcm", shared=[measures(between=0.9), orientation()]), "0.5 mm apart by their places, 0.9 mm by the header"
    )
    refused(enhanced(tmp_path / "e.dcm", shared=[measures((0, 0.7)), orientation()]), "pixel spacing 0 \\ 0.7 is impossible")
    refused(enhanced(tmp_path / "f.dcm", shared=[measures(("nan", 0.7)), orientation()]), "no number")


def test_sizes_that_stand_outside_the_groups_of_frames_must_be_the_same(tmp_path):
    def region(delta_x, delta_y, unit=3):
        return (
            0x0018, 0x6011, "SQ",
            [[(0x0018, 0x6024, "US", unit), (0x0018, 0x6026, "US", unit), (0x0018, 0x602C, "FD", delta_x), (0x0018, 0x602E, "FD", delta_y)]],
        )  # fmt: skip

    for syntax in (EXPLICIT, IMPLICIT):
        for fits in ((0x0028, 0x0030, "DS", [0.6, 0.7]), region(0.07, -0.06), region(9, 9, unit=4)):
            assert_read(enhanced(tmp_path / "a.dcm", more=[fits], syntax=syntax))
        for wrong, words in (
            ((0x0028, 0x0030, "DS", [1.5, 1.5]), "pixels of 0.6 x 0.7 mm, the rest of its header says 1.5 x 1.5 mm"),
            (region(0.14, 0.12), "pixels of 0.6 x 0.7 mm, an ultrasound region says 1.2 x 1.4 mm"),
        ):
            refused(enhanced(tmp_path / "b.dcm", more=[wrong], syntax=syntax), words)
    for step in (0.5, 0.9):
        elements = dicom_files.groups([(0, 0, 0.5 * k) for k in range(6)])
        for k, frame in enumerate(elements[1][3]):
            frame.insert(0, (0x0020, 0x9113, "SQ", [[(0x0020, 0x0032, "DS", [5, 6, step * k])]]))
        path = write(tmp_path / "c.dcm", elements, dicom_files.ENHANCED_US, frames=6)
        if step == 0.5:
            assert_read(path)
        else:
            refused(path, "2.5 mm apart in the volume, 4.5 mm in the patient")


def test_missing_and_doubled_frames_are_refused(tmp_path):
    places = [(0, 0, 0.5 * k) for k in (0, 1, 2, 4, 5, 6)]
    refused(enhanced(tmp_path / "a.dcm", places=places), "slices are missing or unevenly spaced (0.5 to 1 mm apart)")
    places = [(0, 0, 0.5 * k) for k in (0, 1, 2, 3, 4, 4)]
    refused(enhanced(tmp_path / "b.dcm", places=places), "slices are missing or doubled")


def test_a_sheared_stack_of_frames_is_refused(tmp_path):
    refused(enhanced(tmp_path / "a.dcm", places=[(0.1 * k, 0, 0.5 * k) for k in range(6)]), "not at right angles")


def test_volumes_one_after_the_other_are_frames(tmp_path):
    places = [(0, 0, 0.5 * k) for k in range(6)] * 2
    both = np.concatenate([VOXELS, 255 - VOXELS])
    path = enhanced(tmp_path / "a.dcm", places=places, voxels=both)
    refused(path, "a sequence of 2 frames; choose one with --frame K (1 to 2)")
    assert count_frames(path) == 2
    assert_read(path, frame=1)
    assert_read(path, frame=2, voxels=255 - VOXELS)


def test_clips_stills_colour_and_other_objects_are_refused_by_name(tmp_path):
    region = (0x0018, 0x6011, "SQ", [[(0x0018, 0x6024, "US", 3), (0x0018, 0x602C, "FD", 0.07)]])
    refused(write(tmp_path / "a.dcm", [region], CLIP, frames=6), "an ultrasound clip of 6 frames in time, not a volume")
    refused(tmp_path / "a.dcm", "an ultrasound clip", spacing=(0.5, 0.5, 0.5))
    refused(write(tmp_path / "b.dcm", [region], STILL, voxels=VOXELS[0]), "a single ultrasound image")
    refused(write(tmp_path / "c.dcm", [], SEGMENTATION, frames=6), "a DICOM segmentation, not an image")
    refused(write(tmp_path / "d.dcm", [], "1.2.840.10008.5.1.4.1.1.7.2", frames=6), "6 frames without places in space")
    refused(
        write(tmp_path / "e.dcm", [], dicom_files.CT, voxels=VOXELS[0]),
        "a single 2D slice; give a 3D volume (for DICOM slices, their folder)",
    )
    one_plane = enhanced(tmp_path / "f.dcm", places=[(0, 0, 0)] * 6)
    refused(one_plane, "lie in one plane: images in time, not a volume")
    colour = np.repeat(VOXELS[..., None], 3, axis=-1)
    refused(enhanced(tmp_path / "g.dcm", voxels=colour, samples=3), "3 values per voxel (colour)")


def test_a_folder_of_slices_is_one_volume(tmp_path):
    image = assert_read(series(tmp_path))
    assert header_warnings_of(image) == []
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    write(tmp_path / "segmentation.dcm", [], SEGMENTATION, frames=6, series="9.9")
    assert_read(tmp_path)
    assert_read(tmp_path, (0.5, 0.5, 0.5), spacing=(0.5, 0.5, 0.5))


def test_a_slice_that_is_damaged_missing_or_there_twice_is_named(tmp_path):
    whole = (series(tmp_path) / "97.dcm").read_bytes()
    (tmp_path / "97.dcm").write_bytes(whole[:-20])
    refused(tmp_path, f"{tmp_path / '97.dcm'}: is damaged or incomplete")
    (tmp_path / "97.dcm").write_bytes(whole[:150])
    refused(tmp_path, "97.dcm: is damaged or incomplete")
    (tmp_path / "97.dcm").write_bytes(b"\0" * 500)
    refused(tmp_path, "97.dcm: is damaged or incomplete (it lacks the mark of a DICOM file)")
    (tmp_path / "97.dcm").unlink()
    refused(tmp_path, "slices are missing or unevenly spaced (0.5 to 1 mm apart); export the series again")
    (tmp_path / "97.dcm").write_bytes(whole)
    shutil.copy(tmp_path / "97.dcm", tmp_path / "copy.dcm")
    refused(tmp_path, "97.dcm and copy.dcm are the same slice; remove one of them")


def test_every_second_slice_missing_is_noticed_by_the_distance_in_the_header(tmp_path):
    refused(
        series(tmp_path, 1.0, more=[(0x0018, 0x0088, "DS", 0.5)]), "1 mm apart by their places, 0.5 mm by the header; some may be missing"
    )


def test_slices_at_the_end_are_missed_where_the_header_counts_them(tmp_path):
    refused(series(tmp_path, more=[(0x0054, 0x0081, "US", 8)]), "2 of its 8 slices are missing")


def test_slices_without_a_size_or_a_place_are_refused(tmp_path):
    for name in "abcd":
        (tmp_path / name).mkdir()
    refused(series(tmp_path / "a", spacing=None), "no pixel spacing; correct the file, or give the true spacing with --spacing")
    assert_read(tmp_path / "a", spacing=SPACING)
    refused(series(tmp_path / "b", places=[None] * 6), "6 images without places in space, so not a volume")
    refused(series(tmp_path / "c", places=[None] * 6, sop_class=STILL), "6 single ultrasound images, so not a volume")
    refused(series(tmp_path / "d", places=[(0, 0, 0.5 * k) if k else None for k in range(6)]), "1 of its 6 slices have no orientation")


def test_volumes_in_time_in_a_folder_are_frames(tmp_path):
    series(tmp_path, count=6, places=[(0, 0, 0.5 * (k % 3)) for k in range(6)])
    refused(tmp_path, "only 10 x 9 x 3 voxels", frame=1)
    assert count_frames(tmp_path) == 2
    refused(tmp_path, "a sequence of 2 frames")


def test_labels_in_dicom_frames_are_read_with_their_size(tmp_path):
    assert read_file(enhanced(tmp_path / "a.dcm")).GetSpacing() == pytest.approx(SPACING)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    content = enhanced(tmp_path / "a.dcm").read_bytes()
    for length in np.linspace(140, len(content) - 1, 40).astype(int):
        (tmp_path / "a.dcm").write_bytes(content[:length])
        refused(tmp_path / "a.dcm", "")


def test_what_itk_warns_of_is_heard_once_and_not_printed(capfd):
    with heard() as warnings:
        for _ in range(2):
            sitk.LoggerBase.GetGlobalITKLogger().DisplayWarningText("WARNING: In /x/y.cxx, line 7\nReader (0x1): the header is odd\n\n")
    assert warnings == ["the header is odd"] and capfd.readouterr() == ("", "")
