"""From a follicle mask to follicles: touching ones come apart at their necks, irregular ones stay whole.

A watershed of the distance to the surface cuts the mask into more basins than there are follicles. Then neighbouring basins
are joined again, widest neck first, until every neck that is left is narrow: its diameter is less than NECK times the
diameter of the smaller of the two parts. Both diameters are of equal area or volume, so neither depends on the voxel's shape.
"""

import numpy as np

#: Two parts are two follicles when their neck is narrower than this fraction of the smaller one's diameter.
NECK = 0.78


def split_follicles(mask, spacing_zyx, *, smallest_mm, split=True):
    """Instances of a follicle mask.

    mask: (D, H, W) bool. spacing_zyx: mm. smallest_mm: whatever has a smaller diameter of equal volume is dropped.
    split: False gives the connected components (faces) as they are.
    Returns labels (D, H, W) uint16, 0 outside, 1 = largest volume (ties: first in z, y, x). Deterministic.
    """
    from scipy import ndimage

    mask = np.asarray(mask, bool)
    result = np.zeros(mask.shape, np.uint16)
    whole = ndimage.find_objects(mask.astype(np.uint8))
    if not whole:
        return result
    box = whole[0]
    crop = mask[box]
    labels = (_split(crop, spacing_zyx) if split else ndimage.label(crop)[0]).astype(np.int32, copy=False)

    counts = np.bincount(labels.ravel())
    counts[0] = 0
    smallest = np.pi / 6 * smallest_mm ** 3 / np.prod(spacing_zyx)
    order = np.argsort(-counts, kind="stable")
    kept = [k for k in order if counts[k] > 0 and counts[k] >= smallest * (1 - 1e-9)][:65535]
    lookup = np.zeros(len(counts), np.uint16)
    lookup[kept] = np.arange(1, len(kept) + 1)
    result[box] = lookup[labels]
    return result


def _split(mask, spacing):
    """Labels of the parts of a mask (d, h, w), 0 outside, not consecutive."""
    basins = _basins(mask, _depth(mask, spacing), spacing)
    return _join(basins, spacing)[basins]


def _depth(mask, spacing):
    """Distance of each voxel's centre to the surface in mm, outside 0; the surface lies half a voxel beyond the last centre."""
    from scipy import ndimage

    return ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1].astype(np.float32)


def _basins(mask, depth, spacing):
    """Watershed basins (d, h, w) int32 of the depth, 0 outside the mask."""
    import SimpleITK as sitk

    relief = sitk.GetImageFromArray(-depth)
    ripple = 0.1 * float(min(spacing))
    basins = sitk.MorphologicalWatershed(relief, level=ripple, markWatershedLine=False, fullyConnected=True)
    basins = sitk.GetArrayFromImage(basins).astype(np.int32)
    basins[~mask] = 0
    return basins


def _join(basins, spacing):
    """Lookup from basin to part, after joining basins over wide necks."""
    count = int(basins.max())
    volume = np.bincount(basins.ravel(), minlength=count + 1) * float(np.prod(spacing))
    necks = _necks(basins, spacing)

    part = np.arange(count + 1)
    while necks:
        ratio, pair = max(((_ratio(area, volume[a], volume[b]), (-a, -b)) for (a, b), area in necks.items()))
        if ratio < NECK:
            break
        a, b = -pair[0], -pair[1]
        part[part == b] = a
        volume[a] += volume[b]
        del necks[a, b]
        for (c, d), area in [item for item in necks.items() if b in item[0]]:
            other, area = (d, area) if c == b else (c, -area)
            del necks[c, d]
            key, area = ((a, other), area) if a < other else ((other, a), -area)
            necks[key] = necks.get(key, 0) + area
    return part


def _ratio(area, volume_a, volume_b):
    """Diameter of the neck over that of the smaller part."""
    neck = 2 * np.sqrt(np.linalg.norm(area) / np.pi)
    return float(neck / (6 * min(volume_a, volume_b) / np.pi) ** (1 / 3))


def _necks(basins, spacing):
    """{(a, b): area vector in mm^2 of the interface from basin a to basin b, a < b}.

    The faces between the two, summed as vectors, give the area that the interface spans: right for a slanted neck too, where the
    faces' plain sum is up to 1.7 times too large.
    """
    necks = {}
    stride = int(basins.max()) + 1
    for axis in range(3):
        face = np.zeros(3)
        face[axis] = np.prod(spacing) / spacing[axis]
        first = np.take(basins, range(basins.shape[axis] - 1), axis)
        second = np.take(basins, range(1, basins.shape[axis]), axis)
        meet = (first != second) & (first > 0) & (second > 0)
        pairs, counts = np.unique(first[meet].astype(np.int64) * stride + second[meet], return_counts=True)
        for pair, number in zip(pairs.tolist(), counts.tolist()):
            a, b = divmod(pair, stride)
            key, sign = ((a, b), 1) if a < b else ((b, a), -1)
            necks[key] = necks.get(key, 0) + sign * number * face
    return necks
