"""What the DICOM files of one folder hold: slices of a series, whole volumes, segmentations, or no image at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .dicom_elements import NotDicom, elements, is_dicom, text
from .scanner_files import find_scanner_file

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # Segmentation, Label Map Segmentation
SOP_CLASS, SERIES, FRAMES, ROWS = (0x0008, 0x0016), (0x0020, 0x000E), (0x0028, 0x0008), (0x0028, 0x0010)
_WANTED = {SOP_CLASS, SERIES, FRAMES}


@dataclass(frozen=True)
class Content:
    """kind: "slice" (or a single image), "volume" (a file that is one by itself), "segmentation" or "none" (no image). series: its UID, "" unknown."""

    kind: str
    series: str = ""


def looks_dicom(file: Path) -> bool:
    """Whether a file ends with .dcm or has DICOM's mark behind its preamble, whatever its name. False when it cannot be read."""
    if file.suffix.lower() == ".dcm":
        return True
    try:
        return is_dicom(file)
    except OSError:
        return False


def content_of(file: Path) -> Content:
    """What a DICOM file holds. A file that is cut off, or no DICOM file after all, counts as a slice: reading says what is wrong with it."""
    try:
        if find_scanner_file(file) is not None:
            return Content("volume")
    except InputError:
        return Content("volume")  # it says what is wrong with it when its turn comes
    except OSError:
        return Content("slice")
    found, image = {}, False
    try:
        with open(file, "rb") as content:
            for element in elements(file):
                if element.tag in _WANTED:
                    found[element.tag] = text(content, element)
                elif element.tag == ROWS:
                    image = True
                if element.tag > ROWS:
                    break
    except (NotDicom, OSError):
        return Content("slice")
    if found.get(SOP_CLASS) in SEGMENTATIONS:
        return Content("segmentation")
    if not image and SOP_CLASS in found:
        return Content("none")
    frames = found.get(FRAMES, "1")
    return Content("volume" if frames.isdecimal() and int(frames) > 1 else "slice", found.get(SERIES, ""))
