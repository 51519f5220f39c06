"""How far apart two surfaces are, in millimetres: everything from one exact pass in both directions.

The surface of a mask is its voxels with a 6-neighbour outside; beyond the image's border is outside. Distances run between voxel centres.
"""

from dataclasses import dataclass

import numpy as np

from .boxes import tiles


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
    return point_distances(surface_voxels(reference), surface_voxels(prediction), spacing_zyx)


def point_distances(a, b, spacing_zyx):
    """SurfaceDistances between two sets of voxels, (n, 3) and (m, 3) indices z y x; None when one is empty."""
    from scipy.spatial import cKDTree

    if not len(a) or not len(b):
        return None
    scale = np.asarray(spacing_zyx, float)
    # Where the surfaces coincide the distance is 0: only the rest needs a search.
    key = np.maximum(a.max(axis=0), b.max(axis=0)) + 1
    key_a, key_b = (np.ravel_multi_index(p.T, key) for p in (a, b))
    trees = [cKDTree(p * scale, balanced_tree=False, compact_nodes=False) for p in (a, b)]
    result = []
    for points, shared, tree in (
        (a, np.isin(key_a, key_b, assume_unique=True), trees[1]),
        (b, np.isin(key_b, key_a, assume_unique=True), trees[0]),
    ):
        distance = np.zeros(len(points))
        distance[~shared] = tree.query(points[~shared] * scale, workers=-1 if len(points) > 10000 else 1)[0]
        result.append(distance)
    return SurfaceDistances(*result)


def surface_voxels(mask, boxes=None):
    """Indices (n, 3), z y x, of the surface of a mask (D, H, W), in that order. boxes: the mask's tiles, if known."""
    found = [np.zeros((0, 3), np.int64)]
    for box in tiles(mask) if boxes is None else boxes:
        # One voxel more on each side, 0 beyond the image.
        low = np.array([s.start for s in box]) - 1
        high = np.array([s.stop for s in box]) + 1
        inside = np.zeros(high - low, bool)
        clipped = [slice(max(a, 0), min(b, n)) for a, b, n in zip(low, high, mask.shape)]
        inside[tuple(slice(c.start - a, c.stop - a) for c, a in zip(clipped, low))] = mask[tuple(clipped)]
        core = inside[1:-1, 1:-1, 1:-1]
        deep = inside[:-2, 1:-1, 1:-1] & inside[2:, 1:-1, 1:-1]
        deep &= inside[1:-1, :-2, 1:-1]
        deep &= inside[1:-1, 2:, 1:-1]
        deep &= inside[1:-1, 1:-1, :-2]
        deep &= inside[1:-1, 1:-1, 2:]
        # Flat first: several times faster than argwhere on a large box with little in it.
        flat = np.flatnonzero(core & ~deep)
        found.append(np.column_stack(np.unravel_index(flat, core.shape)) + low + 1)
    return np.concatenate(found)
