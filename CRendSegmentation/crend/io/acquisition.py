"""What is known of a volume besides its voxels, and may be kept: the date of the scan, and notes on how its geometry was read.

Both travel with a SimpleITK image in its metadata, and so into files that keep such (NRRD, MetaImage; of NIfTI only the warning about the spacing), and back. Nothing else does:
`without_metadata` is what is written, so that no patient's name of a DICOM header gets into a converted file.
"""

from __future__ import annotations

import SimpleITK as sitk

DATE, NOTES, WARNINGS = "crend_date", "crend_notes", "crend_warnings"
NIFTI_NOTE = "ITK_FileNotes"  # the only words that ITK writes into a NIfTI file
BETWEEN = " | "
SPACING_NOT_CONFIRMED = "spacing not confirmed"


def describe(image: sitk.Image, date: str | None = None, notes=()) -> sitk.Image:
    """The same image, with its date (yyyymmdd) and further notes written into its metadata."""
    if date:
        image.SetMetaData(DATE, date)
    kept = list(dict.fromkeys([*notes_of(image), *notes]))
    if kept:
        image.SetMetaData(NOTES, BETWEEN.join(kept))
    if any(note.startswith(SPACING_NOT_CONFIRMED) for note in kept):
        image.SetMetaData(NIFTI_NOTE, SPACING_NOT_CONFIRMED)
    return image


def warn_of_header(image: sitk.Image, warnings) -> sitk.Image:
    """The same image, with what the user must know of its header in its metadata. It stays in memory: a file that is written has a header of its own."""
    if warnings:
        image.SetMetaData(WARNINGS, BETWEEN.join(warnings))
    return image


def header_warnings_of(image: sitk.Image) -> list[str]:
    """What the user must know of the header that an image came with."""
    return image.GetMetaData(WARNINGS).split(BETWEEN) if image.HasMetaDataKey(WARNINGS) else []


def date_of(image: sitk.Image) -> str | None:
    """The date of the scan, yyyymmdd, as `describe` or a DICOM header has it; None where it is not known."""
    for key in (DATE, "0008|0022", "0008|0020"):  # acquisition, study
        if image.HasMetaDataKey(key):
            text = image.GetMetaData(key).strip()
            if len(text) == 8 and text.isascii() and text.isdigit():
                return text
    return None


def notes_of(image: sitk.Image) -> list[str]:
    """The notes on how an image was read, oldest first."""
    if image.HasMetaDataKey(NOTES):
        return image.GetMetaData(NOTES).split(BETWEEN)
    from_nifti = image.GetMetaData(NIFTI_NOTE) if image.HasMetaDataKey(NIFTI_NOTE) else ""
    return [SPACING_NOT_CONFIRMED] if from_nifti.startswith(SPACING_NOT_CONFIRMED) else []


def is_spacing_confirmed(image: sitk.Image) -> bool:
    """False for an image whose spacing stands in its file in a way that nobody has confirmed."""
    return not any(note.startswith(SPACING_NOT_CONFIRMED) for note in notes_of(image))


def without_metadata(image: sitk.Image) -> sitk.Image:
    """The image with nothing but voxels, grid, date and notes: no names, no headers."""
    date, notes = date_of(image), notes_of(image)
    bare = sitk.Image(image)
    for key in image.GetMetaDataKeys():
        bare.EraseMetaData(key)
    return describe(bare, date, notes)
