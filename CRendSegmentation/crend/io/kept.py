"""A folder of corrected volumes to train on: each with its labels, without names, in a list that `crend_training finetune` and `improve` read."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from .acquisition import describe, notes_of
from .atomic import check_writable, replacing
from .csv_list import read_list
from .image_copies import CELLS, Likeness, find_copy, likeness_of
from .labels import Labels, same_geometry, write_labels
from .tables import write_rows

LIST = "volumes.csv"
#: What the list says beside image, label, name and patient: who corrected what of which model's result, when, and what the files held then.
REMARKS = ("corrected_by", "corrections", "model", "model_version", "kept_on", "image_content", "label_content")
COLUMNS = ("name", "image", "label", "patient", *REMARKS)


@dataclass(frozen=True)
class Correction:
    """Who corrected what: corrections in words; model and its version, "" where nobody knows; patient: a code that is no name, or ""."""

    corrected_by: str = ""
    corrections: str = ""
    model: str = ""
    model_version: str = ""
    patient: str = ""


def keep(folder, image, labels: Labels, correction: Correction) -> str:
    """Write a volume (SimpleITK) and its Labels, on its grid, into `folder`, made if missing; returns the volume's name there.

    Nothing of the image's metadata is kept. The name is made of the voxels: a volume that is kept again replaces what was kept of it, with its grid. The
    list is written last, so a stop leaves the folder as it was. InputError for empty labels, labels of another grid, a list that cannot be
    read (it is left alone) and a folder that cannot be written to.
    """
    import SimpleITK as sitk

    from .image_files import write_image

    folder = Path(folder)
    if not same_geometry(image, labels.ovary):
        raise InputError("the labels are not on the volume's grid; nothing was kept.")
    if not sitk.GetArrayViewFromImage(labels.ovary).any():
        raise InputError("there is no ovary to learn from; draw one first. Nothing was kept.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made a folder ({(error.strerror or str(error)).lower()}); choose another one.") from error
    kept_rows(folder)
    check_writable(folder / LIST)
    content = image_content(image)
    name = f"kept-{content}"
    files = {"image": f"{name}.nrrd", "label": f"{name}-labels.nrrd"}
    if not _lies_there(folder / files["image"], image):
        with replacing(folder / files["image"]) as temporary:
            write_image(_bare(image), temporary, folder / files["image"])
    with replacing(_likeness_file(folder, name)) as temporary, open(temporary, "wb") as file:
        np.save(file, likeness_of(image).details.astype(np.float16))
    write_labels(folder / files["label"], labels.ovary, labels.follicles)
    row = {"name": name, **files, **vars(correction), "kept_on": datetime.date.today().isoformat()}
    row |= {"image_content": content, "label_content": label_content(labels)}
    others = [other for other in kept_rows(folder) if other["name"] != name]  # as it is now: colleagues may keep into the same folder
    columns = dict.fromkeys([*COLUMNS, *(column for other in others for column in other)])  # those of a user's own rows, too
    write_rows(folder / LIST, columns, [dict.fromkeys(columns, "") | each for each in (*others, row)])
    return name


def kept_copy(folder, name: str) -> tuple[str, str] | None:
    """(name of another kept volume that this one is a copy of, "a copy" or "a mirrored or turned copy"); None where there is none.

    Volumes whose likeness was not kept are passed over, and so are cut-outs: `crend_training improve` looks at the volumes themselves.
    """
    known = {}
    for row in kept_rows(folder):
        try:
            details = np.load(_likeness_file(Path(folder), row["name"]), allow_pickle=False)
        except (OSError, ValueError):
            continue
        if details.shape == (CELLS,) * 3:
            known[row["name"]] = Likeness(details.astype(np.float32))
    volume = known.pop(name, None)
    found = find_copy(volume, list(known.values())) if volume is not None else None
    return (list(known)[found[0]], found[1]) if found else None


def kept_rows(folder) -> list[dict]:
    """The rows of the folder's list, every column a text: COLUMNS, and what else the list has; none where there is no list.

    InputError for one that is no list of ours.
    """
    path = Path(folder) / LIST
    if not path.exists():
        return []
    columns, rows = read_list(path)
    if not {"name", "image", "label"} <= columns:
        raise InputError(f"{path}: is no list of volumes to train on; choose another folder.")
    return [dict.fromkeys(COLUMNS, "") | row for _, row in rows]


def count_kept(folder) -> tuple[int, int]:
    """(volumes, patients) in the folder; a volume without a patient's code counts as a patient of its own. InputError as `kept_rows`."""
    rows = {row["name"] or row["image"]: row["patient"] for row in kept_rows(folder)}
    return len(rows), len({patient or f"volume {name}" for name, patient in rows.items()})


def _lies_there(path: Path, image) -> bool:
    """Whether a volume of these voxels, as its name says, lies there on the same grid: its spacing may have been corrected since it was kept."""
    from .volumes import read_file

    try:
        return path.is_file() and same_geometry(read_file(path), image)
    except InputError:
        return False


def _likeness_file(folder: Path, name: str) -> Path:
    return folder / f"{name}-likeness.npy"


def image_content(image) -> str:
    """Digest of a volume's voxels and size: the same for a copy under another name, compressed or not, in any type of number that holds them."""
    import SimpleITK as sitk

    return _digest(_plain(sitk.GetArrayViewFromImage(image)))


def label_content(labels: Labels) -> str:
    """Digest of labels, likewise."""
    import SimpleITK as sitk

    return _digest(*(sitk.GetArrayViewFromImage(part) for part in (labels.ovary, labels.follicles)))


def _plain(array: np.ndarray) -> np.ndarray:
    """The voxels in the first type of number that holds all of them."""
    for kind in (np.uint8, np.int16, np.uint16, np.int32, np.float32):
        if array.dtype == kind:
            break
        with np.errstate(invalid="ignore", over="ignore"):
            cast = array.astype(kind)
        if np.array_equal(cast, array):
            return cast
    return array


def _digest(*arrays) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _bare(image):
    """Voxels, grid, and notes on how the grid was read: not even the date of the scan."""
    import SimpleITK as sitk

    bare = sitk.GetImageFromArray(sitk.GetArrayViewFromImage(image))
    bare.CopyInformation(image)
    return describe(bare, notes=notes_of(image))
