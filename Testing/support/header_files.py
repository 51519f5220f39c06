"""Small volume files with headers that say one thing or another, written byte by byte; no reader of the project is used."""

import struct

import numpy as np

SHAPE = (8, 9, 10)  # z, y, x
VOXELS = np.random.default_rng(0).integers(1, 200, SHAPE).astype(np.uint8)
SIZES = "10 9 8"
CUBE = "(.7,0,0) (0,.7,0) (0,0,.7)"


def nrrd(path, fields="", *, sizes=SIZES, dimension=3, encoding="raw", data=None, kind="uint8"):
    """A NRRD with further lines `fields`."""
    head = f"NRRD0004\ntype: {kind}\ndimension: {dimension}\nsizes: {sizes}\nencoding: {encoding}\n"
    path.write_bytes((head + fields.rstrip("\n") + "\n" * bool(fields) + "\n").encode() + (VOXELS.tobytes() if data is None else data))
    return path


def placed(directions=CUBE, more=""):
    """The lines of a NRRD in LPS with these directions."""
    return f"space: left-posterior-superior\nspace directions: {directions}\n{more}"


def metaimage(path, fields="ElementSpacing = .7 .7 .7\n", *, sizes=SIZES, dimensions=3, data=None, file="LOCAL", kind="MET_UCHAR"):
    """A MetaImage with further lines `fields`."""
    head = f"ObjectType = Image\nNDims = {dimensions}\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = {sizes}\nElementType = {kind}\n"
    path.write_bytes((head + fields + f"ElementDataFile = {file}\n").encode() + (VOXELS.tobytes() if data is None else data))
    return path


def vtk(path, spacing="SPACING .7 .7 .7\n", *, before="", data=None, encoding="BINARY", kind="unsigned_char", points=720):
    """A legacy VTK file with further lines `before` its dimensions."""
    head = f"# vtk DataFile Version 3.0\nv\n{encoding}\nDATASET STRUCTURED_POINTS\n{before}DIMENSIONS {SIZES}\n{spacing}ORIGIN 0 0 0\n"
    head += f"POINT_DATA {points}\nSCALARS s {kind} 1\nLOOKUP_TABLE default\n"
    path.write_bytes(head.encode("latin-1") + (VOXELS.tobytes() if data is None else data))
    return path


def nifti(
    path,
    pixdim=(0.7,) * 3,
    *,
    qform=0,
    sform=None,
    quatern=(0, 0, 0),
    units=2,
    order="<",
    version=1,
    shape=SHAPE,
    data=None,
    offset=None,
    kind=2,
):
    """A NIfTI file; sform: 3 x 4, sets its code to 1. kind, shape: of the voxels, bytes of `data`."""
    data = VOXELS.tobytes() if data is None else data
    sizes = tuple(reversed(shape)) + (1,) * (7 - len(shape))
    bits = {2: 8, 4: 16, 16: 32, 64: 64, 128: 24}[kind]
    rows = np.zeros((3, 4)) if sform is None else np.asarray(sform, float)
    if version == 1:
        head = bytearray(352)
        put = lambda code, at, *values: struct.pack_into(order + code, head, at, *values)  # noqa: E731
        put("i", 0, 348), put("8h", 40, len(shape), *sizes), put("2h", 70, kind, bits), put("8f", 76, 1, *pixdim, 1, 1, 1, 1)
        put("f", 108, 352 if offset is None else offset), put("2f", 112, 1, 0), put("2h", 252, qform, 0 if sform is None else 1)
        put("3f", 256, *quatern), put("12f", 280, *rows.ravel())
        head[123], head[344:348] = units, b"n+1\0"
    else:
        head = bytearray(544)
        put = lambda code, at, *values: struct.pack_into(order + code, head, at, *values)  # noqa: E731
        put("i", 0, 540), put("2h", 12, kind, bits), put("8q", 16, len(shape), *sizes), put("8d", 104, 1, *pixdim, 1, 1, 1, 1)
        put("q", 168, 544), put("2d", 176, 1, 0), put("2i", 344, qform, 0 if sform is None else 1)
        put("12d", 400, *rows.ravel()), put("i", 500, units)
        head[4:12] = b"n+2\0\r\n\x1a\n"
    path.write_bytes(bytes(head) + data)
    return path


def affine(step=0.7, lean=0.0, origin=(1, 2, 3)):
    """The rows of an sform; lean: how far its second axis tilts towards the first."""
    rows = np.zeros((3, 4))
    rows[:, :3] = np.diag(np.broadcast_to(step, 3))
    rows[0, 1], rows[:, 3] = lean * rows[1, 1], origin
    return rows
