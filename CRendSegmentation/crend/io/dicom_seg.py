"""DICOM segmentations (SEG): read with their geometry, segments and codes, and written, by highdicom, which is an extra."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..structures import segments
from .atomic import replacing
from .dicom_objects import SEGMENTATIONS, content_of, looks_dicom
from .overlaps import assemble

SOP_CLASS_KEY = "0008|0016"  # of an image that ITK read
_MANUFACTURER, _MODEL = "CRend", "CRend"


def is_dicom_segmentation(path) -> bool:
    """Whether a file is a DICOM segmentation, by its header."""
    path = Path(path)
    return path.is_file() and looks_dicom(path) and content_of(path).kind == "segmentation"


def was_dicom_segmentation(image) -> bool:
    """Whether an image that ITK read was a DICOM segmentation: ITK takes its frames for an image, and its geometry for none."""
    return image.HasMetaDataKey(SOP_CLASS_KEY) and image.GetMetaData(SOP_CLASS_KEY).strip(" \0") in SEGMENTATIONS


def require_highdicom(path):
    """highdicom, or InputError that names what to install."""
    try:
        import highdicom
        import highdicom.seg
    except ImportError as error:
        raise InputError(
            f"{path}: a DICOM segmentation, which needs highdicom; install it (pip install highdicom), or use .seg.nrrd."
        ) from error
    return highdicom


def read_dicom_segmentation(path):
    """(ovary uint8, follicles uint16) as SimpleITK images (LPS) on the grid of the segmentation's frames.

    Segments are told apart by label and code as in a .seg.nrrd, codes of the old SNOMED RT included. InputError where highdicom is missing,
    the file is damaged, its frames are no regular volume or hold fractions, and for segments that are neither ovary nor follicle.
    """
    highdicom = require_highdicom(path)
    from .volumes import image_like

    try:
        content = highdicom.seg.segread(str(path))
        numbers = list(content.segment_numbers)
        if content.segmentation_type == highdicom.seg.SegmentationTypeValues.FRACTIONAL:
            raise InputError(f"{path}: a DICOM segmentation of fractions; export it with binary segments.")
        said, described_frames = int(content.NumberOfFrames), len(content.PerFrameFunctionalGroupsSequence)
        if said != described_frames:
            raise InputError(f"{path}: is damaged or incomplete (it describes {described_frames} frames and says {said}); export it again.")
        found, grid = [], None
        for number in numbers:
            part = content.get_volume(segment_numbers=[number], combine_segments=False)
            array, grid = _as_image(part)
            described = content.get_segment_description(number)
            box = _box(array)
            found.append((str(described.segment_label), _terminology(described.segmented_property_type), box, array[box] != 0))
    except InputError:
        raise
    except Exception as error:  # of many kinds, for many kinds of damage
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path}: a DICOM segmentation that cannot be read as a volume ({said}); export it again, or as .seg.nrrd."
        ) from error
    if grid is None:
        raise InputError(f"{path}: a DICOM segmentation without segments; export it again.")
    organ, instances = assemble(found, grid, path)
    return image_like(organ.astype(np.uint8), grid), image_like(instances, grid)


def write_dicom_segmentation(path, ovary, follicles, source=None) -> None:
    """Write a binary DICOM segmentation: the ovary or ovaries, and a segment for each follicle, named and coded as in a .seg.nrrd.

    ovary, follicles: SimpleITK images on one grid. source: DICOM file, or folder of a series, that they were made from: the segmentation then
    belongs to its study and frame of reference and refers to its files. No patient's name or ID is written. InputError without highdicom.
    """
    highdicom = require_highdicom(path)
    import SimpleITK as sitk
    from pydicom.sequence import Sequence
    from scipy import ndimage

    from .seg_nrrd import ovary_names

    organ, labels = sitk.GetArrayViewFromImage(ovary), sitk.GetArrayViewFromImage(follicles)
    ovaries = ovary_names(ovary)
    origins = _origins(source)
    slices = np.flatnonzero(organ.any(axis=(1, 2)) | labels.any(axis=(1, 2)))
    first, last = (int(slices[0]), int(slices[-1])) if len(slices) else (0, 0)
    wanted = [k for k, box in enumerate(ndimage.find_objects(labels), start=1) if box]
    shown = organ[first : last + 1]
    organs = [shown != 0] if len(ovaries) == 1 else [shown == k for k in range(1, len(ovaries) + 1)]
    masks = [*organs, *(labels[first : last + 1] == k for k in wanted)]
    names = [*((name, segments.OVARY_CODE) for _, name in ovaries), *((segments.follicle_name(k), segments.FOLLICLE_CODE) for k in wanted)]
    spacing, direction = ovary.GetSpacing(), np.reshape(ovary.GetDirection(), (3, 3))
    content = highdicom.seg.Segmentation(
        source_images=[_stand_in(ovary, origins)],
        pixel_array=np.stack(masks, axis=-1).astype(np.uint8),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(highdicom, k, *each) for k, each in enumerate(names, start=1)],
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=_MANUFACTURER,
        manufacturer_model_name=_MODEL,
        software_versions=_version(),
        device_serial_number="0",
        content_label="OVARY",
        pixel_measures=highdicom.PixelMeasuresSequence(spacing[1::-1], spacing[2], spacing[2]),
        plane_orientation=highdicom.PlaneOrientationSequence("PATIENT", [*direction[:, 0], *direction[:, 1]]),
        plane_positions=[
            highdicom.PlanePositionSequence("PATIENT", ovary.TransformIndexToPhysicalPoint((0, 0, k))) for k in range(first, last + 1)
        ],
    )
    # highdicom takes references from images of the same planes; ours are those of the files themselves, or none.
    for frame in content.PerFrameFunctionalGroupsSequence:
        frame.pop("DerivationImageSequence", None)
    if origins:
        content.ReferencedSeriesSequence = Sequence([_references(origins)])
    else:
        content.pop("ReferencedSeriesSequence", None)
    with replacing(path) as temporary:
        content.save_as(str(temporary))


def _as_image(volume):
    """(array (D, H, W), an empty SimpleITK image of its grid) of a highdicom Volume, whose affine takes slice, row, column to LPS."""
    import SimpleITK as sitk

    affine = np.array(volume.affine, float)
    array = np.asarray(volume.array).reshape(tuple(volume.spatial_shape))
    if np.linalg.det(affine[:3, 2::-1]) < 0:  # columns, rows and slices left-handed: count the slices from the other end
        affine[:3, 3] += affine[:3, 0] * (array.shape[0] - 1)
        affine[:3, 0] *= -1
        array = array[::-1]
    steps = affine[:3, 2::-1]
    spacing = np.linalg.norm(steps, axis=0)
    grid = sitk.Image([int(n) for n in array.shape[::-1]], sitk.sitkUInt8)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection((steps / spacing).ravel().tolist())
    grid.SetOrigin(affine[:3, 3].tolist())
    return array, grid


def _box(array):
    where = [np.flatnonzero(array.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return tuple(slice(int(w[0]), int(w[-1]) + 1) if len(w) else slice(0, 0) for w in where)


def _terminology(code) -> str:
    """Slicer's terminology entry of a coded concept; the ovary's and the follicle's by whichever SNOMED it is written in."""
    from pydicom.sr.coding import Code

    for ours, entry in ((segments.OVARY_CODE, segments.OVARY_TERMINOLOGY), (segments.FOLLICLE_CODE, segments.FOLLICLE_TERMINOLOGY)):
        if Code(code.value, code.scheme_designator, code.meaning) == Code(ours[1], ours[0], ours[2]):
            return entry
    return segments.terminology_string("", (code.scheme_designator, code.value, code.meaning))


