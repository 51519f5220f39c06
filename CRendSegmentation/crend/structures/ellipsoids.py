"""The volume of a small round thing, more finely than by counting its voxels.

Counting the 155 voxels of a ball of 2 mm is 3 % off at times, by where the ball lies between them. Which voxels they are says more than
how many: a ball that parts the voxels inside from those outside can be moved and blown up very little before it fails to. The mean of
all balls that do is the estimate, of which none errs less; where there is none, the mean of all ellipsoids that do; where there
is none either, the thing is no ellipsoid, and its voxels are all that is known of it.
"""

import math

import numpy as np

FEWEST = 30  # voxels: fewer leave too much open
MOST = 4000  # voxels: counting is good enough beyond
VAGUE = 0.2  # of its mean: where what fits varies more, as it does around a row of voxels, counting is the better guess
_ROUNDS = 30
_LOOSE = 1e-7
_WALKERS, _STEPS, _FIRST = 32, 40, 10  # each walker's first steps, near where all began, are not counted


def ellipsoid_volume(mask, spacing):
    """Volume (mm^3) of the ball or ellipsoid that parts the voxels of a mask (D, H, W) from all others, or None.

    spacing: x y z in mm. None when none parts them, when too different ones do, or when there are so many voxels that counting will do.
    """
    volumes = ellipsoid_volumes(mask, spacing)
    if volumes is None or volumes.std() > VAGUE * volumes.mean():
        return None
    return float(volumes.mean())


def ellipsoid_volumes(mask, spacing):
    """Volumes (n,) in mm^3 of balls, or else ellipsoids, drawn evenly from all that part the voxels.

    None when none does, or when there are fewer than FEWEST or more than MOST voxels.
    """
    count = int(np.count_nonzero(mask))
    if not FEWEST <= count <= MOST:
        return None
    points, inside = _beside_the_surface(np.pad(mask, 1), np.asarray(spacing, float)[::-1])
    if _dented(points, inside):
        return None
    # in units of the thing's size, about its middle: there all numbers are about 1
    scale = (3 * count * float(np.prod(spacing)) / (4 * math.pi)) ** (1 / 3)
    x, y, z = ((points - points[inside].mean(axis=0)) / scale).T
    linear = [x, y, z, np.ones_like(x)]
    side = np.where(inside, -1.0, 1.0)[:, None]
    # x^2 + y^2 + z^2 + b'x + c: below 0 inside, above 0 outside
    balls = _drawn(side * np.stack(linear, axis=1), side[:, 0] * (x * x + y * y + z * z))
    if balls is not None:
        return scale**3 * _volume(np.eye(3), balls)
    # x'Ax + b'x + c with a trace of 3, so that a ball has A = 1
    terms = [x * x - z * z, y * y - z * z, 2 * x * y, 2 * x * z, 2 * y * z, *linear]
    found = _drawn(side * np.stack(terms, axis=1), side[:, 0] * 3 * z * z)
    if found is None:
        return None
    a, b, ab, ac, bc = found[:, :5].T
    matrices = np.stack([np.stack(row, axis=-1) for row in ([a, ab, ac], [ab, b, bc], [ac, bc, 3 - a - b])], axis=1)
    closed = np.linalg.eigvalsh(matrices)[:, 0] > 0
    return scale**3 * _volume(matrices[closed], found[closed, 5:]) if closed.mean() > 0.5 else None


def _beside_the_surface(mask, spacing):
    """Centres (n, 3) mm of the voxels that have one of the other kind among their 26 neighbours, and whether each is inside."""
    from scipy import ndimage

    around = np.ones((3, 3, 3), bool)
    rim = ndimage.binary_dilation(mask, around) & ~ndimage.binary_erosion(mask, around)
    where = np.argwhere(rim)
    return where * spacing, mask[tuple(where.T)]


def _dented(points, inside):
    """Whether a voxel outside lies within the convex hull of those inside: then no ball or ellipsoid parts them, for all of these are convex.

    points (n, 3), inside (n,) bool. Most things that a network finds are dented, and this tells sooner than two linear programmes do.
    """
    from scipy.spatial import ConvexHull, QhullError

    try:
        walls = ConvexHull(points[inside]).equations
    except QhullError:  # flat
        return False
    outside = points[~inside]
    return any((outside[k : k + 500] @ walls[:, :3].T + walls[:, 3]).max(axis=1).min() < -_LOOSE for k in range(0, len(outside), 500))


def _drawn(rows, constants):
    """Points (n, k) drawn evenly from all w with rows @ w + constants > 0, the same at each call; None when there is no such w, or
    when they reach without end.

    rows (n, k), constants (n,). Hit and run: from the middle, again and again to anywhere on a line of random direction.
    """
    middle = _middle(rows, constants)
    if middle is None:
        return None
    slack = rows @ middle + constants
    pull = rows / slack[:, None]
    try:
        # in these units the room is about as wide in every direction
        units = np.linalg.cholesky(np.linalg.inv(pull.T @ pull))
    except np.linalg.LinAlgError:
        return None
    walls, random = rows @ units, np.random.default_rng(0)
    at, visited = np.zeros((_WALKERS, rows.shape[1])), []
    for step in range(_STEPS):
        way = random.normal(size=at.shape)
        speed = way @ walls.T
        ends = -(at @ walls.T + slack) / speed
        first, last = np.where(speed > 0, ends, -np.inf).max(axis=1), np.where(speed < 0, ends, np.inf).min(axis=1)
        if not np.isfinite(last - first).all():
            return None
        at = at + way * random.uniform(first, last)[:, None]
        if step >= _FIRST:
            visited.append(at)
    return middle + np.concatenate(visited) @ units.T


def _middle(rows, constants):
    """The analytic centre of all w with rows @ w + constants > 0 (it maximises the sum of their logarithms), or None when there is no
    such w.

    rows (n, k), constants (n,). A linear programme finds some w, Newton's method the middle.
    """
    from scipy.optimize import linprog

    n, k = rows.shape
    least = np.column_stack([-rows, np.ones(n)])
    start = linprog(np.r_[np.zeros(k), -1.0], least, constants, bounds=[(None, None)] * k + [(None, 1)], method="highs")
    if start.status != 0 or start.x[-1] < _LOOSE:
        return None
    w = start.x[:-1]
    for _ in range(_ROUNDS):
        pull = rows / (rows @ w + constants)[:, None]
        gradient = pull.sum(axis=0)
        step = np.linalg.lstsq(pull.T @ pull, gradient, rcond=None)[0]
        length = 1 / (1 + math.sqrt(max(gradient @ step, 0)))  # stays within, as the damped Newton step of a barrier does
        w = w + length * step
        if length > 0.999:
            break
    return w


def _volume(matrices, rest):
    """Volumes (n,) of x'Ax + b'x + c < 0 with A (n, 3, 3) or (3, 3) positive definite and rest (n, 4) = (b, c)."""
    middle = np.linalg.solve(np.broadcast_to(matrices, (len(rest), 3, 3)), rest[:, :3, None])[..., 0]
    level = 0.25 * (rest[:, :3] * middle).sum(axis=1) - rest[:, 3]
    return 4 / 3 * math.pi * np.sqrt(np.maximum(level, 0) ** 3 / np.linalg.det(matrices))
