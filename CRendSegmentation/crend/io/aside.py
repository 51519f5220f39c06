"""A segmentation that somebody changed since a run wrote it gets another name before the next run replaces it."""

from __future__ import annotations

import hashlib
import os
from itertools import count
from pathlib import Path

CONTENT = "crend_content"  # in the header of a .seg.nrrd: the digest of its voxels as they were written; Slicer writes no such key
ENDING = ".seg.nrrd"


def digest(array) -> str:
    """Of an array's bytes."""
    return hashlib.sha256(array.data).hexdigest()[:16]


def set_changed_aside(path) -> Path | None:
    """Rename the segmentation `path` to NAME.kept-1.seg.nrrd unless it is as a run wrote it; returns the new name, None where nothing was to be kept."""
    target = Path(os.path.realpath(path))
    if not target.name.lower().endswith(ENDING) or not target.is_file() or target.stat().st_size == 0 or _as_written(target):
        return None
    stem = target.name[: -len(ENDING)]
    kept = next(name for k in count(1) if not (name := target.with_name(f"{stem}.kept-{k}{ENDING}")).exists())
    target.rename(kept)
    return kept


def _as_written(path: Path) -> bool:
    import SimpleITK as sitk

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        return False
    return image.HasMetaDataKey(CONTENT) and image.GetMetaData(CONTENT) == digest(sitk.GetArrayViewFromImage(image))
