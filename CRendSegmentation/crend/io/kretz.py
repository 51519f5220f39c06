"""The container of GE Voluson scanners: Kretz files (.vol), and the same bytes wrapped in a DICOM file.

A file is 16 bytes of signature and then items, each uint16 group, uint16 element, uint32 length, payload, little-endian:

    (C000,0001/2/3) uint16   samples of a beam I, beams of a frame J, frames K
    (C100,0001)     float64  metres from sample to sample
    (C200,0001/2)   float64  radius of the first sample, and of the sweep's axis (negated), in samples
    (C300,0002)     J float64 beam angles; (C300,0001) K float64 sweep angles; radians, the middle at pi/2
    (D000,0001)     I J K uint8 voxels, I fastest; (D600,0001) several such volumes, (D400,0001) how many
    (0010,0022)     float64  mm a voxel of a volume that is Cartesian already and has no angles; no reader has confirmed its meaning
    (0110,0002)     patient's name; (0140,0003) date, yyyymmdd

The format is not published. This reader is tested on files that the project writes itself; no scanner's file was at hand.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .scan_conversion import Sector

SIGNATURE = b"KRETZFILE 1.0   "
COMPRESSED = "saved compressed; save it uncompressed on the scanner (4D View: without compression)"
CUT_OFF = "is cut off or damaged; export it from the scanner again"
MOST_ITEMS = 100_000
LARGEST_SMALL_ITEM = 1 << 20  # bytes: all but the voxels; 65535 angles are half of it
OFF_THE_MIDDLE = np.radians(0.5)
SIZES = ((0xC000, 1), (0xC000, 2), (0xC000, 3))
METRES_A_SAMPLE, FIRST_SAMPLE, SWEEP_AXIS = (0xC100, 1), (0xC200, 1), (0xC200, 2)
SWEEP_ANGLES, BEAM_ANGLES = (0xC300, 1), (0xC300, 2)
VOXELS, SEVERAL, HOW_MANY = (0xD000, 1), (0xD600, 1), (0xD400, 1)
CARTESIAN_SPACING = (0x0010, 0x0022)
PATIENT_NAME, DATE = (0x0110, 2), (0x0140, 3)
WANTED = {
    *SIZES,
    METRES_A_SAMPLE,
    FIRST_SAMPLE,
    SWEEP_AXIS,
    SWEEP_ANGLES,
    BEAM_ANGLES,
    VOXELS,
    SEVERAL,
    HOW_MANY,
    CARTESIAN_SPACING,
    PATIENT_NAME,
    DATE,
}


@dataclass(frozen=True)
class KretzFile:
    """What a Kretz file holds: where its voxels lie, and their geometry. It has no patient's name; `patient_name` reads that on demand.

    size:       samples I, beams J, frames K (or the voxels along the three axes of a Cartesian volume)
    volumes:    how many volumes of this size follow one another
    sector:     their geometry; None for a volume that is Cartesian already
    spacing_mm: of a Cartesian volume, as far as is known; None where nothing stands in the file
    date:       yyyymmdd, or None
    """

    path: str
    offset: int
    size: tuple
    volumes: int
    sector: Sector | None
    spacing_mm: float | None
    date: str | None

    def voxels(self, volume: int = 0) -> np.ndarray:
        """(K, J, I) uint8 of one of the volumes, counted from 0, as a read-only memory map."""
        i, j, k = self.size
        return np.memmap(self.path, np.uint8, "r", self.offset + volume * i * j * k, (k, j, i))


def is_kretz(path, start: int = 0) -> bool:
    """Whether the signature of a Kretz file stands in a file, from this byte on. OSError when it cannot be read."""
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(len(SIGNATURE)) == SIGNATURE


def read_header(path, start: int = 0, length: int | None = None) -> KretzFile:
    """Size, geometry, date and the place of the voxels, of a file or of `length` bytes from `start` on in it (a DICOM wrapper).

    Nothing larger than a table of angles is read. InputError, one line, for a file that is none, is cut short, contradicts itself, was
    compressed, or has a geometry that is not known.
    """
    items = _Items(path, start, length)
    size = tuple(items.number(tag, "H") for tag in SIZES)
    if None in size or 0 in size:
        raise InputError(f"{path}: its size is missing; it {CUT_OFF}.")
    offset, volumes = _voxels(items, int(np.prod(size, dtype=object)))
    if min(size) < 2:
        raise InputError(f"{path}: {' x '.join(map(str, size))} samples, beams and frames are a single image; give a 3D volume.")
    sector = _sector(items, size)
    spacing = None if sector else items.number(CARTESIAN_SPACING, "d")
    if spacing is not None and not 0 < spacing < np.inf:
        raise InputError(f"{path}: spacing {spacing:g} mm is impossible; export it again.")
    return KretzFile(str(path), offset, size, volumes, sector, spacing, _date(items))


def patient_name(path, start: int = 0, length: int | None = None) -> str | None:
    """The patient's name in a Kretz file, only for those who ask for it; None where there is none. InputError for a file that is none."""
    return _text(_Items(path, start, length).bytes(PATIENT_NAME))


def _voxels(items: _Items, of_one: int):
    """Where the voxels begin, and how many volumes they are."""
    several, one = items.places.get(SEVERAL), items.places.get(VOXELS)
    if several is None and one is None:
        raise InputError(f"{items.path}: {COMPRESSED}.")
    offset, length = several or one or (0, 0)
    count = items.integer(HOW_MANY) if several else 1
    if count is None:
        count = length // of_one
    if count < 1 or length != count * of_one:
        raise InputError(f"{items.path}: {length} bytes of voxels, where its size asks for {count * of_one}; it {CUT_OFF}.")
    return offset, count


