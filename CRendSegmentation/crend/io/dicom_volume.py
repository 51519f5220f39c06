"""DICOM files as volumes: multi-frame objects, and series of slices in a folder. What is none is refused by its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .atomic import check_name
from .dicom_dataset import PIXELS, Dataset, read_dataset
from .dicom_elements import NotDicom, is_dicom
from .dicom_stack import AGREE, NoVolume, Slice, Stack, stack
from .headers.header import Geometry, damaged, format_sizes
from .itk_warnings import heard

BESIDE_A_SERIES = ("dicomdir", "thumbs.db", "desktop.ini")  # what discs and file browsers put there
CLASS, SERIES, INSTANCE, NUMBER = (0x0008, 0x0016), (0x0020, 0x000E), (0x0008, 0x0018), (0x0020, 0x0013)
FRAMES, ROWS, COLUMNS, SAMPLES, BITS = (0x0028, 0x0008), (0x0028, 0x0010), (0x0028, 0x0011), (0x0028, 0x0002), (0x0028, 0x0100)
SHARED, PER_FRAME, MEASURES = (0x5200, 0x9229), (0x5200, 0x9230), (0x0028, 0x9110)
SPACING, BETWEEN, SLICES = (0x0028, 0x0030), (0x0018, 0x0088), (0x0054, 0x0081)
#: Ultrasound regions; of each the units of x and y, and how far its pixels are apart in them.
REGIONS, UNITS, DELTAS = (0x0018, 0x6011), ((0x0018, 0x6024), (0x0018, 0x6026)), ((0x0018, 0x602C), (0x0018, 0x602E))
CENTIMETRES = 3
#: (sequence, element within) of a frame's place and orientation: of the volume for ultrasound, of the patient for all others.
PLACES = (((0x0020, 0x930E), (0x0020, 0x9301)), ((0x0020, 0x9113), (0x0020, 0x0032)))
ORIENTATIONS = (((0x0020, 0x930F), (0x0020, 0x9302)), ((0x0020, 0x9116), (0x0020, 0x0037)))
DATES = ((0x0008, 0x0022), (0x0008, 0x0020))  # the only thing of a header that is kept
_IMAGE = "1.2.840.10008.5.1.4.1.1."
CLIPS, STILLS, SEGMENTATIONS = (_IMAGE + "3.1", _IMAGE + "3"), (_IMAGE + "6.1", _IMAGE + "6"), (_IMAGE + "66.4", _IMAGE + "66.7")
EXPORT = "export the 3D volume itself (Enhanced US Volume, or the scanner's own 3D file)"


def read_dicom_file(path, read) -> tuple[sitk.Image, list[str]]:
    """The volume in one DICOM file with several frames, and notes. read(Geometry, number of volumes) -> (spacing, direction, origin, notes, which).

    InputError, one line, for anything else; OSError.
    """
    path = Path(path)
    dataset = _dataset(path)
    refuse_other_objects(path, dataset)
    count = max(dataset.whole(FRAMES, 1), 1)
    if dataset.text(CLASS) in CLIPS:
        raise InputError(f"{path}: an ultrasound clip of {count} frames in time, not a volume; {EXPORT}.")
    if count == 1 and dataset.text(CLASS) in STILLS:
        raise InputError(f"{path}: a single ultrasound image, not a volume; {EXPORT}.")
    if count == 1:
        raise InputError(f"{path}: a single 2D slice; give a 3D volume (for DICOM slices, their folder).")
    _check_pixels(path, dataset, count)
    found = _stacked(path, _frames(path, dataset, count))
    if not np.isfinite(found.steps[:, 2]).all() and not dataset.items(PER_FRAME):
        raise InputError(f"{path}: {count} frames without places in space, so not a volume; {EXPORT}.")
    return _assembled(path, [path], dataset, found, read)


def read_dicom_folder(folder, read) -> tuple[sitk.Image, list[str]]:
    """The volume of the one DICOM series in a folder, and notes; `read` as of `read_dicom_file`. InputError, OSError."""
    folder = Path(folder)
    series: dict[str, list] = {}
    for path in dicom_files(folder):
        dataset = _dataset(path)
        if PIXELS in dataset and dataset.text(CLASS) not in SEGMENTATIONS:
            series.setdefault(dataset.text(SERIES), []).append((path, dataset))
    if not series:
        raise InputError(f"{folder}: a folder without a DICOM series; give a file, or a folder with one.")
    if len(series) > 1:
        raise InputError(f"{folder}: holds {len(series)} DICOM series; put the wanted one in a folder of its own.")
    files = next(iter(series.values()))
    if len(files) == 1:
        return read_dicom_file(files[0][0], read)
    if any(dataset.whole(FRAMES, 1) > 1 for _, dataset in files):
        raise InputError(f"{folder}: its series holds {len(files)} files of several frames; give one of them.")
    return _series(folder, files, read)


class Found(Exception):
    """What a DICOM file or series holds: its `Geometry`, how many volumes follow one another, and the voxels (x, y, z) of one. Ends the reading before
    the pixels."""

    def __init__(self, geometry: Geometry, volumes: int, size: tuple[int, ...]):
        super().__init__()
        self.geometry, self.volumes, self.size = geometry, volumes, size


def geometry_of_dicom_file(path) -> Found:
    """What `read_dicom_file` would read, without the pixels. InputError as there."""
    return _before_pixels(read_dicom_file, path)


def geometry_of_dicom_folder(folder) -> Found:
    """What `read_dicom_folder` would read, without the pixels. InputError as there."""
    return _before_pixels(read_dicom_folder, folder)


def _before_pixels(read_volume, path) -> Found:
    def stop(geometry, volumes, size):
        raise Found(geometry, volumes, size)

    try:
        read_volume(path, stop)
    except Found as found:
        return found
    raise AssertionError("nothing was read")


def dicom_files(folder: Path) -> list[Path]:
    """The DICOM files in a folder, hidden ones, DICOMDIR and the like left out. InputError for one whose ending says .dcm and that is none."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.lower() in BESIDE_A_SERIES or not path.is_file():
            continue
        check_name(path)
        if is_dicom(path):
            found.append(path)
        elif path.suffix.lower() == ".dcm":
            raise damaged(path, "it lacks the mark of a DICOM file")
    return found


