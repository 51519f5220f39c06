"""The ovary and its follicles as continuous shapes, and their truth on the Cartesian grid."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import Blob, random_rotation, smooth_noise

FAR = np.float32(1e3)
LARGEST = 50_000 * 3 / (4 * np.pi)  # product of the radii (mm^3) of an ovary of 50 ml


@dataclass
class OvaryField:
    """Signed distances (mm, negative inside) in the window around the ovary, and the truth there.

    window: slices of the volume; axes: the three 1D arrays of the window; ovary: distance to the whole organ; fluid: distance to
    follicle fluid; level: dB of the nearest follicle's fluid; luteum: distance to a corpus luteum or None; labels: uint16 instances.
    """

    window: tuple
    axes: list
    ovary: np.ndarray
    fluid: np.ndarray
    level: np.ndarray
    luteum: "np.ndarray | None"
    labels: np.ndarray


def draw_sizes(p, rng):
    """Ovary radii (3,) in mm and the wanted follicle diameters (mm, largest first) of parameters `p`."""
    wanted = np.sort(_diameters(p, rng))[::-1]
    radii = 0.5 * p["ovary_length"] * np.array([1.0, *p["ovary_ratios"]])
    if p["look"] != "sparse":
        # an ovary grows with its follicles, up to about LARGEST; those that would need more room are left out
        room = np.cumsum(wanted**3) / (8 * p["fill"])
        wanted = wanted[room <= max(LARGEST, room[0])]
        radii = radii * max(1.0, (room[len(wanted) - 1] / np.prod(radii)) ** (1 / 3))
    return radii, wanted


def draw_ovary(p, rng, centre, sizes, smallest=2.0):
    """Outline (Blob), follicles (list of Blob) and corpus luteum (Blob or None); ovary centre in mm, `sizes` of draw_sizes.

    Follicles of less than `smallest` mm are left out: what the beam cannot resolve is no truth that anybody could see.
    """
    radii, wanted = sizes
    outline = Blob(rng, centre, radii, random_rotation(rng), p["ovary_roughness"])
    taken: list = []
    luteum = None
    if p["corpus_luteum"]:
        radius = min(rng.uniform(5, 10), 0.75 * radii.min())
        spot = _spot(rng, outline, radius, 0.3, taken, 0.0, False)
        if spot is not None:
            luteum = Blob(rng, spot, radius * rng.uniform(0.8, 1.2, 3), random_rotation(rng), 0.1)
            taken.append((spot, radius))
    follicles = []
    peripheral = (p["look"] == "polycystic" and rng.random() < 0.75) or p["rim_follicles"]
    packed = p["packed"] and p["look"] in ("stimulated", "dominant", "resting")
    for diameter in wanted:
        if diameter < smallest:
            continue
        radius = min(diameter / 2, 0.9 * radii.min())
        spot = _spot(rng, outline, radius, p["bulge"], taken, p["overlap"], peripheral, packed)
        if spot is None:
            continue
        taken.append((spot, radius))
        stretch = np.exp(rng.uniform(-1, 1, 3) * p["follicle_elongation"])
        stretch *= min(1.0, 20.0 / diameter) / np.prod(stretch) ** (1 / 3)
        follicles.append(Blob(rng, spot, radius * stretch, random_rotation(rng), p["follicle_roughness"]))
    return outline, follicles, luteum


def _diameters(p, rng):
    """Wanted follicle diameters in mm; not all of them find room."""
    look = p["look"]
    if look == "sparse":
        return rng.uniform(2, 12, rng.integers(0, 4))
    if look == "resting":
        return rng.gamma(4.0, 1.3, rng.integers(3, 14)).clip(2, 12)
    if look == "dominant":
        return np.r_[rng.uniform(11, 20, rng.integers(1, 3)), rng.gamma(4, 1.2, rng.integers(1, 10)).clip(2, 10)]
    if look == "polycystic":
        return rng.uniform(3, 8, rng.integers(12, 28)).clip(2, 9)
    middle = rng.uniform(10, 17)
    return np.r_[rng.normal(middle, 3, rng.integers(6, 20)).clip(5, 20), rng.uniform(2, 8, rng.integers(0, 8))]


def _spot(rng, outline, radius, bulge, taken, overlap, peripheral, packed=False, tries=1500):
    """A centre for a follicle inside `outline`, clear of those `taken`; None when no room is found.

    packed: of the places with room, the one that leaves the smallest gaps to its neighbours.
    """
    direction = rng.standard_normal((tries, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    share = rng.uniform(0.45, 1.0, tries) if peripheral else rng.random(tries) ** (1 / 3)
    points = outline.centre + (direction * share[:, None]) @ np.linalg.inv(outline.matrix).T
    depth = -outline.distance_at(points)
    good = depth > radius * (1 - rng.random(tries) * bulge) + 0.3
    if peripheral:
        good &= depth < radius + 2.5
    gaps = [np.maximum(depth - radius, 0)]
    for centre, other in taken:
        apart = np.linalg.norm(points - centre, axis=1)
        gaps.append(np.maximum(apart - radius - other, 0))
        least = (radius + other) * (1 - overlap)
        # a small follicle may not be swallowed by a large one
        least = max(least, max(radius, other) + 0.35 * min(radius, other))
        good &= apart > least
    index = np.flatnonzero(good)
    if not len(index):
        return None
    if not packed or not taken:
        return points[index[0]]
    nearest = np.sort(np.stack(gaps)[:, index], axis=0)[:3].sum(axis=0)
    return points[index[nearest.argmin()]]


def build_ovary(p, rng, centre, sizes, axes, smallest=2.0, spill=0.0):
    """OvaryField of parameters `p` and the `sizes` of draw_sizes on the volume's `axes`.

    axes: depth, elevation, lateral in mm, each 1D and increasing.
    The beam smears tissue into a follicle, so its dark part is smaller than its fluid. As an observer does, the labels follow
    what is dark: they end `spill` mm inside the fluid. Diameters are those of the labels.
    """
    outline, follicles, luteum = draw_ovary(p, rng, centre, sizes, smallest)
    low = np.min([outline.centre - outline.reach] + [f.centre - f.reach for f in follicles], axis=0) - 3
    high = np.max([outline.centre + outline.reach] + [f.centre + f.reach for f in follicles], axis=0) + 3
    window = tuple(slice(*np.searchsorted(a, (l, h))) for a, l, h in zip(axes, low, high))
    inner = [a[s] for a, s in zip(axes, window)]
    shape = tuple(len(a) for a in inner)
    organ = outline.distance(inner)
    nearest, second = np.full(shape, FAR), np.full(shape, FAR)
    which = np.zeros(shape, np.uint16)
    for number, follicle in enumerate(follicles, 1):
        box = follicle.window(inner, margin=4.0)
        if any(s.start >= s.stop for s in box):
            continue
        d = follicle.distance([a[s] for a, s in zip(inner, box)])
        closer = d < nearest[box]
        second[box] = np.where(closer, nearest[box], np.minimum(second[box], d))
        which[box][closer] = number
        nearest[box][closer] = d[closer]
    # between two that press on each other a septum stays: both distances are equal on its middle plane
    fluid = np.maximum(nearest - spill, 0.5 * (p["septum_mm"] - (second - nearest)))
    labels = np.where(fluid < -spill, which, 0).astype(np.uint16)
    _keep_whole(labels, fluid, which, spill, len(follicles), float(np.prod([a[1] - a[0] for a in inner])) if min(shape) > 1 else 0)
    organ = np.minimum(organ, nearest - spill - 0.5)
    distance = None if luteum is None else luteum.distance(inner)
    if distance is not None:
        organ = np.minimum(organ, distance - 0.5)
        distance = np.maximum(distance, 0.6 - fluid)
    level = rng.normal(p["fluid_db"], 2.0, len(follicles) + 1)
    hazy = rng.random(len(level)) < p["hazy_share"]
    level[hazy] = rng.normal(p["hazy_db"], 3.0, hazy.sum())
    levels = level.astype(np.float32)[which]
    if p["haemorrhagic"] and min(shape) > 1:
        # old blood in the largest: a net of strands in grey fluid
        net = smooth_noise(rng, shape, [1.2 / (a[1] - a[0]) for a in inner])
        blood = np.float32(p["stroma_db"]) - 13 + 9 * np.exp(-((net / 0.35) ** 2))
        levels = np.where(which == 1, np.maximum(levels, blood), levels)
    return OvaryField(window, inner, organ, fluid, levels, distance, labels)


def _keep_whole(labels, fluid, which, spill, count, voxel):
    """Each follicle keeps its largest piece; pieces split off, and follicles under 1.9 mm across, become tissue again (in place)."""
    smallest = np.pi / 6 * 1.9**3
    for number, box in enumerate(ndimage.find_objects(which, max_label=count), 1):
        if box is None:
            continue
        mine = which[box] == number
        wet = mine & (fluid[box] < 0)
        pieces, n = ndimage.label(labels[box] == number)
        sizes = np.bincount(pieces.ravel(), minlength=2)[1:]
        edge = any(s.start == 0 or s.stop == size for s, size in zip(box, labels.shape))
        if not n or sizes.max() * voxel < (0.3 if edge else 1) * smallest:
            labels[box][mine] = 0
            fluid[box][wet] = 0.5
        elif n > 1:
            lost = (pieces > 0) & (pieces != 1 + int(sizes.argmax()))
            labels[box][lost] = 0
            around = ndimage.binary_dilation(lost, iterations=max(1, int(np.ceil(1.5 * spill / voxel ** (1 / 3))))) & wet
            fluid[box][around & (labels[box] == 0)] = 0.5