def _description(highdicom, number, name, code):
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    category, kind = (Code(value, scheme, meaning) for scheme, value, meaning in (segments.CATEGORY_CODE, code))
    how = highdicom.AlgorithmIdentificationSequence(_MODEL, codes.DCM.ArtificialIntelligence, _version())
    return highdicom.seg.SegmentDescription(number, name, category, kind, highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC, how)


def _version() -> str:
    from .. import __version__

    return __version__


def _origins(source) -> list:
    """Headers of the DICOM files that a volume was made from; empty for another kind of file."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    if source is None:
        return []
    source, found = Path(source), []
    for file in sorted(source.iterdir()) if source.is_dir() else [source]:
        try:
            if file.is_file() and looks_dicom(file):
                found.append(dcmread(file, stop_before_pixels=True))
        except (InvalidDicomError, OSError):
            continue
    first = next((each for each in found if "StudyInstanceUID" in each and "SeriesInstanceUID" in each), None)
    return [each for each in found if first is not None and each.get("SeriesInstanceUID") == first.SeriesInstanceUID]


def _references(origins):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    series, instances = Dataset(), []
    for each in origins:
        one = Dataset()
        one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = each.SOPClassUID, each.SOPInstanceUID
        instances.append(one)
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = origins[0].SeriesInstanceUID, Sequence(instances)
    return series


def _stand_in(image, origins):
    """A header of an image on the grid of `image`, in the study and frame of reference of `origins`, of nobody."""
    from highdicom import UID
    from pydicom.dataset import Dataset, FileMetaDataset

    made, first = Dataset(), origins[0] if origins else Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", UID()
    made.StudyInstanceUID, made.SeriesInstanceUID, made.FrameOfReferenceUID = (
        first.get(name) or UID() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
    )
    for name in ("StudyDate", "StudyTime"):
        setattr(made, name, first.get(name) or "")
    for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "ReferringPhysicianName"):
        setattr(made, name, "")
    made.Modality, made.PositionReferenceIndicator, made.InstanceNumber = "US", "", 1
    made.Columns, made.Rows = image.GetSize()[:2]
    direction = np.reshape(image.GetDirection(), (3, 3))
    made.ImageOrientationPatient = [float(v) for v in (*direction[:, 0], *direction[:, 1])]
    made.ImagePositionPatient = [float(v) for v in image.GetOrigin()]
    made.PixelSpacing, made.SliceThickness = [float(v) for v in image.GetSpacing()[1::-1]], float(image.GetSpacing()[2])
    return made
