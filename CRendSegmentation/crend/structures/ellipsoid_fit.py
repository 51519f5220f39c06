"""The ellipsoid that points on its surface suggest, also where they lie in a few planes that leave a side of it open."""

from __future__ import annotations

import numpy as np

#: How much rounder shapes are preferred: by nearly nothing where the points tell the shape, and enough where planes beside each other do not.
ROUNDER = 1e-2
LONGEST = 3.0  # of its radii over the shortest
#: Of its radii, over half the distance of the two points that are furthest from each other: beyond what was drawn there is a cap, and not another ovary.
WIDEST = 1.2


def fitted_ellipsoid(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(centre (3,), directions (3, 3), one a column, radii (3,)) in the unit of `points` (n, 3), which lie at radius 1 in the mean where they tell the shape.

    Of all ellipsoids x'Mx + b'x + c = 0 it is the one with the least squares of that, where M is the unit matrix and a part without trace, which is held
    small. Points in two planes alone leave one ellipsoid beside the other; of these it is the roundest.
    """
    from scipy.spatial.distance import pdist

    middle = points.mean(axis=0)
    scale = np.sqrt(((points - middle) ** 2).sum(axis=1).mean())
    x, y, z = ((points - middle) / scale).T
    parts = np.column_stack([x * x - z * z, y * y - z * z, 2 * x * y, 2 * x * z, 2 * y * z, x, y, z, np.ones(len(x))])
    held = np.sqrt(ROUNDER * len(x)) * np.eye(5, 9)
    d, e, f, g, h, *rest = np.linalg.lstsq(np.vstack([parts, held]), np.append(-(x * x + y * y + z * z), np.zeros(5)), rcond=None)[0]
    matrix = np.array([[1 + d, f, g], [f, 1 + e, h], [g, h, 1 - d - e]])
    values, directions = np.linalg.eigh(matrix)
    values = np.maximum(values, values.max() / LONGEST**2)
    away = directions @ (directions.T @ rest[:3] / values) / -2
    level = (directions.T @ away) ** 2 @ values - rest[3]
    centre, radii = middle + scale * away, scale * np.sqrt(max(level, 1e-6) / values)
    radii *= np.sqrt((((points - centre) @ directions / radii) ** 2).sum(axis=1).mean())
    return centre, directions, np.minimum(radii, WIDEST / 2 * pdist(points).max())
