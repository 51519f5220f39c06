"""Training cases on the model grid, as memory-mapped arrays: a patch is read without reading the volume.

A case NAME is three files: NAME.image.npy (float16 (D, H, W), normalised), NAME.labels.npy (uint8, 0 background,
1 ovary outside follicles, 2 follicle) and NAME.json (spacing and what else is worth keeping).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

OVARY, FOLLICLE = 1, 2


def write_case(folder, name: str, image, ovary, follicles, *, spacing_mm, normalisation, about: dict | None = None) -> None:
    """Resamples image and label images (SimpleITK) to `spacing_mm` (x, y, z) and writes the case; the JSON comes last."""
    from crend.grid import normalise, to_model_grid

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    array, grid = to_model_grid(image, spacing_mm)
    array = normalise(array, normalisation).astype(np.float16)
    labels = np.zeros(array.shape, np.uint8)
    labels[_majority(ovary, spacing_mm)] = OVARY
    labels[_majority(follicles, spacing_mm)] = FOLLICLE
    _replace(folder / f"{name}.image.npy", lambda f: np.save(f, array))
    _replace(folder / f"{name}.labels.npy", lambda f: np.save(f, labels))
    facts = {"spacing_mm": [float(s) for s in spacing_mm], **(about or {})}
    _replace(folder / f"{name}.json", lambda f: f.write(json.dumps(facts, default=float).encode()))


def case_names(folder) -> list[str]:
    """Complete cases in a folder, in order of their names."""
    return sorted(p.stem for p in Path(folder).glob("*.json"))


def open_case(folder, name: str):
    """The image and the labels of a case, (D, H, W), memory-mapped and read-only."""
    return tuple(np.load(Path(folder) / f"{name}.{part}.npy", mmap_mode="r") for part in ("image", "labels"))


def _majority(mask, spacing_mm):
    """The mask on the model grid: a voxel belongs to it where at least half of it does."""
    import SimpleITK as sitk

    from crend.grid import to_model_grid

    array, _ = to_model_grid(sitk.Cast(mask > 0, sitk.sitkFloat32), spacing_mm)
    return array >= 0.5


def _replace(path: Path, write) -> None:
    temporary = path.with_suffix(path.suffix + f".tmp{os.getpid()}")
    with open(temporary, "wb") as f:
        write(f)
    os.replace(temporary, path)
