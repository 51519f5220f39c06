"""How far a segmentation is from a reference: overlap, distance, volume, and follicles found, missed and invented."""

import numpy as np

from .boxes import merged, tiles, voxels
from .common_grid import on_common_grid
from .distances import point_distances, surface_voxels
from .matching import hits, one_to_one, overlaps_of, usova3d
from .notes import lost_follicles, notes_of

#: Printed beside the numbers: tools differ by what they mean.
DEFINITIONS = {
    "dsc": "Dice: 2 |A and B| / (|A| + |B|) in voxels; 1 when both are empty, 0 when one is",
    "jc": "Jaccard: |A and B| / |A or B| in voxels; 1 when both are empty, 0 when one is",
    "hd": "Hausdorff distance in mm: the larger of the two directed maxima; missing when one is empty",
    "hd95": "the larger of the two directed 95th percentiles, mm; missing when one is empty",
    "asd": "mean surface distance in mm, both directions pooled; missing when one is empty",
    "surface": "voxels with a 6-neighbour outside, distances between voxel centres",
    "follicles": "the union of all follicles; one stray blob rules its hd",
    "fd": "predicted follicles that overlap no reference follicle by more than 30 % IoU, percent of predictions; missing without predictions",
    "md": "reference follicles that no predicted one overlaps by more than 30 % IoU, percent of references; missing without references",
    "fd_small, md_small": "of follicles with a diameter (of equal volume) below 5 mm",
    "fd_small_radius, md_small_radius": "of follicles with a radius (of equal volume) below 5 mm",
    "count_error": "|predicted - reference| number of follicles",
    "matches": "one-to-one: the pairing with the largest sum of IoU above 30 %",
    "usova3d": "pairs by falling rho1 x rho2, greedily; rho1 = shared / reference, rho2 = shared / prediction; unpaired follicles count 0",
}
SMALL_MM = 5.0


def dice(a, b):
    """Dice coefficient of two masks (D, H, W); 1 when both are empty."""
    return _dice(*_counts(a, b, tiles(a, b)))


def _dice(one, other, shared):
    return 2 * shared / (one + other) if one + other else 1.0


def _jaccard(one, other, shared):
    return shared / (one + other - shared) if one + other else 1.0


def compare(reference, prediction, *, percentiles=(95,)):
    """Everything that is said about a prediction (Labels) against a reference (Labels), as plain data for JSON.

    "ovary" and "follicles" (their union): dsc, jc, hd, hd95, asd, each distance also directed (hd_directed = [reference to
    prediction, prediction to reference], ...), volume_reference_ml, volume_prediction_ml, volume_difference_ml (prediction minus
    reference). "detection": fd, md, fd_small, md_small, fd_small_radius, md_small_radius, count_reference, count_prediction, count_error, and
    the counts under one-to-one matching. "matches": one dict a matched pair. "missed", "false": one dict a follicle left over. "usova3d": its pairs and means.
    "definitions": what the numbers mean. Distances in mm; what cannot be said is None.
    percentiles: Hausdorff percentiles to report, each as hd<p>; 95 is always there.

    "notes": what must be said in words: that the two share nothing, that one follicle is in several pieces or lost between coarser voxels, that an
    ovary is the ellipsoid of a box. Of such a guide (`Labels.guide`) every figure of "ovary" is None: it says where the box was, and nothing of an ovary.

    The two may lie on any grids: they are compared in space, on the grid that `on_common_grid` makes, so what was cropped away around either
    makes no difference. InputError when they are too far apart to be of one volume.
    """
    import SimpleITK as sitk

    turned = np.abs(np.subtract(reference.ovary.GetDirection(), prediction.ovary.GetDirection())).max() > 0.5
    before = [side.follicles for side in (reference, prediction)]
    reference, prediction = on_common_grid(reference, prediction)
    spacing = reference.ovary.GetSpacing()[::-1]
    a, b, c, d = (sitk.GetArrayViewFromImage(i) for i in (reference.ovary, prediction.ovary, reference.follicles, prediction.follicles))
    boxes = [tiles(array) for array in (a, b, c, d)]
    follicles = [_Follicles(array, where) for array, where in zip((c, d), boxes[2:])]
    percentiles = sorted({95, *percentiles})
    found = overlaps_of(follicles[0].labels, d[tuple(follicles[0].voxels.T)], follicles[1].labels)
    sizes = [_diameters(voxels, spacing) for voxels in (found.reference_voxels, found.prediction_voxels)]
    pairs = one_to_one(found)
    ovary = _structure(a, b, boxes[:2], spacing, percentiles)
    guides = (reference.guide, prediction.guide)
    union = _structure(c, d, boxes[2:], spacing, percentiles)
    volumes = ("volume_reference_ml", "volume_prediction_ml")
    each = [side.each() for side in follicles]
    lost = lost_follicles(before, each, spacing) if reference.follicles is not before[0] else []
    bare = [0 < ovary[key] == union[key] for key in volumes]
    return {
        "ovary": dict.fromkeys(ovary) if any(guides) else ovary,
        "follicles": union,
        "detection": _detection(found, sizes, pairs),
        "matches": [_match(found, sizes, i, j, follicles, spacing) for i, j in pairs],
        "missed": [
            {"reference": int(k), "dv_reference_mm": float(sizes[0][i])}
            for i, k in enumerate(found.reference_ids)
            if i not in {p[0] for p in pairs}
        ],
        "false": [
            {"prediction": int(k), "dv_prediction_mm": float(sizes[1][j])}
            for j, k in enumerate(found.prediction_ids)
            if j not in {p[1] for p in pairs}
        ],
        "usova3d": _usova3d(found),
        "notes": notes_of((a, b), boxes[:2], each, turned, guides, bare) + lost,
        "definitions": DEFINITIONS,
    }


