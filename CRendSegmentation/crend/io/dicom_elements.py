"""Where the elements of a DICOM file lie, by walking over their headers; nothing of what they hold is read but what is asked for.

ITK's reader hands out private binary elements only as base64 text, reads the whole file for it and refuses files that are not images of its
kinds; pydicom is not among what crend needs. The one thing wanted here, the place of an element at the top level, takes a short walk.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass

UNDEFINED = 0xFFFFFFFF
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}  # kinds whose length takes 4 bytes
IMPLICIT, DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
DEEPEST = 32


@dataclass(frozen=True)
class Element:
    """An element: its tag (group, element), its kind ("" where the file does not say) and where its value lies."""

    tag: tuple
    kind: str
    offset: int
    length: int


class NotDicom(ValueError):
    """A file that is no DICOM file, is cut off, or has a transfer syntax that cannot be walked (deflated, big-endian)."""


def is_ordinary(path) -> bool:
    """Whether something is a file as such: a pipe would be waited for, and a device read, for ever. OSError when it is not there."""
    return stat.S_ISREG(os.stat(path).st_mode)


def is_dicom(path) -> bool:
    """Whether a file has the mark of DICOM behind its preamble. OSError when it cannot be read."""
    if not is_ordinary(path):
        return False
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def elements(path):
    """Each top-level `Element` of a DICOM file, in the file's order. NotDicom, OSError."""
    with open(path, "rb") as file:
        if file.read(132)[128:] != b"DICM":
            raise NotDicom("no DICOM file")
        walk = _Walk(file, os.fstat(file.fileno()).st_size)
        syntax = IMPLICIT
        while (element := walk.next(explicit=True, only_group=0x0002)) is not None:
            if element.tag == (0x0002, 0x0010):
                syntax = text(file, element)
            yield element
        if syntax in (DEFLATED, BIG_ENDIAN):
            raise NotDicom("deflated or big-endian")
        while (element := walk.next(explicit=syntax != IMPLICIT)) is not None:
            yield element


def text(file, element: Element) -> str:
    """What an element says, as UTF-8 or else Latin-1, without padding. Leaves the file's position where it was."""
    back = file.tell()
    file.seek(element.offset)
    value = file.read(min(element.length, 1 << 16)).strip(b" \0")
    file.seek(back)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


class _Walk:
    """A position in the file that steps from element to element; one header is read at a time."""

    def __init__(self, file, end: int):
        self.file, self.end = file, end

    def next(self, *, explicit: bool, only_group: int | None = None) -> Element | None:
        """The next element, passing over its value; None at the end, or where another group begins."""
        start = self.file.tell()
        if start >= self.end:
            return None
        tag, kind, length = self._header(explicit)
        if only_group is not None and tag[0] != only_group:
            self.file.seek(start)
            return None
        offset = self.file.tell()
        if length == UNDEFINED:
            # Kind UN of undefined length is an implicit sequence, whatever the rest of the file.
            self._pass_items(explicit and kind != b"UN", 0, fragments=kind in (b"OB", b"OW"))
            length = self.file.tell() - offset
        else:
            self._pass(length)
        return Element(tag, kind.decode("latin-1"), offset, length)

    def _header(self, explicit: bool):
        group, element = struct.unpack("<HH", self._read(4))
        if group == 0xFFFE or not explicit:
            return (group, element), b"", struct.unpack("<I", self._read(4))[0]
        kind = self._read(2)
        if kind in LONG:
            return (group, element), kind, struct.unpack("<xxI", self._read(6))[0]
        return (group, element), kind, struct.unpack("<H", self._read(2))[0]

    def _pass_items(self, explicit: bool, depth: int, fragments: bool = False) -> None:
        """Steps over the items of a sequence of undefined length, to behind its end."""
        if depth > DEEPEST:
            raise NotDicom("sequences too deep")
        while True:
            tag, _, length = self._header(explicit)
            if tag == SEQUENCE_END:
                return
            if tag != ITEM:
                raise NotDicom("a sequence without items")
            if length != UNDEFINED:
                self._pass(length)
            elif fragments:
                raise NotDicom("a fragment without length")
            else:
                self._pass_item(explicit, depth)

    def _pass_item(self, explicit: bool, depth: int) -> None:
        while True:
            tag, kind, length = self._header(explicit)
            if tag == ITEM_END:
                return
            if length == UNDEFINED:
                self._pass_items(explicit and kind != b"UN", depth + 1, fragments=kind in (b"OB", b"OW"))
            else:
                self._pass(length)

    def _pass(self, length: int) -> None:
        after = self.file.tell() + length
        if after > self.end:
            raise NotDicom("cut off")
        self.file.seek(after)

    def _read(self, count: int) -> bytes:
        data = self.file.read(count)
        if len(data) < count:
            raise NotDicom("cut off")
        return data