def refuse_other_objects(path, dataset: Dataset) -> None:
    """InputError for a DICOM object that is no image."""
    if dataset.text(CLASS) in SEGMENTATIONS:
        raise InputError(f"{path}: a DICOM segmentation, not an image; give the ultrasound volume that it was made from.")
    if PIXELS not in dataset:
        raise InputError(f"{path}: a DICOM object without an image (a report, a plan or the like); give the ultrasound volume.")


def _series(folder: Path, files: list, read):
    """files: [(path, dataset)] of one series."""
    first = files[0][1]
    still = first.text(CLASS) in STILLS
    seen: dict[str, Path] = {}
    for path, dataset in files:
        _check_pixels(path, dataset, 1)
        other = seen.setdefault(dataset.text(INSTANCE) or str(path), path)
        if other != path:
            raise InputError(f"{folder}: {other.name} and {path.name} are the same slice; remove one of them.")
        for tag, name in ((ROWS, "rows"), (COLUMNS, "columns"), (SAMPLES, "values a pixel"), (BITS, "bits")):
            if dataset.whole(tag, 1) != first.whole(tag, 1):
                raise InputError(f"{folder}: {files[0][0].name} and {path.name} differ in their {name}; export the series again.")
    files.sort(key=lambda each: (each[1].whole(NUMBER, 0), each[0].name))
    slices = [_guarded(path, lambda d=dataset: _slice(d)) for path, dataset in files]
    if all(s.place is None for s in slices) or (still and any(s.orientation is None or s.spacing is None for s in slices)):
        kind = "single ultrasound images" if still else "images without places in space"
        raise InputError(f"{folder}: {len(files)} {kind}, so not a volume; {EXPORT}.")
    promised = first.whole(SLICES, 0)
    found = _stacked(folder, slices, loose=True)
    if promised > len(found.order[0]):
        raise InputError(f"{folder}: {promised - len(found.order[0])} of its {promised} slices are missing; export the series again.")
    return _assembled(folder, [path for path, _ in files], first, found, read)


def _assembled(path: Path, files: list, dataset: Dataset, found: Stack, read):
    spacing, direction, origin, notes, which = read(
        Geometry(found.steps, found.origin, found.problem, found.notes),
        len(found.order),
        (dataset.whole(COLUMNS, 0), dataset.whole(ROWS, 0), len(found.order[0])),
    )
    order = list(found.order[which])
    try:
        if len(files) == 1:
            reader = sitk.ImageFileReader()
            reader.SetFileName(str(files[0]))
        else:
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames([str(files[k]) for k in order])
        reader.SetImageIO("GDCMImageIO") if hasattr(reader, "SetImageIO") else None
        with heard() as warnings:
            image = reader.Execute()
    except RuntimeError as error:
        raise damaged(path, "its pixels cannot be decoded") from error
    array = sitk.GetArrayViewFromImage(image)
    if len(files) == 1:
        if array.shape[0] != sum(map(len, found.order)):
            raise damaged(path, f"{array.shape[0]} frames instead of {sum(map(len, found.order))}")
        array = array[order]
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"{path}: {image.GetNumberOfComponentsPerPixel()} values per voxel (colour); export it in grey values.")
    result = sitk.GetImageFromArray(array)
    for group, element in DATES:
        result.SetMetaData(f"{group:04x}|{element:04x}", dataset.text((group, element)))
    result.SetSpacing([float(s) for s in spacing])
    result.SetOrigin([float(o) for o in origin])
    result.SetDirection([float(d) for d in np.ravel(direction)])
    return result, [*notes, *warnings]


