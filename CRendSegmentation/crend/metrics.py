"""How far a segmentation is from a reference: overlap, distance, volume, and follicles found, missed and invented."""

import numpy as np

from .boxes import union_box
from .distances import surface_distances
from .errors import InputError
from .labels import Labels
from .matching import hits, one_to_one, overlaps, usova3d

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
    """Dice coefficient of two masks; 1 when both are empty."""
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * _shared(a, b) / total if total else 1.0


def jaccard(a, b):
    """Jaccard coefficient of two masks; 1 when both are empty."""
    shared = _shared(a, b)
    union = np.count_nonzero(a) + np.count_nonzero(b) - shared
    return shared / union if union else 1.0


def compare(reference, prediction, *, percentiles=(95,)):
    """Everything that is said about a prediction (Labels) against a reference (Labels), as plain data for JSON.

    "ovary" and "follicles" (their union): dsc, jc, hd, hd95, asd, each distance also directed (hd_directed = [reference to
    prediction, prediction to reference], ...), volume_reference_ml, volume_prediction_ml, volume_difference_ml (prediction minus
    reference). "detection": fd, md, fd_small, md_small, fd_small_radius, md_small_radius, count_reference, count_prediction, count_error, and
    the counts under one-to-one matching. "matches": one dict a matched pair. "missed", "false": ids left over. "usova3d": its pairs and means.
    "definitions": what the numbers mean. Distances in mm; what cannot be said is None.
    percentiles: Hausdorff percentiles to report, each as hd<p>; 95 is always there.

    A prediction on another grid is resampled (nearest) onto the reference's; InputError when the two grids do not overlap.
    """
    import SimpleITK as sitk

    prediction = on_grid_of(reference.ovary, prediction)
    spacing = reference.ovary.GetSpacing()[::-1]
    a, b, c, d = (sitk.GetArrayViewFromImage(i) for i in (reference.ovary, prediction.ovary, reference.follicles, prediction.follicles))
    box = union_box(a, b, c, d)
    a, b, c, d = a[box], b[box], c[box], d[box]
    percentiles = sorted({95, *percentiles})
    found = overlaps(c, d)
    sizes = [_diameters(voxels, spacing) for voxels in (found.reference_voxels, found.prediction_voxels)]
    pairs = one_to_one(found)
    return {
        "ovary": _structure(a, b, spacing, percentiles),
        "follicles": _structure(c, d, spacing, percentiles),
        "detection": _detection(found, sizes, pairs),
        "matches": [_match(found, sizes, i, j, c, d, spacing) for i, j in pairs],
        "missed": [int(k) for i, k in enumerate(found.reference_ids) if i not in {p[0] for p in pairs}],
        "false": [int(k) for j, k in enumerate(found.prediction_ids) if j not in {p[1] for p in pairs}],
        "usova3d": _usova3d(found),
        "definitions": DEFINITIONS,
    }


def on_grid_of(image, labels):
    """Labels resampled (nearest) onto the grid of `image`; the same object when they are there already.

    Raises InputError when the two grids share no space. What lies outside the image's grid is cut off.
    """
    import SimpleITK as sitk

    if same_grid(image, labels.ovary):
        return labels
    size = labels.ovary.GetSize()
    corners = [[side * n - 0.5 for side, n in zip(corner, size)] for corner in np.ndindex(2, 2, 2)]
    points = np.array([image.TransformPhysicalPointToContinuousIndex(labels.ovary.TransformContinuousIndexToPhysicalPoint(c)) for c in corners])
    if (points.max(axis=0) <= -0.5).any() or (points.min(axis=0) >= np.array(image.GetSize()) - 0.5).any():
        raise InputError("the two segmentations share no space: are both of the same volume? Their origins or spacings do not fit.")
    return Labels(*(sitk.Resample(i, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0) for i in (labels.ovary, labels.follicles)))


def same_grid(a, b):
    """Whether two images have the same voxels: size, and corners within a hundredth of a voxel."""
    if a.GetSize() != b.GetSize():
        return False
    tolerance = 0.01 * min(a.GetSpacing())
    corners = [[(n - 1) * side for side, n in zip(corner, a.GetSize())] for corner in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    return all(np.allclose(a.TransformIndexToPhysicalPoint(c), b.TransformIndexToPhysicalPoint(c), rtol=0, atol=tolerance) for c in corners)


def _shared(a, b):
    return np.count_nonzero(np.logical_and(a, b))


def _diameters(voxels, spacing):
    """Diameters in mm of the spheres of equal volume."""
    return (6 / np.pi * voxels * np.prod(spacing)) ** (1 / 3)


def _structure(a, b, spacing, percentiles):
    """Overlap, distances and volumes of one structure."""
    voxel_ml = float(np.prod(spacing)) / 1000
    volumes = [np.count_nonzero(m) * voxel_ml for m in (a, b)]
    result = {"dsc": dice(a, b), "jc": jaccard(a, b)}
    distances = surface_distances(a, b, spacing)
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


def _match(found, sizes, i, j, reference, prediction, spacing):
    """One matched pair: its overlap, how much larger the predicted one is, and how far apart they are."""
    one, other = int(found.reference_ids[i]), int(found.prediction_ids[j])
    box = union_box(reference == one, prediction == other)
    a, b = reference[box] == one, prediction[box] == other
    distances = surface_distances(a, b, spacing)
    centres = [np.argwhere(m).mean(axis=0) * spacing for m in (a, b)]
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


def _usova3d(found):
    pairs = usova3d(found)
    total = sum(p * q for _, _, p, q in pairs)
    n, m = len(found.reference_ids), len(found.prediction_ids)
    return {
        "pairs": [{"reference": int(found.reference_ids[i]), "prediction": int(found.prediction_ids[j]), "rho1": p, "rho2": q} for i, j, p, q in pairs],
        "mean_product_reference": total / n if n else None,
        "mean_product_prediction": total / m if m else None,
    }
