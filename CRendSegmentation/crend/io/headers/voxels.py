"""The voxels behind a header: read to their end, however they are stored, or an error that says what is missing."""

from __future__ import annotations

import bz2
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

RAW, ZLIB, GZIP, ZLIB_OR_GZIP, BZIP2, TEXT, HEX = "raw", "zlib", "gzip", "zlib or gzip", "bzip2", "text", "hex"
#: What one byte of a compressed stream can become at most. A header that promises more lies.
MOST_PER_BYTE = {ZLIB: 1032, GZIP: 1032, ZLIB_OR_GZIP: 1032, BZIP2: 1_200_000}
WINDOW = {ZLIB: 15, GZIP: 31, ZLIB_OR_GZIP: 47}
BLOCK = 1 << 20
#: A line end, or the padding of a writer; more than this behind the voxels is worth a word.
SMALL_REST = 1024


class Incomplete(ValueError):
    """Voxels that are missing or corrupted; the message says which, without the file's name."""


@dataclass(frozen=True)
class Voxels:
    """Where `count` numbers of the type `kind` (with its byte order) are stored.

    start: offset in the file; None = at the file's end (raw only). skip: bytes to leave out of what was decompressed. length: of the compressed
    stream, None = to the file's end.
    """

    path: Path
    start: int | None
    kind: np.dtype
    count: int
    encoding: str = RAW
    skip: int = 0
    length: int | None = None

    @property
    def bytes(self) -> int:
        return self.count * self.kind.itemsize


def check_room(voxels: Voxels) -> None:
    """Incomplete when the file cannot hold the voxels, asked before memory is taken for them. OSError when it cannot be looked at."""
    stored = _stored(voxels)
    if voxels.encoding == RAW:
        there = stored - (voxels.skip if voxels.start is not None else 0)
        if there < voxels.bytes:
            raise Incomplete(f"{voxels.bytes - max(there, 0)} of its {voxels.bytes} bytes of voxels are missing")
    elif voxels.encoding in MOST_PER_BYTE:
        if voxels.length is not None and stored < voxels.length:
            raise Incomplete(f"{voxels.length - stored} of its {voxels.length} compressed bytes are missing")
        if voxels.bytes + voxels.skip > MOST_PER_BYTE[voxels.encoding] * stored + BLOCK:
            raise Incomplete(f"its header promises {voxels.bytes} bytes of voxels, more than {stored} compressed bytes can hold")
    elif stored < 2 * voxels.count - 1:
        raise Incomplete(f"its header promises {voxels.count} numbers, more than {stored} bytes of text can hold")


def read_voxels(voxels: Voxels) -> tuple[np.ndarray, int]:
    """(the numbers in the file's order, (count,), how many bytes follow them unread). Incomplete, OSError.

    Raw ones are mapped, not read: memory is taken when they are looked at. Of a compressed stream the checksum is checked.
    """
    check_room(voxels)
    if voxels.encoding == RAW:
        stored = _stored(voxels)
        rest = 0 if voxels.start is None else stored - voxels.skip - voxels.bytes
        start = voxels.path.stat().st_size - voxels.bytes if voxels.start is None else voxels.start + voxels.skip
        return np.memmap(voxels.path, voxels.kind, "r", start, (voxels.count,)), rest
    if voxels.encoding in MOST_PER_BYTE:
        array, rest = _inflate(voxels)
        return array.view(voxels.kind), rest
    with open(voxels.path, "rb") as file:
        file.seek(voxels.start or 0)
        text = file.read()
    return _from_hex(text, voxels) if voxels.encoding == HEX else _from_text(text, voxels)


def _stored(voxels: Voxels) -> int:
    size = voxels.path.stat().st_size
    return size if voxels.start is None else max(size - voxels.start, 0)


def _inflate(voxels: Voxels) -> tuple[np.ndarray, int]:
    """All bytes of the stream; those that the header does not promise are counted only, so that the checksum behind them is reached."""
    result = np.empty(voxels.bytes, np.uint8)
    passed = 0  # bytes that came out so far
    for block in _blocks(voxels):
        first, stop = max(passed, voxels.skip), min(passed + len(block), voxels.skip + voxels.bytes)
        if first < stop:
            result[first - voxels.skip : stop - voxels.skip] = np.frombuffer(block, np.uint8)[first - passed : stop - passed]
        passed += len(block)
    missing = voxels.skip + voxels.bytes - passed
    if missing > 0:
        raise Incomplete(f"{min(missing, voxels.bytes)} of its {voxels.bytes} bytes of voxels are missing")
    return result, -missing


def _blocks(voxels: Voxels):
    """What comes out of the stream, piece by piece, to its end; a gzip file may have several members."""
    new: Callable[[], Any] = bz2.BZ2Decompressor if voxels.encoding == BZIP2 else lambda: zlib.decompressobj(WINDOW[voxels.encoding])
    stream, left, ended = new(), voxels.length, False
    with open(voxels.path, "rb") as file:
        file.seek(voxels.start or 0)
        try:
            while data := file.read(BLOCK if left is None else min(BLOCK, left)):
                left = None if left is None else left - len(data)
                while data:
                    if stream.eof:
                        data = data.lstrip(b"\0")
                        if not data.startswith((b"\x1f\x8b", b"BZh")) or voxels.encoding not in (GZIP, BZIP2):
                            return  # what follows is not of the stream
                        stream = new()
                    if voxels.encoding == BZIP2:
                        yield stream.decompress(data)
                        data = stream.unused_data
                    else:
                        yield stream.decompress(data, 16 * BLOCK)
                        data = stream.unconsumed_tail or stream.unused_data
                ended = stream.eof
            if not ended:
                raise Incomplete("its compressed data break off")
        except (zlib.error, OSError, ValueError) as error:
            if isinstance(error, Incomplete):
                raise
            raise Incomplete(f"its compressed data are corrupted ({error})") from error


def _from_text(text: bytes, voxels: Voxels) -> tuple[np.ndarray, int]:
    # The last number must be followed by a blank: 12 may be the rest of 127.
    words = text.split(None, voxels.count)
    if len(words) < voxels.count or (len(words) == voxels.count and text[-1:].strip()):
        there = len(words) - bool(text[-1:].strip())
        raise Incomplete(f"{voxels.count - max(there, 0)} of its {voxels.count} numbers are missing or cut off")
    rest = len(words[voxels.count].strip()) if len(words) > voxels.count else 0
    try:
        numbers = np.array(words[: voxels.count], dtype=np.bytes_).astype(np.float64)
    except ValueError as error:
        raise Incomplete("some of its voxels are no numbers") from error
    if voxels.kind.kind in "iu":
        limits = np.iinfo(voxels.kind)
        if not (np.isfinite(numbers).all() and numbers.min() >= limits.min and numbers.max() <= limits.max):
            raise Incomplete(f"some of its voxels are no {voxels.kind.name}")
    return numbers.astype(voxels.kind), rest


def _from_hex(text: bytes, voxels: Voxels) -> tuple[np.ndarray, int]:
    try:
        data = bytes.fromhex(text.decode("ascii"))
    except ValueError as error:
        raise Incomplete("its hexadecimal voxels are cut off or corrupted") from error
    if len(data) < voxels.bytes:
        raise Incomplete(f"{voxels.bytes - len(data)} of its {voxels.bytes} bytes of voxels are missing")
    return np.frombuffer(data, voxels.kind, voxels.count), len(data) - voxels.bytes
