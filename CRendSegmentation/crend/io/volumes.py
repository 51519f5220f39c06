"""Reading a volume and saying, before any work starts, whether it can be segmented."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .atomic import check_name
from .dicom_elements import is_dicom
from .integrity import missing_bytes
from .kretz import is_kretz
from .scanner_files import Place, find_scanner_file, read_scanner_file

SMALLEST_SIDE = 4  # voxels
LONGEST_EXTENT_MM = 500.0
SHORTEST_EXTENT_MM = 5.0
UNEVEN = 0.05  # of a slice's distance: 0.33 mm written to a hundredth varies by 3 %
READABLE = ".nrrd, .nii.gz, .mha, .vtk, .vol or a folder with one DICOM series"
LABEL_FORMATS = ".seg.nrrd, .nrrd, .nii.gz or .mha"


def read_image(path, *, frame: int | None = None, cartesian_spacing_mm: float | None = None, progress=None) -> sitk.Image:
    """The 3D scalar volume in a file, or in a folder with one DICOM series, checked by `check_image`.

    A 4D file with one frame counts as 3D. Of a scanner's file (GE Voluson, also inside DICOM): frame, which of several volumes, from 1;
    cartesian_spacing_mm of the grid that it is converted to; progress(stage, fraction) of that. InputError, one line, for anything that
    cannot be segmented.
    """
    path = Path(path)
    scanned = _scanner_file(path)
    if scanned is not None:
        image = read_scanner_file(scanned, frame=frame, spacing_mm=cartesian_spacing_mm, progress=progress)
    elif cartesian_spacing_mm is not None:
        raise InputError(f"{path}: --cartesian-spacing is for files of a GE Voluson scanner only; leave it out.")
    elif frame is not None:
        raise InputError(f"{path}: --frame is for files that hold several volumes; leave it out.")
    else:
        image = _read_series(path) if path.is_dir() else read_file(path)
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    check_image(image, str(path))
    return image


def read_label_image(path) -> sitk.Image:
    """The 3D image of whole numbers in a file, of any size and content: labels may be few or none. InputError, one line, when it is none."""
    image = read_file(path, LABEL_FORMATS)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{path}: labels must be one 3D image with one number a voxel.")
    return image


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
    _check_spacing(image, name)
    _check_values(sitk.GetArrayViewFromImage(image), name)


def _check_spacing(image: sitk.Image, name: str) -> None:
    spacing = image.GetSpacing()
    if not all(np.isfinite(spacing)) or min(spacing) <= 0:
        raise InputError(f"{name}: spacing {format_sizes(spacing)} mm is impossible; correct it in the file.")
    extent = [n * s for n, s in zip(image.GetSize(), spacing)]
    # A wrong spacing (metres, or 1.0 for "unknown") would give a wrong result in silence, and every size in mm with it.
    if max(extent) > LONGEST_EXTENT_MM or max(extent) < SHORTEST_EXTENT_MM:
        raise InputError(
            f"{name}: a volume of {format_sizes(extent)} mm is no ovary scan; its spacing ({format_sizes(spacing)} mm) must be wrong, correct it."
        )


def _check_values(array: np.ndarray, name: str) -> None:
    # Slice by slice: np.isfinite of the whole would be one more copy.
    if array.dtype.kind == "f" and not all(np.isfinite(part).all() for part in array):
        raise InputError(f"{name}: contains NaN or infinite values; replace them (by 0, say).")
    if array.min() == array.max():
        raise InputError(f"{name}: all voxels are {array.flat[0]:g}; there is nothing to see, give a 3D ultrasound volume.")


def read_file(path, formats: str = READABLE) -> sitk.Image:
    """The image in a file, of any kind and size, if the file is whole; formats: what to use instead of one that cannot be read.

    InputError, one line, for a missing, unreadable or damaged file.
    """
    path = Path(path)
    check_name(path)
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file.")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); export it again.")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check its permissions.") from error
    damaged = f"{path}: is damaged or incomplete, it cannot be read as an image; export it again."
    # ITK's warnings would come between the user and our one line.
    sitk.ProcessObject.GlobalWarningDisplayOff()
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        if "Unable to determine ImageIO reader" in str(error):
            raise InputError(f"{path}: not an image format that can be read; use {formats}.") from error
        if "orthonormal direction cosines" in str(error):
            raise InputError(f"{path}: its axes are not at right angles; resample it to a regular grid.") from error
        raise InputError(damaged) from error
    if not _is_whole(path):
        raise InputError(damaged)
    return image


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


def _is_whole(path: Path) -> bool:
    """Whether a file holds all the bytes that its header announces, where ITK does not ask.

    It fills what is missing of a NIfTI, Analyze or VTK file that was cut short (a broken copy) with zeros.
    """
    try:
        return not missing_bytes(path)
    except (ValueError, struct.error):
        return path.suffix.lower() == ".vtk"  # a header of another kind, which ITK could read
    except OSError:
        return False


def _read_series(folder: Path) -> sitk.Image:
    check_name(folder)
    sitk.ProcessObject.GlobalWarningDisplayOff()
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise InputError(f"{folder}: a folder without a DICOM series; give a file ({READABLE}).")
    if len(series) > 1:
        raise InputError(f"{folder}: holds {len(series)} DICOM series; put the wanted one in a folder of its own.")
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    for file in files:
        check_name(file)
    try:
        image = sitk.ReadImage(files[0] if len(files) == 1 else files)
        # ITK reads a series with gaps all the same, at the mean spacing, and only leaves this key.
        even = not image.HasMetaDataKey("ITK_non_uniform_sampling_deviation") or _evenly_spaced(files)
    except RuntimeError as error:
        raise InputError(f"{folder}: its DICOM series is damaged or incomplete; export it again.") from error
    if not even:
        raise InputError(f"{folder}: slices are missing or unevenly spaced; export the series again.")
    return image


def _evenly_spaced(files) -> bool:
    """Whether the slices of a series, in order, are equally far apart, but for the rounding of their positions in the headers."""
    positions = []
    reader = sitk.ImageFileReader()
    for file in files:
        reader.SetFileName(file)
        reader.ReadImageInformation()
        positions.append(reader.GetOrigin())
    gaps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    return bool(np.abs(gaps - gaps.mean()).max() <= UNEVEN * gaps.mean())


def format_sizes(numbers) -> str:
    """Numbers along the axes, for a sentence: 0.35 x 0.35 x 0.7."""
    return " x ".join(f"{n:.4g}" for n in numbers)
