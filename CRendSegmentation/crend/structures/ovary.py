"""From probabilities on the model grid to one plausible organ: which blobs are the ovary, which follicles are its own."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..inference.blobs import bounding_box, label, looked_up, sizes_of

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
    sizes = sizes_of(labels, count)
    first, *others = np.argsort(-sizes, kind="stable")[:2]
    if sizes[first] * voxel_ml < SMALLEST_OVARY_ML:
        return np.zeros(mask.shape, bool), 0
    chosen = ([first] + [k for k in others if sizes[k] >= SECOND_OVARY * sizes[first]])[:most]
    kept = np.zeros(count + 1, bool)
    kept[chosen] = True
    return ndimage.binary_fill_holes(looked_up(kept, labels)), len(chosen)


def neck_radius(voxel_ml: float) -> float:
    """Half-width, in voxels, of a bridge that joins two parts of one organ."""
    return NECK_MM / (1000 * voxel_ml) ** (1 / 3)


def blobs(mask: np.ndarray, radius: float) -> tuple[np.ndarray, int]:
    """Labels of `mask` and their number: its connected blobs, each divided among its cores deeper than `radius` voxels."""
    labels, count = label(mask)
    if mask.all():
        return labels, count
    used = count  # labels of parts lie beyond every label in use
    for blob, box in enumerate(ndimage.find_objects(labels), start=1):
        # What is nearest outside lies within one voxel of the blob's box: further off it is along no axis.
        wide = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)
        inner = tuple(slice(part.start - outer.start, part.stop - outer.start) for part, outer in zip(box, wide))
        inside = labels[box] == blob
        deep = (ndimage.distance_transform_edt(mask[wide]) > radius)[inner] & inside
        own, cores = ndimage.label(deep)
        if cores < 2:
            continue
        nearest = ndimage.distance_transform_edt(own == 0, return_distances=False, return_indices=True)
        labels[box][inside] = own[tuple(nearest)][inside] + used
        used += cores
    return _consecutive(labels, used)


def _consecutive(labels: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """The same array of labels, of at most `most`, numbered 1, 2, ... in their order, and how many there are; 0 stays."""
    used = sizes_of(labels, most) > 0
    return looked_up(np.where(used, np.cumsum(used), 0).astype(np.int32), labels, out=labels), int(used.sum())


def choose_follicles(mask: np.ndarray, ovary: np.ndarray) -> np.ndarray:
    """The follicle voxels of `mask` that belong to `ovary` (both (D, H, W) bool).

    A blob that lies mostly inside is kept whole, so that a large follicle at the organ's border is not cut; of any other
    (bowel or a vessel that touches) only the part inside stays.
    """
    found = np.zeros(mask.shape, bool)
    if not mask.any():
        return found
    box = bounding_box(mask, 0)
    labels, count = label(mask[box])
    own = sizes_of(labels, count, ovary[box]) >= OWN_FOLLICLE * sizes_of(labels, count)
    own[0] = False
    looked_up(own, labels, out=found[box])
    found[box] |= mask[box] & ovary[box]
    return found


def choose(above: np.ndarray, follicles: np.ndarray, thresholds: dict, voxel_ml: float) -> tuple[np.ndarray, np.ndarray, int]:
    """(the organ, its follicles, how many ovaries there are): masks (D, H, W) bool, out of those where the ovary and the follicles reach their thresholds."""
    organ, count = choose_ovary(above, voxel_ml, thresholds.get("most_ovaries", 2))
    return organ, choose_follicles(follicles, organ) if count else np.zeros(follicles.shape, bool), count


def clean_up_masks(probabilities: np.ndarray, thresholds: dict, voxel_ml: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Probabilities without what is not the ovary's, to be thresholded at any resolution.

    probabilities: (2, D, H, W), ovary (whole organ) and follicles. Returns them changed (a new array; zeros without an ovary), the organ's mask on
    the model grid (D, H, W), and the number of ovaries.
    """
    above, follicles = probabilities[0] >= thresholds["ovary"], probabilities[1] >= thresholds["follicles"]
    organ, own, count = choose(above, follicles, thresholds, voxel_ml)
    if count == 0:
        return np.zeros_like(probabilities), organ, 0
    return without_foreign(probabilities.copy(), above, follicles, organ, own), organ | own, count


def without_foreign(probabilities, above, mask, organ, own) -> np.ndarray:
    """The same array (2, d, h, w), in which foreign blobs are 0 and holes 1, of any part of the grid; the masks as `choose` takes and gives them.

    Elsewhere the values below the threshold stay as they are, because they place the boundary between two voxels.
    """
    ovary, follicles = probabilities
    follicles[mask & ~own] = 0
    ovary[above & ~organ] = 0
    ovary[organ & ~above] = 1
    # The ovary is the whole organ: a follicle that bulges out of it takes its boundary along.
    ovary[own] = np.maximum(ovary[own], follicles[own])
    return probabilities


def clean_up_in_box(probabilities: np.ndarray, organ: np.ndarray, inside: np.ndarray, thresholds: dict) -> tuple[np.ndarray, np.ndarray]:
    """As `clean_up_masks`, in a box: no follicle is dropped because of the ovary's outline.

    organ: the outline (D, H, W) bool that was chosen in the box, inside: whether a voxel lies in the box. Returns the probabilities changed, those of
    follicles 0 in every blob that does not reach into the box, and what must be looked at beside the box: the follicles that do.
    """
    ovary, follicles = probabilities.copy()
    above = ovary >= thresholds["ovary"]
    ovary[above & ~organ & inside] = 0
    ovary[organ & ~above] = 1
    mask = follicles >= thresholds["follicles"]
    own = reaching(mask, inside)
    follicles[mask & ~own] = 0
    return np.stack([ovary, follicles]), own


def reaching(mask: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The blobs of `mask` that have a voxel where `inside` is True; all (D, H, W) bool."""
    found = np.zeros(mask.shape, bool)
    if mask.any():
        box = bounding_box(mask, 0)
        labels, count = label(mask[box])
        looked_up(sizes_of(labels, count, inside[box]) > 0, labels, out=found[box])
    return found
