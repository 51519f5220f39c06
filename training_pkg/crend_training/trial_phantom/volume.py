"""One trial volume from its seed: where things lie, what the probe hears, what the console shows, and the truth."""

import numpy as np
import SimpleITK as sitk

from crend_training.phantom.volume import Phantom

from . import clutter, console, echoes, pelvis, scan
from .ovary import Ovary
from .settings import draw_settings
from .shapes import FAR, inside, waves

FINE = 0.35  # mm, grid on which the ovary's tissue is drawn
VOXELS = 6_000_000


def make_trial_volume(seed, *, empty=False, **changes):
    """The Phantom of `seed`, the same every time, an ovary with at least one follicle in it; `changes` replace drawn settings by name.

    `empty`: the same pelvis, scanned in the same way, with tissue like that around it where the ovary was. The truth is the anatomy alone: a follicle is its
    fluid as far as the beam's width leaves it dark, whatever grey it has.
    Raises ValueError for an unknown setting.
    """
    s = draw_settings(seed, **changes)
    rng = np.random.default_rng([20241, int(seed)])
    scanner = scan.draw_scanner(s, rng)
    ovary, depth, smear = _anatomy(s, rng)
    low, high = _box(s, ovary)
    axes = _voxels(s, low, high)
    organ, follicles = _truth(ovary, axes, smear)
    grey, seen = _scan(s, rng, scanner, ovary, axes, low, high, smear, empty)
    missing = ~seen | empty
    organ[missing] = 0
    follicles[missing] = 0
    follicles = _numbered(follicles, float(np.prod([a[1] - a[0] for a in axes])))
    about = {**s, "empty": empty, "ovary_depth_mm": float(depth), "edge_smear_mm": float(smear), "apex_behind_mm": scanner.behind}
    spacing = [float(a[1] - a[0]) for a in axes]
    volume, ovary, numbered = _as_images(s, (np.rint(grey).astype(np.uint8), organ, follicles), spacing)
    return Phantom(volume, ovary, numbered, about)


def _anatomy(s, rng):
    """The ovary, its centre's depth (mm), and how far its follicles' edges are smeared (mm)."""
    contrast = min(s["stroma_db"] - s["fluid_db"], s["stroma_db"] - s["noise_db"], 0.8 * s["range_db"] * s["tissue_share"])
    smear = echoes.spill(s, s["ovary_from_probe_mm"] + 18, contrast)
    smallest = max(2.0, 1.3 * float(np.mean(echoes.beam_widths(s, s["ovary_from_probe_mm"] + 18))) + smear)
    ovary = Ovary(s, rng, (0.0, 0.0, 0.0), smallest)
    depth = s["ovary_from_probe_mm"] + ovary.body.semi_axes.mean()
    shift = np.array([depth, *rng.uniform(-4, 4, 2)])
    for lump in (ovary.body, *ovary.follicles):
        lump.centre = lump.centre + shift
    # who is pressed to a sliver by the others is taken out, before anything is drawn
    axes = [np.arange(c - ovary.reach, c + ovary.reach, FINE, dtype=np.float32) for c in ovary.body.centre]
    _, fluid, which = ovary.fields(axes, smear)
    sizes = np.bincount(which[fluid < 0], minlength=len(ovary.follicles) + 1)[1:] * FINE**3
    least = np.pi / 6 * np.array([max(1.9, 1.2 * r) ** 3 for r in ovary.radii])
    ovary.without({k + 1 for k in np.flatnonzero(sizes < least)} - {1})
    return ovary, depth, smear


def _box(s, ovary):
    """Corners (3,), (3,) of the volume: the ovary with the drawn margins, or all that the probe saw."""
    low, high = ovary.body.centre - ovary.reach * 0.85, ovary.body.centre + ovary.reach * 0.85
    margins = np.array(s["margins_mm"]).reshape(2, 3)
    if s["whole_field"]:
        margins = margins + 5
        low[0] = 0.0
    low, high = low - margins[0], high + margins[1]
    low[0] = max(low[0], 0.0)
    return low, high


def _voxels(s, low, high):
    size = np.array([s["voxel_mm"], s["voxel_mm"], s["voxel_mm"] * s["slice_factor"]])
    extent = high - low
    size *= max(1.0, (np.prod(extent / size) / VOXELS) ** (1 / 3))
    return [(l + d * np.arange(int(e / d))).astype(np.float32) for l, e, d in zip(low, extent, size)]


def _truth(ovary, axes, smear):
    body, fluid, which = ovary.fields(axes, smear)
    follicles = np.where(fluid < 0, which, 0).astype(np.uint16)
    return ((body < 0) | (follicles > 0)).astype(np.uint8), follicles


def _numbered(labels, voxel):
    """1..n, largest first; what the field's edge left of a follicle stays only if it is as large as a ball of 1.5 mm."""
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    ids = [k for k in np.argsort(-counts, kind="stable") if counts[k] * voxel >= np.pi / 6 * 1.5**3]
    table = np.zeros(len(counts), np.uint16)
    table[ids] = np.arange(1, len(ids) + 1)
    return table[labels]


