"""What a user's screen burns into a volume: calliper crosses, dotted lines, a block of letters."""

import numpy as np


def burn_in(p, rng, grey, sector):
    """Draws p["marks"] marks into `grey` (uint8, in place), each in a few neighbouring planes and inside the sector."""
    for _ in range(p["marks"]):
        axis = int(rng.integers(3))
        depth = int(rng.integers(1, 4))
        first = int(rng.integers(0, max(1, grey.shape[axis] - depth)))
        planes = [slice(None)] * 3
        planes[axis] = slice(first, first + depth)
        view, seen = grey[tuple(planes)], sector[tuple(planes)]
        size = [n for a, n in enumerate(grey.shape) if a != axis]
        mask = np.zeros(size, bool)
        kind = rng.choice(["cross", "line", "letters"])
        spot = [int(rng.integers(0, n)) for n in size]
        if kind == "cross":
            arm = int(rng.integers(2, 6))
            mask[max(0, spot[0] - arm) : spot[0] + arm + 1, spot[1]] = True
            mask[spot[0], max(0, spot[1] - arm) : spot[1] + arm + 1] = True
        elif kind == "line":
            end = [int(rng.integers(0, n)) for n in size]
            t = np.linspace(0, 1, max(2, int(np.hypot(end[0] - spot[0], end[1] - spot[1]) / rng.uniform(1, 4))))
            mask[np.rint(spot[0] + t * (end[0] - spot[0])).astype(int), np.rint(spot[1] + t * (end[1] - spot[1])).astype(int)] = True
        else:
            part = mask[spot[0] : spot[0] + int(rng.integers(4, 8)), spot[1] : spot[1] + int(rng.integers(10, 40))]
            part[...] = rng.random(part.shape) < 0.45
        view[np.expand_dims(mask, axis) & seen] = rng.integers(170, 256)
