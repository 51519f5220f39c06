"""A folder of corrected volumes to train on: each with its labels, without names, in a list that `crend_training finetune` and `improve` read."""

from __future__ import annotations

import datetime
import hashlib
import shutil
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from ..errors import InputError
from .acquisition import describe, notes_of
from .atomic import check_writable, replacing, replacing_all
from .csv_list import path_in, read_list
from .image_copies import CELLS, Likeness, find_copy, likeness_of
from .labels import Labels, read_labels, same_geometry, write_labels
from .list_rows import put_row
from .locking import locked

LIST = "volumes.csv"
PREFIX = "kept-"  # of the names of volumes
#: Rows of the list that others took the place of, and where their labels lie: nothing learns from these.
EARLIER = "earlier.csv"
#: What the list says beside image, label, name and patient: who corrected what of which model's result, when, and what the files held then.
CONTENTS = ("image_content", "label_content")
REMARKS = ("corrected_by", "corrections", "model", "model_version", "kept_on", *CONTENTS)
COLUMNS = ("name", "image", "label", "patient", *REMARKS)
#: Columns of a user's own that a row does not pass on to the one that takes its place: they say where labels lie, and the spacing of another file.
_NOT_PASSED_ON = ("ovary", "follicles", "spacing", "spacing_mm")
_WAIT = 20.0  # seconds for another window that keeps a volume in the same folder


@dataclass(frozen=True)
class Correction:
    """Who corrected what: corrections in words; model and its version, "" where nobody knows; patient: a code that is no name, or ""."""

    corrected_by: str = ""
    corrections: str = ""
    model: str = ""
    model_version: str = ""
    patient: str = ""


@dataclass(frozen=True)
class KeptVolume:
    """name: of the volume in its folder. replaced: the rows of the list that it took the place of. aside: the file, beside the list, to which the labels
    of the last of them went; "" where they are the same, or lie in a file of the user's own, which nobody touched."""

    name: str
    replaced: tuple[dict, ...] = ()
    aside: str = ""


def keep(folder, image, labels: Labels, correction: Correction) -> KeptVolume:
    """Write a volume (SimpleITK) and its Labels, on its grid, into `folder`, made if missing.

    Nothing of the image's metadata is kept. A volume is known again by its voxels: kept again, its row takes the place of the one there, with what the user
    added to that; other labels than before are set aside as NAME-labels-earlier-1.nrrd and so on, and their row goes to EARLIER. The list is written last,
    so a stop leaves the folder as it was. InputError for empty labels, labels of another grid, a list that cannot be read (it is left alone), a folder
    that cannot be written to, and while another process keeps a volume there.
    """
    import SimpleITK as sitk

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
    with locked(folder, _WAIT):
        return _keep(folder, image, _as_read(labels), correction)


def _keep(folder: Path, image, labels: Labels, correction: Correction) -> KeptVolume:
    from .image_files import write_image

    found = _rows_of(folder, image)
    earlier = [row for _, row in found]
    content, drawn = image_content(image), label_content(labels)
    name = next((row["name"] for row in reversed(earlier) if _is_ours(row)), f"{PREFIX}{content}")
    image_file, label_file, likeness_file = folder / f"{name}.nrrd", folder / f"{name}-labels.nrrd", _likeness_file(folder, name)
    aside = _set_aside(folder, label_file, drawn)
    for row in earlier:
        went = {"label": aside} if aside and row["label"] == label_file.name else {}
        if went or not _says_the_same(row, drawn, correction):
            put_row(folder / EARLIER, (*COLUMNS, "replaced_on"), {**row, **went, "replaced_on": _today()})
    there = _lies_there(image_file, image)
    with replacing_all(*([] if there else [image_file]), likeness_file, label_file) as temporary:
        if not there:
            write_image(_bare(image), temporary[0], image_file)
        with open(temporary[-2], "wb") as file:
            np.save(file, likeness_of(image).details.astype(np.float16))
        write_labels(temporary[-1], labels.ovary, labels.follicles)
    row = {"name": name, "image": image_file.name, "label": label_file.name, **vars(correction), "kept_on": _today()}
    row |= {"image_content": content, "label_content": drawn}
    for before in earlier:
        row = {key: text for key, text in before.items() if key not in (*COLUMNS, *_NOT_PASSED_ON)} | row
        row["patient"] = row["patient"] or before["patient"]
    put_row(folder / LIST, COLUMNS, row, [line for line, _ in found])
    return KeptVolume(name, tuple(earlier), aside)


def kept_before(folder, image) -> dict | None:
    """The row of the folder's list that `keep` would replace if this volume were kept, the last one; None where there is none. InputError as `kept_rows`."""
    found = _rows_of(Path(folder), image)
    return found[-1][1] if found else None


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
    return [row for _, row in _numbered_rows(folder)]


