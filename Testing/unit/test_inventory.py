"""Which volumes a batch means, and what their results are called."""

from pathlib import Path

import pytest

from crend.errors import InputError
from crend.inventory import Volume, find_volumes, part_of


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
    assert find_volumes([tmp_path], tmp_path / "out") == [Volume(tmp_path / "case 1", "case 1")]
    assert names([tmp_path / "case 1"], tmp_path / "out") == ["case 1"]


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
