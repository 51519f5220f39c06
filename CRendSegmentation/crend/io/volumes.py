"""Reading a volume and saying, before any work starts, whether it can be segmented."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .acquisition import warn_of_header
from .atomic import check_name
from .dicom_elements import is_dicom, is_ordinary
from .dicom_volume import geometry_of_dicom_file, geometry_of_dicom_folder, read_dicom_file, read_dicom_folder
from .headers.header import FRAMES, LAYERS, VALUES, format_sizes
from .image_files import STRAIGHT, choose_frame, header_of, place, read_as_image
from .itk_warnings import heard
from .kretz import is_kretz
from .scanner_files import Place, count_volumes, find_scanner_file, read_scanner_file

SMALLEST_SIDE = 4  # voxels
LONGEST_EXTENT_MM = 500.0
SHORTEST_EXTENT_MM = 5.0
READABLE = ".nrrd, .nii.gz, .mha, .vtk, .vol or a folder with one DICOM series"
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
LABEL_FORMATS = ".seg.nrrd, .nrrd, .nii.gz or .mha"


def read_image(path, *, frame: int | None = None, spacing=None, cartesian_spacing_mm: float | None = None, progress=None) -> sitk.Image:
    """The 3D scalar volume in a file, or in a folder with one DICOM series, checked by `check_image`.

    frame: which of several volumes in one file, from 1. spacing: (x, y, z) mm in place of what the file says. What the user must know of the header
    is in the image's metadata (`acquisition.header_warnings_of`). Of a scanner's file (GE Voluson, also inside DICOM): cartesian_spacing_mm of the
    grid that it is converted to; progress(stage, fraction) of that. InputError, one line, for anything that cannot be segmented.
    """
    path = Path(path)
    spacing = None if spacing is None else check_spacing(spacing)
    scanned = _scanner_file(path)
    if scanned is not None:
        if spacing is not None:
            raise InputError(f"{path}: its spacing follows from the scanner's geometry; leave out --spacing.")
        image = read_scanner_file(scanned, frame=frame, spacing_mm=cartesian_spacing_mm, progress=progress)
    elif cartesian_spacing_mm is not None:
        raise InputError(f"{path}: --cartesian-spacing is for files of a GE Voluson scanner only; leave it out.")
    else:
        image = _read_volume(path, frame, spacing)
    check_image(image, str(path))
    return image


def read_label_image(path) -> sitk.Image:
    """The 3D image of whole numbers in a file, of any size and content: labels may be few or none. InputError, one line, when it is none."""
    image = read_file(path, LABEL_FORMATS)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{path}: labels must be one 3D image with one number a voxel.")
    return image


def read_file(path, formats: str = READABLE) -> sitk.Image:
    """The image in a file, of any kind and size, if the file is whole; formats: what to use instead of one that cannot be read.

    A list of volumes (the layers of a segmentation) is one image of several components. InputError, one line, for a missing, unreadable or damaged
    file, one without a spacing, and a sequence.
    """
    path = Path(path)
    _check_readable(path)
    if is_dicom(path):
        return _read_dicom(path, None, None)
    header = header_of(path)
    if header is None:
        return _read_picture(path, formats)
    if header.count(FRAMES) > 1:
        raise InputError(f"{path}: {len(header.axes)}D, a sequence of {header.count(FRAMES)} frames; give one 3D image.")
    image, warnings = read_as_image(header, layers=True)
    check_geometry(image.GetSpacing(), image.GetOrigin(), image.GetDirection(), str(path))
    return warn_of_header(image, warnings)


def stated_spacing(path) -> tuple[tuple[float, ...], list[str]] | None:
    """(spacing in mm that a volume's file states, what the user must know of its header); only the header is read.

    None for a format without a header of ours, and for a file with several frames. InputError where the spacing is missing or contradicts itself,
    and for a file that holds no volume.
    """
    path = Path(path)
    if is_dicom(path):
        found = geometry_of_dicom_file(path)
        geometry, dimensions, frames = found.geometry, 3, found.volumes
    else:
        header = header_of(path)
        if header is None:
            return None
        if header.refusal:
            raise InputError(f"{path}: {header.refusal}.")
        geometry, dimensions, frames = header.geometry, len(header.size), header.count(FRAMES, LAYERS)
    if frames > 1:
        return None
    spacing, _, _, warnings = place(path, geometry, dimensions)
    return tuple(spacing), warnings


def count_frames(path) -> int:
    """How many volumes a file or a folder holds that `read_image` would read with `frame`. InputError where it cannot be read."""
    path = Path(path)
    scanned = _scanner_file(path)
    if scanned is not None:
        return count_volumes(scanned)
    if path.is_dir() or is_dicom(path):
        return (geometry_of_dicom_folder if path.is_dir() else geometry_of_dicom_file)(path).volumes
    header = header_of(path)
    return 1 if header is None else header.count(FRAMES, LAYERS)


def _read_volume(path: Path, frame, spacing) -> sitk.Image:
    if path.is_dir():
        check_name(path)
        return _read_dicom(path, frame, spacing)
    _check_readable(path)
    if is_dicom(path):
        return _read_dicom(path, frame, spacing)
    header = header_of(path)
    if header is None:
        return _read_picture(path, READABLE, spacing)
    values = header.count(VALUES)
    if header.refusal:
        raise InputError(f"{path}: {header.refusal}.")
    if any(re.fullmatch(r"Segment\d+_ID", key) for key in header.keys):
        raise InputError(f"{path}: a segmentation; give the ultrasound volume that it was made from.")
    frames = header.count(FRAMES, LAYERS)
    if frames > 1 and (len(header.size) < 3 or 1 in header.size):
        raise InputError(f"{path}: a sequence of {frames} 2D frames, not a volume; reconstruct a volume of it first (PLUS, or 3D Slicer).")
    if len(header.size) < 3:
        raise InputError(f"{path}: a single 2D image; give a 3D volume (for DICOM slices, their folder).")
    if values > 1:
        raise InputError(f"{path}: {values} values per voxel (colour, or complex); convert it to one grey value per voxel.")
    number = choose_frame(path, frames, frame)
    image, warnings = read_as_image(header, spacing, number)
    return warn_of_header(image, warnings)


def _read_dicom(path: Path, frame, spacing) -> sitk.Image:
    def read(geometry, count, size):
        which = choose_frame(path, count, frame)
        return (*place(path, geometry, 3, spacing), which)

    try:
        image, warnings = (read_dicom_folder if path.is_dir() else read_dicom_file)(path, read)
    except OSError as error:
        raise _unreadable(path, error) from error
    return warn_of_header(image, warnings)


def _read_picture(path: Path, formats: str, spacing=None) -> sitk.Image:
    """Formats of pictures, read by ITK: none says the distance between slices."""
    if not path.name.lower().endswith(PICTURES):
        raise InputError(f"{path}: not an image format that can be read; use {formats}.")
    try:
        with heard() as warnings:
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: is damaged or incomplete, it cannot be read as an image; export it again.") from error
    if image.GetDimension() < 3:
        raise InputError(f"{path}: a single 2D image; give a 3D volume (for DICOM slices, their folder).")
    if spacing is None:
        raise InputError(
            f"{path}: this format does not say how far slices are apart; give the spacing with --spacing X Y Z, or use {formats}."
        )
    image.SetSpacing(spacing)
    return warn_of_header(image, warnings)


def _check_readable(path: Path) -> None:
    check_name(path)
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file.")
    try:
        if not is_ordinary(path):
            raise InputError(f"{path}: is neither a file nor a folder (a pipe, or a device); give a file.")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); export it again.")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check its permissions.")


def image_like(array: np.ndarray, image: sitk.Image) -> sitk.Image:
    """An array (D, H, W) as an image on the grid of another: size, spacing, origin and direction are copied, not computed."""
    result = sitk.GetImageFromArray(array)
    result.CopyInformation(image)
    return result


def check_image(image: sitk.Image, name: str) -> None:
    """InputError unless `image` is a volume to segment; the message begins with `name` and ends with the cure.

    Wanted: 3D, one real number per voxel, at least 4 voxels along each side, finite, not constant, and a spacing that
    makes it 5 to 500 mm long.
    """
    dimension, size = image.GetDimension(), image.GetSize()
    if dimension == 2:
        raise InputError(f"{name}: a single 2D image; give a 3D volume (for DICOM slices, their folder).")
    if dimension != 3:
        raise InputError(f"{name}: {dimension}D; give one 3D volume (of a sequence, one frame).")
    if 0 in size:
        raise InputError(f"{name}: holds no voxels; give a 3D ultrasound volume.")
    kind = image.GetPixelIDTypeAsString()
    if "complex" in kind:
        raise InputError(f"{name}: complex numbers; give the envelope (B-mode) volume.")
    components = image.GetNumberOfComponentsPerPixel()
    if components > 1 or "vector" in kind:
        raise InputError(f"{name}: {components} values per voxel (colour, or complex); convert it to one grey value per voxel.")
    if kind.startswith("label"):
        raise InputError(f"{name}: {kind}; give a volume of grey values.")
    if 1 in size:
        raise InputError(f"{name}: {format_sizes(size)} voxels is a single 2D slice; give a 3D volume.")
    if min(size) < SMALLEST_SIDE:
        raise InputError(f"{name}: only {format_sizes(size)} voxels; a volume needs {SMALLEST_SIDE} or more along each side.")
    check_geometry(image.GetSpacing(), image.GetOrigin(), image.GetDirection(), name)
    _check_extent(image, name)
    _check_values(sitk.GetArrayViewFromImage(image), name)


def check_geometry(spacing, origin, direction, name: str) -> None:
    """InputError unless an image with these (as SimpleITK gives them) lies somewhere: finite numbers, axes of length 1 at right angles."""
    if not all(np.isfinite(spacing)) or min(spacing) <= 0:
        raise InputError(f"{name}: spacing {format_sizes(spacing)} mm is impossible; correct it in the file.")
    if not all(np.isfinite(origin)):
        raise InputError(f"{name}: its origin {format_sizes(origin)} is no place; correct it in the file.")
    axes = np.reshape(direction, (len(spacing), -1))
    if not np.isfinite(axes).all():
        raise InputError(f"{name}: its axes are no numbers; correct them in the file.")
    lengths = np.linalg.norm(axes, axis=0)
    if np.abs(lengths - 1).max() > STRAIGHT:
        raise InputError(f"{name}: its directions are {format_sizes(lengths)} long instead of 1; put that into the spacing.")
    lean = np.abs(axes.T @ axes - np.eye(len(spacing))).max()
    if lean > STRAIGHT:
        off = np.degrees(np.arcsin(min(lean, 1)))
        raise InputError(f"{name}: its axes are not at right angles ({off:.3g} degrees off); resample it to a regular grid.")


def check_spacing(spacing) -> tuple[float, float, float]:
    """(x, y, z) in mm as a user gave it. InputError when it is impossible."""
    spacing = tuple(float(s) for s in spacing)
    if len(spacing) != 3 or not all(np.isfinite(spacing)) or min(spacing) <= 0:
        raise InputError(f"--spacing {' '.join(f'{s:g}' for s in spacing)}: give three lengths in mm above 0, along x, y and z.")
    return spacing


def _check_extent(image: sitk.Image, name: str) -> None:
    spacing = image.GetSpacing()
    extent = [n * s for n, s in zip(image.GetSize(), spacing)]
    # A wrong spacing (metres, or 1.0 for "unknown") would give a wrong result in silence, and every size in mm with it.
    if max(extent) > LONGEST_EXTENT_MM or max(extent) < SHORTEST_EXTENT_MM:
        raise InputError(
            f"{name}: a volume of {format_sizes(extent)} mm is no ovary scan; its spacing ({format_sizes(spacing)} mm) must be wrong, correct it."
        )


#: No grey level is larger: the model grid computes in single precision, in which sums of larger ones overflow.
LARGEST_VALUE = 1e30


def _check_values(array: np.ndarray, name: str) -> None:
    # Slice by slice: np.isfinite of the whole would be one more copy.
    if array.dtype.kind == "f" and not all(np.isfinite(part).all() for part in array):
        raise InputError(f"{name}: contains NaN or infinite values; replace them (by 0, say).")
    low, high = array.min(), array.max()
    if max(abs(float(low)), abs(float(high))) > LARGEST_VALUE:
        raise InputError(f"{name}: holds values from {low:g} to {high:g}, which are no grey levels; rescale them (to 0 to 255, say).")
    if low == high:
        raise InputError(f"{name}: all voxels are {array.flat[0]:g}; there is nothing to see, give a 3D ultrasound volume.")


def _scanner_file(path: Path) -> Place | None:
    """Where the bytes of a scanner's own format lie in a file, or in the only file of a folder; None for everything else."""
    check_name(path)
    try:
        if not path.is_dir():
            return find_scanner_file(path)
        files = sorted(file for file in path.iterdir() if file.is_file() and (is_kretz(file) or is_dicom(file)))
        found = [place for place in map(find_scanner_file, files) if place]
    except OSError:
        return None  # `read_file` says why
    if len(found) > 1:
        raise InputError(
            f"{path}: holds {len(found)} volumes of a GE Voluson scanner; give one of the files, or the folder to `crend batch`."
        )
    return found[0] if found else None


def is_scanner_file(path) -> bool:
    """Whether `read_image` would convert a path from a scanner's own format. InputError where it is damaged."""
    return _scanner_file(Path(path)) is not None
