"""A folder as it comes from a hospital: every volume in it is found, and whatever is not segmented is named with the reason."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError, NoVolume
from crend.io.inputs import search_inputs
from crend.io.label_likeness import holds_labels, refuse_labels

US_MULTIFRAME, SEGMENTATION, ENCAPSULATED_PDF = (
    "1.2.840.10008.5.1.4.1.1.3.1",
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.104.1",
)
US_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"


def element(group, number, kind, value):
    value = value if isinstance(value, bytes) else value.encode()
    value += b"\0" * (len(value) % 2)
    tag = group.to_bytes(2, "little") + number.to_bytes(2, "little") + kind
    return tag + len(value).to_bytes(2, "little") + value


def dicom(path, sop_class=US_IMAGE, series="1.2.3", frames=None, rows=8):
    """A DICOM file of nothing but the elements that say what it is."""
    parts = [element(2, 0x10, b"UI", "1.2.840.10008.1.2.1"), element(8, 0x16, b"UI", sop_class), element(0x20, 0xE, b"UI", series)]
    if frames:
        parts.append(element(0x28, 8, b"IS", str(frames)))
    if rows:
        parts.append(element(0x28, 0x10, b"US", rows.to_bytes(2, "little")))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM" + b"".join(parts))


def ultrasound(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(seed).integers(0, 200, (12, 14, 16)).astype(np.uint8)), path)


def balls(kind=np.uint8):
    z, y, x = np.ogrid[:24, :24, :24]
    array = np.zeros((24, 24, 24), kind)
    for value, centre, radius in ((1, 12, 10), (2, 9, 3), (3, 16, 4)):
        array[(z - 12) ** 2 + (y - 12) ** 2 + (x - centre) ** 2 <= radius**2] = value
    return sitk.GetImageFromArray(array)


def search(folder, **more):
    """({name: path} of the volumes, {name: reason} of what is left out)."""
    found = search_inputs([folder], folder.parent / "out", **more)
    return {v.name: v.path for v in found.volumes}, {each.name: each.reason for each in found.left_out}


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    return folder


def test_the_folder_of_a_clinic_is_understood(scans):
    ultrasound(scans / "patient1.nrrd")
    sitk.WriteImage(balls(), scans / "patient1_labels.nrrd")
    dicom(scans / "patient2" / "IM1.dcm", frames=40)
    (scans / "patient2" / "report.pdf").write_bytes(b"%PDF-1.4")
    dicom(scans / "patient3.dcm", frames=40)
    (scans / "patient4.vol").write_bytes(b"KRETZFILE 1.0   " + bytes(100))
    volumes, left_out = search(scans)
    assert volumes == {
        "patient1": scans / "patient1.nrrd",
        "patient2": scans / "patient2" / "IM1.dcm",
        "patient3": scans / "patient3.dcm",
        "patient4": scans / "patient4.vol",
    }
    assert left_out == {"patient1_labels.nrrd": "a label image", "patient2/report.pdf": "not a file of a volume"}


def test_a_series_is_found_whatever_lies_beside_it(scans):
    for k in range(3):
        dicom(scans / "p" / f"IM{k}", series="1.2.3")
    for name in ("report.pdf", "notes.txt", "viewer/start.exe"):
        (scans / "p" / name).parent.mkdir(exist_ok=True)
        (scans / "p" / name).write_bytes(b"x")
    ultrasound(scans / "p" / "export.nrrd")
    volumes, left_out = search(scans)
    assert volumes == {"p": scans / "p", "p/export": scans / "p" / "export.nrrd"}
    assert set(left_out) == {"p/report.pdf", "p/notes.txt", "p/viewer/start.exe"}


def test_files_that_are_volumes_by_themselves_are_not_taken_for_slices_of_one(scans):
    for k in range(3):
        dicom(scans / f"v{k}.dcm", series="1.2.3", frames=10)  # one series, as a scanner saves the volumes of one examination
    assert list(search(scans)[0]) == ["v0", "v1", "v2"]


def test_several_series_in_one_folder_are_one_entry_that_reading_refuses(scans):
    for series in ("1.2.3", "1.2.4"):
        for k in range(2):
            dicom(scans / "p" / f"{series}.{k}.dcm", series=series)
    assert search(scans)[0] == {"p": scans / "p"}


def test_dicom_files_without_a_volume_are_left_out_by_what_they_are(scans):
    dicom(scans / "a.dcm", frames=10)
    ultrasound(scans / "b.nrrd")
    dicom(scans / "seg.dcm", SEGMENTATION, frames=10)
    dicom(scans / "letter.dcm", ENCAPSULATED_PDF, rows=None)
    volumes, left_out = search(scans)
    assert list(volumes) == ["a", "b"]
    assert left_out == {"seg.dcm": "a DICOM segmentation", "letter.dcm": "a DICOM file without an image"}


@pytest.mark.parametrize("name", ["a.ima", "a.IMA", "A0001", "a.dic", "1.2.840.5"])
def test_a_dicom_file_is_known_by_its_content(scans, name):
    dicom(scans / name, frames=10)
    ultrasound(scans / "b.nrrd")
    assert scans / name in search(scans)[0].values()


def test_links_that_lead_nowhere_or_in_circles_are_named(scans):
    ultrasound(scans / "a.nrrd")
    (scans / "gone.nrrd").symlink_to(scans.parent / "nowhere.nrrd")
    (scans / "circle.nrrd").symlink_to(scans / "ring.nrrd")
    (scans / "ring.nrrd").symlink_to(scans / "circle.nrrd")
    (scans / "goneFolder").symlink_to(scans.parent / "nowhere")
    (scans / "sub").mkdir()
    (scans / "sub" / "up").symlink_to(scans)
    (scans / "twin.nrrd").symlink_to(scans / "a.nrrd")
    if hasattr(os, "mkfifo"):
        os.mkfifo(scans / "pipe.nrrd")
    volumes, left_out = search(scans)
    assert list(volumes) == ["a"]
    assert "is not there" in left_out["gone.nrrd"] and "is not there" in left_out["goneFolder"]
    assert left_out["circle.nrrd"] == left_out["ring.nrrd"] == "a link that leads back to itself"
    assert "searched by its own name" in left_out["sub/up"] and "there by its own name" in left_out["twin"]
    assert left_out.get("pipe.nrrd", "neither a file nor a folder") == "neither a file nor a folder"


@pytest.mark.parametrize(
    "name",
    [
        "p_labels.nrrd",
        "p-label.nii.gz",
        "p_seg.mha",
        "p.mask.nrrd",
        "P_GT.nrrd",
        "labelsTr/p.nii.gz",
        "masks/p.nrrd",
        "vol1_o_r1.vtk",
        "p_segmentation2.nrrd",
    ],
)
def test_label_images_beside_their_volumes_are_passed_over(scans, name):
    ultrasound(scans / "q.nrrd")
    (scans / name).parent.mkdir(exist_ok=True)
    sitk.WriteImage(balls(), scans / name)
    assert search(scans) == ({"q": scans / "q.nrrd"}, {name: "a label image"})


def test_ultrasound_with_a_name_of_labels_is_segmented(scans):
    ultrasound(scans / "label_maker_seg.nrrd")
    assert list(search(scans)[0]) == ["label_maker_seg"]


def test_an_empty_label_image_is_one_too(scans):
    ultrasound(scans / "q.nrrd")
    sitk.WriteImage(balls() * 0, scans / "q_labels.nrrd")
    assert search(scans)[1] == {"q_labels.nrrd": "a label image"}


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_labels_are_told_from_ultrasound_by_their_voxels(kind):
    assert holds_labels(balls(kind))
    with pytest.raises(NoVolume, match="x.nrrd: a label image"):
        refuse_labels(balls(kind), "x.nrrd")


def test_dark_coarse_and_smooth_ultrasound_is_no_label_image():
    rng = np.random.default_rng(3)
    speckle = np.abs(rng.normal(size=(24, 30, 36)) + 1j * rng.normal(size=(24, 30, 36)))
    smooth = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(speckle.astype(np.float32)), 1.0))
    for array in (speckle * 10, smooth * 20, speckle * 60):
        image = sitk.GetImageFromArray(np.clip(array, 0, 255).astype(np.uint8))
        assert not holds_labels(image)
        refuse_labels(image, "x.nrrd")


def test_pattern_and_exclude_choose(scans):
    for name in ("a.nrrd", "b.NII.gz", "old/c.nrrd", "visit1/d.nrrd", "visit2/d.nrrd"):
        ultrasound(scans / name.replace("NII", "nii"))
    dicom(scans / "visit1" / "e.dcm", frames=4)
    assert list(search(scans, patterns=["*.nrrd"])[0]) == ["a", "old/c", "visit1/d", "visit2/d"]
    assert list(search(scans, patterns=["visit?/*", "a.*"])[0]) == ["a", "visit1/d", "visit1/e", "visit2/d"]
    assert list(search(scans, patterns=["*.dcm"])[0]) == ["visit1/e"]
    volumes, left_out = search(scans, exclude=["old", "*.DCM"])
    assert list(volumes) == ["a", "b", "visit1/d", "visit2/d"]
    assert left_out == {"old": "excluded by --exclude old", "visit1/e.dcm": "excluded by --exclude *.DCM"}
    with pytest.raises(InputError, match=r"no volume there; .* Left out: .*does not match --pattern \*.mha"):
        search(scans, patterns=["*.mha"])


def test_voxels_beside_a_header_belong_to_it_and_results_are_no_news(scans):
    ultrasound(scans / "a.mhd")
    (scans / "stray.raw").write_bytes(b"x")
    for name in ("a.seg.nrrd", "a.json", "a.csv", "volumes.csv"):
        (scans / name).write_bytes(b"x")
    found = search_inputs([scans], scans)  # results beside the volumes
    assert [v.name for v in found.volumes] == ["a"] and [each.name for each in found.left_out] == ["stray.raw"]
    assert search(scans)[1]["a.seg.nrrd"] == "a segmentation"


def test_a_folder_that_may_not_be_searched_is_named(scans, monkeypatch):
    ultrasound(scans / "a.nrrd")
    (scans / "shut").mkdir()
    scandir = os.scandir

    def refuse(path="."):
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "cannot be searched (permission denied)" in search(scans)[1]["shut"]
