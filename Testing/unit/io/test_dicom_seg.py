"""DICOM segmentations come with geometry, segments and codes, and go out with them."""

import sys

import numpy as np
import pytest
import SimpleITK as sitk

from crend.cli import main
from crend.comparison.metrics import compare
from crend.errors import InputError
from crend.io.labels import Labels, read_labels, write_labels

hd = pytest.importorskip("highdicom")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

OBLIQUE = sitk.VersorRigid3DTransform()
OBLIQUE.SetRotation((0.3, -0.5, 0.8), 0.7)


def truth(direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    """Labels of an ovary with two follicles, anisotropic, off the origin."""
    z, y, x = np.ogrid[:20, :24, :28]
    organ = (z - 10) ** 2 + (y - 12) ** 2 + (x - 13) ** 2 <= 64
    follicles = np.zeros(organ.shape, np.uint16)
    for k, centre, radius in ((1, (10, 12, 16), 4), (2, (8, 10, 8), 2)):
        follicles[sum((axis - c) ** 2 for axis, c in zip((z, y, x), centre)) <= radius**2] = k
    images = [sitk.GetImageFromArray(array) for array in ((organ | (follicles > 0)).astype(np.uint8), follicles)]
    for image in images:
        image.SetSpacing((0.5, 0.6, 0.8))
        image.SetOrigin((-12.5, 7.25, 40.0))
        image.SetDirection(direction)
    return Labels(*images)


def series(folder, image, backwards=False):
    """A DICOM series of an image's grid, one file a slice."""
    from pydicom.dataset import FileDataset, FileMetaDataset

    folder.mkdir()
    direction = np.reshape(image.GetDirection(), (3, 3))
    found = []
    for k in range(image.GetSize()[2])[:: -1 if backwards else 1]:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", hd.UID()
        meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        file = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        file.SOPClassUID, file.SOPInstanceUID, file.Modality = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, "MR"
        file.PatientName, file.PatientID, file.PatientBirthDate, file.PatientSex = "Roe^Jane", "4711", "", "F"
        file.StudyDate, file.StudyTime, file.StudyID, file.AccessionNumber, file.ReferringPhysicianName = "20240229", "", "", "", ""
        file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.5"
        file.PositionReferenceIndicator, file.InstanceNumber = "", k + 1
        file.Columns, file.Rows = image.GetSize()[:2]
        file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
        file.BitsAllocated, file.BitsStored, file.HighBit = 8, 8, 7
        file.PixelSpacing, file.SliceThickness = [image.GetSpacing()[1], image.GetSpacing()[0]], image.GetSpacing()[2]
        file.ImagePositionPatient = list(image.TransformIndexToPhysicalPoint((0, 0, k)))
        file.ImageOrientationPatient = [*direction[:, 0], *direction[:, 1]]
        file.PixelData = np.random.default_rng(k).integers(0, 200, (file.Rows, file.Columns)).astype(np.uint8).tobytes()
        file.save_as(folder / f"{k:03}.dcm")
        found.append(file)
    return found


def segmentation(path, labels, *, code, kind="BINARY", backwards=False, names=("Ovary", "Follicle 1", "Follicle 2")):
    """A DICOM segmentation as another program writes it: label images over a series, every segment with the same code."""
    from pydicom.sr.codedict import codes

    array = sitk.GetArrayFromImage(labels.follicles).astype(np.uint8)
    array[sitk.GetArrayFromImage(labels.ovary) > 0] += 1
    images = series(path.parent / f"{path.stem}-series", labels.ovary, backwards)
    manual = hd.seg.SegmentAlgorithmTypeValues.MANUAL
    described = [hd.seg.SegmentDescription(k, name, codes.SCT.Organ, code, manual) for k, name in enumerate(names, start=1)]
    array = array[::-1] if backwards else array
    if kind == "FRACTIONAL":
        array = (array == 1).astype(np.float32)[..., None]
        described = described[:1]
    hd.seg.Segmentation(images, array, kind, described, hd.UID(), 1, hd.UID(), 1, "x", "y", "1", "1").save_as(path)
    return path


def ovary_code(scheme="SCT"):
    from pydicom.sr.coding import Code

    return Code("15497006", "SCT", "Ovary") if scheme == "SCT" else Code("T-87000", "SRT", "Ovary")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), (-1, 0, 0, 0, -1, 0, 0, 0, 1), OBLIQUE.GetMatrix()])
def test_a_segmentation_lies_where_its_labels_lie(tmp_path, kind, direction):
    labels = truth(direction)
    found = compare(labels, read_labels(segmentation(tmp_path / "seg.dcm", labels, code=ovary_code(), kind=kind)))
    assert found["ovary"]["dsc"] == found["follicles"]["dsc"] == 1 and found["ovary"]["hd"] == 0
    assert found["detection"]["count_prediction"] == 2 and found["detection"]["fd"] == 0
    assert [row["prediction"] for row in found["matches"]] == [1, 2]


def test_slices_in_any_order_and_names_without_an_ending(tmp_path):
    labels = truth()
    segmentation(tmp_path / "seg.dcm", labels, code=ovary_code(), backwards=True).rename(tmp_path / "1.2.840.7")
    assert compare(labels, read_labels(tmp_path / "1.2.840.7"))["ovary"]["dsc"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["SCT", "SRT"])