def _numbered_rows(folder) -> list[tuple[int, dict]]:
    path = Path(folder) / LIST
    if not path.exists():
        return []
    columns, rows = read_list(path)
    if not {"name", "image", "label"} <= columns:
        raise InputError(f"{path}: is no list of volumes to train on; choose another folder.")
    return [(line, dict.fromkeys(COLUMNS, "") | row) for line, row in rows]


def count_kept(folder) -> tuple[int, int]:
    """(volumes, patients) in the folder; a volume without a patient's code counts as a patient of its own. InputError as `kept_rows`."""
    rows = {row["name"] or row["image"]: row["patient"] for row in kept_rows(folder)}
    return len(rows), len({patient or f"volume {name}" for name, patient in rows.items()})


def _as_read(labels: Labels) -> Labels:
    """Labels as their file gives them back, where a follicle's voxels are the ovary's, too: else they would seem changed."""
    import SimpleITK as sitk

    from .volumes import image_like

    whole = (sitk.GetArrayViewFromImage(labels.ovary) != 0) | (sitk.GetArrayViewFromImage(labels.follicles) != 0)
    return replace(labels, ovary=image_like(whole.astype(np.uint8), labels.ovary))


def _rows_of(folder: Path, image) -> list[tuple[int, dict]]:
    """(line, row) of each row of the list that is of this volume: by what it says of its voxels, or by the voxels of a user's own file."""
    content = image_content(image)
    return [(line, row) for line, row in _numbered_rows(folder) if row["image_content"] == content or _is_of(folder, row, image, content)]


def _is_of(folder: Path, row: dict, image, content: str) -> bool:
    """Whether a row whose content is another, or none, is of this volume all the same."""
    import SimpleITK as sitk

    from .volumes import read_image

    try:
        path, reader = path_in(folder, row["image"]), sitk.ImageFileReader()
        if not path.is_file():
            return False
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        if tuple(reader.GetSize()) != tuple(image.GetSize()):
            return False
        if not row["image_content"]:
            return image_content(read_image(path)) == content
        # A former version took the type of number as it came.
        kind = sitk.GetArrayViewFromImage(sitk.Image([1, 1, 1], reader.GetPixelID())).dtype
        array = sitk.GetArrayViewFromImage(image)
        return bool(np.array_equal(cast := array.astype(kind), array)) and _digest(cast) == row["image_content"]
    except (InputError, RuntimeError):  # whoever learns from it says what is wrong with it
        return False


def _set_aside(folder: Path, label_file: Path, drawn: str) -> str:
    """Copies labels that differ from those `drawn` now to a name of their own, which it returns; "" where there are none."""
    try:
        if not label_file.is_file() or label_content(read_labels(label_file)) == drawn:
            return ""
    except InputError:
        pass  # what cannot be read may be mended some day
    stem = label_file.name.removesuffix(".nrrd")
    target = next(path for k in count(1) if not (path := folder / f"{stem}-earlier-{k}.nrrd").exists())
    with replacing(target) as temporary:
        shutil.copyfile(label_file, temporary)
    return target.name


def _is_ours(row: dict) -> bool:
    """Whether a row is one that `keep` wrote: its files are called by its name, and may be written anew."""
    name = row["name"]
    return name.startswith(PREFIX) and (row["image"], row["label"]) == (f"{name}.nrrd", f"{name}-labels.nrrd")


def _says_the_same(row: dict, drawn: str, correction: Correction) -> bool:
    """Whether nothing is lost with a row: its labels are those that were drawn now, by the same person."""
    return _is_ours(row) and row["label_content"] == drawn and row["corrected_by"] in ("", correction.corrected_by)


def _today() -> str:
    return datetime.date.today().isoformat()


def _lies_there(path: Path, image) -> bool:
    """Whether this volume lies there on the same grid: its spacing may have been corrected since it was kept, or its file replaced."""
    from .volumes import read_file

    try:
        there = read_file(path) if path.is_file() else None
    except InputError:
        return False
    return there is not None and same_geometry(there, image) and image_content(there) == image_content(image)


def _likeness_file(folder: Path, name: str) -> Path:
    return folder / f"{name}-likeness.npy"


def image_content(image) -> str:
    """Digest of a volume's voxels and size: the same for a copy under another name, compressed or not, in any type of number that holds them."""
    import SimpleITK as sitk

    return _digest(_plain(sitk.GetArrayViewFromImage(image)))


def known_contents(image) -> set[str]:
    """What a list may say of the voxels in a file: `image_content`, or what a former version did, which took the type of number as it came."""
    import SimpleITK as sitk

    return {image_content(image), _digest(sitk.GetArrayViewFromImage(image))}


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
