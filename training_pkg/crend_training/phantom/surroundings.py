"""What lies around the ovary: textured and layered tissue, fluid decoys, bowel, uterus. Built on a coarse Cartesian grid."""

from dataclasses import dataclass

import numpy as np

from .fields import Blob, random_rotation, smooth_noise

FAR = np.float32(1e3)


@dataclass
class Surroundings:
    """On the coarse `axes` (mm): tissue (dB), fluid (signed distance of dark decoys, mm), loss (extra two-way loss, dB per mm)."""

    axes: list
    tissue: np.ndarray
    fluid: np.ndarray
    loss: np.ndarray


def coarse_axes(axes, step=0.9, margin=2.0):
    """Three 1D arrays that cover `axes` and `margin` mm around at about `step` mm."""
    return [np.linspace(a[0] - margin, a[-1] + margin, int(np.ceil((a[-1] - a[0] + 2 * margin) / step)) + 1) for a in axes]


def build_surroundings(p, rng, axes, organ):
    """Surroundings of parameters `p` on the coarse `axes`; `organ` = signed distance to the ovary there (decoys keep out of it)."""
    shape = tuple(len(a) for a in axes)
    step = float(axes[0][1] - axes[0][0])
    tissue = p["coarse_db"] * smooth_noise(rng, shape, p["coarse_mm"] / step)
    stretch = np.array([0.6, 1.6, 1.6]) if rng.random() < 0.6 else np.ones(3)
    tissue += p["fine_db"] * smooth_noise(rng, shape, p["fine_mm"] * stretch / step)
    warp = None
    if p["layers_db"] > 0:
        warp = rng.uniform(2, 9) * smooth_noise(rng, shape, rng.uniform(10, 22) / step)
        profile = smooth_noise(rng, (400,), p["layers_mm"] / 0.5)
        position = axes[0][:, None, None] - axes[0][0] + warp + 30 + rng.uniform(-0.7, 0.7) * axes[2][None, None, :]
        tissue += p["layers_db"] * 0.6 * np.interp(position.ravel(), 0.5 * np.arange(400), profile).reshape(shape).astype(np.float32)
    if p["strands_db"] > 0:
        noise = smooth_noise(rng, shape, p["strands_mm"] * np.array([0.5, 1, 1]) / step)
        ridges = np.exp(-((noise / rng.uniform(0.06, 0.2)) ** 2))
        where = np.clip(smooth_noise(rng, shape, 12 / step) + 0.3, 0, 1)
        tissue += p["strands_db"] * ridges * where
    if p["uterus"]:
        _add_uterus(p, rng, axes, organ, tissue)
    fluid = np.full(shape, FAR)
    loss = np.zeros(shape, np.float32)
    index = np.argwhere(np.abs(organ - 3) < 1)
    beside = np.stack([a[i] for a, i in zip(axes, index.T)], axis=1)
    for _ in range(p["vessels"]):
        curve = _curve(rng, axes, rng.uniform(15, 60))
        if beside.size and rng.random() < 0.4:
            curve += beside[rng.integers(len(beside))] - curve[rng.integers(len(curve))]
        _stamp_tube(fluid, axes, curve, 0.7 * np.exp(rng.uniform(0, 2)), rng)
    for _ in range(p["fluid_pockets"]):
        _stamp_blob(rng, fluid, axes, rng.uniform(1.5, 8) * np.exp(rng.uniform(-0.5, 0.5, 3)), roughness=0.22)
    if p["bladder"]:
        _stamp_blob(rng, fluid, axes, rng.uniform(12, 28) * rng.uniform(0.6, 1.2, 3), roughness=0.15)
    if p["free_fluid"]:
        thickness = rng.uniform(3, 8) * (smooth_noise(rng, shape, rng.uniform(5, 9) / step) - rng.uniform(0.3, 1.2))
        np.minimum(fluid, organ - thickness, out=fluid)
    for _ in range(p["bowel"]):
        _add_bowel(rng, axes, organ, tissue, fluid, loss)
    # nothing dark may look like part of the organ: a margin of tissue stays between
    np.maximum(fluid, rng.uniform(0.6, 1.5) - organ, out=fluid)
    near = np.exp(-np.maximum(axes[0], 0) / rng.uniform(2, 8))[:, None, None]
    tissue += np.float32(p["near_field_db"]) * near.astype(np.float32)
    return Surroundings(axes, tissue.astype(np.float32), fluid, loss)


