"""How large a volume is, from its header alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from .dicom_elements import is_dicom
from .dicom_volume import geometry_of_dicom_file, geometry_of_dicom_folder
from .folders import Volume
from .headers.header import VALUES
from .headers.voxels import RAW
from .image_files import header_of, place
from .kretz import read_header
from .scan_conversion import converted_grid
from .scanner_files import find_scanner_file


@dataclass(frozen=True)
class Size:
    """voxels: along x, y and z, of one volume of a sequence; spacing: mm; bytes: of one voxel; read: bytes that lie in memory while it is read."""

    voxels: tuple[int, ...]
    spacing: tuple[float, ...]
    bytes: int
    read: int

    @property
    def count(self) -> int:
        """Of all voxels."""
        return int(np.prod(self.voxels, dtype=float))


def size_of(volume: Volume) -> Size | None:
    """The size of a volume of a batch; None where it cannot be known, and then the volume cannot be segmented either, or is a picture."""
    try:
        found = _of_path(Path(volume.path))
        return found if found is None or volume.spacing is None else Size(found.voxels, volume.spacing, found.bytes, found.read)
    except (OSError, InputError):
        return None


def _of_path(path: Path) -> Size | None:
    scanned = _scanner_file(path)
    if scanned is not None:
        header = read_header(scanned.path, scanned.start, scanned.length)
        if header.sector is None:
            return _sized(header.size, (header.spacing_mm or 1.0,) * 3, 1)
        spacing, _, size = converted_grid(*header.sector.bounds())
        return _sized(size, (spacing,) * 3, 1)
    if path.is_dir() or is_dicom(path):
        found = (geometry_of_dicom_folder if path.is_dir() else geometry_of_dicom_file)(path)
        spacing, _, _, _ = place(path, found.geometry, 3)
        return _sized(found.size, spacing, 2)
    header = header_of(path)
    if header is None or len(header.size) != 3:
        return None
    spacing, _, _, _ = place(path, header.geometry, 3)
    scaled = header.scale != (1.0, 0.0)
    kind = header.voxels.kind.itemsize
    raw = 0 if header.voxels.encoding == RAW else header.voxels.bytes
    return _sized(header.size, spacing, (8 if kind > 4 else 4) if scaled else kind * header.count(VALUES), raw)


def _sized(voxels, spacing, size: int, read: int = 0) -> Size:
    voxels = tuple(int(n) for n in voxels)
    return Size(voxels, tuple(float(s) for s in spacing), size, read + size * int(np.prod(voxels, dtype=float)))


def _scanner_file(path: Path):
    if not path.is_dir():
        return find_scanner_file(path)
    files = [file for file in path.iterdir() if file.is_file()]
    return find_scanner_file(files[0]) if len(files) == 1 else None