class _Follicles:
    """The voxels of all follicles of one side, (n, 3) z y x, and their labels (n,), sorted by label."""

    def __init__(self, array, boxes):
        where, labels = voxels(array, boxes)
        order = np.argsort(labels, kind="stable")
        self.voxels, self.labels = where[order], labels[order]

    def of(self, k):
        """Voxels (n, 3) of follicle k."""
        return self.voxels[np.searchsorted(self.labels, k) : np.searchsorted(self.labels, k, side="right")]

    def each(self):
        """{k: voxels (n, 3)} of every follicle."""
        return {int(k): self.of(k) for k in np.unique(self.labels)}


def _counts(a, b, boxes):
    """(|A|, |B|, |A and B|) of two masks, which have nothing outside the boxes."""
    counts = np.zeros(3, np.int64)
    for box in boxes:
        first, second = a[box] != 0, b[box] != 0
        counts += [np.count_nonzero(first), np.count_nonzero(second), np.count_nonzero(first & second)]
    return counts.tolist()


def _diameters(voxels, spacing):
    """Diameters in mm of the spheres of equal volume."""
    return (6 / np.pi * voxels * np.prod(spacing)) ** (1 / 3)


def _structure(a, b, boxes, spacing, percentiles):
    """Overlap, distances and volumes of one structure; boxes: tiles of a and of b."""
    voxel_ml = float(np.prod(spacing)) / 1000
    counts = _counts(a, b, merged(*boxes))
    volumes = [n * voxel_ml for n in counts[:2]]
    result = {"dsc": _dice(*counts), "jc": _jaccard(*counts)}
    first, second = (surface_voxels(array, where) for array, where in zip((a, b), boxes))
    distances = point_distances(first, second, spacing)
    named = {"hd": 100, **{f"hd{p:g}": p for p in percentiles}}
    for name, percentile in named.items():
        directed = distances and distances.directed(percentile)
        result[name] = directed and max(directed)
        result[f"{name}_directed"] = directed and list(directed)
    result["asd"] = distances and distances.average()
    result["asd_directed"] = distances and list(distances.directed_average())
    result |= {"volume_reference_ml": volumes[0], "volume_prediction_ml": volumes[1], "volume_difference_ml": volumes[1] - volumes[0]}
    return result


def _detection(found, sizes, pairs):
    hit, used = hits(found)
    result = {}
    for suffix, limit in (("", np.inf), ("_small", SMALL_MM), ("_small_radius", 2 * SMALL_MM)):
        result["fd" + suffix] = _percent(~used[sizes[1] < limit])
        result["md" + suffix] = _percent(~hit[sizes[0] < limit])
    n, m = len(hit), len(used)
    result |= {"count_reference": n, "count_prediction": m, "count_error": abs(n - m)}
    result |= {"matched_one_to_one": len(pairs), "missed_one_to_one": n - len(pairs), "false_one_to_one": m - len(pairs)}
    return result


def _percent(flags):
    return 100 * float(np.mean(flags)) if len(flags) else None


def _match(found, sizes, i, j, follicles, spacing):
    """One matched pair: its overlap, how much larger the predicted one is, and how far apart they are."""
    one, other = int(found.reference_ids[i]), int(found.prediction_ids[j])
    both = [side.of(k) for side, k in zip(follicles, (one, other))]
    first, second = (_surface(v) for v in both)
    distances = point_distances(first, second, spacing)
    centres = [v.mean(axis=0) * spacing for v in both]
    return {
        "reference": one,
        "prediction": other,
        "dsc": float(found.dice()[i, j]),
        "iou": float(found.iou()[i, j]),
        "dv_reference_mm": float(sizes[0][i]),
        "dv_prediction_mm": float(sizes[1][j]),
        "diameter_difference_mm": float(sizes[1][j] - sizes[0][i]),
        "hd_mm": distances.hausdorff(),
        "asd_mm": distances.average(),
        "centre_distance_mm": float(np.linalg.norm(centres[0] - centres[1])),
    }


def _surface(where):
    """Surface voxels of a set of voxels (n, 3)."""
    low = where.min(axis=0)
    mask = np.zeros(where.max(axis=0) - low + 1, bool)
    mask[tuple((where - low).T)] = True
    return surface_voxels(mask) + low


def _usova3d(found):
    pairs = usova3d(found)
    total = sum(p * q for _, _, p, q in pairs)
    n, m = len(found.reference_ids), len(found.prediction_ids)
    return {
        "pairs": [
            {"reference": int(found.reference_ids[i]), "prediction": int(found.prediction_ids[j]), "rho1": p, "rho2": q}
            for i, j, p, q in pairs
        ],
        "mean_product_reference": total / n if n else None,
        "mean_product_prediction": total / m if m else None,
    }
