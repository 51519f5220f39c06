"""What guides a close look: an overview network's maps of each case, resampled to the grid of the close look's cases."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from crend.errors import InputError
from crend.inference.arrays import to_array
from crend.inference.model_grid import ModelGrid
from crend.io.atomic import replacing

from .cases import Cases, case_facts, open_case
from .stitched import stitch


def guide_file(folder, name: str) -> Path:
    """Where the guide of a case lies."""
    return Path(folder) / f"{name}.guide.npy"


def read_guide(folder, name: str) -> np.ndarray:
    """(2, D, H, W) float16, memory-mapped: probabilities of ovary and follicles. InputError where there is none, or of another volume."""
    path = guide_file(folder, name)
    try:
        guide = np.load(path, mmap_mode="r")
    except (OSError, ValueError):
        raise InputError(f"{path}: missing or damaged; write the guides again with `crend_training guide`") from None
    shape = open_case(folder, name)[0].shape
    if guide.shape != (2, *shape) or guide.dtype.kind != "f":
        raise InputError(f"{path}: of another volume than its case; delete it, and write the guides again with `crend_training guide`")
    return guide


def write_guides(network, patch, coarse: Cases, fine: Cases, *, device="cpu", progress=None) -> None:
    """Writes a guide into the folder of `fine` for each of its cases that has none by these weights: what `network` (the overview) sees in the case of the same
    name in `coarse`, on the network's own grid. patch: (D, H, W) of its windows. progress: called with each name.

    Neither rendered nor in mirror images, unlike the maps in a prediction, which are a little smoother. A network is too sure of what it was
    trained on: guides should come from volumes that the overview has not seen. InputError where `coarse` lacks a case.
    """
    missing = set(fine.names()) - set(coarse.names())
    if missing:
        raise InputError(f"{coarse.folder}: has no case {sorted(missing)[0]}; prepare the overview's cases of the same volumes first")
    _forget_others(fine.folder, network)
    for name in fine.names():
        if not guide_file(fine.folder, name).exists():
            _write_guide(network, patch, coarse.folder, fine.folder, name, device)
        if progress is not None:
            progress(name)


def _forget_others(folder: Path, network) -> None:
    """Delete the guides that other weights have written, and note whose the next ones are."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + to_array(tensor).tobytes())
    note = folder / "guides.txt"
    if not note.is_file() or note.read_text(encoding="utf-8") != digest.hexdigest():
        for path in folder.glob("*.guide.npy"):
            path.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(digest.hexdigest(), encoding="utf-8")


def _write_guide(network, patch, coarse: Path, fine: Path, name: str, device) -> None:
    image = np.asarray(open_case(coarse, name)[0], np.float32)
    maps = stitch(lambda window: network.trunk(window)[0], image, patch, device)
    shape = open_case(fine, name)[0].shape
    close, wide = _spacing(fine, name), _spacing(coarse, name)
    # Both grids are centred on the same image, so one lies on the other as on an image.
    place = {"image_shape": shape, "image_spacing": close, "origin": (0.0,) * 3, "direction": tuple(np.eye(3).ravel())}
    source, target = ModelGrid(image.shape, wide, **place), ModelGrid(shape, close, **place)
    guide = np.stack([source.resample_to(target, channel) for channel in maps]).astype(np.float16)
    with replacing(guide_file(fine, name)) as temporary, open(temporary, "wb") as file:
        np.save(file, guide)


def _spacing(folder: Path, name: str) -> tuple[float, ...]:
    """Of a case, (z, y, x) millimetres."""
    return tuple(reversed([float(length) for length in case_facts(folder, name)["spacing_mm"]]))
