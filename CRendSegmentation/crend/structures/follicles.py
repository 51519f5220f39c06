"""From a follicle mask to follicles: touching ones come apart at their necks, irregular ones stay whole.

Steepest ascent of the depth below the surface cuts the mask into basins, more than there are follicles. Then neighbouring basins
are joined again, widest neck first, until every neck that is left is narrow: its diameter is less than NECK times the diameter of
the smaller of the two parts. Both diameters are of equal area or volume, so neither depends on the voxel's shape.
"""

import heapq

import numpy as np

from .watershed import watershed

#: Two parts are two follicles when their neck is narrower than this fraction of the smaller one's diameter. Necks of
#: up to 0.7 are to be cut; the cut that is found is a little wider than the narrowest one, by the steps of the voxels.
NECK = 0.78
# What has fewer than twice this many voxels shows no neck.
_FEW = 8
# Added to the width of a neck to a part that is too small: no real one is as wide.
_CRUMB = 100.0


def split_follicles(mask, spacing_zyx, *, smallest_mm, split=True):
    """Instances of a follicle mask.

    mask: (D, H, W) bool. spacing_zyx: mm. smallest_mm: whatever has a smaller diameter of equal volume is dropped.
    split: False gives the connected components (faces) as they are.
    Returns labels (D, H, W) uint16, 0 outside, 1 = largest volume (ties: first in z, y, x). Deterministic.
    """
    from scipy import ndimage

    mask = np.asarray(mask, bool)
    result = np.zeros(mask.shape, np.uint16)
    whole = ndimage.find_objects(mask.view(np.uint8))
    if not whole:
        return result
    spacing = np.asarray(spacing_zyx, float)
    smallest = sphere_voxels(smallest_mm, spacing)
    labels = _parts(mask[whole[0]], spacing, smallest, split)

    result[whole[0]] = renumber_by_size(labels, smallest)
    return result


def sphere_voxels(diameter_mm, spacing_zyx):
    """How many voxels (a float, >= 1) a sphere of this diameter has; a little less, so that rounding does not drop what has just this size."""
    return max(np.pi / 6 * diameter_mm**3 / np.prod(spacing_zyx) * (1 - 1e-9), 1)


def renumber_by_size(labels, least=1):
    """Instances (an array of integers, 0 outside) renumbered 1..n as uint16, largest first; those of less than `least` (>= 1) voxels are dropped."""
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= least][:65535]
    lookup = np.zeros(len(counts), np.uint16)
    lookup[kept] = np.arange(1, len(kept) + 1)
    return lookup[labels]


def _parts(mask, spacing, smallest, split):
    """Labels (d, h, w) int32 of the parts of a mask, 0 outside: component by component in z, y, x order of their first voxels."""
    from scipy import ndimage

    components, _ = ndimage.label(mask)
    if not split:
        return components
    labels = np.zeros(mask.shape, np.int32)
    used = 0
    for k, box in enumerate(ndimage.find_objects(components), start=1):
        alone = components[box] == k
        count = np.count_nonzero(alone)
        if count < smallest:
            continue
        if count < 2 * max(smallest, _FEW):
            labels[box][alone] = used = used + 1
            continue
        basins = watershed(alone, spacing)
        parts = _join(basins, spacing, smallest)[basins]
        labels[box][alone] = parts[alone] + used
        used += int(parts.max())
    return labels


def _join(basins, spacing, smallest):
    """Lookup from basin to part (the smallest basin number in it), after joining basins over wide necks, widest first.

    A part of fewer than `smallest` voxels is no follicle of its own: it joins its neighbour whatever the neck.
    """
    volume = np.bincount(basins.ravel()).astype(float)
    # necks[a][b]: area vector from a to b; it changes its sign when it is read the other way round.
    necks: list[dict] = [{} for _ in volume]
    for (a, b), area in _necks(basins, spacing).items():
        necks[a][b], necks[b][a] = area, -area

    def width(a, b):
        return _ratio(necks[a][b], volume[a], volume[b], spacing) + (_CRUMB if min(volume[a], volume[b]) < smallest else 0)

    queue = [(-width(a, b), a, b) for a, others in enumerate(necks) for b in others if a < b]
    heapq.heapify(queue)
    part = np.arange(len(volume))
    while queue and -queue[0][0] >= NECK:
        negative, a, b = heapq.heappop(queue)
        # A joined basin has changed its neighbours' necks: what was queued before is out of date.
        if b not in necks[a] or -negative != width(a, b):
            continue
        part[part == b] = a
        volume[a] += volume[b]
        for other, area in necks[b].items():
            del necks[other][b]
            if other != a:
                necks[a][other] = necks[a].get(other, 0) + area
                necks[other][a] = -necks[a][other]
        necks[b] = {}
        for other in necks[a]:
            heapq.heappush(queue, (-width(min(a, other), max(a, other)), min(a, other), max(a, other)))
    return part


def _ratio(area, volume_a, volume_b, spacing):
    """Diameter of the neck (area vector in mm^2) over that of the smaller part (volumes in voxels)."""
    neck = 2 * np.sqrt(np.linalg.norm(area) / np.pi)
    return float(neck / (6 / np.pi * min(volume_a, volume_b) * np.prod(spacing)) ** (1 / 3))


def _necks(basins, spacing):
    """{(a, b): area vector in mm^2 of the interface from basin a to basin b, a < b}.

    The faces between the two, summed as vectors, give the area that the interface spans: right for a slanted neck too, where the
    faces' plain sum is up to 1.7 times too large.
    """
    necks: dict[tuple[int, int], np.ndarray] = {}
    stride = int(basins.max()) + 1
    for axis in range(3):
        face = np.zeros(3)
        face[axis] = np.prod(spacing) / spacing[axis]
        before, after = (tuple(s if k == axis else slice(None) for k in range(3)) for s in (slice(None, -1), slice(1, None)))
        first, second = basins[before], basins[after]
        meet = (first != second) & (first > 0) & (second > 0)
        pairs, counts = np.unique(first[meet].astype(np.int64) * stride + second[meet], return_counts=True)
        for pair, number in zip(pairs.tolist(), counts.tolist()):
            a, b = divmod(pair, stride)
            key, sign = ((a, b), 1) if a < b else ((b, a), -1)
            necks[key] = necks.get(key, 0) + sign * number * face
    return necks


def keep_within(instances, inside):
    """Instances (D, H, W) uint16 of which at least half lies where `inside` (bool, same shape) is True, renumbered."""
    counts = np.bincount(instances.ravel())
    within = np.bincount(instances[inside], minlength=len(counts))
    kept = 2 * within >= counts
    return renumber_by_size(np.where(kept[instances], instances, 0))