def _frames(path: Path, dataset: Dataset, count: int) -> list[Slice]:
    """What the functional groups say of each frame, those of the frame before those that all share."""
    shared = (dataset.items(SHARED) or (Dataset(b"", "<"),))[0]
    frames = dataset.items(PER_FRAME)
    if frames and len(frames) != count:
        raise damaged(path, f"it describes {len(frames)} of its {count} frames")
    frames = frames or (Dataset(b"", "<"),) * count
    slices = [_guarded(path, lambda f=frame: _frame(dataset, shared, f)) for frame in frames]
    _guarded(path, lambda: _check_said_twice(dataset, frames, slices[0].spacing))
    return slices


def _check_said_twice(dataset: Dataset, frames, spacing) -> None:
    """NoVolume where the file says sizes a second time, outside the groups that count, and others."""
    others = [("the rest of its header", numbers[:2]) for numbers in [dataset.numbers(SPACING)] if numbers]
    for region in dataset.items(REGIONS):
        if all(region.whole(tag, 0) == CENTIMETRES for tag in UNITS):
            deltas = [(region.numbers(tag) or [np.nan])[0] for tag in reversed(DELTAS)]  # rows first
            others.append(("an ultrasound region", [abs(10 * delta) for delta in deltas]))
    for where, other in others:
        if spacing is not None and not np.allclose(other, spacing, rtol=AGREE, atol=0):
            raise NoVolume(f"its frames have pixels of {format_sizes(spacing)} mm, {where} says {format_sizes(other)} mm")
    extents = []
    for sequence, tag in PLACES:
        ends = [item.numbers(tag) for frame in (frames[0], frames[-1]) for item in frame.items(sequence)[:1]]
        if len(ends) == 2 and None not in ends:
            extents.append(float(np.linalg.norm(np.subtract(*ends))))
    if len(extents) == 2 and abs(extents[0] - extents[1]) > AGREE * max(extents):
        raise NoVolume(f"its first and last frame are {extents[0]:.4g} mm apart in the volume, {extents[1]:.4g} mm in the patient")


def _frame(dataset: Dataset, shared: Dataset, frame: Dataset) -> Slice:
    def said(sequence, tag, length):
        found = [numbers for group in (frame, shared) for item in group.items(sequence)[:1] if (numbers := item.numbers(tag)) is not None]
        if len(found) > 1 and found[0] != found[1]:
            raise NoVolume(f"its groups for a frame and for all frames say {found[0]} and {found[1]}")
        if found and len(found[0]) < length:
            raise NotDicom("incomplete numbers")
        return tuple(found[0][:length]) if found else None

    def first(places, length):
        return next((numbers for sequence, tag in places if (numbers := said(sequence, tag, length)) is not None), None)

    spacing, between = said(MEASURES, SPACING, 2), said(MEASURES, BETWEEN, 1)
    if spacing is None and (top := dataset.numbers(SPACING)):
        spacing = tuple(top[:2])
    if between is None and (top := dataset.numbers(BETWEEN)):
        between = tuple(top[:1])
    return Slice(spacing, first(PLACES, 3), first(ORIENTATIONS, 6), between[0] if between else None)


def _slice(dataset: Dataset) -> Slice:
    def said(tag, length):
        numbers = dataset.numbers(tag)
        if numbers is not None and len(numbers) < length:
            raise NotDicom("incomplete numbers")
        return None if numbers is None else tuple(numbers[:length])

    between = said(BETWEEN, 1)
    return Slice(said(SPACING, 2), said((0x0020, 0x0032), 3), said((0x0020, 0x0037), 6), between[0] if between else None)


def _check_pixels(path: Path, dataset: Dataset, count: int) -> None:
    """InputError when there are fewer bytes than the header promises; of compressed pixels their presence is known only."""
    value = dataset[PIXELS]
    rows, columns, samples, bits = (_guarded(path, lambda t=tag: dataset.whole(t, 0)) for tag in (ROWS, COLUMNS, SAMPLES, BITS))
    if min(rows, columns, samples, bits) < 1:
        raise damaged(path, "its header says no size")
    native = dataset.syntax.startswith("1.2.840.10008.1.2") and not dataset.syntax.startswith("1.2.840.10008.1.2.4")
    native = native and dataset.syntax != "1.2.840.10008.1.2.5"  # run lengths
    wanted = (rows * columns * samples * bits * count + 7) // 8
    there = value.stop - value.start
    if native and there < wanted:
        raise damaged(path, f"{wanted - there} of its {wanted} bytes of pixels are missing")
    if not native and rows * columns * samples * count * bits > 8 * 5000 * max(there, 1):
        raise damaged(path, f"its header promises {wanted} bytes of pixels, more than {there} bytes can hold")


def _dataset(path: Path) -> Dataset:
    try:
        return read_dataset(path)
    except NotDicom as error:
        raise damaged(path, str(error)) from error


def _guarded(path: Path, ask):
    try:
        return ask()
    except NotDicom as error:
        raise damaged(path, str(error)) from error
    except NoVolume as error:
        raise InputError(f"{path}: {error}; export {'the series' if path.is_dir() else 'it'} again.") from error


def _stacked(path: Path, slices: list[Slice], loose: bool = False) -> Stack:
    return _guarded(path, lambda: stack(slices, loose))
