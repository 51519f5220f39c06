"""From probabilities on the model grid to one plausible organ: which blobs are the ovary, which follicles are its own."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SECOND_OVARY = 0.5  # a second blob is a second ovary when at least this part of the first one's volume
SMALLEST_OVARY_ML = 0.3  # a postmenopausal ovary has about 1 ml or more
NECK_MM = 2.4  # a bridge of a smaller half-width joins two things, not two parts of one organ
OWN_FOLLICLE = 0.5  # a follicle blob belongs to the ovary when at least this part of it lies inside


def choose_ovary(mask: np.ndarray, voxel_ml: float, most: int = 2) -> tuple[np.ndarray, int]:
    """The ovary or ovaries in `mask` (D, H, W) bool: their voxels, holes filled, and how many there are (0, 1 or 2, no more than `most`).

    The largest connected blob is one, unless it is too small for an ovary; the second largest only if comparable. What hangs on
    the ovary by a thin neck (bowel beside it) is a blob of its own.
    """
    ovary = np.zeros(mask.shape, bool)
    if not mask.any():
        return ovary, 0
    # One voxel more on each side: what lies beyond it changes neither holes nor depths.
    box = bounding_box(mask, 1)
    ovary[box], count = _choose_ovary(mask[box], voxel_ml, most)
    return ovary, count


def _choose_ovary(mask: np.ndarray, voxel_ml: float, most: int) -> tuple[np.ndarray, int]:
    mask = ndimage.binary_fill_holes(mask)
    labels, count = blobs(mask, neck_radius(voxel_ml))
    if count == 0:
        return np.zeros(mask.shape, bool), 0
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    first, *others = np.argsort(-sizes, kind="stable")[:2]
    if sizes[first] * voxel_ml < SMALLEST_OVARY_ML:
        return np.zeros(mask.shape, bool), 0
    chosen = ([first] + [k for k in others if sizes[k] >= SECOND_OVARY * sizes[first]])[:most]
    return ndimage.binary_fill_holes(np.isin(labels, chosen)), len(chosen)


def neck_radius(voxel_ml: float) -> float:
    """Half-width, in voxels, of a bridge that joins two parts of one organ."""
    return NECK_MM / (1000 * voxel_ml) ** (1 / 3)


def blobs(mask: np.ndarray, radius: float) -> tuple[np.ndarray, int]:
    """Labels of `mask` and their number: its connected blobs, each divided among its cores deeper than `radius` voxels."""
    labels, count = ndimage.label(mask)
    if mask.all():
        return labels, count
    cores, _ = ndimage.label(ndimage.distance_transform_edt(mask) > radius)
    for blob, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == blob
        own = np.where(inside, cores[box], 0)
        if len(np.unique(own)) <= 2:  # 0 and one core
            continue
        nearest = ndimage.distance_transform_edt(own == 0, return_distances=False, return_indices=True)
        parts = own[tuple(nearest)]
        labels[box][inside] = parts[inside] + count  # beyond every label in use
    return _consecutive(labels)


def _consecutive(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """The same labels numbered 1, 2, ... in their order, and how many there are; 0 stays."""
    used = np.bincount(labels.ravel()) > 0
    used[0] = False
    return np.where(used, np.cumsum(used), 0).astype(np.int32)[labels], int(used.sum())


def choose_follicles(mask: np.ndarray, ovary: np.ndarray) -> np.ndarray:
    """The follicle voxels of `mask` that belong to `ovary` (both (D, H, W) bool).

    A blob that lies mostly inside is kept whole, so that a large follicle at the organ's border is not cut; of any other
    (bowel or a vessel that touches) only the part inside stays.
    """
    labels, count = ndimage.label(mask)
    if count == 0:
        return np.zeros(mask.shape, bool)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    inside = np.bincount(labels[ovary], minlength=count + 1)
    own = inside >= OWN_FOLLICLE * sizes
    own[0] = False
    return own[labels] | (mask & ovary)


def clean_up_masks(probabilities: np.ndarray, thresholds: dict, voxel_ml: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Probabilities without what is not the ovary's, to be thresholded at any resolution.

    probabilities: (2, D, H, W), ovary (whole organ) and follicles. Returns them changed (a new array), the organ's mask on
    the model grid (D, H, W), and the number of ovaries. Foreign blobs become 0, holes 1; elsewhere the values below the
    threshold stay as they are, because they place the boundary between two voxels.
    """
    ovary, follicles = probabilities.copy()
    above = ovary >= thresholds["ovary"]
    organ, count = choose_ovary(above, voxel_ml, thresholds.get("most_ovaries", 2))
    if count == 0:
        return np.zeros_like(probabilities), organ, 0
    follicle_mask = follicles >= thresholds["follicles"]
    own = choose_follicles(follicle_mask, organ)
    follicles[follicle_mask & ~own] = 0
    ovary[above & ~organ] = 0
    ovary[organ & ~above] = 1
    # The ovary is the whole organ: a follicle that bulges out of it takes its boundary along.
    ovary[own] = np.maximum(ovary[own], follicles[own])
    return np.stack([ovary, follicles]), organ | own, count


def clean_up_in_box(probabilities: np.ndarray, organ: np.ndarray, inside: np.ndarray, thresholds: dict) -> tuple[np.ndarray, np.ndarray]:
    """As `clean_up_masks`, in a box: no follicle is dropped because of the ovary's outline.

    organ: the outline (D, H, W) bool that was chosen in the box, inside: whether a voxel lies in the box. Returns the probabilities changed, those of
    follicles 0 in every blob that does not reach into the box, and what must be looked at beside the box: the follicles that do.
    """
    ovary, follicles = probabilities.copy()
    above = ovary >= thresholds["ovary"]
    ovary[above & ~organ & inside] = 0
    ovary[organ & ~above] = 1
    labels, count = ndimage.label(follicles >= thresholds["follicles"])
    reaching = np.zeros(count + 1, bool)
    reaching[labels[inside]] = True
    reaching[0] = False
    follicles[(labels > 0) & ~reaching[labels]] = 0
    return np.stack([ovary, follicles]), reaching[labels]


def bounding_box(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    """The box around the True voxels of `mask`, `margin` voxels wider on each side, inside the array. ValueError if none."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    if not boxes:
        raise ValueError("an empty mask has no bounding box")
    return tuple(slice(max(s.start - margin, 0), min(s.stop + margin, n)) for s, n in zip(boxes[0], mask.shape))
