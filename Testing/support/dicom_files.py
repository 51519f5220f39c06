"""DICOM files of a few kilobytes, written element by element; no reader of the project, and no library, is used."""

import struct

import numpy as np

ENHANCED_US, CLIP, STILL, SEGMENTATION, CT = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("6.2", "3.1", "6.1", "66.4", "2"))
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
LONG = ("OB", "OW", "SQ", "UN", "UT")
CODES = {"US": "H", "FD": "d", "UL": "I"}
VOXELS = np.random.default_rng(1).integers(1, 200, (6, 9, 10)).astype(np.uint8)


class Writer:
    """Elements as bytes in one transfer syntax."""

    def __init__(self, syntax=EXPLICIT, undefined=False):
        self.order = ">" if syntax == BIG else "<"
        self.explicit, self.undefined = syntax != IMPLICIT, undefined

    def element(self, group, number, kind, value) -> bytes:
        if kind == "SQ":
            value = b"".join(self.item(item) for item in value)
            length = 0xFFFFFFFF if self.undefined else len(value)
            value += struct.pack(self.order + "HHI", 0xFFFE, 0xE0DD, 0) if self.undefined else b""
        else:
            value = self.bytes(kind, value)
            length = len(value)
        head = struct.pack(self.order + "HH", group, number)
        if not self.explicit:
            return head + struct.pack(self.order + "I", length) + value
        if kind in LONG:
            return head + kind.encode() + struct.pack(self.order + "xxI", length) + value
        return head + kind.encode() + struct.pack(self.order + "H", length) + value

    def item(self, elements) -> bytes:
        content = b"".join(self.element(*each) for each in elements)
        return struct.pack(self.order + "HHI", 0xFFFE, 0xE000, len(content)) + content

    def bytes(self, kind, value) -> bytes:
        if isinstance(value, bytes):
            return value + b"\0" * (len(value) % 2)
        numbers = list(value) if isinstance(value, (list, tuple)) else [value]
        if kind in CODES:
            return struct.pack(f"{self.order}{len(numbers)}{CODES[kind]}", *numbers)
        text = "\\".join(map(str, numbers)).encode()
        return text + (b"\0" if kind == "UI" else b" ") * (len(text) % 2)


def write(path, elements, sop_class, *, syntax=EXPLICIT, undefined=False, voxels=VOXELS, frames=None, series="1.2.3.4", samples=1):
    """A DICOM file with an image of `voxels` (frames, rows, columns) and the `elements` [(group, number, kind, value)]."""
    meta = Writer()
    content = b"".join(
        meta.element(2, number, "UI", value)
        for number, value in ((2, sop_class), (3, f"1.2.3.{abs(hash(path.name)) % 10**9}"), (16, syntax))
    )
    rows, columns = voxels.shape[-2:] if samples == 1 else voxels.shape[-3:-1]
    every = [
        (0x0008, 0x0016, "UI", sop_class),
        (0x0008, 0x0018, "UI", f"1.2.3.{abs(hash(path.name)) % 10**9}"),
        (0x0008, 0x0060, "CS", "US"),
        (0x0020, 0x000D, "UI", "1.2.3"),
        (0x0020, 0x000E, "UI", series),
        (0x0028, 0x0002, "US", samples),
        (0x0028, 0x0004, "CS", "RGB" if samples == 3 else "MONOCHROME2"),
        (0x0028, 0x0010, "US", rows),
        (0x0028, 0x0011, "US", columns),
        (0x0028, 0x0100, "US", 8),
        (0x0028, 0x0101, "US", 8),
        (0x0028, 0x0102, "US", 7),
        (0x0028, 0x0103, "US", 0),
        (0x7FE0, 0x0010, "OB", voxels.tobytes()),
        *elements,
    ]
    if frames is not None:
        every.append((0x0028, 0x0008, "IS", frames))
    if samples == 3:
        every.append((0x0028, 0x0006, "US", 0))
    body = Writer(syntax, undefined)
    content = meta.element(2, 0, "US", 0)[:4] + b"UL" + struct.pack("<HI", 4, len(content)) + content
    path.write_bytes(b"\0" * 128 + b"DICM" + content + b"".join(body.element(*each) for each in sorted(every)))
    return path


def measures(spacing=(0.6, 0.7), between=None):
    """PixelMeasuresSequence: (rows, columns) spacing."""
    inner = [(0x0028, 0x0030, "DS", list(spacing))] if spacing else []
    inner += [(0x0018, 0x0088, "DS", between)] if between else []
    return (0x0028, 0x9110, "SQ", [sorted(inner)])


def orientation(vectors=(1, 0, 0, 0, 1, 0)):
    """PlaneOrientationVolumeSequence."""
    return (0x0020, 0x930F, "SQ", [[(0x0020, 0x9302, "FD", list(map(float, vectors)))]])


def position(place):
    """PlanePositionVolumeSequence."""
    return (0x0020, 0x930E, "SQ", [[(0x0020, 0x9301, "FD", list(map(float, place)))]])


def groups(places, shared=None, per_frame=()):
    """Functional groups: `shared` for all frames, and for each its place (None = none) and `per_frame`."""
    shared = [measures(), orientation()] if shared is None else shared
    frames = [sorted([*per_frame, *([position(place)] if place is not None else [])]) for place in places]
    return [(0x5200, 0x9229, "SQ", [sorted(shared)]), (0x5200, 0x9230, "SQ", frames)]


def enhanced(path, step=0.5, *, places=None, shared=None, per_frame=(), more=(), **options):
    """An Enhanced US Volume of 0.7 (x) by 0.6 (y) mm, its frames `step` apart; more: elements outside its groups."""
    voxels = options.pop("voxels", VOXELS)
    places = [(0, 0, k * step) for k in range(len(voxels))] if places is None else places
    return write(path, [*groups(places, shared, per_frame), *more], ENHANCED_US, voxels=voxels, frames=len(voxels), **options)


def series(folder, step=0.5, *, count=6, sop_class=CT, spacing=(0.6, 0.7), places=None, more=(), **options):
    """One file a slice, as a CT or another scanner writes them; the files' names run against the slices' places."""
    for k in range(count):
        elements = [(0x0020, 0x0013, "IS", k + 1), *more]
        if spacing is not None:
            elements.append((0x0028, 0x0030, "DS", list(spacing)))
        place = (0, 0, k * step) if places is None else places[k]
        if place is not None:
            elements += [(0x0020, 0x0032, "DS", list(place)), (0x0020, 0x0037, "DS", [1, 0, 0, 0, 1, 0])]
        write(folder / f"{100 - k}.dcm", elements, sop_class, voxels=VOXELS[k], **options)
    return folder
