"""From a header and its voxels to a SimpleITK image, whatever the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .atomic import reason_not_written
from .headers import metaimage, nifti, nrrd, vtk
from .headers.header import FRAMES, LAYERS, VALUES, Geometry, Header, damaged, format_sizes
from .headers.voxels import SMALL_REST, Incomplete, check_room, read_voxels

READERS = {
    nrrd: (".nrrd", ".nhdr"),
    nifti: (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz"),
    metaimage: (".mha", ".mhd"),
    vtk: (".vtk",),
}
STRAIGHT = 1e-3  # cosine between two axes up to which they count as at right angles; forms of real scanners lean by 1e-4
CURE = "correct the file, or give the true spacing with --spacing X Y Z"


def header_of(path) -> Header | None:
    """The header of a NRRD, NIfTI, Analyze, MetaImage or legacy VTK file; None for another ending. InputError, OSError."""
    name = Path(path).name.lower()
    for reader, endings in READERS.items():
        if name.endswith(endings):
            if Path(path).stat().st_size == 0:
                raise InputError(f"{path}: is empty (0 bytes); export it again.")
            header = reader.read_header(path)
            _check(header)
            return header
    return None


def read_as_image(header: Header, spacing=None, frame: int = 0, layers: bool = False) -> tuple[sitk.Image, list[str]]:
    """(the image, notes on how its header was read).

    spacing: (x, y, z) mm in place of the header's. frame: index of the wanted one of several. layers: a list of volumes becomes the components of
    one image instead. InputError, one line, for voxels that are not whole and for a spacing that is missing, impossible or contradicts itself.
    """
    size, direction, origin, notes = place(header.path, header.geometry, len(header.size), spacing)
    try:
        values, rest = read_voxels(header.voxels)
    except Incomplete as error:
        raise damaged(header.path, str(error)) from error
    if rest > SMALL_REST:
        notes.append(f"{rest} bytes behind its voxels were not read; its header may be wrong")
    array = values.reshape([axis.size for axis in reversed(header.axes)])
    array, is_vector = _arranged(array, header, frame, layers)
    slope, intercept = header.scale
    if (slope, intercept) != (1.0, 0.0) and array.dtype.kind in "iuf":
        wide = np.float64 if array.dtype.itemsize > 4 else np.float32
        array = array.astype(wide) * wide(slope) + wide(intercept)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array, array.dtype.newbyteorder("=")), isVector=is_vector)
    image.SetSpacing([float(s) for s in size])
    image.SetOrigin([float(o) for o in origin])
    image.SetDirection([float(d) for d in np.ravel(direction)])
    for key, text in header.keys.items():
        image.SetMetaData(key, text)
    return image, notes


def check_whole(path) -> None:
    """InputError for a file that lacks voxels or whose checksum is wrong; nothing for a format without a header of ours."""
    try:
        header = header_of(path)
        if header is not None:
            read_voxels(header.voxels)
    except Incomplete as error:
        raise damaged(path, str(error)) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check its permissions.") from error


def write_image(image, temporary, path, level: int = -1) -> None:
    """Write a SimpleITK image, compressed, to the temporary file of `path`, and read it back as far as to know that it is whole.

    InputError with the system's reason where the disk is full or the like: ITK says only that it failed, and of NIfTI not even that.
    RuntimeError, ITK's own, for what the format does not hold.
    """
    try:
        sitk.WriteImage(image, str(temporary), useCompression=True, compressionLevel=level)
    except RuntimeError as error:
        why = reason_not_written(path, temporary)
        if why:
            raise InputError(why) from error
        raise
    try:
        check_whole(temporary)
    except InputError as error:
        why = reason_not_written(path, temporary) or f"{path}: is not whole after writing; check the disk, or choose another place."
        raise InputError(why) from error


def _check(header: Header) -> None:
    try:
        check_room(header.voxels)
    except Incomplete as error:
        raise damaged(header.path, str(error)) from error


def _arranged(array, header: Header, frame, layers: bool):
    """(the array (D, H, W), or with the values of a voxel last, whether it has such)."""
    roles = [axis.role for axis in reversed(header.axes)]
    chosen = () if layers else (LAYERS,)
    for role in (FRAMES, *chosen):
        while role in roles:
            at = roles.index(role)
            array = np.take(array, frame if array.shape[at] > 1 else 0, axis=at)
            roles.pop(at)
    inner = [k for k, role in enumerate(roles) if role in (VALUES, LAYERS)]
    if not inner:
        return array, False
    array = np.moveaxis(array, inner, range(-len(inner), 0))
    array = array.reshape(*array.shape[: array.ndim - len(inner)], -1)
    return (array[..., 0], False) if array.shape[-1] == 1 else (array, True)


def place(path, geometry: Geometry, n: int, spacing=None):
    """(spacing, direction, origin, notes) of an image of n dimensions. spacing: as given by the user, in place of the header's.

    InputError, one line, for a spacing that is missing, impossible or contradicts itself. Axes that lean a little are put at right angles; others are
    left to `volumes.check_image`.
    """
    lengths = np.linalg.norm(geometry.steps, axis=0)
    usable = np.isfinite(lengths) & (lengths > 0)
    notes = list(geometry.notes)
    if spacing is None:
        problem = geometry.problem or ("" if usable.all() else "its axes are no numbers")
        if problem:
            raise InputError(f"{path}: {problem}; {CURE}.")
        spacing = lengths
    else:
        notes = [f"spacing {format_sizes(spacing)} mm as given; the file: {geometry.problem or f'voxels of {format_sizes(lengths)} mm'}"]
        spacing = np.array(spacing, float)[:n]
    direction = np.where(usable, geometry.steps / np.where(usable, lengths, 1), np.nan)
    if not usable.all():
        direction = _completed(direction) if n == 3 and usable[:2].all() else np.eye(n)
    lean = np.abs(direction.T @ direction - np.eye(n)).max(initial=0)
    if 1e-9 < lean <= STRAIGHT:
        left, _, right = np.linalg.svd(direction)
        direction = left @ right
    return spacing, direction, geometry.origin, notes


def choose_frame(path, count: int, frame: int | None) -> int:
    """The index of the wanted one of `count` volumes in a file; frame: its number, from 1. InputError when there is none such, or it is not said."""
    if frame is None and count > 1:
        raise InputError(
            f"{path}: a sequence of {count} frames; choose one with --frame K (1 to {count}), or segment all with `crend batch`."
        )
    if frame is not None and not 1 <= frame <= count:
        raise InputError(f"{path}: there is no frame {frame}; it has {count}, counted from 1.")
    return (frame or 1) - 1


def _completed(direction: np.ndarray) -> np.ndarray:
    """Directions of which the third is not known."""
    direction[:, 2] = np.cross(direction[:, 0], direction[:, 1])
    return direction
