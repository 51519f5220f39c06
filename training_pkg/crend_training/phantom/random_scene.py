"""A volume without physics: each tissue is split into clusters, and each cluster gets a grey level and a texture of any kind.

A model that has seen every contrast cannot rely on any; what stays is shape, and that an ovary holds follicles.
"""

import numpy as np
from scipy import ndimage

from . import anatomy
from .fields import smooth_noise
from .probe import sample

COARSE = 1.0  # mm, grid of the parts


def draw_grey(p, rng, scanner, axes, field):
    """Grey values (uint8, 0 outside the sector) and the sector on the grid `axes`; `field`: OvaryField or None."""
    spacing = np.array([a[1] - a[0] for a in axes])
    grid = [np.linspace(a[0] - 2, a[-1] + 2, int((a[-1] - a[0] + 4) / COARSE) + 2) for a in axes]
    organ = np.full([len(a) for a in grid], np.float32(1e3))
    if field is not None:
        points = np.broadcast_arrays(*np.ix_(*grid))
        within = np.logical_and.reduce([(c >= a[0]) & (c <= a[-1]) for c, a in zip(points, field.axes)])
        organ[within] = sample(field.ovary, field.axes, [c[within] for c in points])
    coarse = _clusters(rng, organ.shape, (3, 7))
    for part in anatomy.draw_parts(p, rng, grid, organ):
        inner = np.maximum(part.distance, 1.0 - organ) < 0
        own = _clusters(rng, organ.shape, (1, 4 if part.kind in ("uterus", "lens", "bowel") else 2)) + coarse.max() + 1
        coarse[inner] = own[inner]
    labels = _to_grid(coarse, grid, axes)
    fluid = []
    if field is not None:
        inner = labels[field.window]
        mask = field.ovary < 0
        # one to three clusters of stroma: patches, or a centre unlike the rim
        count = int(rng.integers(1, 4))
        if count > 1 and rng.random() < 0.6:
            own = np.minimum(-field.ovary / rng.uniform(2, 6), count - 1).astype(np.int64)
        else:
            own = _clusters(rng, mask.shape, (count, count + 1), spacing)
        inner[mask] = own[mask] + labels.max() + 1
        if field.luteum is not None:
            inner[field.luteum < 0] = inner.max() + 1
        first = int(labels.max()) + 1
        kinds = rng.integers(0, 2, 400) if rng.random() < 0.3 else np.zeros(400, int)
        wet = field.labels > 0
        inner[wet] = first + kinds[np.minimum(field.labels[wet], 399)]
        fluid = [first, first + 1]
    grey = _painted(rng, labels, spacing, fluid, [] if field is None else np.unique(labels[field.window][field.ovary < 0]))
    grey = _seen_through(p, rng, grey, axes, spacing)
    return _in_sector(rng, scanner, axes, grey)


def _clusters(rng, shape, count, spacing=(COARSE,) * 3):
    """A map (int64, 0..n-1) of patches: where one of n smooth fields is the highest. count: n from, to (exclusive)."""
    n = int(rng.integers(*count))
    if n == 1:
        return np.zeros(shape, np.int64)
    size = np.exp(rng.uniform(np.log(2), np.log(12), n))
    stretch = np.exp(rng.uniform(-0.6, 0.6, 3))
    fields = [smooth_noise(rng, shape, s * stretch / spacing) + rng.normal(0, 0.4) for s in size]
    return np.argmax(fields, axis=0)


def _to_grid(coarse, grid, axes):
    index = [np.clip(np.rint((a - g[0]) / (g[1] - g[0])).astype(int), 0, len(g) - 1) for a, g in zip(axes, grid)]
    return coarse[np.ix_(*index)]


def _painted(rng, labels, spacing, fluid, ovary):
    """Level and texture of each cluster. Follicles are darker than the stroma about them, in nine of ten volumes, since else they are none."""
    count = int(labels.max()) + 2
    level, rough = rng.uniform(10, 235, count), rng.uniform(0, 28, count) * (rng.random(count) < 0.8)
    if len(fluid):
        stroma = [k for k in ovary if k not in fluid]
        if rng.random() < 0.9 and stroma:
            level[stroma] = np.maximum(level[stroma], rng.uniform(40, 90))
            level[fluid] = level[stroma].min() * rng.uniform(0.0, 0.75, 2)
        rough[fluid] *= 0.4
    kind = rng.integers(0, 3, count)
    grey = level[labels].astype(np.float32)
    for k in range(3):
        texture = smooth_noise(rng, labels.shape, np.exp(rng.uniform(np.log(0.25), np.log(2.5), 3)) / spacing)
        grey += np.where(kind == k, rough, 0).astype(np.float32)[labels] * texture
    return grey


def _seen_through(p, rng, grey, axes, spacing):
    """Blur, speckle, uneven gain, shadows, bands and noise, each in some of the volumes."""
    grey = ndimage.gaussian_filter(np.maximum(grey, 0), np.exp(rng.uniform(np.log(0.15), np.log(0.9), 3)) / spacing)
    speckle = smooth_noise(rng, grey.shape, np.array([rng.uniform(0.12, 0.4), *rng.uniform(0.2, 0.9, 2)]) / spacing)
    grey = grey * np.maximum(1 + rng.uniform(0.0, 0.45) * speckle, 0)
    coarse = smooth_noise(rng, (12, 12, 12), rng.uniform(1.5, 4))
    field = ndimage.zoom(coarse, np.array(grey.shape) / 12, order=1)
    gain = rng.uniform(0, 0.5) * field[tuple(slice(0, n) for n in grey.shape)]
    depth = (axes[0] - axes[0][0]) / (axes[0][-1] - axes[0][0])
    gain = gain + rng.normal(-0.3, 0.6) * (depth[:, None, None] - 0.5)
    for _ in range(rng.integers(0, 5) if rng.random() < 0.5 else 0):
        centre, width = [rng.uniform(a[0], a[-1]) for a in axes[1:]], rng.uniform(1, 9, 2)
        lean = rng.uniform(-0.6, 0.6, 2)
        down = axes[0][:, None, None] - rng.uniform(axes[0][0], axes[0][-1])
        across = [np.abs(a.reshape(s) - c - t * down) / w for a, s, c, t, w in zip(axes[1:], ((1, -1, 1), (1, 1, -1)), centre, lean, width)]
        gain = gain - rng.uniform(0.5, 4) * np.exp(-(across[0] ** 4) - across[1] ** 4) / (
            1 + np.exp(-np.clip(down / rng.uniform(0.5, 2), -30, 30))
        )
    for _ in range(p["near_bands"]):
        gain = gain + rng.normal(0, 0.8) * np.exp(-(((axes[0] - axes[0][0] - rng.uniform(0, 9)) / rng.uniform(0.5, 2)) ** 2))[:, None, None]
    grey = grey * np.exp2(gain).astype(np.float32)
    grey = grey + rng.uniform(0, 10) * rng.standard_normal(grey.shape, dtype=np.float32) * (0.3 + depth[:, None, None]).astype(np.float32)
    share = np.clip(grey / 255, 0, 1)
    return 255 * share ** np.float32(np.exp(rng.uniform(-0.5, 0.5)))


def _in_sector(rng, scanner, axes, grey):
    if rng.random() < 0.4:
        sector = np.ones(grey.shape, bool)
    else:
        sector = np.broadcast_to(scanner.inside(*scanner.to_beam(*np.ix_(*axes))), grey.shape)
    return np.where(sector, np.rint(np.clip(grey, 1, 255)), 0).astype(np.uint8), np.array(sector)
