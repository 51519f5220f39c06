"""Headers of MetaImage files (.mha, .mhd).

Read here and not by ITK: its reader crashes on some of them (dimensions below 0 or above 10, a % in the name of the file with the voxels), takes 1 mm
where no spacing stands, and hands out what was in memory where compressed voxels are damaged.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...numerals import number_in, whole_in
from .header import VALUES, Axis, Geometry, Header, check_agreement, check_sizes, damaged, format_sizes, not_supported, with_time
from .units import millimetres
from .voxels import RAW, TEXT, ZLIB_OR_GZIP, Voxels

NAME = "MetaImage"
KINDS = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4", "MET_LONG": "i4",
    "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
LONGEST_HEADER = 64 << 20  # tracked sequences have a dozen lines a frame
LAST = "ElementDataFile"
AGREE = 1e-3
TRACKED = re.compile(r"Seq_Frame(\d+)_")


def read_header(path) -> Header:
    """The header of a .mha or .mhd file. InputError, one line, for one that cannot be used; OSError."""
    path = Path(path)
    fields, end = _fields(path)
    if fields.get("ObjectType", "Image") != "Image":
        raise not_supported(path, f"holds a {fields['ObjectType']}, not an image", "give an ultrasound volume")
    dimensions = _whole(path, fields, "NDims")
    if not 1 <= dimensions <= 5:
        raise damaged(path, f"its header says {dimensions} dimensions")
    sizes = check_sizes(path, _numbers(path, fields, "DimSize", dimensions, whole=True))
    kind = fields.get("ElementType", "")
    if kind.removesuffix("_ARRAY") not in KINDS:
        raise damaged(path, f'its header says voxels of the type "{kind[:40]}"')
    values = _whole(path, fields, "ElementNumberOfChannels", 1)
    if not 1 <= values <= 1 << 16:
        raise damaged(path, f"its header says {values} channels")
    axes = ((Axis(values, VALUES),) if values > 1 else ()) + with_time(sizes)
    big = _flag(check_agreement(path, fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB"))
    dtype = np.dtype((">" if big else "<") + KINDS[kind.removesuffix("_ARRAY")])
    voxels = _voxels(path, fields, end, dtype, int(np.prod([axis.size for axis in axes], dtype=object)))
    return Header(
        path, NAME, axes, _geometry(path, fields, min(dimensions, 3), dimensions), voxels, keys=fields, refusal=_refusal(fields, sizes)
    )


def _fields(path: Path) -> tuple[dict, int]:
    """(the fields, where the header ends)."""
    fields, end = {}, 0
    with open(path, "rb") as file:
        while end < LONGEST_HEADER:
            line = file.readline(1 << 15)
            end += len(line)
            key, mark, value = line.decode("latin-1").partition("=" if b"=" in line else ":")
            if not mark or (not line.endswith((b"\n", b"\r")) and LAST not in key):
                if not line.strip() and line:
                    continue
                break
            key, value = key.strip(), value.strip()
            if not key.isprintable() or len(key) > 250:
                break
            if fields.setdefault(key, value).split() != value.split():
                raise not_supported(path, f"its header says {key} = {fields[key]} and {key} = {value}", "correct the file")
            if key == LAST:
                return fields, end
    if "NDims" in fields and "DimSize" in fields:
        raise damaged(path, "its header breaks off")
    raise not_supported(path, "not an image format that can be read (no header of a MetaImage)", "export it again")


def _voxels(path: Path, fields: dict, end: int, dtype: np.dtype, count: int) -> Voxels:
    name = fields[LAST]
    if not name:
        raise damaged(path, "its header names no voxels")
    if "%" in name or name.upper().startswith("LIST"):
        raise not_supported(path, "its voxels are spread over several files", "save it as one file (.mha)")
    file, start = path, end
    if name.upper() != "LOCAL":
        file, start = path.parent / name, 0
        if not file.is_file():
            raise not_supported(path, f"its voxels, {name}, are missing", "put that file beside it")
    skip = _whole(path, fields, "HeaderSize", 0)
    if skip < -1:
        raise damaged(path, f"its header says HeaderSize = {skip}")
    compressed = _flag(fields.get("CompressedData"))
    if not compressed and fields.get("BinaryData") is not None and not _flag(fields["BinaryData"]):
        return Voxels(file, start, dtype, count, TEXT)
    if compressed:
        length = _whole(path, fields, "CompressedDataSize", 0)
        return Voxels(file, max(start, skip), dtype, count, ZLIB_OR_GZIP, length=length if length > 0 else None)
    return Voxels(file, None if skip == -1 else max(start, skip), dtype, count, RAW)


def _geometry(path: Path, fields: dict, n: int, dimensions: int) -> Geometry:
    """The place in mm, whatever unit the header has its lengths in."""
    unit = fields.get("DistanceUnits", "").strip('"?')
    scale, found = millimetres(unit), _in_their_unit(path, fields, n, dimensions)
    if scale is None:
        return Geometry(found.steps * np.nan, found.origin, f'its lengths are in "{unit[:40]}"')
    if scale == 1 or found.problem:
        return found
    notes = (*found.notes, f"its lengths are in {unit}; converted to mm (x {scale:g})")
    return Geometry(found.steps * scale, found.origin * scale, notes=notes)


def _in_their_unit(path: Path, fields: dict, n: int, dimensions: int) -> Geometry:
    matrix = np.eye(dimensions)
    text = check_agreement(path, fields, "TransformMatrix", "Rotation", "Orientation")
    if text is not None:
        # A row is where an axis points.
        matrix = np.reshape(_numbers(path, {"TransformMatrix": text}, "TransformMatrix", dimensions**2), (dimensions, dimensions)).T
    origin = np.zeros(dimensions)
    text = check_agreement(path, fields, "Offset", "Position", "Origin")
    if text is not None:
        origin = np.array(_numbers(path, {"Offset": text}, "Offset", dimensions))
    matrix, origin = matrix[:n, :n], origin[:n]
    field = next((name for name in ("ElementSpacing", "ElementSize") if name in fields), None)
    scale = np.linalg.norm(matrix, axis=0)
    scaled = bool((np.abs(scale - 1) > 1e-3).any())
    if field is None:
        if scaled and np.isfinite(scale).all() and scale.min() > 0:
            return Geometry(matrix, origin, notes=(f"no ElementSpacing; {format_sizes(scale)} mm a voxel taken from TransformMatrix",))
        return Geometry(np.full((n, n), np.nan), origin, "its header says no spacing")
    spacing = np.array(_numbers(path, fields, field, dimensions)[:n])
    if not (np.isfinite(spacing).all() and spacing.min() > 0):
        return Geometry(matrix * np.nan, origin, f"{field} = {fields[field]} is impossible")
    notes = []
    if scaled:
        notes.append(
            f"TransformMatrix scales {field} {format_sizes(spacing)} by {format_sizes(scale)}: voxels of {format_sizes(spacing * scale)} mm"
        )
    if field == "ElementSpacing" and "ElementSize" in fields:
        size = np.array(_numbers(path, fields, "ElementSize", dimensions)[:n])
        differ = ~(np.abs(size - spacing) <= AGREE * spacing)
        said = f"ElementSpacing = {fields['ElementSpacing']} and ElementSize = {fields['ElementSize']}"
        if differ[:2].any():
            return Geometry(matrix * np.nan, origin, f"its header says {said}")
        if differ.any():
            # Slices may be thicker than they lie apart.
            notes.append(f"{said}; voxels of {format_sizes(spacing)} taken")
    return Geometry(matrix * spacing, origin, notes=tuple(notes))


def _refusal(fields: dict, sizes) -> str:
    """A reconstructed volume may have the kind "list" on its last axis, too; only the fields of its frames make a sequence."""
    frames = {match[1] for key in fields if (match := TRACKED.match(key))}
    if len(sizes) == 3 and (frames or "UltrasoundImageOrientation" in fields):
        return f"a sequence of {sizes[2]} 2D frames (tracked ultrasound); reconstruct a volume of it first (PLUS, or Volume Reconstruction in 3D Slicer)"
    return ""


def _numbers(path: Path, fields: dict, key: str, count: int, whole: bool = False) -> list:
    words = fields.get(key, "").split()
    try:
        if len(words) < count:
            raise ValueError
        return [whole_in(word) if whole else number_in(word, finite=False) for word in words[:count]]
    except ValueError:
        raise damaged(path, f"its header says {key} = {fields.get(key, 'nothing')[:60]}") from None


def _whole(path: Path, fields: dict, key: str, default=None) -> int:
    return default if key not in fields and default is not None else _numbers(path, fields, key, 1, whole=True)[0]


def _flag(value) -> bool:
    return str(value or "").strip().lower()[:1] in ("t", "1", "y")
