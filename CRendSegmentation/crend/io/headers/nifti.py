"""Headers of NIfTI (.nii, .nii.gz, pairs .hdr and .img, versions 1 and 2) and Analyze files.

Read here and not by ITK: it takes the spacing from pixdim alone, whatever the forms say, 1 mm where that is 0, and refuses forms that lean by 1e-4.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .header import VALUES, Axis, Geometry, Header, check_sizes, damaged, format_sizes, not_supported, with_time
from .voxels import GZIP, RAW, WINDOW, Voxels

NAME = "NIfTI"
KINDS = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 32: "c8", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8", 1792: "c16",
}  # fmt: skip
COLOURS = {128: 3, 2304: 4}
MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}  # of a unit: unknown, metre, millimetre, micrometre
AGREE = 1e-3  # relative; forms and pixdim are written in single precision, some rounded to four digits
NOTES = "ITK_FileNotes"  # what ITK calls the words of such a header
GZIPPED = b"\x1f\x8b"


class _Facts(NamedTuple):
    order: str  # of the bytes, < or >
    dim: tuple
    kind: int
    bits: int
    pixdim: np.ndarray
    offset: float
    scale: tuple
    units: int
    codes: tuple  # qform, sform
    quatern: np.ndarray
    qoffset: np.ndarray
    sform: np.ndarray
    words: str


def read_header(path) -> Header:
    """The header of a NIfTI or Analyze file; of a pair either name will do. InputError, one line, for one that cannot be used; OSError."""
    path = Path(path)
    paired = path.name.lower().endswith((".hdr", ".img", ".hdr.gz", ".img.gz"))
    header, data = (_partner(path, "hdr"), _partner(path, "img")) if paired else (path, path)
    if not header.is_file() or not data.is_file():
        missing = header if not header.is_file() else data
        raise not_supported(path, f"its other half, {missing.name}, is missing", "put that file beside it")
    facts = _facts(header, path)
    sizes = _sizes(path, facts)
    kind, values = ("u1", COLOURS[facts.kind]) if facts.kind in COLOURS else (KINDS.get(facts.kind), 1)
    if kind is None or facts.bits not in (0, np.dtype(kind).itemsize * 8 * values):
        raise damaged(path, f"its header says voxels of type {facts.kind} with {facts.bits} bits")
    axes = ((Axis(values, VALUES),) if values > 1 else ()) + with_time(sizes)
    start = facts.offset if np.isfinite(facts.offset) else -1
    if start < 0 or start != int(start):
        raise damaged(path, f"its header says that its voxels begin at byte {facts.offset:g}")
    start = int(start) if paired else max(int(start), 352)
    count = int(np.prod([axis.size for axis in axes], dtype=object))
    with open(data, "rb") as file:
        zipped = file.read(2) == GZIPPED
    if zipped and not data.name.lower().endswith(".gz"):
        raise not_supported(path, "is compressed with gzip, which its name does not say", f"name it {data.name}.gz")
    voxels = Voxels(data, 0, np.dtype(facts.order + kind), count, GZIP if zipped else RAW, skip=start)
    return Header(path, NAME, axes, _geometry(facts, min(len(sizes), 3)), voxels, scale=_scale(facts), keys={NOTES: facts.words})


def _partner(path: Path, ending: str) -> Path:
    """The file of a pair with this ending, in capitals if the given one is."""
    named = re.fullmatch(r"(.*)\.(hdr|img)(\.gz)?", path.name, re.IGNORECASE)
    if named is None:
        raise ValueError(f"{path.name} is not the name of a pair")
    stem, last, zipped = named.groups(default="")
    name = f"{stem}.{ending.upper() if last.isupper() else ending}"
    # One of the two alone may be compressed.
    candidates = [path.with_name(each) for each in (name + zipped, name, name + ".gz")]
    return next((each for each in candidates if each.exists()), candidates[0])


def _facts(header: Path, path: Path) -> _Facts:
    head = _head(header, path)
    for order in "<>":
        first = struct.unpack(order + "i", head[:4])[0] if len(head) >= 4 else 0
        if first in (348, 540):
            if len(head) < first:
                raise damaged(path, "its header is cut off")
            return (_first_version if first == 348 else _second_version)(head, order)
    raise not_supported(path, "not an image format that can be read (no header of a NIfTI or Analyze file)", "export it again")


def _head(header: Path, path: Path) -> bytes:
    with open(header, "rb") as file:
        head = file.read(1 << 16)
    if not head.startswith(GZIPPED):
        return head[:544]
    try:
        head = zlib.decompressobj(WINDOW[GZIP]).decompress(head, 544)
        if len(head) < 348:
            raise damaged(path, "its compressed data break off")
        return head
    except zlib.error as error:
        raise damaged(path, f"its compressed data are corrupted ({error})") from None


def _first_version(head: bytes, order: str) -> _Facts:
    def get(kind, at):
        return struct.unpack_from(order + kind, head, at)

    nifti = head[344:347] in (b"n+1", b"ni1")
    kind, bits = get("2h", 70)
    return _Facts(
        order, get("8h", 40), kind, bits, np.array(get("8f", 76), float), get("f", 108)[0], get("2f", 112) if nifti else (0.0, 0.0),
        head[123] & 7 if nifti else 0, get("2h", 252) if nifti else (0, 0), np.array(get("3f", 256), float), np.array(get("3f", 268), float),
        np.array(get("12f", 280), float).reshape(3, 4), _text(head[148:228]) if nifti else "",
    )  # fmt: skip


def _second_version(head: bytes, order: str) -> _Facts:
    def get(kind, at):
        return struct.unpack_from(order + kind, head, at)

    kind, bits = get("2h", 12)
    return _Facts(
        order, get("8q", 16), kind, bits, np.array(get("8d", 104)), float(get("q", 168)[0]), get("2d", 176), get("i", 500)[0] & 7,
        get("2i", 344), np.array(get("3d", 352)), np.array(get("3d", 376)), np.array(get("12d", 400)).reshape(3, 4), _text(head[240:320]),
    )  # fmt: skip


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("latin-1")


def _sizes(path: Path, facts: _Facts) -> tuple[int, ...]:
    dimensions, *sizes = facts.dim
    if not 1 <= dimensions <= 7:
        raise damaged(path, f"its header says {dimensions} dimensions")
    # Some writers leave 0 on the axes that they do not use.
    sizes = [max(size, 1) if k > 2 else size for k, size in enumerate(sizes[:dimensions])]
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    return check_sizes(path, sizes)


def _scale(facts: _Facts) -> tuple[float, float]:
    slope, intercept = facts.scale
    # By the standard, a slope of 0 means that there is none.
    if not slope or not np.isfinite([slope, intercept]).all():
        return 1.0, 0.0
    return float(slope), float(intercept)


def _geometry(facts: _Facts, n: int) -> Geometry:
    unit = MM.get(facts.units)
    pixdim, (qcode, scode) = facts.pixdim[1:4], facts.codes
    if unit is None:
        return Geometry(np.full((n, n), np.nan), np.zeros(n), f"its unit of length has the code {facts.units}, which means nothing")
    notes, sizes = [], np.abs(pixdim)
    if scode > 0:
        form = np.linalg.norm(facts.sform[:, :3], axis=0)
        known = np.isfinite(form) & (form > 0), np.isfinite(sizes) & (sizes > 0)
        leans = _leans(facts.sform[:, :3] / np.where(form > 0, form, 1))
        differ = ~leans & known[0] & known[1] & (np.abs(form - sizes) > AGREE * sizes)
        if differ[:n].any():
            problem = f"pixdim says voxels of {format_sizes(sizes[:n] * unit)} mm, its sform {format_sizes(form[:n] * unit)} mm"
            return Geometry(np.full((n, n), np.nan), np.zeros(n), problem)
        if not known[1][:n].all() and known[0].all():
            notes.append(f"pixdim says {format_sizes(pixdim[:n])}; voxels of {format_sizes(form[:n] * unit)} mm taken from its sform")
            sizes = form
        elif not known[0].all() and known[1][:n].all():
            notes.append(
                f"its sform says voxels of {format_sizes(form[:n] * unit)} mm; {format_sizes(sizes[:n] * unit)} mm taken from pixdim"
            )
            scode = 0
    if not (np.isfinite(sizes[:n]).all() and sizes[:n].min() > 0):
        return Geometry(np.full((n, n), np.nan), np.zeros(n), f"pixdim says voxels of {format_sizes(pixdim[:n])}, and no form says more")
    directions, origin = _directions(facts, qcode, scode)
    lps = np.array([-1.0, -1.0, 1.0])[:n] if qcode > 0 or scode > 0 else np.ones(n)
    return Geometry(lps[:, None] * directions[:n, :n] * sizes[:n] * unit, lps * origin[:n] * unit, notes=tuple(notes))


def _leans(axes) -> bool:
    """Whether axes are so far from right angles that their lengths say nothing."""
    return bool(np.abs(axes.T @ axes - np.eye(3))[np.triu_indices(3, 1)].max() > AGREE)


def _directions(facts: _Facts, qcode: int, scode: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of the axes in columns and the first voxel's place, RAS: of the form that Slicer takes, too, where there are two."""
    if qcode > 0:
        rotation = _rotation(facts.quatern, facts.pixdim[0])
    if scode > 0:
        form = facts.sform[:, :3] / np.linalg.norm(facts.sform[:, :3], axis=0)
        if qcode <= 0 or scode == 1 or np.allclose(form, rotation, atol=1e-3):
            return form, facts.sform[:, 3]
    if qcode > 0:
        return rotation, facts.qoffset
    return np.diag(np.where(facts.pixdim[1:4] < 0, -1.0, 1.0)), np.zeros(3)


def _rotation(quatern, qfac) -> np.ndarray:
    b, c, d = quatern
    a = 1 - (b * b + c * c + d * d)
    if a < 1e-7:
        b, c, d = quatern / np.sqrt(b * b + c * c + d * d)
        a = 0.0
    a = np.sqrt(a)
    rotation = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
    ])  # fmt: skip
    rotation[:, 2] *= -1 if qfac < 0 else 1
    return rotation
