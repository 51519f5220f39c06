"""How far apart two surfaces are, in millimetres: everything from one exact pass in both directions.

The surface of a mask is its voxels with a 6-neighbour outside; beyond the image's border is outside. Distances run between voxel centres.
"""

from dataclasses import dataclass

import numpy as np

# Planes handled together: few enough that a stray blob far from the rest does not make every plane's bounding box large.
_SLAB = 16


@dataclass(frozen=True)
class SurfaceDistances:
    """Nearest distances in mm from every surface voxel of one mask to the other's surface, both ways.

    forward: from the reference, (n,); backward: from the prediction, (m,). Neither is empty.
    """

    forward: np.ndarray
    backward: np.ndarray

    def hausdorff(self, percentile=100):
        """The larger of the two directed percentiles (100: their maxima, the Hausdorff distance)."""
        return max(self.directed(percentile))

    def directed(self, percentile=100):
        """(reference to prediction, prediction to reference) at a percentile, linearly interpolated."""
        return tuple(float(d.max() if percentile == 100 else np.percentile(d, percentile)) for d in (self.forward, self.backward))

    def average(self):
        """Mean over both sets pooled (ASD, also called ASSD)."""
        return float((self.forward.sum() + self.backward.sum()) / (len(self.forward) + len(self.backward)))

    def directed_average(self):
        """(reference to prediction, prediction to reference) means."""
        return float(self.forward.mean()), float(self.backward.mean())


def surface_distances(reference, prediction, spacing_zyx):
    """SurfaceDistances between two masks (D, H, W) of one grid, or None when one of them is empty.

    Any dtype; non-zero is inside. Cost grows with the two surfaces, hardly with the image.
    """
    a, b = surface_voxels(reference), surface_voxels(prediction)
    if not len(a) or not len(b):
        return None
    return point_distances(a, b, spacing_zyx)


def point_distances(a, b, spacing_zyx):
    """SurfaceDistances between two non-empty sets of voxels, (n, 3) and (m, 3) indices z y x."""
    from scipy.spatial import cKDTree

    scale = np.asarray(spacing_zyx, float)
    # Where the surfaces coincide the distance is 0: only the rest needs a search.
    key = np.maximum(a.max(axis=0), b.max(axis=0)) + 1
    key_a, key_b = (np.ravel_multi_index(p.T, key) for p in (a, b))
    trees = [cKDTree(p * scale, balanced_tree=False, compact_nodes=False) for p in (a, b)]
    result = []
    for points, shared, tree in ((a, np.isin(key_a, key_b, assume_unique=True), trees[1]),
                                 (b, np.isin(key_b, key_a, assume_unique=True), trees[0])):
        distance = np.zeros(len(points))
        distance[~shared] = tree.query(points[~shared] * scale, workers=-1)[0]
        result.append(distance)
    return SurfaceDistances(*result)


def surface_voxels(mask):
    """Indices (n, 3), z y x, of the surface of a mask (D, H, W), in z, y, x order."""
    found = []
    planes = np.flatnonzero(_any(mask, axis=(1, 2)))
    for start in range(planes[0], planes[-1] + 1, _SLAB) if len(planes) else ():
        stop = min(start + _SLAB, planes[-1] + 1)
        flat = _any(mask[start:stop], axis=0)
        rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
        if not len(rows):
            continue
        # One voxel more on each side, filled with 0 beyond the image.
        low = np.array([start, rows[0], columns[0]]) - 1
        high = np.array([stop, rows[-1] + 1, columns[-1] + 1]) + 1
        inside = np.zeros(high - low, bool)
        clipped = [slice(max(a, 0), min(b, n)) for a, b, n in zip(low, high, mask.shape)]
        inside[tuple(slice(c.start - a, c.stop - a) for c, a in zip(clipped, low))] = mask[tuple(clipped)]
        core = inside[1:-1, 1:-1, 1:-1]
        deep = inside[:-2, 1:-1, 1:-1] & inside[2:, 1:-1, 1:-1]
        deep &= inside[1:-1, :-2, 1:-1]
        deep &= inside[1:-1, 2:, 1:-1]
        deep &= inside[1:-1, 1:-1, :-2]
        deep &= inside[1:-1, 1:-1, 2:]
        found.append(np.argwhere(core & ~deep) + low + 1)
    return np.concatenate(found) if found else np.zeros((0, 3), np.int64)


def _any(mask, axis):
    """np.any, several times faster on integers."""
    return mask.any(axis=axis) if mask.dtype == bool else mask.max(axis=axis) != 0
