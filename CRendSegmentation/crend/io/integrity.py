"""Whether a file holds all the voxels that its header promises, for the formats whose readers fill up what is missing without a word."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path

BYTES = {
    "bit": 0.125,
    "char": 1,
    "unsigned_char": 1,
    "short": 2,
    "unsigned_short": 2,
    "int": 4,
    "unsigned_int": 4,
    "float": 4,
    "long": 8,
    "unsigned_long": 8,
    "double": 8,
}


def missing_bytes(path) -> int | None:
    """How many bytes of voxels a legacy VTK (binary), NIfTI or Analyze file lacks; 0 when it is whole, None for other formats.

    Of a pair .hdr and .img either name will do. ValueError for a header that cannot be read.
    """
    name = Path(path).name.lower()
    if name.endswith(".vtk"):
        return _vtk(path)
    if name.endswith((".nii", ".nii.gz")):
        return _nifti(path, path)
    if name.endswith((".hdr", ".img", ".hdr.gz", ".img.gz")):
        return _nifti(_partner(path, "hdr"), _partner(path, "img"))
    return None


def _vtk(path) -> int | None:
    """DIMENSIONS and SCALARS of a legacy VTK header say how much must follow LOOKUP_TABLE."""
    with open(path, "rb") as f:
        head = f.read(4096)
    voxels, kind, at, binary = None, None, None, False
    position = 0
    for line in head.split(b"\n"):
        position += len(line) + 1
        words = line.decode("latin-1").split()
        key = words[0].upper() if words else ""
        if key == "BINARY":
            binary = True
        elif key == "ASCII":
            return None
        elif key == "DIMENSIONS" and len(words) == 4:
            voxels = int(words[1]) * int(words[2]) * int(words[3])
        elif key == "SCALARS" and len(words) >= 3:
            kind, at = words[2].lower(), position
            components = int(words[3]) if len(words) > 3 else 1
        elif key == "LOOKUP_TABLE":
            at = position
            break
    if not binary or not voxels or kind not in BYTES or at is None:
        raise ValueError("its header is not that of a legacy VTK volume")
    return max(0, at + int(voxels * BYTES[kind] * components) - Path(path).stat().st_size)


def _partner(path, ending: str) -> Path:
    """The file of a pair with this ending, in capitals if the given one is."""
    path = Path(path)
    stem, last, zipped = re.fullmatch(r"(.*)\.(hdr|img)(\.gz)?", path.name, re.IGNORECASE).groups(default="")
    name = f"{stem}.{ending.upper() if last.isupper() else ending}"
    # One of the two alone may be compressed.
    candidates = [path.with_name(each) for each in (name + zipped, name, name + ".gz")]
    return next((each for each in candidates if each.exists()), candidates[0])


def _nifti(header, data) -> int | None:
    """The header's dimensions say how much must be in the data, which lie behind it in the same file or in one of their own."""
    try:
        with _opened(header) as f:
            head = f.read(348)
        if len(head) < 348:
            raise ValueError("its header is cut off")
        order = "<" if struct.unpack("<i", head[:4])[0] == 348 else ">"
        if struct.unpack(order + "i", head[:4])[0] != 348:
            return None  # NIfTI-2 and others
        dim = struct.unpack(order + "8h", head[40:56])
        bits = struct.unpack(order + "h", head[72:74])[0]
        offset = int(struct.unpack(order + "f", head[108:112])[0])
        voxels = 1
        for n in dim[1 : 1 + max(dim[0], 1)]:
            voxels *= max(n, 1)
        there = 0
        with _opened(data) as f:
            while block := f.read(1 << 20):
                there += len(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError("its compressed data break off") from error
    return max(0, offset + voxels * bits // 8 - there)


def _opened(path):
    return (gzip.open if str(path).lower().endswith(".gz") else open)(path, "rb")
