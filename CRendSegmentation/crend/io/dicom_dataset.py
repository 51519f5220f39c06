"""A DICOM file as a dictionary: every element with its value, items of sequences included, pixels left in the file.

ITK hands out no sequences, and with them neither the spacing nor the places of the frames of a 3D ultrasound object; it also reads over what is
missing at a file's end. pydicom is not among what crend needs.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from ..numerals import number_in
from .dicom_elements import BIG_ENDIAN, DEEPEST, DEFLATED, IMPLICIT, ITEM, ITEM_END, LONG, SEQUENCE_END, UNDEFINED, NotDicom

PIXELS = (0x7FE0, 0x0010)
SYNTAX = (0x0002, 0x0010)
#: Sequences that are looked into, for files that do not say the kind of an element.
SEQUENCES = {
    (0x5200, 0x9229), (0x5200, 0x9230), (0x0028, 0x9110), (0x0020, 0x930E), (0x0020, 0x930F), (0x0020, 0x9113), (0x0020, 0x9116), (0x0020, 0x9111),
    (0x0018, 0x6011),
}  # fmt: skip
#: Kinds of the binary numbers that are asked for, for such files.
KINDS = {(0x0020, 0x9301): "FD", (0x0020, 0x9302): "FD", (0x0028, 0x0010): "US", (0x0028, 0x0011): "US", (0x0028, 0x0002): "US"}
KINDS |= {(0x0018, 0x6024): "US", (0x0018, 0x6026): "US", (0x0018, 0x602C): "FD", (0x0018, 0x602E): "FD"}
KINDS |= {(0x0028, 0x0100): "US", (0x0054, 0x0081): "US", (0x0020, 0x9157): "UL"}
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}


class Value(NamedTuple):
    """An element: its kind, where its value begins and ends, and its items where it is a sequence."""

    kind: str
    start: int
    stop: int
    items: tuple | None = None


class Dataset(dict):
    """{tag: Value}. Tags are (group, element)."""

    def __init__(self, content, order: str):
        super().__init__()
        self.content, self.order, self.syntax = content, order, ""

    def text(self, tag) -> str:
        """The value as text, "" where there is none."""
        value = self.get(tag)
        return "" if value is None else bytes(self.content[value.start : value.stop]).decode("latin-1").strip(" \0")

    def numbers(self, tag) -> list[float] | None:
        """The numbers of an element, None where there are none. NotDicom for text that is no number."""
        value = self.get(tag)
        if value is None or value.start == value.stop:
            return None
        code = NUMBERS.get(value.kind or KINDS.get(tag, ""))
        if code is not None:
            count = (value.stop - value.start) // struct.calcsize(code)
            return list(struct.unpack_from(f"{self.order}{count}{code}", self.content, value.start)) or None
        try:
            return [number_in(word, finite=False) for word in self.text(tag).split("\\")] if self.text(tag) else None
        except ValueError:
            raise NotDicom(f"({tag[0]:04X},{tag[1]:04X}) says {self.text(tag)[:40]}") from None

    def whole(self, tag, default: int) -> int:
        """The first number of an element as a whole one."""
        numbers = self.numbers(tag)
        return default if not numbers or numbers[0] != numbers[0] or abs(numbers[0]) > 1e9 else int(numbers[0])

    def items(self, tag) -> tuple:  # type: ignore[override]
        """The items of a sequence, none where there is none."""
        value = self.get(tag)
        return () if value is None or value.items is None else value.items


def read_dataset(path) -> Dataset:
    """The elements of a DICOM file; NotDicom, with the reason, for a file that is none or is cut off. OSError."""
    path = Path(path)
    with open(path, "rb") as file:
        if file.read(132)[128:] != b"DICM":
            raise NotDicom("no DICOM file")
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    found = Dataset(content, "<")
    at = _Reader(content, "<", True).elements(found, 132, len(content), group=0x0002)
    syntax = found.text(SYNTAX)
    order = ">" if syntax == BIG_ENDIAN else "<"
    if syntax == DEFLATED:
        try:
            content, at = zlib.decompress(content[at:], -15), 0
        except zlib.error:
            raise NotDicom("its compressed data are cut off or corrupted") from None
    result = Dataset(content, order)
    try:
        _Reader(content, order, syntax != IMPLICIT).elements(result, at, len(content))
    except NotDicom:
        if PIXELS not in result:  # what follows the pixels is padding
            raise
    # What the two datasets say of text lies in different contents only where one was compressed.
    result.syntax = syntax
    return result


class _Reader:
    def __init__(self, content, order: str, explicit: bool):
        self.content, self.order, self.explicit = content, order, explicit

    def elements(self, into: Dataset, at: int, end: int, depth: int = 0, group=None, item: bool = False) -> int:
        """Reads elements into a dataset up to `end`, the end of an item of unknown length, or another group; returns where the next one begins."""
        if depth > DEEPEST:
            raise NotDicom("sequences too deep")
        while at < end:
            tag, kind, length, start = self.head(at, end)
            if group is not None and tag[0] != group:
                return at
            if tag == ITEM_END and item:
                return start
            if tag[0] == 0xFFFE or (kind and not (kind.isalpha() and kind.isupper())):
                raise NotDicom("damaged elements")
            if length == UNDEFINED:
                if tag == PIXELS:
                    at, items = self.fragments(start, end), None
                else:
                    inner = self if kind != "UN" else _Reader(self.content, "<", False)
                    at, items = inner.sequence(start, end, depth + 1)
                stop = at
            else:
                at = stop = self.after(start, length, end)
                items = None
                if kind == "SQ" or (tag in SEQUENCES and kind in ("", "UN")):
                    inner = self if kind != "UN" else _Reader(self.content, "<", False)
                    _, items = inner.sequence(start, stop, depth + 1)
            into[tag] = Value(kind, start, stop, items)
        return at

    def head(self, at: int, end: int):
        """(tag, kind, length, where the value begins)."""
        tag = self.unpack("HH", at, end)
        if tag[0] == 0xFFFE or not self.explicit:
            return tag, "", self.unpack("I", at + 4, end)[0], at + 8
        kind = bytes(self.content[at + 4 : at + 6])
        if kind in LONG:
            return tag, kind.decode("latin-1"), self.unpack("I", at + 8, end)[0], at + 12
        return tag, kind.decode("latin-1"), self.unpack("H", at + 6, end)[0], at + 8

    def sequence(self, at: int, end: int, depth: int):
        """(behind its end, the items)."""
        items = []
        while at < end:
            tag, _, length, at = self.head(at, end)
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise NotDicom("a sequence without items")
            items.append(Dataset(self.content, self.order))
            stop = end if length == UNDEFINED else self.after(at, length, end)
            at = self.elements(items[-1], at, stop, depth + 1, item=length == UNDEFINED)
        return at, tuple(items)

    def fragments(self, at: int, end: int) -> int:
        while True:
            tag, _, length, at = self.head(at, end)
            if tag == SEQUENCE_END:
                return at
            if tag != ITEM or length == UNDEFINED:
                raise NotDicom("damaged pixels")
            at = self.after(at, length, end)

    def after(self, start: int, length: int, end: int) -> int:
        if start + length > end:
            raise NotDicom("cut off")
        return start + length

    def unpack(self, code: str, at: int, end: int):
        if at + struct.calcsize("=" + code) > end:
            raise NotDicom("cut off")
        return struct.unpack_from(self.order + code, self.content, at)
