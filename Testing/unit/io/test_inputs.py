"""Which volumes a batch means, and what their results are called."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.io.inputs import Volume, find_volumes, part_of, search_inputs


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def names(inputs, out):
    return [volume.name for volume in find_volumes(inputs, out)]


def test_a_folder_is_searched_to_any_depth_and_segmentations_are_passed_over(tmp_path):
    touch(tmp_path, "b.nii.gz", "a.nrrd", "site/a.mha", "a.seg.nrrd", "notes.txt", ".hidden.nrrd", "out/old.nrrd")
    assert names([tmp_path], tmp_path / "out") == ["a", "b", "site/a"]


def test_a_folder_of_dicom_files_is_one_volume(tmp_path):
    touch(tmp_path, "case 1/1.dcm", "case 1/2.DCM", "case 2/1.dcm", "case 2/report.pdf")
    assert find_volumes([tmp_path], tmp_path / "out") == [
        Volume(tmp_path / "case 1", "case 1"),
        Volume(tmp_path / "case 2" / "1.dcm", "case 2"),
    ]
    assert names([tmp_path / "case 1"], tmp_path / "out") == ["case 1"]


def test_what_discs_and_file_browsers_put_beside_a_series_does_not_hide_it(tmp_path):
    touch(tmp_path, *(f"case/{name}" for name in ("1.dcm", "2.dcm", ".DS_Store", "._1.dcm", "Thumbs.db", "DICOMDIR", ".cache/x")))
    assert names([tmp_path], tmp_path / "out") == ["case"]


def test_dicom_files_without_an_ending_are_a_series(tmp_path):
    touch(tmp_path, "case/IM0001", "case/1.2.840.7", "notes/README")
    for name in ("IM0001", "1.2.840.7"):
        (tmp_path / "case" / name).write_bytes(bytes(128) + b"DICM")
    assert names([tmp_path], tmp_path / "out") == ["case"]


def test_linked_folders_are_searched_once(tmp_path):
    touch(tmp_path, "store/a.nrrd", "scans/z/b.nrrd")
    (tmp_path / "scans" / "linked").symlink_to(tmp_path / "store")
    (tmp_path / "scans" / "a_link").symlink_to(tmp_path / "scans" / "z")
    (tmp_path / "store" / "back").symlink_to(tmp_path / "scans")
    assert names([tmp_path / "scans"], tmp_path / "out") == ["linked/a", "z/b"]


def test_results_among_the_files_given_are_no_volumes(tmp_path):
    touch(tmp_path, "a.nrrd", "a.seg.nrrd")
    assert names(sorted(tmp_path.glob("*.nrrd")), tmp_path) == ["a"]


def test_a_volume_given_twice_counts_once(tmp_path):
    touch(tmp_path, "a.nrrd")
    assert names([tmp_path / "a.nrrd", tmp_path], tmp_path / "out") == ["a"]


def test_a_list_names_its_results(tmp_path):
    touch(tmp_path, "one/scan.nrrd", "two/scan.nrrd")
    (tmp_path / "list.csv").write_text("volume,name\none/scan.nrrd,patient 1\ntwo/scan.nrrd,\n")
    assert names([tmp_path / "list.csv"], tmp_path / "out") == ["patient 1", "scan"]
    (tmp_path / "list.csv").write_text("volume,name\none/scan.nrrd,../escaped\n")
    with pytest.raises(InputError, match="line 2: .*leads out"):
        names([tmp_path / "list.csv"], tmp_path / "out")
    (tmp_path / "list.csv").write_text("image\none/scan.nrrd\n")
    with pytest.raises(InputError, match="no column `volume`"):
        names([tmp_path / "list.csv"], tmp_path / "out")


@pytest.mark.parametrize(
    "text",
    [
        "Volume;Name\none/scan.nrrd; patient 1\n\n",
        "name\tVOLUME\npatient 1\tone/scan.nrrd\n",
        '"volume","name"\n"one/scan.nrrd","patient 1"\n',
    ],
)
def test_a_list_is_read_as_spreadsheets_write_it(tmp_path, text):
    (tmp_path / "list.csv").write_text(text, encoding="utf-8-sig")
    assert find_volumes([tmp_path / "list.csv"], tmp_path / "out") == [Volume(tmp_path / "one" / "scan.nrrd", "patient 1")]


def test_a_list_names_folders_in_full_and_no_segmentation(tmp_path):
    touch(tmp_path, "scan.1/1.dcm", "scan.2/1.dcm")
    (tmp_path / "list.csv").write_text("volume\nscan.1\nscan.2\n")
    assert names([tmp_path / "list.csv"], tmp_path / "out") == ["scan.1", "scan.2"]
    (tmp_path / "list.csv").write_text("volume,name\na.seg.nrrd,b\n")
    with pytest.raises(InputError, match="line 2: a.seg.nrrd is a segmentation"):
        names([tmp_path / "list.csv"], tmp_path / "out")
    (tmp_path / "list.csv").write_text("volume,name\na.nrrd,.b\n")
    with pytest.raises(InputError, match="line 2: .*would hide"):
        names([tmp_path / "list.csv"], tmp_path / "out")


def test_results_that_would_replace_each_other_are_refused(tmp_path):
    touch(tmp_path, "scan.nrrd", "Scan.mha")
    with pytest.raises(InputError, match="would replace those of"):
        names([tmp_path], tmp_path / "out")


def test_nothing_found_says_what_is_read(tmp_path):
    with pytest.raises(InputError, match=r"no volume there; .*\.nii\.gz"):
        names([tmp_path], tmp_path / "out")
    with pytest.raises(InputError, match="no such file or folder"):
        names([tmp_path / "missing"], tmp_path / "out")


def test_shares_are_disjoint_and_complete():
    volumes = [Volume(Path(f"{k}.nrrd"), str(k)) for k in range(7)]
    shares = [part_of(volumes, f"{k}/3") for k in (1, 2, 3)]
    assert [len(share) for share in shares] == [3, 2, 2]
    assert sorted((v for share in shares for v in share), key=lambda v: v.name) == volumes
    for wrong in ("0/3", "4/3", "a/b", "3"):
        with pytest.raises(InputError, match="--part"):
            part_of(volumes, wrong)


def test_a_volume_whose_name_is_no_utf8_is_refused_before_any_work(tmp_path):
    bad = os.fsencode(tmp_path) + b"/M\xfcller.nrrd"
    try:
        open(bad, "wb").close()
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    with pytest.raises(InputError, match="not UTF-8; rename it"):
        find_volumes([tmp_path], tmp_path / "out")


def test_every_frame_of_a_sequence_is_a_volume(tmp_path):
    frames = np.random.default_rng(0).integers(1, 200, (2, 8, 9, 10)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(frames, isVector=False), str(tmp_path / "scan.nrrd"))
    sitk.WriteImage(sitk.GetImageFromArray(frames[0]), str(tmp_path / "other.nrrd"))
    found = find_volumes([tmp_path], tmp_path / "out")
    assert [(volume.name, volume.frame) for volume in found] == [("other", None), ("scan_frame1", 1), ("scan_frame2", 2)]
    (tmp_path / "list.csv").write_text("volume,name,frame\nscan.nrrd,second,2\nscan.nrrd,first,1\n")
    found = find_volumes([tmp_path / "list.csv"], tmp_path / "out")
    assert [(volume.name, volume.frame) for volume in found] == [("first", 1), ("second", 2)]
    sitk.WriteImage(sitk.GetImageFromArray(frames[0]), str(tmp_path / "scan_frame2.nrrd"))
    with pytest.raises(InputError, match="would replace those of"):
        find_volumes([tmp_path], tmp_path / "out")


@pytest.mark.parametrize("cell", ["0.3 0.4 0.5", "0.3x0.4x0.5", " 0.3  0.4 0.5 "])
def test_a_list_says_spacings(tmp_path, cell):
    touch(tmp_path, "a.nrrd", "b.nrrd")
    (tmp_path / "list.csv").write_text(f"volume,spacing\na.nrrd,{cell}\nb.nrrd,\n")
    first, second = find_volumes([tmp_path / "list.csv"], tmp_path / "out")
    assert first.reading == {"spacing": (0.3, 0.4, 0.5)} and second.reading == {}


@pytest.mark.parametrize(
    "column, cell",
    [
        ("spacing", "0.3 0.4"),
        ("spacing", "0 1 1"),
        ("spacing", "x"),
        ("spacing", "0_3"),
        ("frame", "0"),
        ("frame", "two"),
        ("frame", "²"),
        ("frame", "9" * 5000),
    ],
)
def test_a_spacing_or_frame_that_is_none_is_named_with_its_line(tmp_path, column, cell):
    touch(tmp_path, "a.nrrd")
    (tmp_path / "list.csv").write_text(f"volume,{column}\na.nrrd,{cell}\n")
    with pytest.raises(InputError, match=f"list.csv: line 2: {column} {cell}: give"):
        find_volumes([tmp_path / "list.csv"], tmp_path / "out")


def test_a_list_from_windows_finds_its_volumes_elsewhere(tmp_path):
    touch(tmp_path, "scans/a.nrrd")
    (tmp_path / "list.csv").write_bytes("\ufeffvolume;name\r\nscans\\a.nrrd;\r\n".encode())
    (found,) = find_volumes([tmp_path / "list.csv"], tmp_path / "out")
    assert (found.path, found.name) == (tmp_path / "scans" / "a.nrrd", "a")


def test_a_list_says_boxes_and_a_volume_may_be_there_twice_with_two(tmp_path):
    touch(tmp_path, "a.nrrd")
    (tmp_path / "list.csv").write_text("volume,name,box\na.nrrd,left,-30 -5 0 30 0 30\na.nrrd,right,5 30.5 0 30 0 30\n")
    left, right = find_volumes([tmp_path / "list.csv"], tmp_path / "out")
    assert left.reading == {"box": (-30, -5, 0, 30, 0, 30)} and right.reading == {"box": (5, 30.5, 0, 30, 0, 30)}
    (tmp_path / "list.csv").write_text("volume,box\na.nrrd,30 5 0 30 0 30\n")
    with pytest.raises(InputError, match="list.csv: line 2: box 30 5 0 30 0 30: the box is inverted"):
        find_volumes([tmp_path / "list.csv"], tmp_path / "out")


def test_what_a_run_wrote_into_a_folder_of_scans_is_nothing_that_was_left_out(tmp_path):
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 200, (8, 8, 8)).astype(np.uint8))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    for name in ("a.json", "a.csv", "a.png", "a.seg.nrrd", "a.kept-1.seg.nrrd", "index.html", "volumes.csv", "photograph.png"):
        (tmp_path / name).write_bytes(b"x")
    found = search_inputs([tmp_path], tmp_path)
    assert [each.name for each in found.volumes] == ["a"] and [each.name for each in found.left_out] == ["photograph.png"]


def test_a_column_that_means_the_spacing_is_read_or_refused(tmp_path):
    touch(tmp_path, "a.nrrd")
    for column in ("spacing", "spacing_mm", "Spacing (mm)"):
        (tmp_path / "list.csv").write_text(f"volume,{column},patient\na.nrrd,0.3 0.3 0.4,x\n")
        assert [volume.spacing for volume in find_volumes([tmp_path / "list.csv"], tmp_path / "out")] == [(0.3, 0.3, 0.4)]
    for column in ("spacings", "voxel size", "Spacing (cm)", "pixel_spacing", "bounding box", "frames"):
        (tmp_path / "list.csv").write_text(f"volume,{column}\na.nrrd,0.3 0.3 0.4\n")
        with pytest.raises(InputError, match="is not read; call it (spacing|box|frame), or leave it out"):
            find_volumes([tmp_path / "list.csv"], tmp_path / "out")


def test_a_volume_that_is_given_in_two_ways_is_not_read_in_one_of_them_without_a_word(tmp_path):
    touch(tmp_path, "scans/a.nrrd")
    (tmp_path / "list.csv").write_text("volume,spacing\nscans/a.nrrd,0.3\n")
    with pytest.raises(InputError, match="given twice, with two spacings .that of the file, and 0.3 x 0.3 x 0.3 mm"):
        find_volumes([tmp_path / "scans", tmp_path / "list.csv"], tmp_path / "out")
    (tmp_path / "list.csv").write_text("volume,name\nscans/a.nrrd,x\nscans/a.nrrd,y\n")
    found = search_inputs([tmp_path / "list.csv"], tmp_path / "out")
    assert [volume.name for volume in found.volumes] == ["x"]
    assert [(each.name, each.reason) for each in found.left_out] == [("y", "the same volume as x")]
