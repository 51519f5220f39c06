"""Three diameters of a structure as callipers read them: the longest, then the longest across it, then across both."""

import numpy as np

#: A clinic's factor for the volume of an ovary of three diameters: that of an ellipsoid, pi / 6, as it is written down.
ELLIPSOID_FACTOR = 0.523


def calliper_diameters(points):
    """(d1, d2, d3) in mm of points (n, 3): the longest line between two of them, the longest extent at right angles to it, and the extent at
    right angles to both. Of an ellipsoid these are its axes; of a dented or bent shape they span what lies between, as callipers do.
    """
    d1, direction = _longest(points)
    flat = points - np.outer(points @ direction, direction)
    d2, across = _longest(flat)
    third = np.cross(direction, across) if d2 > 0 else np.zeros(3)
    return d1, d2, float(np.ptp(points @ third))


def volume_ml(d1, d2, d3):
    """0.523 d1 d2 d3 (mm) in ml; None where one of them is not known."""
    return None if None in (d1, d2, d3) else ELLIPSOID_FACTOR * d1 * d2 * d3 / 1000


def outermost(mask, spacing):
    """(n, 3) x y z in mm: centres of the voxels that span a mask (d, h, w); spacing x y z. Those inside its convex hull are left out."""
    from scipy.spatial import ConvexHull, QhullError

    # Only the ends of each row along x can be farthest apart.
    first, last = mask.argmax(axis=2), mask.shape[2] - 1 - mask[:, :, ::-1].argmax(axis=2)
    z, y = np.nonzero(mask.any(axis=2))
    points = np.concatenate([np.column_stack([end[z, y], y, z]) for end in (first, last)]) * spacing
    try:
        return points[ConvexHull(points).vertices]
    except QhullError:  # flat, or too few points: they are their own hull
        return np.unique(points, axis=0)


def _longest(points):
    """(length, unit vector) of the longest line between two of the points (n, 3); of a single place 0 and a vector of zeros."""
    from scipy.spatial.distance import pdist, squareform

    apart = squareform(pdist(points))
    first, second = np.unravel_index(apart.argmax(), apart.shape)
    length = float(apart[first, second])
    return length, (points[second] - points[first]) / length if length > 0 else np.zeros(3)
