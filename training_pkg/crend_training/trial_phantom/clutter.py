"""The crowded pelvis of a trial volume: fascia, a uterus of full size, pelvic wall, masses and cysts that look like an ovary; and a worse console.

All of it is drawn from a generator of its own, so that a plain volume stays what it is.
"""

import numpy as np
from scipy import ndimage

from .shapes import Lump, inside, waves

SCENES = ("plain", "crowded")


def crowd(s, rng):
    """Settings of `settings.draw_settings` for a crowded scene (in place): darker, slender ovary, wider beam, less smoothing, more artefacts."""
    s["slender"] = [float(rng.uniform(0.45, 0.9)), float(rng.uniform(0.4, 0.75))]
    s["fat_db"] = float(rng.triangular(0, 4, 10)) * (1 if rng.random() < 0.9 else -0.6)
    s["look"] = str(rng.choice(("quiet", "polycystic", "dominant", "stimulated"), p=(0.48, 0.2, 0.18, 0.14)))
    s["texture_db"] = float(rng.uniform(1.5, 4))
    s["lobules_db"] = float(rng.uniform(5, 15))
    s["fluid_db"] = float(rng.uniform(-40, -18))
    s["cloudy"] = float(rng.uniform(0.1, 0.6)) if rng.random() < 0.4 else 0.0
    s["vessels"], s["bowel"] = int(rng.integers(0, 4)), int(rng.integers(0, 3))
    s["uterus"], s["bladder"] = False, bool(rng.random() < 0.25)
    s["lateral_mm"], s["elevation_mm"] = float(rng.uniform(0.7, 1.6)), float(rng.uniform(0.8, 1.8))
    s["frames"] = int(rng.choice([1, 2], p=[0.75, 0.25]))
    s["smoothing"] = str(rng.choice(("none", "diffusion", "sigma", "opening"), p=(0.6, 0.15, 0.15, 0.1)))
    s["range_db"], s["tissue_share"] = float(rng.uniform(40, 56)), float(rng.uniform(0.24, 0.46))
    s["samples"] = 1_800_000
    s["noise_db"], s["noise_slope"] = float(rng.uniform(-40, -24)), float(rng.uniform(0, 4))
    s["multiple_echoes"] = float(rng.uniform(0, 0.12))
    s["fascias"] = int(rng.integers(2, 9))
    s["masses"], s["cysts"] = int(rng.integers(0, 3)), int(rng.integers(0, 3)) if rng.random() < 0.5 else 0
    s["full_uterus"] = bool(rng.random() < 0.55)
    s["bone"] = bool(rng.random() < 0.3)
    s["sliders_db"] = [float(v) for v in rng.normal(0, 3, 8) - np.linspace(0, rng.uniform(0, 10), 8)]
    s["strips"] = int(rng.integers(1, 6)) if rng.random() < 0.55 else 0
    s["ringing_db"] = float(rng.uniform(3, 14)) if rng.random() < 0.7 else 0.0
    s["fading"] = float(rng.uniform(0.4, 1)) if rng.random() < 0.4 else 0.0
    s["blood"] = bool(rng.random() < 0.12)


def add_crowd(s, rng, pelvis, organ, empty):
    """Adds to a Pelvis (in place) what a crowded scene has more than a plain one; `organ`: distance to the ovary on its grid."""
    axes, points = pelvis.axes, np.ix_(*pelvis.axes)
    for _ in range(s["fascias"]):
        normal = rng.standard_normal(3) * (1.8, 1, 1)
        normal /= np.linalg.norm(normal)
        place = [rng.uniform(a[0], a[-1]) for a in axes]
        sheet = sum(np.float32(n) * (p - np.float32(c)) for n, p, c in zip(normal, points, place)) + rng.uniform(0.5, 4) * waves(
            rng, axes, rng.uniform(15, 40), 6
        )
        # bright towards the probe, fading behind
        line = np.where(sheet < 0, np.exp(-((sheet / 0.8) ** 2)), np.exp(-np.maximum(sheet, 0) / rng.uniform(0.8, 3)))
        pelvis.echo += np.float32(rng.uniform(2, 10)) * line * np.clip(waves(rng, axes, 25, 6) + 0.5, 0, 1)
    if s["full_uterus"]:
        _full_uterus(s, rng, pelvis, points, organ)
    for _ in range(s["masses"] * (2 if empty else 1)):
        half = rng.uniform(6, 20) * np.array([1, rng.uniform(0.4, 0.9), rng.uniform(0.35, 0.8)])
        body = Lump(rng, _next_to(rng, axes, organ, half.mean() + rng.uniform(2, 14)), half, rng.uniform(1.8, 3), 0.05)
        mass = np.maximum(body.value(points), 1.2 - organ)
        level = s["stroma_db"] + rng.uniform(-7, 6) + rng.uniform(0.5, 3) * waves(rng, axes, rng.uniform(2.5, 7), 8)
        pelvis.echo += inside(mass, 1.2) * (level - pelvis.echo) + np.float32(rng.uniform(0, 6)) * np.exp(-((mass / 0.7) ** 2))
    for _ in range(s["cysts"] * (2 if empty else 1)):
        radius = rng.uniform(2, 12)
        sac = Lump(rng, _next_to(rng, axes, organ, radius + rng.uniform(2, 12)), radius * rng.uniform(0.7, 1.2, 3), 2.2, 0.05).value(points)
        np.minimum(pelvis.water, np.maximum(sac, 1.2 - organ), out=pelvis.water)
        pelvis.echo += np.float32(rng.uniform(0, 7)) * np.exp(-(((sac - 0.7) / 0.6) ** 2))
    if s["bone"]:
        radius, side = rng.uniform(60, 140), rng.standard_normal(3)
        side[0] = abs(side[0]) + 0.6
        side /= np.linalg.norm(side)
        deepest = (
            max(float(sum(n * a[i] for n, a, i in zip(side, axes, spot))) for spot in np.argwhere(organ < 2)[::7])
            if (organ < 2).any()
            else 20.0
        )
        centre = side * (deepest + rng.uniform(6, 18) + radius)
        ball = np.sqrt(sum((p - np.float32(c)) ** 2 for p, c in zip(points, centre))) - np.float32(radius)
        pelvis.echo += np.float32(rng.uniform(8, 16)) * np.exp(-((ball / 1.0) ** 2))
        pelvis.loss += np.float32(rng.uniform(15, 50)) * inside(ball, 1.0)


