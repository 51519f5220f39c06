"""The pelvis around an ovary at its true sizes: parts as signed distances on a coarse grid, and what they do to sound.

The random scene takes the parts alone; the anatomy scene turns them into echo, fluid and loss.
"""

from dataclasses import dataclass

import numpy as np

from .fields import Blob, random_rotation, smooth_noise
from .surroundings import FAR, Surroundings, _curve, _stamp_tube

FLUID = ("bladder", "iliac", "vein", "cyst", "pool")


@dataclass
class Part:
    """kind: uterus, endometrium, fibroid, bladder, iliac, vein, bowel, bone, cyst, pool or lens; distance: mm, negative inside."""

    kind: str
    distance: np.ndarray


def draw_parts(p, rng, axes, organ):
    """The parts (list of Part) of parameters `p` on the grid `axes`, farther ones first; `organ`: distance to the ovary there."""
    wanted, parts = p["parts"], []
    more = 2 if p["empty"] else 1  # where no ovary is, more of what looks like one
    if wanted["bone"]:
        parts.append(Part("bone", _bone(rng, axes, organ)))
    if wanted["uterus"]:
        parts += _uterus(rng, axes, organ)
    for _ in range(wanted["bowel"]):
        tube = np.full(organ.shape, FAR)
        curve = _curve(rng, axes, rng.uniform(40, 110))
        # gas seldom lies between the probe and an ovary that is seen
        spot = max((_beside(rng, axes, organ, 14) for _ in range(rng.integers(1, 4))), key=lambda place: place[0])
        _stamp_tube(tube, axes, curve + spot - curve[len(curve) // 2], rng.uniform(6, 14), rng)
        parts.append(Part("bowel", tube))
    for _ in range(more * wanted["lens"]):
        radii = 0.5 * rng.uniform(14, 42) * np.array([1, rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.8)])
        parts.append(Part("lens", _blob(rng, axes, organ, radii, 0.08, rng.uniform(1, 20))))
    if wanted["bladder"]:
        parts.append(Part("bladder", _blob(rng, axes, organ, rng.uniform(12, 34) * rng.uniform(0.5, 1.2, 3), 0.08, rng.uniform(1, 12))))
    if wanted["iliac"]:
        parts += [Part("iliac", tube) for tube in _iliac(rng, axes, organ, wanted["iliac"])]
    for _ in range(wanted["veins"]):
        tube = np.full(organ.shape, FAR)
        curve = _curve(rng, axes, rng.uniform(15, 50))
        _stamp_tube(tube, axes, curve + _beside(rng, axes, organ, 4) - curve[rng.integers(len(curve))], rng.uniform(0.8, 3.2), rng)
        parts.append(Part("vein", tube))
    for _ in range(more * wanted["cyst"]):
        parts.append(Part("cyst", _blob(rng, axes, organ, rng.uniform(2, 14) * np.exp(rng.uniform(-0.3, 0.3, 3)), 0.1, rng.uniform(1, 10))))
    if wanted["pool"]:
        film = rng.uniform(2, 7) * (smooth_noise(rng, organ.shape, rng.uniform(5, 9) / _step(axes)) - rng.uniform(0.2, 1.0))
        gap = organ if not p["empty"] else _blob(rng, axes, organ, rng.uniform(8, 20, 3), 0.1, 5)
        parts.append(Part("pool", np.abs(gap - 2.5) - film))
    return parts


def _step(axes):
    return float(axes[0][1] - axes[0][0])


def _beside(rng, axes, organ, away):
    """A place about `away` mm outside the ovary, in or near the box; anywhere when there is no ovary."""
    spots = np.argwhere(np.abs(organ - away) < 1.5)
    if not len(spots):
        return np.array([rng.uniform(a[0] - 4, a[-1] + 4) for a in axes])
    return np.array([a[i] for a, i in zip(axes, spots[rng.integers(len(spots))])])


def _blob(rng, axes, organ, radii, roughness, gap):
    """Distance to a Blob whose surface is about `gap` mm from the ovary's."""
    centre = _beside(rng, axes, organ, gap)
    if organ.min() < 1e2:
        middle = np.array([a[i] for a, i in zip(axes, np.unravel_index(organ.argmin(), organ.shape))])
        outward = centre - middle
        centre = centre + outward / max(np.linalg.norm(outward), 1e-3) * np.mean(radii)
    return Blob(rng, centre, radii, random_rotation(rng), roughness).distance(axes)


def _uterus(rng, axes, organ):
    """Body of 6 to 9 cm with the cavity's stripe in its middle, and fibroids."""
    radii = np.array([rng.uniform(28, 45), rng.uniform(17, 27), rng.uniform(19, 30)])
    gap = rng.uniform(0, 14)
    centre = _beside(rng, axes, organ, gap)
    if organ.min() < 1e2:
        middle = np.array([a[i] for a, i in zip(axes, np.unravel_index(organ.argmin(), organ.shape))])
        centre = centre + (centre - middle) / max(np.linalg.norm(centre - middle), 1e-3) * rng.uniform(17, 32)
    turn = random_rotation(rng)
    parts = [Part("uterus", Blob(rng, centre, radii, turn, 0.04).distance(axes))]
    thick = rng.uniform(1.2, 7)
    parts.append(
        Part("endometrium", Blob(rng, centre + rng.normal(0, 2, 3), radii * (0.75, 0, 0.5) + (0, thick, 0), turn, 0.06).distance(axes))
    )
    for _ in range(rng.integers(1, 4) if rng.random() < 0.3 else 0):
        spot = centre + turn @ (rng.uniform(-0.8, 0.8, 3) * radii)
        parts.append(
            Part("fibroid", Blob(rng, spot, rng.uniform(4, 18) * rng.uniform(0.8, 1.2, 3), random_rotation(rng), 0.05).distance(axes))
        )
    return parts


def _iliac(rng, axes, organ, count):
    """One or two wide vessels that pass the ovary side by side."""
    heading = rng.standard_normal(3)
    heading /= np.linalg.norm(heading)
    aside = np.cross(heading, rng.standard_normal(3))
    aside /= np.linalg.norm(aside)
    start, along = _beside(rng, axes, organ, rng.uniform(3, 10)), np.arange(-70, 70, 1.0)[:, None]
    bend = rng.uniform(-0.005, 0.005) * along**2
    for number in range(count):
        tube, radius = np.full(organ.shape, FAR), rng.uniform(2.5, 6)
        _stamp_tube(tube, axes, start + along * heading + (bend + number * rng.uniform(9, 13)) * aside, radius, rng)
        yield tube


def _bone(rng, axes, organ):
    """The pelvic side wall: a bent half-space beyond the ovary."""
    normal = np.array([rng.uniform(0.1, 1), *rng.standard_normal(2)])
    normal /= np.linalg.norm(normal)
    away = rng.uniform(6, 20)
    place = max((_beside(rng, axes, organ, away) for _ in range(20)), key=lambda spot: spot @ normal)
    plane = sum(np.float32(n) * (a - c) for n, a, c in zip(normal, np.ix_(*axes), place))
    return np.maximum(-plane + 3 * smooth_noise(rng, organ.shape, 14 / _step(axes)), 3 - organ).astype(np.float32)


def build_anatomy(p, rng, axes, organ):
    """Surroundings of the anatomy scene; as `surroundings.build_surroundings`."""
    shape, step = organ.shape, _step(axes)
    tissue = _fat(p, rng, shape, step)
    fluid, loss = np.full(shape, FAR), np.zeros(shape, np.float32)
    for part in draw_parts(p, rng, axes, organ):
        # every part ends before the ovary begins
        distance = np.maximum(part.distance, rng.uniform(0.6, 1.6) - organ)
        share = _inside(distance, 0.5)
        if part.kind in FLUID:
            np.minimum(fluid, distance, out=fluid)
            tissue += rng.uniform(0, 8) * np.exp(-(((distance - 0.6) / 0.7) ** 2))
        elif part.kind == "bowel":
            _bowel(rng, shape, step, distance, tissue, fluid, loss)
        elif part.kind == "bone":
            tissue += rng.uniform(8, 18) * np.exp(-((distance / 0.9) ** 2))
            loss += share * np.float32(rng.uniform(1, 4))
        elif part.kind == "endometrium":
            level = rng.uniform(-3, 9) + rng.uniform(0, 6) * np.exp(-(((distance - distance.min()) / 0.8) ** 2))
            tissue += share * (level - tissue) - rng.uniform(0, 5) * np.exp(-(((distance - 1.5) / 1.2) ** 2))
        else:
            low, high = {"uterus": (-9, 1), "fibroid": (-12, -3), "lens": (-12, 5)}[part.kind]
            level = rng.uniform(low, high) + rng.uniform(0.5, 3) * smooth_noise(rng, shape, rng.uniform(0.9, 3) / step)
            tissue += share * (level - tissue) + rng.uniform(0, 8) * np.exp(-((distance / 0.6) ** 2)) * (rng.random() < 0.6)
            if part.kind == "fibroid":
                loss += share * np.float32(rng.uniform(0, 0.8))
    np.maximum(fluid, rng.uniform(0.6, 1.5) - organ, out=fluid)
    near = np.exp(-np.maximum(axes[0], 0) / rng.uniform(2, 8))[:, None, None]
    tissue += np.float32(p["near_field_db"]) * near.astype(np.float32)
    return Surroundings(axes, tissue.astype(np.float32), fluid, loss)


def _inside(distance, width):
    return 1 / (1 + np.exp(np.clip(distance / np.float32(width), -30, 30)))


def _fat(p, rng, shape, step):
    """Lobules of fat with own levels, and the bright sheets of fascia between them."""
    flat = np.array([0.55, 1.3, 1.3]) if rng.random() < 0.7 else np.ones(3)
    tissue = p["fine_db"] * smooth_noise(rng, shape, p["fine_mm"] / step)
    tissue += rng.uniform(0.5, 4) * smooth_noise(rng, shape, rng.uniform(8, 20) / step)
    for _ in range(p["parts"]["sheets"]):
        lobes = smooth_noise(rng, shape, rng.uniform(2.5, 9) * flat / step)
        slope = max(float(np.abs(np.gradient(lobes, axis=0)).mean()), 1e-3)
        tissue += rng.uniform(1, 5) * np.tanh(lobes / slope / 1.2)
        where = np.clip(smooth_noise(rng, shape, 10 / step) + 0.4, 0, 1)
        tissue += rng.uniform(2, 11) * where * np.exp(-((lobes / slope / rng.uniform(0.6, 1.2)) ** 2))
    return tissue


def _bowel(rng, shape, step, distance, tissue, fluid, loss):
    """Bright serosa, dark muscle, bright lining, and gas, fluid or stool in it (in place)."""
    outer, muscle = rng.uniform(2, 9), rng.uniform(4, 14)
    wall = rng.uniform(1.8, 3.5)
    tissue += outer * np.exp(-((distance / 0.6) ** 2)) + rng.uniform(2, 9) * np.exp(-(((distance + wall) / 0.7) ** 2))
    tissue -= muscle * np.exp(-(((distance + 0.5 * wall) / (0.32 * wall)) ** 2))
    contents, kind = np.clip(-(distance + wall), 0, 1), rng.random()
    if kind < 0.3:
        np.minimum(fluid, distance + wall, out=fluid)
        return
    clumps = smooth_noise(rng, shape, rng.uniform(1.2, 4) / step)
    tissue += contents * (rng.uniform(-10, 8) + rng.uniform(2, 6) * clumps)
    if kind < 0.7:
        loss += contents * np.clip(clumps + 0.3, 0, 1) * np.float32(rng.uniform(0.5, 3))
