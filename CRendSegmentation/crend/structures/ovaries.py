"""Two ovaries in one volume: which voxel is whose, and what each of them has."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

#: Columns of ovaries.csv after the volume's name, one row an ovary.
COLUMNS = (
    "ovary", "ovary_volume_ml", "follicle_count", "antral_count", "leading_mean_diameter_mm", "total_follicle_volume_ml", "centroid_r_mm",
    "centroid_a_mm", "centroid_s_mm", "follicles", "d1_mm", "d2_mm", "d3_mm",
)  # fmt: skip


def separate(organ: np.ndarray, count: int, radius: float) -> np.ndarray:
    """Which ovary is nearest to each voxel: labels (D, H, W) uint8, 1 to `count`, everywhere.

    organ: (D, H, W) bool, not empty, the `count` ovaries together. radius: half-width, in voxels, of what still joins two parts of one organ; touching
    ovaries come apart at their neck. Fewer labels where they do not.
    """
    from scipy import ndimage

    from .ovary import blobs

    labels, found = blobs(organ, radius)
    sizes = np.bincount(labels.ravel(), minlength=found + 1)
    sizes[0] = 0
    seeds = np.zeros(organ.shape, np.uint8)
    for number, label in enumerate(np.argsort(-sizes, kind="stable")[: min(count, found)], start=1):
        seeds[labels == label] = number
    nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return seeds[tuple(nearest)]


def larger_first(labels: np.ndarray) -> np.ndarray:
    """Labels (uint8) numbered anew, so that 1 has the most voxels; 0 stays."""
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    order = [label for label in np.argsort(-sizes, kind="stable") if sizes[label]]
    lookup = np.zeros(len(sizes), np.uint8)
    lookup[order] = np.arange(1, len(order) + 1)
    return lookup[labels]


def most_frequent(labels: np.ndarray) -> int | None:
    """The label, not 0, that most of the given voxels have; None where all are 0."""
    counts = np.bincount(labels.ravel(), minlength=1)
    counts[0] = 0
    return int(counts.argmax()) if counts.any() else None


def ovary_rows(measurements) -> list[dict]:
    """A dict for each ovary of `Measurements`, the larger first: COLUMNS, and every field of the ovary's own measurements (`structures.measurements.Ovary`).

    `ovary`: its number; `follicles`: the numbers of its own, separated by spaces. Without an ovary no rows, unless there are follicles: those
    of an ovary whose size nobody measured, None in every field of that.
    """
    rows = []
    for number, part in measurements.by_ovary():
        summary, ovary = part.summary(), part.ovary
        row = {
            "ovary": number,
            "leading_mean_diameter_mm": (summary["leading"] or {}).get("mean_diameter_mm"),
            "follicles": " ".join(str(follicle.id) for follicle in part.follicles),
        }
        row |= {name: summary[name] for name in ("ovary_volume_ml", "follicle_count", "antral_count", "total_follicle_volume_ml")}
        rows.append(dict.fromkeys(COLUMNS) | (asdict(ovary) if ovary else {}) | row)
    return rows
