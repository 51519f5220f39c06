"""Volumes as a GE Voluson scanner saves them: a Kretz file, alone (.vol) or inside a DICOM file, to a volume on a regular grid."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from ..errors import InputError
from . import kretz
from .acquisition import SPACING_NOT_CONFIRMED, describe
from .dicom_elements import NotDicom, elements, is_dicom, is_ordinary, text
from .scan_conversion import AXES, scan_convert

ENDING = ".vol"
CREATOR = "KRETZ_US"
GROUP = 0x7FE1
DATES = ((0x0008, 0x0022), (0x0008, 0x0020))  # acquisition, study
NAME, ID = (0x0010, 0x0010), (0x0010, 0x0020)


@dataclass(frozen=True)
class Place:
    """Where the bytes of a Kretz file lie: all of a .vol, or one element of a DICOM file; with the date that the DICOM header has."""

    path: Path
    start: int = 0
    length: int | None = None
    date: str | None = None


def find_scanner_file(path) -> Place | None:
    """Where a Kretz file lies in a file, whatever the names and the SOP class; None for another kind of file.

    InputError for a file with the ending .vol that is none, and for a DICOM wrapper that is cut off. OSError when it cannot be read.
    """
    path = Path(path)
    if not is_ordinary(path):
        return None
    if kretz.is_kretz(path):
        return Place(path)
    if path.suffix.lower() == ENDING:
        kretz.read_header(path)  # says what is wrong with it
    return _in_dicom(path) if is_dicom(path) else None


def read_scanner_file(place: Place, *, frame: int | None = None, spacing_mm: float | None = None, progress=None) -> sitk.Image:
    """The uint8 volume of a Kretz file on an isotropic grid, date and notes in its metadata, no patient's name anywhere.

    frame: which of several volumes, from 1; spacing_mm: of the grid, None = 0.3, coarser only above 200 million voxels. A volume that the scanner
    saved as a Cartesian one keeps its own grid. InputError where the file cannot be read, holds several and no `frame` is named, or has no spacing.
    """
    header = kretz.read_header(place.path, place.start, place.length)
    if frame is None and header.volumes > 1:
        raise InputError(f"{place.path}: a sequence of {header.volumes} frames; choose one with --frame.")
    number = 1 if frame is None else frame
    if not 1 <= number <= header.volumes:
        raise InputError(f"{place.path}: there is no frame {number}; it has {header.volumes}, counted from 1.")
    voxels = header.voxels(number - 1)
    if header.sector is not None:
        image = scan_convert(voxels, header.sector, spacing_mm, progress, str(place.path))
        notes = [f"scan-converted: {AXES}"]
    else:
        image = _cartesian(voxels, header, place.path)
        notes = [f"{SPACING_NOT_CONFIRMED}: a Cartesian volume of the scanner, read as {header.spacing_mm:g} mm a voxel"]
    return describe(image, header.date or place.date, notes)


def count_volumes(place: Place) -> int:
    """How many volumes follow one another in a Kretz file. InputError as `read_scanner_file` raises it."""
    return kretz.read_header(place.path, place.start, place.length).volumes


def patient_of(path) -> dict:
    """Patient's name and ID as a Kretz or DICOM file, or the first file of a DICOM folder, has them ("" where it has none).

    Only for those who ask with --identify.
    """
    path, found = Path(path), {"name": "", "id": ""}
    if path.is_dir():
        path = next((file for file in sorted(path.iterdir()) if file.is_file() and is_dicom(file)), path)
        if path.is_dir():
            return found
    place = find_scanner_file(path)
    if place is not None:
        found["name"] = kretz.patient_name(place.path, place.start, place.length) or ""
    if is_dicom(path):
        with open(path, "rb") as file, suppress(NotDicom):
            for element in elements(path):
                if element.tag == NAME:
                    found["name"] = text(file, element) or found["name"]
                elif element.tag == ID:
                    found["id"] = text(file, element)
                elif element.tag > ID:
                    break
    return found


def _cartesian(voxels, header, path) -> sitk.Image:
    if header.spacing_mm is None:
        raise InputError(f"{path}: a Cartesian volume without a spacing; save it with its geometry, or in a format that states one.")
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([header.spacing_mm] * 3)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # its three axes as R, A, S
    return image


def _in_dicom(path: Path) -> Place | None:
    """The element (7FE1,xx01) of the block that KRETZ_US reserved in (7FE1,00xx)."""
    blocks, dates = set(), {}
    try:
        with open(path, "rb") as file:
            for element in elements(path):
                group, number = element.tag
                if element.tag in DATES:
                    dates[element.tag] = text(file, element)
                elif group == GROUP and number < 0x100 and text(file, element) == CREATOR:
                    blocks.add(number)
                elif group == GROUP and number >> 8 in blocks and number & 0xFF == 1:
                    return Place(path, element.offset, element.length, next((dates[d] for d in DATES if dates.get(d)), None))
                elif group > GROUP:
                    break
    except NotDicom:
        if blocks:
            raise InputError(f"{path}: {kretz.CUT_OFF}.") from None
    return None