def _place(rng, axes, reach=6):
    return np.array([rng.uniform(a[0] - reach, a[-1] + reach) for a in axes])


def _curve(rng, axes, length, step=1.0):
    """Points (N, 3) of a wandering line through the box."""
    point = _place(rng, axes, 0)
    heading = rng.standard_normal(3)
    points = []
    for _ in range(int(length / step)):
        heading = heading / np.linalg.norm(heading)
        points.append(point)
        point = point + step * heading
        heading = heading + 0.22 * rng.standard_normal(3)
    return np.array(points)


def _stamp_tube(field, axes, curve, radius, rng):
    """Lower `field` to the distance from a tube about `curve` (in place)."""
    reach = radius + 2.5
    calibre = radius * (1 + 0.15 * np.sin(np.linspace(0, rng.uniform(2, 9), len(curve))))
    for point, r in zip(curve, calibre):
        box = tuple(slice(*np.searchsorted(a, (c - reach, c + reach))) for a, c in zip(axes, point))
        offsets = np.ix_(*[(a[s] - c).astype(np.float32) for a, s, c in zip(axes, box, point)])
        distance = np.sqrt(sum(o**2 for o in offsets)) - np.float32(r)
        np.minimum(field[box], distance, out=field[box])


def _stamp_blob(rng, field, axes, radii, roughness):
    blob = Blob(rng, _place(rng, axes), radii, random_rotation(rng), roughness)
    box = blob.window(axes, 3)
    if all(s.start < s.stop for s in box):
        np.minimum(field[box], blob.distance([a[s] for a, s in zip(axes, box)]), out=field[box])


def _add_uterus(p, rng, axes, organ, tissue):
    """A large mass of its own texture with a bright endometrial stripe."""
    radii = np.array([rng.uniform(20, 35), rng.uniform(13, 22), rng.uniform(13, 22)])
    blob = Blob(rng, _place(rng, axes, 10), radii, random_rotation(rng), 0.05)
    distance = np.maximum(blob.distance(axes), 1.5 - organ)
    share = 1 / (1 + np.exp(np.clip(distance / 0.6, -30, 30)))
    texture = rng.uniform(-6, 4) + rng.uniform(0.5, 2.5) * smooth_noise(rng, tissue.shape, rng.uniform(1, 2.5))
    stripe = rng.uniform(0, 12) * np.exp(-(((distance + 0.85 * radii.min()) / rng.uniform(1, 3)) ** 2))
    tissue += share * (texture + stripe - 0.7 * tissue)


def _add_bowel(rng, axes, organ, tissue, fluid, loss):
    """A loop of bowel: dark muscle ring, mixed contents, sometimes gas that shadows."""
    radius = rng.uniform(4, 9)
    tube = np.full(tissue.shape, FAR)
    _stamp_tube(tube, axes, _curve(rng, axes, rng.uniform(30, 80)), radius, rng)
    tube = np.maximum(tube, 1.0 - organ)
    tissue -= rng.uniform(4, 14) * np.exp(-((tube + 1.0) ** 2) / rng.uniform(0.4, 1.2))
    contents = np.clip(-(tube + 2.2), 0, 1)
    kind = rng.choice(["gas", "fluid", "mixed"])
    if kind == "fluid":
        np.minimum(fluid, tube + 2.2, out=fluid)
        return
    clumps = smooth_noise(rng, tissue.shape, rng.uniform(1.0, 3.0))
    tissue += contents * (rng.uniform(2, 8) + rng.uniform(2, 6) * clumps)
    if kind == "gas":
        loss += contents * np.clip(clumps - 0.3, 0, 1) * np.float32(rng.uniform(1, 5))
