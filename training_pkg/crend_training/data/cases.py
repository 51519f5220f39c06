"""Training cases on the model grid, as memory-mapped arrays: a patch is read without reading the volume.

A case NAME is three files: NAME.image.npy (float16 (D, H, W), normalised), NAME.labels.npy (uint8, 0 background,
1 ovary outside follicles, 2 follicle) and NAME.json (spacing, normalisation and what else is worth keeping). A guided network's
case has a fourth: NAME.guide.npy, what an overview network made of the volume (`guides`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crend.errors import InputError
from crend.io.atomic import replacing
from crend.io.volumes import format_sizes

OVARY, FOLLICLE = 1, 2
EVERY = 5  # slices


def write_case(folder, name: str, image, ovary, follicles, *, spacing_mm, normalisation, in_plane=(), about: dict | None = None) -> None:
    """Puts image and label images (SimpleITK) on the model grid and writes the case; the JSON comes last.

    spacing_mm (x, y, z) and in_plane (x, y; empty: none) as `grid_spacing` takes them. NAME.json has the spacing of this volume's grid as "spacing_mm";
    where there is an in_plane, it and what came before the resize are there as "grid". ovary and follicles None: a case without labels, which has no NAME.labels.npy.
    """
    from crend.inference.grey_values import normalise, to_model_grid
    from crend.inference.model_grid import grid_spacing

    settings = grid_settings(spacing_mm, in_plane)
    spacing_mm = grid_spacing(image, settings, name)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    array, _grid = to_model_grid(image, spacing_mm)
    array = normalise(array, normalisation).astype(np.float16)
    _replace(folder / f"{name}.image.npy", lambda f: np.save(f, array))
    if ovary is not None:
        labels = np.zeros(array.shape, np.uint8)
        labels[_majority(ovary, spacing_mm)] = OVARY
        labels[_majority(follicles, spacing_mm)] = FOLLICLE
        _replace(folder / f"{name}.labels.npy", lambda f: np.save(f, labels))
    facts = {"spacing_mm": list(spacing_mm), "normalisation": normalisation, **(about or {})}
    if in_plane:
        facts["grid"] = settings
    _replace(folder / f"{name}.json", lambda f: f.write(json.dumps(facts, default=float).encode()))


def case_names(folder) -> list[str]:
    """Complete cases in a folder, in order of their names."""
    return sorted(path.stem for path in Path(folder).glob("*.json") if not path.name.startswith("."))  # those are on their way


def case_facts(folder, name: str) -> dict:
    """What NAME.json says. InputError where it is damaged."""
    path = Path(folder) / f"{name}.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        spacing = [float(length) for length in facts["spacing_mm"]]
        if len(spacing) != 3 or not all(0 < length < 100 for length in spacing) or not isinstance(facts.get("normalisation", {}), dict):
            raise ValueError("its spacing or normalisation is none")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _damaged(path, error) from None
    return facts


def open_case(folder, name: str):
    """The image and the labels of a case, (D, H, W), memory-mapped and read-only; labels are 0 where the case has none.

    InputError where a file is missing or damaged.
    """
    image = _mapped(Path(folder) / f"{name}.image.npy", "f")
    path = Path(folder) / f"{name}.labels.npy"
    if not path.exists():
        return image, np.broadcast_to(np.uint8(0), image.shape)
    labels = _mapped(path, "u")
    if labels.shape != image.shape:
        raise _damaged(path, ValueError(f"{format_sizes(labels.shape)} voxels, its image has {format_sizes(image.shape)}"))
    return image, labels


def check_content(folder, name: str) -> None:
    """InputError where the arrays of a case hold what no case does. Every few slices: it is asked of all cases before a run."""
    image, labels = open_case(folder, name)
    if not np.isfinite(image[::EVERY]).all():
        raise _damaged(Path(folder) / f"{name}.image.npy", ValueError("NaN or infinite values"))
    if labels[::EVERY].max(initial=0) > FOLLICLE:
        raise _damaged(Path(folder) / f"{name}.labels.npy", ValueError(f"labels above {FOLLICLE}"))


def _mapped(path: Path, kind: str):
    try:
        array = np.load(path, mmap_mode="r")
        if array.ndim != 3 or array.dtype.kind != kind or 0 in array.shape:
            raise ValueError(f"{array.dtype} of shape {array.shape}")
    except Exception as error:  # the header is parsed as Python, and ends in whatever its bytes make of it
        raise _damaged(path, error) from None
    return array


def _damaged(path: Path, error: BaseException) -> InputError:
    words = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).strip().splitlines()
    what = words[0][:120] if words else type(error).__name__
    return InputError(f"{path}: missing or damaged ({what}); delete the case's files and prepare it again")


@dataclass(frozen=True)
class Cases:
    """Some cases of a folder: those of `chosen`, or whatever is there when asked."""

    folder: Path
    chosen: tuple[str, ...] | None = None

    def names(self) -> list[str]:
        return case_names(self.folder) if self.chosen is None else list(self.chosen)


@dataclass(frozen=True)
class TrainingCases:
    """What a run learns from, what it is watched on, and what it learns from without labels."""

    training: Cases
    validation: Cases
    unlabelled: Cases

    @classmethod
    def of_folder(cls, folder) -> TrainingCases:
        """Whatever `folder`/training, validation and unlabelled hold; cases that appear later in training/ are used too."""
        return cls(*(Cases(Path(folder) / part) for part in ("training", "validation", "unlabelled")))


def learned_of(cases: TrainingCases, *, unlabelled: bool = False) -> dict:
    """What a run on these cases learns from, as a bundle says it ("learned_from"); simulated volumes are known by their seeds instead.

    unlabelled: whether volumes without labels are learned from, too.
    """
    from crend.bundle.learned import learned_from

    training, validation, others = (
        [case_facts(some.folder, name) for name in some.names()] for some in (cases.training, cases.validation, cases.unlabelled)
    )
    return learned_from([*training, *(others if unlabelled else ())], validation)


def grid_settings(spacing_mm, in_plane=()) -> dict:
    """What says on which grid a volume is, as plain values: "spacing_mm" and, where volumes are resized in plane, "in_plane"."""
    return {"spacing_mm": [float(s) for s in spacing_mm], **({"in_plane": [int(side) for side in in_plane]} if in_plane else {})}


def check_grid(folder, name: str, wanted: dict, whose: str) -> None:
    """InputError where a case is not on the grid of `wanted` (as `grid_settings` or a bundle's block has it), which is that of `whose`."""
    from crend.inference.model_grid import describe_grid, proportionate

    facts = case_facts(folder, name)
    found, grid = facts["spacing_mm"], facts.get("grid") or {}
    in_plane = wanted.get("in_plane") or []
    same = list(grid.get("in_plane") or []) == list(in_plane)
    if same and in_plane:
        x, y, z = found
        sizes = open_case(folder, name)[0].shape[:0:-1]
        same = np.allclose([z], [proportionate(wanted["spacing_mm"], x, y)], rtol=1e-3) and list(sizes) == list(in_plane)
    elif same:
        same = np.allclose(found, wanted["spacing_mm"], rtol=1e-3)
    if not same:
        there = f"{describe_grid(grid)} and {format_sizes(found)} mm" if grid.get("in_plane") else f"{format_sizes(found)} mm"
        now = (
            f"{describe_grid(wanted)} of {format_sizes(wanted['spacing_mm'])} mm"
            if in_plane
            else f"{format_sizes(wanted['spacing_mm'])} mm"
        )
        raise InputError(f"{folder}/{name}: prepared at {there}, {whose} says {now}; prepare into another folder.")


def check_prepared(cases: Cases, grid: dict, normalisation: dict) -> None:
    """InputError, naming the first, when cases are damaged, are on another grid than `grid` (see `grid_settings`), for their millimetres would be wrong,
    or are normalised in another way. Cases that do not say how they were normalised are taken as they are."""
    for name in cases.names():
        facts = case_facts(cases.folder, name)
        check_content(cases.folder, name)
        check_grid(cases.folder, name, grid, "the configuration")
        if facts.get("normalisation", normalisation) != json.loads(json.dumps(normalisation)):
            raise InputError(
                f"{cases.folder}/{name}: prepared with normalisation {facts['normalisation']}, the configuration says {normalisation}; "
                "prepare into another folder."
            )


def _majority(mask, spacing_mm):
    """The mask on the model grid: a voxel belongs to it where at least half of it does."""
    import SimpleITK as sitk

    from crend.inference.grey_values import to_model_grid

    array, _ = to_model_grid(sitk.Cast(mask > 0, sitk.sitkFloat32), spacing_mm)
    return array >= 0.5


def _replace(path: Path, write) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        write(file)
