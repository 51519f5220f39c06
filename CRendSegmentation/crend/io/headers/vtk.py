"""Headers of legacy VTK files (.vtk): STRUCTURED_POINTS with one array at the points.

Read here and not by ITK: its reader knows no field data, takes 1 mm where no spacing stands, and fills up what is missing of a text file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...numerals import number_in, whole_in
from .header import VALUES, Axis, Geometry, Header, check_sizes, damaged, not_supported
from .voxels import RAW, TEXT, Voxels

NAME = "VTK"
KINDS = {
    "char": "i1", "signed_char": "i1", "unsigned_char": "u1", "short": "i2", "unsigned_short": "u2", "int": "i4", "unsigned_int": "u4",
    "long": "i8", "unsigned_long": "u8", "vtktypeint64": "i8", "vtktypeuint64": "u8", "long_long": "i8", "unsigned_long_long": "u8",
    "vtkidtype": "i8", "float": "f4", "double": "f8",
}  # fmt: skip
LONGEST_HEADER = 16 << 20
LONGEST_LINE = 4096
PICTURE = "export the volume as NRRD"


def read_header(path) -> Header:
    """The header of a legacy VTK file. InputError, one line, for one that cannot be used; OSError."""
    path = Path(path)
    with open(path, "rb") as file:
        head = file.read(LONGEST_HEADER)
    if not head.startswith(b"# vtk DataFile"):
        raise not_supported(path, "not an image format that can be read (no header of a VTK file)", PICTURE)
    return _Reader(path, head).header()


class _Reader:
    """Steps over the lines of the header, and over binary blocks between them."""

    def __init__(self, path: Path, head: bytes):
        self.path, self.head, self.at = path, head, 0
        self.line(), self.line()  # version, title
        self.binary = False
        self.found: dict[str, list[str]] = {}

    def line(self) -> list[str]:
        end = self.head.find(b"\n", self.at, self.at + LONGEST_LINE)
        if end < 0:
            raise damaged(self.path, "its header breaks off")
        words = self.head[self.at : end].decode("latin-1").split()
        self.at = end + 1
        return words

    def header(self) -> Header:
        encoding = (self.line() or [""])[0].upper()
        if encoding not in ("BINARY", "ASCII"):
            raise damaged(self.path, "its header says neither BINARY nor ASCII")
        self.binary = encoding == "BINARY"
        while True:
            words = self.line()
            key = words[0].upper() if words else ""
            if key == "DATASET":
                if words[1:] and words[1].upper() != "STRUCTURED_POINTS":
                    raise not_supported(self.path, f"holds a {words[1]}, not a volume (STRUCTURED_POINTS)", PICTURE)
            elif key in ("DIMENSIONS", "SPACING", "ASPECT_RATIO", "ORIGIN", "POINT_DATA"):
                key = "SPACING" if key == "ASPECT_RATIO" else key
                if self.found.setdefault(key, words[1:]) != words[1:]:
                    said = f"{' '.join(self.found[key])} and {' '.join(words[1:])}"
                    raise not_supported(self.path, f"its header says {key} {said}", "correct the file")
            elif key == "FIELD":
                self.pass_fields(words)
            elif key == "METADATA":
                while self.line():
                    pass
            elif key == "CELL_DATA":
                raise not_supported(self.path, "its values belong to cells, not to points", PICTURE)
            elif key in ("SCALARS", "VECTORS", "NORMALS", "TENSORS", "COLOR_SCALARS"):
                return self.array(key, words)
            elif key:
                raise damaged(self.path, f'its header says "{" ".join(words)[:40]}"')

    def pass_fields(self, words) -> None:
        """FIELD name n, then n arrays: "name components tuples type" and their values."""
        for _ in range(self.whole(words, 2)):
            words = self.line()
            while not words:
                words = self.line()
            count, kind = self.whole(words, 1) * self.whole(words, 2), words[-1].lower()
            if self.binary and kind in KINDS:
                self.at += count * np.dtype(KINDS[kind]).itemsize
                if self.head[self.at : self.at + 1] == b"\n":
                    self.at += 1
            elif kind in KINDS:
                while count > 0:
                    count -= len(self.line())
            else:
                raise not_supported(self.path, f"has field data of the type {kind[:20]}", "save it without field data")
            if self.at > len(self.head):
                raise damaged(self.path, "its field data break off")

    def array(self, key: str, words) -> Header:
        size = check_sizes(self.path, [self.whole(self.found.get("DIMENSIONS", []), k) for k in range(3)])
        points = self.found.get("POINT_DATA")
        if points is not None and self.whole(points, 0) != np.prod(size, dtype=object):
            raise damaged(self.path, f"its header says {points[0]} points and {' x '.join(map(str, size))} voxels")
        kind, values = (words[2].lower() if len(words) > 2 else ""), {"SCALARS": 1, "TENSORS": 9}.get(key, 3)
        if key == "SCALARS" and len(words) > 3:
            values = self.whole(words, 3)
        if key == "COLOR_SCALARS":
            kind, values = "unsigned_char", self.whole(words, 2)
        if kind not in KINDS or not 1 <= values <= 1 << 16:
            raise damaged(self.path, f'its header says "{" ".join(words)[:40]}"')
        if key == "SCALARS":
            before, table = self.at, self.line_or_nothing()
            if not table or table[0].upper() != "LOOKUP_TABLE":
                self.at = before
        axes = ((Axis(values, VALUES),) if values > 1 else ()) + tuple(map(Axis, size))
        count = int(np.prod([axis.size for axis in axes], dtype=object))
        voxels = Voxels(self.path, self.at, np.dtype(">" + KINDS[kind]), count, RAW if self.binary else TEXT)
        return Header(self.path, NAME, axes, self.geometry(), voxels)

    def line_or_nothing(self):
        return self.line() if self.head.find(b"\n", self.at, self.at + LONGEST_LINE) >= 0 else []

    def geometry(self) -> Geometry:
        origin, spacing = (self.numbers(key) for key in ("ORIGIN", "SPACING"))
        origin = np.zeros(3) if origin is None else origin
        if spacing is None:
            return Geometry(np.full((3, 3), np.nan), origin, "its header says no SPACING")
        if not (np.isfinite(spacing).all() and spacing.min() > 0):
            return Geometry(np.full((3, 3), np.nan), origin, f"SPACING {' '.join(self.found['SPACING'])} is impossible")
        return Geometry(np.diag(spacing), origin)

    def numbers(self, key: str):
        if key not in self.found:
            return None
        try:
            return np.array([number_in(word, finite=False) for word in self.found[key]]).reshape(3)
        except ValueError:
            raise damaged(self.path, f"its header says {key} {' '.join(self.found[key])[:60]}") from None

    def whole(self, words, k: int) -> int:
        try:
            number = whole_in(words[k])
            if number < 0:
                raise ValueError
            return number
        except (IndexError, ValueError):
            raise damaged(self.path, f'its header says "{" ".join(words)[:60]}"') from None
