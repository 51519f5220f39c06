"""The volume of a small round thing, more finely than by counting its voxels.

Counting the 155 voxels of a ball of 2 mm is 3 % off at times, by where the ball lies between them. Which voxels they are says more than
how many: a ball that parts the voxels inside from those outside can be moved and blown up very little before it fails to. The middle of
all balls that do is the estimate; where there is none, the middle of all ellipsoids that do; where there is none either, the thing is
no ellipsoid, and its voxels are all that is known of it.
"""

import math

import numpy as np

FEWEST = 30  # voxels: fewer leave too much open
MOST = 4000  # voxels: counting is good enough beyond
_ROUNDS = 30
_LOOSE = 1e-7


def ellipsoid_volume(mask, spacing):
    """Volume (mm^3) of the ball or ellipsoid that parts the voxels of a mask (D, H, W) from all others, or None.

    spacing: x y z in mm. None when none parts them, when there are too few voxels, or so many that counting them will do.
    """
    count = int(np.count_nonzero(mask))
    if not FEWEST <= count <= MOST:
        return None
    points, inside = _beside_the_surface(np.pad(mask, 1), np.asarray(spacing, float)[::-1])
    # in units of the thing's size, about its middle: there all numbers are about 1
    scale = (3 * count * float(np.prod(spacing)) / (4 * math.pi)) ** (1 / 3)
    x, y, z = ((points - points[inside].mean(axis=0)) / scale).T
    linear = [x, y, z, np.ones_like(x)]
    side = np.where(inside, -1.0, 1.0)[:, None]
    # x^2 + y^2 + z^2 + b'x + c: below 0 inside, above 0 outside
    # There are more voxels outside than inside, and they press the surface inwards. Full weights for the few inside press it out as
    # much: the square root leaves balls of 2 mm unbiased (Testing/benchmarks/measure_follicles.py).
    weights = np.where(inside, math.sqrt(max(1.0, np.mean(~inside) / np.mean(inside))), 1.0)
    ball = _middle(side * np.stack(linear, axis=1), side[:, 0] * (x * x + y * y + z * z), weights)
    if ball is not None:
        return scale**3 * _volume(np.eye(3), ball)
    # x'Ax + b'x + c with a trace of 3, so that a ball has A = 1
    terms = [x * x - z * z, y * y - z * z, 2 * x * y, 2 * x * z, 2 * y * z, *linear]
    found = _middle(side * np.stack(terms, axis=1), side[:, 0] * 3 * z * z, weights)
    if found is None:
        return None
    a, b, ab, ac, bc = found[:5]
    matrix = np.array([[a, ab, ac], [ab, b, bc], [ac, bc, 3 - a - b]])
    return scale**3 * _volume(matrix, found[5:]) if np.linalg.eigvalsh(matrix)[0] > 0 else None


def _beside_the_surface(mask, spacing):
    """Centres (n, 3) mm of the voxels that have one of the other kind among their 26 neighbours, and whether each is inside."""
    from scipy import ndimage

    around = np.ones((3, 3, 3), bool)
    rim = ndimage.binary_dilation(mask, around) & ~ndimage.binary_erosion(mask, around)
    where = np.argwhere(rim)
    return where * spacing, mask[tuple(where.T)]


def _middle(rows, constants, weights):
    """The analytic centre of all w with rows @ w + constants > 0 (it maximises the weighted sum of their logarithms), or None when there
    is no such w.

    rows (n, k), constants (n,), weights (n,) of 1 and more. A linear programme finds some w, Newton's method the middle.
    """
    from scipy.optimize import linprog

    n, k = rows.shape
    least = np.column_stack([-rows, np.ones(n)])
    start = linprog(np.r_[np.zeros(k), -1.0], least, constants, bounds=[(None, None)] * k + [(None, 1)], method="highs")
    if start.status != 0 or start.x[-1] < _LOOSE:
        return None
    w = start.x[:-1]
    for _ in range(_ROUNDS):
        slack = rows @ w + constants
        pull = rows / slack[:, None]
        gradient = weights @ pull
        step = np.linalg.lstsq((weights * pull.T) @ pull, gradient, rcond=None)[0]
        length = 1 / (1 + math.sqrt(max(gradient @ step, 0)))  # stays within, as the damped Newton step of a barrier does
        w = w + length * step
        if length > 0.999:
            break
    return w


def _volume(matrix, rest):
    """Volume of x'Ax + b'x + c < 0 with A positive definite and rest = (b, c)."""
    level = 0.25 * rest[:3] @ np.linalg.solve(matrix, rest[:3]) - rest[3]
    return 4 / 3 * math.pi * math.sqrt(max(level, 0) ** 3 / np.linalg.det(matrix))