def _sector(items: _Items, size) -> Sector | None:
    beams, sweep = items.numbers(BEAM_ANGLES), items.numbers(SWEEP_ANGLES)
    if beams is None and sweep is None:
        return None
    for angles, count, what in ((beams, size[1], "beam"), (sweep, size[2], "sweep")):
        if angles is None or angles.size != count:
            there = 0 if angles is None else angles.size
            raise InputError(f"{items.path}: {there} {what} angles for {count} of them; it {CUT_OFF}.")
        steps = np.diff(angles) if np.isfinite(angles).all() else np.zeros(1)
        if not ((steps > 0).all() or (steps < 0).all()):
            raise InputError(f"{items.path}: its {what} angles are not in order; it {CUT_OFF}.")
        middle = (angles[0] + angles[-1]) / 2
        if abs(middle - np.pi / 2) > OFF_THE_MIDDLE:
            raise InputError(
                f"{items.path}: the middle of its {what} angles is {np.degrees(middle):.4g} degrees instead of 90, a geometry that is not known; "
                "save it as a Cartesian volume or in another format."
            )
        if abs(angles - np.pi / 2).max() > np.pi * (1 if what == "beam" else 0.5):
            raise InputError(f"{items.path}: its {what} angles reach too far for an ultrasound probe; it {CUT_OFF}.")
    metres, first, axis = (items.number(tag, "d") for tag in (METRES_A_SAMPLE, FIRST_SAMPLE, SWEEP_AXIS))
    if metres is None or first is None or axis is None:
        raise InputError(f"{items.path}: the place of its samples is missing; it {CUT_OFF}.")
    mm = 1000 * metres
    if not (0 < mm < np.inf and 0 <= first < np.inf and abs(axis) < np.inf):
        raise InputError(
            f"{items.path}: samples of {mm:g} mm from {first:g} samples on, swept about {axis:g}, are impossible; it {CUT_OFF}."
        )
    return Sector(size[0], mm, first * mm, -axis * mm, *(np.asarray(angles) - np.pi / 2 for angles in (beams, sweep)))


def _date(items: _Items) -> str | None:
    text = _text(items.bytes(DATE)) or ""
    return text if len(text) == 8 and text.isascii() and text.isdigit() else None


def _text(data: bytes | None) -> str | None:
    """A text as scanners write it: up to the first NUL, UTF-8 or else Latin-1; None for an empty one."""
    data = (data or b"").split(b"\0")[0].strip()
    try:
        return data.decode() or None
    except UnicodeDecodeError:
        return data.decode("latin-1")


class _Items:
    """Where the items of a Kretz file lie; their contents are read when asked for."""

    def __init__(self, path, start: int, length: int | None):
        self.path = path
        self.places: dict = {}
        try:
            with open(path, "rb") as file:
                self._find(file, start, os.fstat(file.fileno()).st_size if length is None else start + length)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check its permissions.") from error

    def _find(self, file, at: int, end: int) -> None:
        file.seek(at)
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise InputError(f"{self.path}: no Kretz file of a GE Voluson scanner; micro-CT volumes, for one, have the ending .vol too.")
        at += len(SIGNATURE)
        for _ in range(MOST_ITEMS):
            header = file.read(min(8, end - at))
            if len(header) < 8:
                if header.strip(b"\0"):
                    raise InputError(f"{self.path}: {CUT_OFF}.")
                return  # nothing, or what pads a DICOM element
            group, element, length = struct.unpack("<HHI", header)
            at += 8
            if length > end - at:
                raise InputError(f"{self.path}: {CUT_OFF}.")
            if (group, element) in WANTED:
                self._keep(file, (group, element), at, length)
            at += length
            file.seek(at)
        raise InputError(f"{self.path}: more than {MOST_ITEMS} items; it {CUT_OFF}.")

    def _keep(self, file, tag, at: int, length: int) -> None:
        before = self.places.setdefault(tag, (at, length))
        small = tag not in (VOXELS, SEVERAL)
        if small and length > LARGEST_SMALL_ITEM:
            raise InputError(f"{self.path}: {length} bytes in item ({tag[0]:04X},{tag[1]:04X}); it {CUT_OFF}.")
        if before != (at, length) and not (small and length == before[1] and _at(file, *before) == _at(file, at, length)):
            raise InputError(f"{self.path}: item ({tag[0]:04X},{tag[1]:04X}) stands in it twice, with different contents; it {CUT_OFF}.")

    def bytes(self, tag) -> bytes | None:
        """An item's contents; None where there is no such item."""
        if tag not in self.places:
            return None
        with open(self.path, "rb") as file:
            return _at(file, *self.places[tag])

    def numbers(self, tag) -> np.ndarray | None:
        """An item's float64 numbers; None where there is no such item."""
        data = self.bytes(tag)
        if data is None:
            return None
        if len(data) % 8:
            raise InputError(f"{self.path}: {len(data)} bytes of angles; it {CUT_OFF}.")
        return np.frombuffer(data, "<f8").astype(float)

    def number(self, tag, kind: str):
        """The one number of an item, of a kind of `struct`; None where there is no such item."""
        data = self.bytes(tag)
        if data is None:
            return None
        if len(data) != struct.calcsize(kind):
            raise InputError(f"{self.path}: item ({tag[0]:04X},{tag[1]:04X}) has {len(data)} bytes; it {CUT_OFF}.")
        return struct.unpack("<" + kind, data)[0]

    def integer(self, tag) -> int | None:
        """The one whole number of an item, of 1 to 8 bytes; None where there is no such item."""
        data = self.bytes(tag)
        return None if data is None else int.from_bytes(data[:8], "little")


def _at(file, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
