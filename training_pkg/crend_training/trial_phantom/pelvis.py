"""What lies around the ovary: lobulated fat, uterus, iliac vessels, bladder, bowel, free fluid, on a coarse grid."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from .shapes import FAR, Lump, inside, waves

STEP = 0.9
CLEAR = 1.2  # mm between the ovary and the fluid of anything else


@dataclass
class Pelvis:
    """On the coarse grid `axes`: echo (dB against the stroma's reference), water (distance to fluid, mm), loss (dB per cm, both ways)."""

    axes: list
    echo: np.ndarray
    water: np.ndarray
    loss: np.ndarray


def coarse_grid(low, high, step=STEP):
    """Three 1D arrays of positions in mm, `step` apart, that cover the box from `low` to `high` and 2 mm around it."""
    return [np.arange(a - 2, b + 2 + step, step, dtype=np.float32) for a, b in zip(low, high)]


def build_pelvis(s, rng, axes, organ):
    """`organ`: distance to the ovary on the grid `axes`, which everything keeps clear of."""
    points = np.ix_(*axes)
    shape = organ.shape
    echo = s["stroma_db"] + s["fat_db"] + _lobules(s, rng, axes)
    echo += np.float32(s["texture_db"]) * waves(rng, axes, 3.5)
    echo += _wall_layers(rng, axes, points)
    water, loss = np.full(shape, FAR), np.full(shape, np.float32(s["attenuation"]))
    if s["uterus"]:
        _uterus(rng, axes, points, organ, echo)
    side = rng.standard_normal(3)
    side[0] = abs(side[0])
    for number in range(s["vessels"]):
        radius = rng.uniform(2.0, 4.5)
        tube = _vessel(rng, axes, organ, side, radius + 2.5 + number * 8, radius)
        echo += 5 * np.exp(-((tube - 0.4) ** 2) / 0.5)
        np.minimum(water, np.maximum(tube, CLEAR - organ), out=water)
    if s["bladder"]:
        sac = Lump(rng, _beside(rng, axes, organ, 14), rng.uniform(12, 22, 3), 2.4, 0.04).value(points)
        np.minimum(water, np.maximum(sac, CLEAR - organ), out=water)
    for _ in range(s["bowel"]):
        _bowel(rng, axes, organ, echo, water, loss)
    if s["free_fluid"]:
        facing = sum(np.float32(n) * (p - c) for n, p, c in zip(side, points, _middle(axes, organ)))
        pool = np.maximum(np.abs(organ - 3.0) - rng.uniform(0.8, 1.8), 4 - facing)
        np.minimum(water, pool, out=water)
    return Pelvis(axes, echo.astype(np.float32), water.astype(np.float32), loss)


def _middle(axes, organ):
    index = np.unravel_index(organ.argmin(), organ.shape)
    return np.array([a[i] for a, i in zip(axes, index)])


def _lobules(s, rng, axes):
    """Cells around random seeds: bright septa where two meet, and an own level for each cell."""
    size = s["lobules_mm"]
    low, high = np.array([a[0] for a in axes]) - size, np.array([a[-1] for a in axes]) + size
    seeds = rng.uniform(low, high, (int(np.prod((high - low) / size)) + 4, 3))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    # lobules lie flat: distances count more along the depth
    squash = np.array([1.6, 1.0, 1.0])
    near, index = cKDTree(seeds * squash).query(grid * squash, k=2, workers=1)
    septum = np.exp(-(((near[..., 1] - near[..., 0]) / (0.14 * size)) ** 2))
    level = rng.standard_normal(len(seeds))[index[..., 0]]
    return (s["lobules_db"] * (0.35 * level * (1 - septum) + 0.6 * septum)).astype(np.float32)


def _wall_layers(rng, axes, points):
    """The wall that the probe touches: two or three wavy streaks near depth 0."""
    bend = 1.2 * waves(rng, axes, 30, 5)
    result = 0
    for depth in np.cumsum(rng.uniform(1.2, 3, rng.integers(2, 4))):
        result = result + rng.uniform(-6, 8) * np.exp(-(((points[0] - depth + bend) / rng.uniform(0.5, 1.1)) ** 2))
    return result


def _beside(rng, axes, organ, away):
    """A place in the box about `away` mm outside the organ."""
    spots = np.argwhere(np.abs(organ - away) < 2.5)
    if not len(spots):
        spots = np.argwhere(organ >= min(away, organ.max() - 1))
    return np.array([a[i] for a, i in zip(axes, spots[rng.integers(len(spots))])])


def _uterus(rng, axes, points, organ, echo):
    body = Lump(rng, _beside(rng, axes, organ, 17), (rng.uniform(22, 32), rng.uniform(15, 20), rng.uniform(15, 20)), 2.2, 0.03)
    wall = np.maximum(body.value(points), 1.0 - organ)
    share = inside(wall, 1.2)
    cavity = Lump(rng, body.centre, body.semi_axes * (0.7, 0.35, 0.12), 2.0, 0.1)
    cavity.frame = body.frame
    muscle = rng.uniform(-4, 3) + 1.2 * waves(rng, axes, 2.5, 8) + rng.uniform(3, 9) * inside(cavity.value(points), 1.5)
    echo += share * (muscle - echo) + 3 * np.exp(-((wall - 0.3) ** 2) / 0.5)


def _vessel(rng, axes, organ, side, away, radius):
    """Distance to a gently bent tube that passes the ovary on one side."""
    middle = _middle(axes, organ)
    side = side / np.linalg.norm(side)
    along = np.cross(side, rng.standard_normal(3))
    along /= np.linalg.norm(along)
    far = middle.copy()
    # outwards until the organ is left behind
    for reach in np.arange(2, 60, 1.0):
        far = middle + reach * side
        index = [int(np.clip(round((f - a[0]) / (a[1] - a[0])), 0, len(a) - 1)) for f, a in zip(far, axes)]
        if organ[tuple(index)] > away:
            break
    t = np.linspace(-70, 70, 200)[:, None]
    bend = rng.uniform(-0.006, 0.006) * t**2 * side + rng.uniform(1, 4) * np.sin(t / rng.uniform(9, 20)) * np.cross(along, side)
    line = far + t * along + bend
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    return (cKDTree(line).query(grid, workers=1)[0] - radius).astype(np.float32)


def _bowel(rng, axes, organ, echo, water, loss):
    """A loop: dark muscle, bright inside, gas that takes the sound away or fluid that lets it through."""
    centre = _beside(rng, axes, organ, rng.uniform(9, 15))
    turn = np.linspace(0, rng.uniform(2, 5), 60)
    size = rng.uniform(9, 16)
    u, v = np.linalg.qr(rng.standard_normal((3, 2)))[0].T
    line = centre + size * (np.cos(turn)[:, None] - 1) * u + size * np.sin(turn)[:, None] * v
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    radius = rng.uniform(3.5, 6)
    tube = np.maximum(cKDTree(line).query(grid, workers=1)[0] - radius, 1.5 - organ).astype(np.float32)
    wall = np.exp(-(((tube + 0.9) / 0.7) ** 2))
    echo -= wall * rng.uniform(6, 14)
    lumen = inside(tube + 1.8, 0.8)
    kind = rng.random()
    if kind < 0.45:
        gas = lumen * (waves(rng, axes, 5, 8) > 0.2)
        echo += 10 * gas + 3 * lumen
        loss += gas * np.float32(rng.uniform(20, 60))
    elif kind < 0.8:
        echo += lumen * (rng.uniform(0, 5) + 2 * waves(rng, axes, 3, 8))
    else:
        np.minimum(water, tube + 1.8, out=water)