def _scan(s, rng, scanner, ovary, axes, low, high, smear, empty):
    """Grey values 0..255 (float32) on the voxels, and which of them the probe saw."""
    # a region cut out of the field shows no edge of it: the field is then larger than the box
    wider = np.zeros(3) if s["whole_field"] else np.array([0, 0.45, 0.45]) * (high - low)
    beams = scan.acquisition(scanner, low - wider, high + wider + [2, 0, 0], s)
    points = scan.positions(scanner, beams)
    more = np.random.default_rng([20244, s["seed"]]) if s["scene"] == "crowded" else None
    level, loss = _tissue(s, rng, ovary, beams, points, smear, empty, more)
    level += echoes.path_level(s, rng, beams, loss)
    if more is not None:
        level += clutter.crowd_gain(s, more, beams)
    coarse = pelvis.coarse_grid([p.min() for p in points], [p.max() for p in points], 1.5)
    swirl = np.exp(1j * scan.read(4 * waves(rng, coarse, 9), coarse, points)) if s["coherent"] else 0
    grey = 0
    for _ in range(s["frames"]):
        echo = echoes.with_noise(s, rng, beams, echoes.amplitude(s, rng, scanner, beams, level, swirl))
        # grey is set between stroma and brighter surroundings, so that neither drowns
        reference = 10 ** ((s["stroma_db"] + 0.4 * max(s["fat_db"], 0)) / 20)
        grey = grey + console.shown(echo, s["range_db"], s["tissue_share"], reference) / s["frames"]
    grey = console.crisp(console.smoothed(grey, s["smoothing"]), s["edges"])
    grey = 255 * console.curved(grey, s["curve"], s["curvature"]).astype(np.float32)
    volume, seen = scan.to_voxels(scanner, beams, grey, axes)
    return np.where(seen, np.maximum(volume, 1), s["outside_grey"]), seen


def _tissue(s, rng, ovary, beams, points, smear, empty, more):
    """Echo level (dB) and loss (dB per cm, both ways) at the acquisition's points; `more`: the generator of a crowded scene, or None."""
    fine = [np.arange(c - ovary.reach, c + ovary.reach, FINE, dtype=np.float32) for c in ovary.body.centre]
    coarse = pelvis.coarse_grid([p.min() for p in points], [p.max() for p in points])
    organ = ovary.fields(coarse, smear)[0]
    if more is not None and empty:
        organ[:] = FAR  # nothing keeps clear of a place where no ovary is
    around = pelvis.build_pelvis(s, rng, coarse, organ)
    if more is not None:
        clutter.add_crowd(s, more, around, organ, empty)
    level = scan.read(around.echo, coarse, points)
    water = inside(scan.read(around.water, coarse, points), 0.5)
    loss = scan.read(around.loss, coarse, points)
    level += water * (s["fluid_db"] + s["stroma_db"] + np.float32(rng.uniform(0, 8)) - level)
    loss *= 1 - water
    near = np.logical_and.reduce([(p > a[0]) & (p < a[-1]) for p, a in zip(points, fine)])
    there = [p[near] for p in points]
    body, fluid, which = ovary.fields(fine, smear)
    organ = scan.read(body, fine, there)
    edge = scan.read(fluid, fine, there) - np.float32(smear)
    stroma = s["stroma_db"] + s["texture_db"] * scan.read(0.7 * waves(rng, fine, 2.2) + 0.7 * waves(rng, fine, 7), fine, there)
    share = inside(organ, 0.6)
    if more is not None:
        share = clutter.faded(s, more, ovary, there, share)
    tissue = level[near] * (1 - share) + stroma * share
    tissue += np.float32(s["rim_db"]) * (np.exp(-((organ / 0.5) ** 2)) + 0.4 * np.exp(-(((edge - 0.2) / 0.3) ** 2)))
    cloud = np.where(rng.random(len(ovary.follicles) + 1) < s["cloudy"], rng.uniform(8, 22, len(ovary.follicles) + 1), 0)
    fluid_level = np.maximum(s["stroma_db"] + s["fluid_db"] + cloud, -60).astype(np.float32)
    contents = np.minimum(fluid_level[scan.read(which.astype(np.float32), fine, there, order=0).astype(int)], s["stroma_db"] - 12)
    if more is not None and s["blood"]:
        # a net of strands in the largest follicle
        net = np.exp(-((scan.read(waves(more, fine, 3.0), fine, there) / 0.3) ** 2))
        contents = np.where(scan.read(which.astype(np.float32), fine, there, order=0) == 1, s["stroma_db"] - 14 + 9 * net, contents)
    wet = inside(edge, 0.25)
    if not empty:  # only here, so that all else is drawn alike
        level[near] = tissue * (1 - wet) + contents * wet
        loss[near] *= 1 - wet
    return level, loss


def _as_images(s, arrays, spacing):
    """SimpleITK images of the arrays (depth, lateral, elevation) with the drawn order of axes, mirroring and direction."""
    angle = np.radians(s["turned_degrees"])
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    direction = turn @ np.diag([-1.0 if m else 1.0 for m in s["mirrored"]])
    images = []
    for array in arrays:
        image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(s["axis_order"])))
        image.SetSpacing([spacing[a] for a in s["axis_order"]][::-1])
        image.SetDirection(direction.ravel().tolist())
        images.append(image)
    return images
