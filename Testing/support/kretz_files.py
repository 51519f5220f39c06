"""Writes GE Voluson files for tests: the forward formula of the geometry, sample by sample, and the container's bytes.

Nothing of crend's reader is used here, so that an error of its geometry cannot cancel out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

NAME = "Musterfrau^Erika"
DATE = "20260304"


@dataclass
class Probe:
    """A swept convex probe; sizes in mm, angles in degrees from the middle."""

    radius: float = 10.0
    pivot: float = -4.0  # along the depth, from the centre of the beams' fan
    sample: float = 0.25
    samples: int = 260
    beams: np.ndarray = field(default_factory=lambda: uneven(-65, 65, 150))
    sweep: np.ndarray = field(default_factory=lambda: uneven(-45, 45, 110))

    def positions(self):
        """x, y, z of every sample in mm, each (K, J, I)."""
        r = self.radius + self.sample * np.arange(self.samples)
        phi, theta, r = np.meshgrid(np.radians(self.sweep), np.radians(self.beams), r, indexing="ij")
        x = r * np.sin(theta)
        y = -np.sin(phi) * (r * np.cos(theta) - self.pivot)
        z = self.pivot * (1 - np.cos(phi)) + r * np.cos(theta) * np.cos(phi)
        return x, y, z


def uneven(first: float, last: float, count: int) -> np.ndarray:
    """Angles that lie closer in the middle than at the ends."""
    t = np.linspace(-1, 1, count)
    return first + (last - first) * ((0.8 * t + 0.2 * t**3) + 1) / 2


def spheres(probe: Probe, balls, blur: float = 0.6) -> np.ndarray:
    """(K, J, I) uint8: balls of (x, y, z, radius) at 230 in tissue of 30; their edge is a ramp of `blur` mm with its middle at the radius."""
    x, y, z = (part.astype(np.float32) for part in probe.positions())
    value = np.full(x.shape, 30, np.float32)
    for cx, cy, cz, radius in balls:
        distance = np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2)
        value = np.maximum(value, 30 + 200 * np.clip(0.5 + (radius - distance) / blur, 0, 1))
    return np.rint(value).astype(np.uint8)


def item(group: int, element: int, payload: bytes) -> bytes:
    return struct.pack("<HHI", group, element, len(payload)) + payload


def container(*items: bytes) -> bytes:
    return b"KRETZFILE 1.0   " + b"".join(items)


def head(shape) -> list[bytes]:
    k, j, i = shape
    return [item(0x0110, 2, NAME.encode()), item(0x0140, 3, DATE.encode()), item(0x0001, 9, b"unknown to readers")] + [
        item(0xC000, n, struct.pack("<H", size)) for n, size in ((1, i), (2, j), (3, k))
    ]


def geometry(probe: Probe, beams_off: float = 0.0, sweep_off: float = 0.0) -> list[bytes]:
    """The items of the geometry; offsets in degrees put the middle of a table beside 90."""
    return [
        item(0xC100, 1, struct.pack("<d", probe.sample / 1000)),
        item(0xC200, 1, struct.pack("<d", probe.radius / probe.sample)),
        item(0xC200, 2, struct.pack("<d", -probe.pivot / probe.sample)),
        item(0xC300, 2, np.radians(probe.beams + 90 + beams_off).astype("<f8").tobytes()),
        item(0xC300, 1, np.radians(probe.sweep + 90 + sweep_off).astype("<f8").tobytes()),
    ]


def sector_file(probe: Probe, voxels: np.ndarray) -> bytes:
    """One volume; its voxels stand before the geometry, which a reader must wait for."""
    return container(*head(voxels.shape), item(0xD000, 1, voxels.tobytes()), *geometry(probe))


def sequence_file(probe: Probe, volumes) -> bytes:
    data = b"".join(v.tobytes() for v in volumes)
    return container(*head(volumes[0].shape), *geometry(probe), item(0xD400, 1, struct.pack("<I", len(volumes))), item(0xD600, 1, data))


def cartesian_file(voxels: np.ndarray, spacing: float | None) -> bytes:
    spacing = [] if spacing is None else [item(0x0010, 0x0022, struct.pack("<d", spacing))]
    return container(*head(voxels.shape), *spacing, item(0xD000, 1, voxels.tobytes()))


def wrapped(data: bytes, block: int = 0x11, implicit: bool = False, sop_class: str = "1.2.840.10008.5.1.4.1.1.6.1") -> bytes:
    """A DICOM file with a picture of its own and, in the private block of KRETZ_US, a Kretz file."""
    from io import BytesIO

    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, "1.2.3.4"
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    file = FileDataset("wrapped", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID, file.Modality, file.Manufacturer = sop_class, "1.2.3.4", "US", "GE Healthcare"
    file.PatientName, file.PatientID, file.StudyDate = NAME, "PID-4711", DATE
    region = Dataset()
    region.PhysicalDeltaX, region.RegionSpatialFormat = 0.02, 1
    file.SequenceOfUltrasoundRegions = [region]
    file["SequenceOfUltrasoundRegions"].is_undefined_length = True
    region.is_undefined_length_sequence_item = True
    file.Rows = file.Columns = 8
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 8
    file.HighBit, file.PixelRepresentation = 7, 0
    file.PixelData = bytes(range(64))
    file.add_new((0x7FE1, 0x10), "LO", "OTHER MAKER")
    file.add_new((0x7FE1, 0x1001), "OB", b"not this one")
    file.add_new((0x7FE1, block), "LO", "KRETZ_US")
    file.add_new((0x7FE1, block * 0x100 + 1), "OB", data + b"\0" * (len(data) % 2))
    stream = BytesIO()
    file.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