def test_a_segment_of_another_name_is_known_by_its_code(tmp_path, scheme):
    path = segmentation(tmp_path / "seg.dcm", truth(), code=ovary_code(scheme), names=("Segment_1", "Follicle 1", "Follicle 2"))
    assert compare(truth(), read_labels(path))["ovary"]["dsc"] == 1
    with pytest.raises(InputError, match="unknown segments 'Dominant follicle'"):
        read_labels(segmentation(tmp_path / "b.dcm", truth(), code=ovary_code(), names=("Ovary", "Follicle 1", "Dominant follicle")))


@pytest.mark.slow
def test_fractions_and_damage_are_refused_in_one_line(tmp_path):
    path = segmentation(tmp_path / "seg.dcm", truth(), code=ovary_code(), kind="FRACTIONAL")
    with pytest.raises(InputError, match="seg.dcm: a DICOM segmentation of fractions"):
        read_labels(path)
    path = segmentation(tmp_path / "whole.dcm", truth(), code=ovary_code())
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="whole.dcm: .*export it again") as caught:
        read_labels(path)
    assert "\n" not in str(caught.value)


def test_a_segmentation_that_says_fewer_frames_than_it_describes_is_refused(tmp_path):
    from pydicom import dcmread

    labels = truth()
    write_labels(tmp_path / "a.dcm", labels.ovary, labels.follicles)
    file = dcmread(tmp_path / "a.dcm")
    count, file.NumberOfFrames = int(file.NumberOfFrames), 3
    file.save_as(tmp_path / "b.dcm")
    with pytest.raises(InputError, match=f"b.dcm: is damaged or incomplete .it describes {count} frames and says 3.; export it again"):
        read_labels(tmp_path / "b.dcm")


def test_without_highdicom_it_is_refused_by_name(tmp_path, monkeypatch):
    path = segmentation(tmp_path / "seg.dcm", truth(), code=ovary_code())
    monkeypatch.setitem(sys.modules, "highdicom", None)
    for act in (lambda: read_labels(path), lambda: write_labels(tmp_path / "out.dcm", truth().ovary, truth().follicles)):
        with pytest.raises(InputError, match="dcm: a DICOM segmentation, which needs highdicom; install it"):
            act()
    assert not (tmp_path / "out.dcm").exists()


@pytest.mark.slow
@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE.GetMatrix()])
def test_what_is_written_is_read_and_highdicom_finds_names_and_codes(tmp_path, direction):
    labels = truth(direction)
    write_labels(tmp_path / "seg.dcm", labels.ovary, labels.follicles)
    found = compare(labels, read_labels(tmp_path / "seg.dcm"))
    assert found["ovary"]["dsc"] == found["follicles"]["dsc"] == 1 and found["ovary"]["hd"] == 0
    content = hd.seg.segread(tmp_path / "seg.dcm")
    described = [content.get_segment_description(k) for k in (1, 2, 3)]
    assert [d.segment_label for d in described] == ["Ovary", "Follicle 1", "Follicle 2"]
    assert [d.segmented_property_type.value for d in described] == ["15497006", "24162005", "24162005"]
    assert "ReferencedSeriesSequence" not in content


@pytest.mark.slow
def test_a_segmentation_of_a_series_belongs_to_it_and_names_nobody(tmp_path):
    labels = truth()
    images = series(tmp_path / "series", labels.ovary)
    write_labels(tmp_path / "seg.dcm", labels.ovary, labels.follicles, source=tmp_path / "series")
    content = hd.seg.segread(tmp_path / "seg.dcm")
    assert (content.StudyInstanceUID, content.FrameOfReferenceUID, content.StudyDate) == ("1.2.3", "1.2.3.5", "20240229")
    referenced = content.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == "1.2.3.4"
    assert {one.ReferencedSOPInstanceUID for one in referenced.ReferencedInstanceSequence} == {image.SOPInstanceUID for image in images}
    assert content.PatientName == "" and content.PatientID == "" and b"Roe" not in (tmp_path / "seg.dcm").read_bytes()
    assert compare(labels, read_labels(tmp_path / "seg.dcm"))["ovary"]["dsc"] == 1


def test_an_empty_result_is_an_empty_segmentation(tmp_path):
    labels = truth()
    write_labels(tmp_path / "seg.dcm", labels.ovary * 0, labels.follicles * 0)
    assert not sitk.GetArrayViewFromImage(read_labels(tmp_path / "seg.dcm").ovary).any()


@pytest.mark.slow
def test_the_command_compares_a_dicom_segmentation_with_a_label_image(tmp_path, capfd):
    labels = truth(OBLIQUE.GetMatrix())
    write_labels(tmp_path / "labels.nrrd", labels.ovary, labels.follicles)
    path = segmentation(tmp_path / "seg.dcm", labels, code=ovary_code())
    assert main(["compare", str(tmp_path / "labels.nrrd"), str(path)]) == 0
    assert capfd.readouterr().out.count("1.000") == 4  # Dice and Jaccard of both structures