def _next_to(rng, axes, organ, away):
    """A place in the box about `away` mm outside the ovary."""
    spots = np.argwhere(np.abs(organ - away) < 2)
    if not len(spots):
        return np.array([rng.uniform(a[0], a[-1]) for a in axes])
    return np.array([a[i] for a, i in zip(axes, spots[rng.integers(len(spots))])])


def _full_uterus(s, rng, pelvis, points, organ):
    """7 to 9 cm long; the lining in three layers: bright, dark, bright."""
    half = np.array([rng.uniform(28, 44), rng.uniform(17, 25), rng.uniform(18, 28)])
    body = Lump(rng, _next_to(rng, pelvis.axes, organ, half[1:].mean() + rng.uniform(1, 12)), half, 2.2, 0.03)
    wall = np.maximum(body.value(points), 1.0 - organ)
    lining = Lump(rng, body.centre, half * (0.72, 0.1, 0.45) + (0, rng.uniform(1, 4), 0), 2.0, 0.06)
    lining.frame = body.frame
    depth = lining.value(points)
    muscle = s["stroma_db"] + rng.uniform(-4, 4) + rng.uniform(0.8, 2.5) * waves(rng, pelvis.axes, rng.uniform(2.5, 6), 8)
    bright = rng.uniform(2, 8)
    layers = (
        bright * np.exp(-((depth / 0.9) ** 2))
        + bright * np.exp(-(((depth - depth.min()) / 0.9) ** 2))
        + rng.uniform(-4, 5) * inside(depth, 1.0)
    )
    pelvis.echo += inside(wall, 1.2) * (muscle + layers - pelvis.echo) + 4 * np.exp(-((wall - 0.3) ** 2) / 0.5)


def crowd_gain(s, rng, beams):
    """dB by the console's depth sliders, ringing under the face and strips that hardly reach the tissue; broadcasts over the grid."""
    r, u, v = beams
    gain = np.interp(r, np.linspace(0, 70, 8), s["sliders_db"])
    if s["ringing_db"]:
        gain = gain + s["ringing_db"] * np.exp(-r / rng.uniform(2, 6)) * np.cos(2 * np.pi * r / rng.uniform(2, 6) + rng.uniform(0, 6.3))
    gain = gain[:, None, None] * np.ones((1, len(u), len(v)))
    for _ in range(s["strips"]):
        strip = np.zeros((len(u), len(v)))
        a, b = rng.integers(0, len(u)), rng.integers(0, len(v))
        strip[a : a + max(2, int(len(u) * rng.uniform(0.03, 0.2))), b : b + max(2, int(len(v) * rng.uniform(0.05, 0.5)))] = 1
        strip = ndimage.uniform_filter(strip, (max(2, len(u) // 40), max(2, len(v) // 25)))
        start = rng.uniform(r[0], r[-1])
        gain -= rng.uniform(3, 18) * strip[None] * np.clip((r - start) / rng.uniform(1, 6), 0, 1)[:, None, None]
    return gain.astype(np.float32)


def faded(s, rng, ovary, points, share):
    """`share` of ovary tissue (0..1) at the points, less on the side where its boundary is lost."""
    if not s["fading"]:
        return share
    side = rng.standard_normal(3)
    side /= np.linalg.norm(side)
    offset = [p - np.float32(c) for p, c in zip(points, ovary.body.centre)]
    cosine = sum(np.float32(n) * o for n, o in zip(side, offset)) / (np.sqrt(sum(o * o for o in offset)) + 1)
    return share * (1 - np.float32(s["fading"]) * np.clip((cosine - 0.25) / 0.35, 0, 1))
