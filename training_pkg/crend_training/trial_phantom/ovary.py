"""The ovary of a trial volume: follicles that push each other apart, flattened where they press, in an organ that grows around them."""

import numpy as np

from .shapes import FAR, Lump, cut, merged

STEPS = 250


class Ovary:
    """Implicit ovary: `follicles` (list of Lump, largest first) and `body` (Lump), all about the origin's side `centre` (mm)."""

    def __init__(self, s, rng, centre, smallest_mm):
        radii = _radii(s["look"], rng, smallest_mm)
        half = _body(s, rng, radii)
        self.settings = s
        self.body = Lump(rng, centre, half, 2.0, 0.5 * s["lumpiness"])
        spots, radii = _settle(s, rng, half, radii)
        self.follicles = []
        for spot, radius in zip(spots, radii):
            stretch = np.exp(rng.uniform(-0.16, 0.16, 3))
            stretch /= np.prod(stretch) ** (1 / 3)
            place = self.body.centre + self.body.frame.T @ spot
            self.follicles.append(Lump(rng, place, radius * stretch, rng.uniform(1.8, s["boxiness"]), s["lumpiness"]))
        self.radii = list(radii)

    @property
    def reach(self):
        """Half the side of a cube about the centre that holds the organ, mm."""
        far = [np.abs(f.centre - self.body.centre).max() + f.reach for f in self.follicles]
        return max([self.body.reach, *far]) + self.settings["cortex_mm"] + 1

    def fields(self, axes, smear):
        """(organ, fluid, which): distances (mm) of the organ and of the nearest follicle's visible edge, and its number 1..n, on the grid `axes`.

        smear: how far sound spills into fluid. A septum's two faces stay that much farther apart in the truth than in the tissue.
        """
        shape = tuple(len(a) for a in axes)
        organ = self.body.value(np.ix_(*axes))
        fluid, which = np.full(shape, FAR), np.zeros(shape, np.uint16)
        for number, follicle in enumerate(self.follicles, 1):
            box = follicle.box(axes, 4.0)
            if any(b.start >= b.stop for b in box):
                continue
            grid = np.ix_(*(a[b] for a, b in zip(axes, box)))
            mine = follicle.value(grid)
            organ[box] = merged(organ[box], mine - np.float32(self.settings["cortex_mm"]), np.float32(1.5))
            for other in self._neighbours(number - 1):
                mine = cut(mine, self._plane(number - 1, other, grid) + np.float32(self.settings["septum_mm"] / 2 + smear), np.float32(0.3))
            nearer = mine < fluid[box]
            which[box][nearer] = number
            fluid[box] = np.minimum(fluid[box], mine)
        return organ, fluid, which

    def _neighbours(self, i):
        one = self.follicles[i]
        return [
            j
            for j, other in enumerate(self.follicles)
            if j != i and np.linalg.norm(other.centre - one.centre) < one.reach + other.reach + 2
        ]

    def _plane(self, i, j, grid):
        """Distance from the plane where two pressed balls meet (their power plane), negative on the side of i."""
        a, b = self.follicles[i].centre, self.follicles[j].centre
        apart = np.linalg.norm(b - a)
        normal = (b - a) / apart
        along = sum(np.float32(n) * np.asarray(g - c, np.float32) for n, g, c in zip(normal, grid, a))
        return along - np.float32((apart**2 + self.radii[i] ** 2 - self.radii[j] ** 2) / (2 * apart))

    def without(self, lost):
        """Takes the follicles numbered 1.. in `lost` out; True when there were any."""
        kept = [k for k in range(len(self.follicles)) if k + 1 not in lost]
        changed = len(kept) < len(self.follicles)
        self.follicles, self.radii = [self.follicles[k] for k in kept], [self.radii[k] for k in kept]
        return changed


def _radii(look, rng, smallest_mm):
    if look == "quiet":
        diameters = rng.triangular(2, 4.5, 10, rng.integers(3, 10))
    elif look == "polycystic":
        diameters = rng.normal(5, 1.4, rng.integers(12, 25))
    elif look == "dominant":
        diameters = np.r_[rng.uniform(11, 22), rng.triangular(2, 4, 9, rng.integers(2, 9))]
    else:
        diameters = np.r_[rng.normal(rng.uniform(10, 15), 2.5, rng.integers(5, 15)), rng.triangular(2.5, 4, 8, rng.integers(0, 6))]
    return np.sort(np.clip(diameters, max(2.0, smallest_mm), 24))[::-1] / 2


def _body(s, rng, radii):
    """Half axes (3,) mm of an organ with room for the follicles."""
    half = np.array([1.0, rng.uniform(0.6, 0.9), rng.uniform(0.55, 0.85)])
    room = max((radii**3).sum() / s["fill"], rng.uniform(9.5, 13.5) ** 3)
    if "slender" in s:
        half[1:] *= s["slender"]
    half *= (room / half.prod()) ** (1 / 3)
    return np.minimum(half, 30) * max(1.0, 1.15 * radii[0] / min(half.min(), 30))


def _settle(s, rng, half, radii):
    """Centres (n, 3) in the body's frame and their radii after the balls have pushed each other apart; who finds no room is left out."""
    radii = np.array(radii)
    spots = rng.standard_normal((len(radii), 3))
    spots *= (rng.random((len(radii), 1)) ** (1 / 3)) / np.linalg.norm(spots, axis=1, keepdims=True) * half * 0.7
    rim = s["look"] == "polycystic"
    while True:
        for step in range(STEPS):
            push = _overlap_push(spots, radii, 1 - s["squeeze"]) + 0.02 * (1 - step / STEPS) * rng.standard_normal(spots.shape)
            if rim:
                push += 0.05 * spots / half
            spots = _kept_in(spots + 0.5 * push, half, radii)
        short = _shortage(spots, radii, 1 - s["squeeze"])
        if short.max(initial=0) < 0.12:
            return spots, radii
        worst = int(short.argmax())
        spots, radii = np.delete(spots, worst, 0), np.delete(radii, worst)


def _pairs(spots, radii, share):
    offset = spots[:, None] - spots[None]
    apart = np.linalg.norm(offset, axis=-1) + np.eye(len(radii)) * 1e3
    wanted = share * (radii[:, None] + radii[None])
    # a small ball may not sink into a large one
    wanted = np.maximum(wanted, np.maximum(radii[:, None], radii[None]) + 0.5 * np.minimum(radii[:, None], radii[None]))
    return offset, apart, np.maximum(wanted - apart, 0)


def _overlap_push(spots, radii, share):
    offset, apart, lack = _pairs(spots, radii, share)
    yields = radii[None] ** 3 / (radii[:, None] ** 3 + radii[None] ** 3)
    return (offset / apart[..., None] * (lack * yields)[..., None]).sum(axis=1)


def _shortage(spots, radii, share):
    """By which part of its radius each ball still overlaps a larger one too much."""
    lack = _pairs(spots, radii, share)[2]
    return np.where(radii[None] >= radii[:, None], lack / radii[:, None], 0).max(axis=1, initial=0)


def _kept_in(spots, half, radii):
    """Centres pulled back so that balls stick out of the body by a fifth of their radius at most."""
    room = np.maximum(half - 0.8 * radii[:, None], 0.15 * half)
    norm = np.linalg.norm(spots / room, axis=1, keepdims=True)
    return np.where(norm > 1, spots / np.maximum(norm, 1), spots)
