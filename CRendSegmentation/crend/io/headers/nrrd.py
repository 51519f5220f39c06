"""Headers of NRRD files (.nrrd, .nhdr; also .seg.nrrd and .seq.nrrd).

Read here and not by ITK: it passes over the unit of the space, takes 1 mm where no spacing stands, and never looks at the checksum of compressed voxels.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...numerals import number_in, whole_in
from .header import FRAMES, LAYERS, SPACE, VALUES, Axis, Geometry, Header, check_sizes, damaged, format_sizes, not_supported
from .units import millimetres
from .voxels import BZIP2, GZIP, HEX, RAW, TEXT, Voxels

NAME = "NRRD"
KINDS = {
    "i1": ("signed char", "int8", "int8_t"), "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "f4": ("float",), "f8": ("double",),
}  # fmt: skip
TYPES = {word: kind for kind, words in KINDS.items() for word in words}
ENCODINGS = {"raw": RAW, "gzip": GZIP, "gz": GZIP, "bzip2": BZIP2, "bz2": BZIP2, "txt": TEXT, "text": TEXT, "ascii": TEXT, "hex": HEX}
SAME = {
    "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "axismins": "axis mins", "axismaxs": "axis maxs", "centers": "centerings",
}  # fmt: skip
#: World axes to LPS.
RAS, LAS, LPS = (-1, -1, 1), (1, -1, 1), (1, 1, 1)
SPACES = {"right-anterior-superior": RAS, "ras": RAS, "left-anterior-superior": LAS, "las": LAS}
OTHER_SPACES = (
    "", "left-posterior-superior", "lps", "scanner-xyz", "3d-right-handed", "3d-left-handed",
)  # fmt: skip
KNOWN = {
    "content", "number", "type", "block size", "blocksize", "dimension", "space", "space dimension", "sizes", "spacings", "thicknesses", "axis mins",
    "axis maxs", "space directions", "centerings", "kinds", "labels", "units", "min", "max", "old min", "oldmin", "old max", "oldmax",
    "data file", "endian", "encoding", "line skip", "byte skip", "sample units", "sampleunits", "space units", "space origin", "measurement frame",
}  # fmt: skip
AXIS_KINDS = {
    "domain", "space", "time", "list", "point", "vector", "covariant-vector", "normal", "stub", "scalar", "complex", "2-vector", "3-color",
    "rgb-color", "hsv-color", "xyz-color", "4-color", "rgba-color", "3-vector", "3-gradient", "3-normal", "4-vector", "quaternion",
    "2d-symmetric-matrix", "2d-masked-symmetric-matrix", "2d-matrix", "2d-masked-matrix", "3d-symmetric-matrix", "3d-masked-symmetric-matrix",
    "3d-matrix", "3d-masked-matrix", "???", "none",
}  # fmt: skip
SPATIAL = ("domain", "space", "???", "none", "")
LONGEST_HEADER = 64 << 20
AGREE = 1e-3
LIMITS_AGREE = 0.01  # such limits are often rounded


def read_header(path) -> Header:
    """The header of a NRRD file. InputError, one line, for one that cannot be used; OSError."""
    path = Path(path)
    fields, keys, end = _fields(path)
    dimension = _whole(path, fields, "dimension")
    if not 1 <= dimension <= 16:
        raise damaged(path, f"its header says {dimension} dimensions")
    sizes = check_sizes(path, _numbers(path, fields, "sizes", dimension, whole=True))
    word = " ".join(fields.get("type", "").lower().split())
    if word not in TYPES:
        raise damaged(path, f'its header says voxels of the type "{word[:40]}"')
    directions = _directions(path, fields, dimension)
    axes = _axes(path, fields, sizes, directions)
    voxels = _voxels(path, fields, end, TYPES[word], int(np.prod(sizes, dtype=object)))
    spatial = [k for k, axis in enumerate(axes) if axis.role == SPACE]
    if len(spatial) > 3:  # the fourth domain of a file without kinds is time
        axes = tuple(Axis(axis.size, FRAMES if k in spatial[3:] else axis.role) for k, axis in enumerate(axes))
        spatial = spatial[:3]
    refusal = "complex numbers; give the envelope (B-mode) volume" if "complex" in fields.get("kinds", "").lower() else ""
    return Header(path, NAME, axes, _geometry(path, fields, directions, spatial), voxels, keys=keys, refusal=refusal)


def _fields(path: Path) -> tuple[dict, dict, int]:
    """(fields, key/value pairs, where the header ends)."""
    fields, keys, end = {}, {}, 0
    with open(path, "rb") as file:
        magic = file.readline(64)
        if not re.fullmatch(rb"NRRD00(0[1-6]|\.01)\r?\n", magic):
            raise not_supported(path, "not an image format that can be read (no header of a NRRD file)", "export it again")
        end = len(magic)
        while end < LONGEST_HEADER:
            line = file.readline(1 << 24)
            end += len(line)
            if not line.strip():
                if line or "data file" in fields:
                    return fields, keys, end
                break
            text = line.rstrip(b"\r\n").decode("utf-8", "replace" if b":=" in line else "backslashreplace")
            pair, field = text.find(":="), text.find(": ")
            if text.startswith("#"):
                continue
            if pair >= 0 and (field < 0 or pair < field):
                keys[text[:pair]] = text[pair + 2 :].replace("\\n", "\n").replace("\\\\", "\\")
                continue
            name, mark, value = text.partition(":")
            name = SAME.get(name.strip().lower(), name.strip().lower())
            if not mark or name not in KNOWN:
                raise damaged(path, f'its header says "{text[:40]}"')
            if name in fields and fields[name] != value.strip():
                raise not_supported(path, f'its header says {name} "{fields[name]}" and "{value.strip()}"', "correct the file")
            fields[name] = value.strip()
            if name == "data file" and value.strip().upper().startswith("LIST"):
                break
    if "data file" in fields:
        raise not_supported(path, "its voxels are spread over several files", "save it as one file (.nrrd)")
    raise damaged(path, "its header breaks off")


def _axes(path: Path, fields: dict, sizes, directions) -> tuple[Axis, ...]:
    kinds = fields.get("kinds", "").lower().split()
    if kinds and (len(kinds) != len(sizes) or not AXIS_KINDS.issuperset(kinds)):
        raise damaged(path, f'its header says kinds "{fields["kinds"][:80]}"')
    kinds = kinds or [""] * len(sizes)
    axes = []
    for k, (size, kind) in enumerate(zip(sizes, kinds)):
        placed = directions is None or directions[k] is not None
        if kind in SPATIAL:
            axes.append(Axis(size, SPACE if placed else LAYERS))
        else:
            axes.append(Axis(size, {"time": FRAMES, "list": LAYERS}.get(kind, VALUES)))
    return tuple(axes)


def _voxels(path: Path, fields: dict, end: int, kind: str, count: int) -> Voxels:
    encoding = ENCODINGS.get(fields.get("encoding", "").lower())
    if encoding is None:
        raise not_supported(path, f'the encoding "{fields.get("encoding", "")[:40]}" is not supported', "save it again as raw or gzip")
    order = fields.get("endian", "little").lower()
    if order not in ("little", "big"):
        raise damaged(path, f'its header says endian "{order[:40]}"')
    if "endian" not in fields and kind[1] != "1" and encoding in (RAW, GZIP, BZIP2):
        raise damaged(path, "its header says no endian")
    file, start = path, end
    name = fields.get("data file")
    if name is not None:
        if not name or "%" in name or (re.search(r"\s\d+$", name) and not (path.parent / name).is_file()):
            raise not_supported(path, "its voxels are spread over several files", "save it as one file (.nrrd)")
        file, start = path.parent / name, 0
        if not file.is_file():
            raise not_supported(path, f"its voxels, {name}, are missing", "put that file beside it")
    lines, skip = _whole(path, fields, "line skip", 0), _whole(path, fields, "byte skip", 0)
    if lines < 0 or skip < -1 or (skip == -1 and encoding != RAW):
        raise damaged(path, f"its header says to skip {lines} lines and {skip} bytes")
    with open(file, "rb") as content:
        content.seek(start)
        for _ in range(lines):
            if not content.readline():
                raise damaged(path, f"its header says to skip {lines} lines, more than there are")
        start = content.tell()
    return Voxels(file, None if skip == -1 else start, np.dtype(("<" if order == "little" else ">") + kind), count, encoding, max(skip, 0))


def _directions(path: Path, fields: dict, dimension: int):
    """A vector or None (no direction) for each axis; None where the header has no directions at all."""
    if "space directions" not in fields:
        return None
    found = re.findall(r"none|\([^()]*\)", fields["space directions"], re.IGNORECASE)
    try:
        vectors = [None if text.lower() == "none" else [number_in(n, finite=False) for n in text[1:-1].split(",")] for text in found]
        lengths = {len(vector) for vector in vectors if vector is not None}
        rest = re.sub(r"none|\([^()]*\)|\s", "", fields["space directions"], flags=re.IGNORECASE)
        if len(vectors) != dimension or len(lengths) > 1 or rest:
            raise ValueError
    except ValueError:
        raise damaged(path, f"its header says space directions {fields['space directions'][:80]}") from None
    # A vector of nothing but nan is how some say "none".
    return [
        None if vector is None or (len(vector) != 1 and np.isnan(vector).all() and dimension > len(vector)) else vector
        for vector in vectors
    ]


def _geometry(path: Path, fields: dict, directions, spatial) -> Geometry:
    n = len(spatial)
    nothing = np.full((n, n), np.nan)
    origin = np.zeros(n)
    units, spacings = _words(fields, "units"), _spacings(path, fields, spatial)
    if directions is None:
        if spacings is None or not np.isfinite(spacings).any():
            return Geometry(nothing, origin, "its header says neither spacings nor space directions")
        if units and len(units) <= max(spatial):
            return Geometry(nothing, origin, f"its header says units {fields['units']}, fewer than it has axes")
        scale, unknown = _scales([units[k] for k in spatial] if units else [""] * n)
        if unknown:
            return Geometry(nothing, origin, f'its spacings are in "{unknown}"')
        if not (np.isfinite(spacings).all() and np.abs(spacings).min() > 0):
            return Geometry(nothing, origin, f"spacings {fields['spacings']} are impossible")
        problem = _contradicts_limits(path, fields, spatial, spacings)
        if problem:
            return Geometry(nothing, origin, problem)
        return Geometry(np.diag(spacings * scale), _first_voxel(path, fields, spatial, spacings) * scale, notes=_said(scale))
    steps = np.array([directions[k] for k in spatial], float).T
    world = _words(fields, "space units")
    if not world and units:
        scale, unknown = _scales([units[k] for k in spatial] if len(units) > max(spatial) else units)
        if unknown or (scale != 1).any():
            return Geometry(nothing, origin, "it has space directions, but units of axes: it is not clear which are meant")
    if world and len(world) < len(steps):
        return Geometry(nothing, origin, f"its header says space units {fields['space units']} of {len(steps)} axes")
    scale, unknown = _scales(world[: len(steps)] or [""] * len(steps))
    if unknown:
        return Geometry(nothing, origin, f'its space units are "{unknown}"')
    if "space origin" in fields:
        origin = np.array(_numbers(path, {"space origin": re.sub(r"[(),]", " ", fields["space origin"])}, "space origin", len(steps)))
    else:
        origin = np.zeros(len(steps))
    space = re.sub("-time$", "", fields.get("space", "").lower())
    space = space[:-1] if space in ("rast", "last", "lpst") else space
    if space not in SPACES and space not in OTHER_SPACES:
        raise damaged(path, f'its header says space "{space[:40]}"')
    signs = np.ones(len(steps))
    signs[:3] = np.array(SPACES.get(space, LPS))[: len(steps)]
    steps, origin = (signs * scale)[:, None] * steps, signs * scale * origin
    if len(steps) != n:
        if len(steps) < n or np.abs(steps[n:]).max(initial=0) > 0:
            return Geometry(nothing, np.zeros(n), f"its {n} axes lie in a space of {len(steps)} dimensions")
        steps, origin = steps[:n], origin[:n]
    lengths = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(lengths).all() and lengths.min() > 0):
        return Geometry(nothing, origin, f"space directions {fields['space directions']} are impossible")
    if spacings is not None:
        differ = np.isfinite(spacings) & (np.abs(np.abs(spacings) * scale[0] - lengths) > AGREE * lengths)
        if differ.any():
            return Geometry(
                nothing, origin, f"its spacings are {format_sizes(spacings)}, its space directions {format_sizes(lengths)} mm long"
            )
    return Geometry(steps, origin, notes=_said(scale))


def _contradicts_limits(path: Path, fields: dict, spatial, spacings) -> str:
    """Why spacings do not fit to where the axes are said to begin and end, or "". Voxels lie between these limits, or the outer ones on them."""
    if "axis mins" not in fields or "axis maxs" not in fields:
        return ""
    sizes, low, high = (
        np.array(_numbers(path, fields, name, max(spatial) + 1))[list(spatial)] for name in ("sizes", "axis mins", "axis maxs")
    )
    extent, given = np.abs(high - low), np.abs(spacings)
    fits = [np.abs(extent - given * count) <= LIMITS_AGREE * given * count for count in (sizes, sizes - 1)]
    wrong = ~(fits[0] | fits[1]) & np.isfinite(extent)
    return f"its spacings are {format_sizes(given)}, its axis mins and maxs {format_sizes(extent / sizes)} a voxel" if wrong.any() else ""


def _said(scale) -> tuple:
    return () if (scale == 1).all() else (f"its lengths are not in mm; converted (x {format_sizes(np.unique(scale))})",)


def _spacings(path: Path, fields: dict, spatial):
    if "spacings" not in fields:
        return None
    return np.array(_numbers(path, fields, "spacings", max(spatial) + 1))[list(spatial)]


def _first_voxel(path: Path, fields: dict, spatial, spacings) -> np.ndarray:
    """The first voxel's middle, of a file that says where its axes begin."""
    if "axis mins" not in fields:
        return np.zeros(len(spatial))
    mins = np.array(_numbers(path, fields, "axis mins", max(spatial) + 1))[list(spatial)]
    centers = fields.get("centerings", "").lower().split()
    half = [0.0 if k < len(centers) and centers[k] == "node" else 0.5 for k in spatial]
    return np.nan_to_num(mins + half * spacings)


def _words(fields: dict, name: str) -> list[str]:
    text = fields.get(name, "")
    return re.findall(r'"([^"]*)"', text) if '"' in text else text.split()


def _scales(units) -> tuple[np.ndarray, str]:
    """(mm of each unit, the first word that is no unit of length or "")."""
    found = [millimetres(unit.encode("latin-1", "replace").decode("unicode_escape") if "\\" in unit else unit) for unit in units]
    unknown = next((unit for unit, mm in zip(units, found) if mm is None), "")
    return np.array([1.0 if mm is None else mm for mm in found]), unknown


def _numbers(path: Path, fields: dict, name: str, count: int, whole: bool = False) -> list:
    words = fields.get(name, "").split()
    try:
        if len(words) < count:
            raise ValueError
        return [whole_in(word) if whole else number_in(word, finite=False) for word in words[:count]]
    except ValueError:
        raise damaged(path, f"its header says {name} {fields.get(name, 'nothing')[:60]}") from None


def _whole(path: Path, fields: dict, name: str, default=None) -> int:
    return default if name not in fields and default is not None else _numbers(path, fields, name, 1, whole=True)[0]
