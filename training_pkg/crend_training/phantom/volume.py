"""One simulated volume from a seed: anatomy, beams, display, and the truth that goes with it."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.special import ndtri

from crend.structures.follicles import renumber_by_size

from . import anatomy, artefacts, beams, display, marks, ovary, placement, probe, random_scene, surroundings
from .fields import smooth_noise
from .parameters import draw_parameters


@dataclass(frozen=True)
class Phantom:
    """A simulated 3D ultrasound volume with its truth; all three images share one geometry.

    volume: uint8, exactly 0 outside the sector; ovary: uint8, 1 = the whole organ; follicles: uint16 instances 1..n, largest
    first, inside the ovary; parameters: everything that was drawn (JSON-ready).
    """

    volume: sitk.Image
    ovary: sitk.Image
    follicles: sitk.Image
    parameters: dict


def make_phantom(seed, **overrides):
    """The Phantom of `seed`, the same every time. `overrides` replace drawn parameters by name (see `draw_parameters`).

    Raises ValueError for an unknown parameter name.
    """
    p = draw_parameters(seed, **overrides)
    scanner = placement.make_probe(p)
    shapes = np.random.default_rng([int(seed), 2])
    sizes = ovary.draw_sizes(p, shapes)
    centre, axes = placement.place(p, np.random.default_rng([int(seed), 1]), scanner, sizes[0])
    field = None
    if not p["empty"]:
        field = ovary.build_ovary(p, shapes, centre, sizes, axes, *_resolution(p, scanner, centre, axes))
    rng = np.random.default_rng([int(seed), 3])
    grey, sector = (random_scene.draw_grey if p["scene"] == "random" else _scan)(p, rng, scanner, axes, field)
    marks.burn_in(p, np.random.default_rng([int(seed), 5]), grey, sector)
    organ = np.zeros(sector.shape, np.uint8)
    follicles = np.zeros(sector.shape, np.uint16)
    if field is not None:
        organ[field.window] = field.ovary < 0
        follicles[field.window] = field.labels
        organ[~sector] = 0
        voxel = float(np.prod([a[1] - a[0] for a in axes]))
        # Slivers of a follicle, left by the sector's edge, are none.
        follicles = renumber_by_size(np.where(organ > 0, follicles, 0).astype(np.uint16), np.pi / 6 * 1.3**3 / voxel)
    spacing = [float(a[1] - a[0]) for a in axes]
    volume, organ, follicles = placement.orient(p, (grey, organ, follicles), spacing)
    return Phantom(volume, organ, follicles, p)


def _resolution(p, scanner, centre, axes):
    """Of the beam at `centre`, in mm: the diameter under which a follicle drowns (at least 2), and how far tissue spills into fluid.

    Speckle power at an edge falls as the integral of the squared PSF; the edge is seen where half of the grey levels between
    tissue and fluid are left, which in decibels is well inside the fluid.
    """
    if p["scene"] == "random":
        return float(max(2.0, 3.5 * max(a[1] - a[0] for a in axes))), 0.0
    distance = scanner.to_beam(*centre)[0]
    lateral, elevation = np.array([p["lateral_fwhm"], p["elevation_fwhm"]]) * beams.beam_spread(p, distance)
    smallest = max(2.0, 0.55 * (lateral + elevation), 3.0 * max(a[1] - a[0] for a in axes))
    drop = 0.5 * min(p["tissue_grey"] * p["dynamic_range_db"] / 255, -max(p["fluid_db"], p["noise_db"]))
    sigma = (p["axial_fwhm"] + lateral + elevation) / 3 / beams.FWHM / np.sqrt(2)
    return float(smallest), float(-ndtri(10 ** (-drop / 10)) * sigma)


def _scan(p, rng, scanner, axes, field):
    """Grey values (uint8) and sector mask on the Cartesian `axes`."""
    step = np.clip([0.5 * p["axial_fwhm"], 0.45 * p["lateral_fwhm"], 0.45 * p["elevation_fwhm"]], (0.18, 0.3, 0.4), 0.9)
    axial, lateral, elevation = step
    grid = probe.beam_grid(scanner, axes, axial, lateral, elevation, most=p["beam_samples"])
    points = probe.beam_points(scanner, grid)
    power, fluid, loss = _echoes(p, rng, grid, points, axes, field)
    gain = artefacts.path_gain(p, rng, grid, fluid, loss)
    gain += artefacts.console_gain(p, rng, grid)
    if p["near_bands"]:
        gain += artefacts.near_bands(p, rng, grid)
    widths = beams.beam_widths(p, scanner, grid)
    echo = np.zeros(grid.shape, np.float32)
    for _ in range(p["compounding"]):
        field_of_echoes = beams.blur(beams.scatter(rng, power, p["scatterer_shape"]), widths, p["side_lobe"])
        echo += field_of_echoes.real**2 + field_of_echoes.imag**2
    echo /= p["compounding"]
    reference = float(np.median(echo[fluid < 0.1])) if (fluid < 0.1).any() else 1.0
    echo = beams.reverberate(echo, p["reverberation"], p["reverberation_mm"] / grid.steps()[0])
    echo *= beams.from_decibel(gain)
    depth = (grid.ranges - grid.ranges[0])[:, None, None]
    floor = np.float32(p["noise_db"]) + np.float32(p["noise_growth_db_per_mm"]) * depth
    echo += reference * beams.from_decibel(floor.astype(np.float32)) * rng.standard_exponential(grid.shape, dtype=np.float32)
    grey = display.compress(np.sqrt(echo), p["dynamic_range_db"], p["tissue_grey"], np.sqrt(reference))
    grey = display.despeckle(grey, p["despeckle"], p["despeckle_strength"])
    grey = display.sharpen(grey, p["sharpen"])
    grey = display.grey_map(display.reject(grey, p["reject_grey"]), p["gamma"], p["s_curve"], p["levels"])
    image, sector = probe.scan_convert(scanner, grid, grey, axes)
    return np.rint(image).astype(np.uint8), sector


def _echoes(p, rng, grid, points, axes, field):
    """On the beam grid: mean echo power (linear, background 1), share of fluid 0..1, extra loss (dB per mm)."""
    coarse = surroundings.coarse_axes(axes)
    organ = np.full([len(a) for a in coarse], np.float32(1e3))
    if field is not None:
        organ = probe.sample(field.ovary, field.axes, np.broadcast_arrays(*np.ix_(*coarse)), outside="nearest")
        organ[~_within(field.axes, np.ix_(*coarse))] = 1e3
    build = anatomy.build_anatomy if p["scene"] == "anatomy" else surroundings.build_surroundings
    around = build(p, rng, coarse, organ)
    tissue = probe.sample(around.tissue, coarse, points)
    decoy = probe.sample(around.fluid, coarse, points)
    loss = probe.sample(around.loss, coarse, points) if around.loss.any() else np.zeros_like(tissue)
    dark = np.clip(0.5 - decoy / 0.5, 0, 1)
    dark_power = beams.from_decibel(np.float32(rng.normal(p["fluid_db"], 4)))
    power = beams.from_decibel(tissue) * (1 - dark) + dark * dark_power
    fluid = dark
    if field is not None:
        seen = _within(field.axes, points)
        inner, inner_fluid = _organ_power(p, rng, field, [c[seen] for c in points], power[seen])
        power[seen] = inner
        fluid[seen] = np.maximum(fluid[seen], inner_fluid)
    power += _specular(p, fluid, grid)
    # clutter of the wall and the probe itself, over everything that is near
    haze = 10 ** (p["haze_db"] / 10) * np.exp(-np.maximum(grid.ranges - p["first_range"], 0) / p["haze_mm"])
    power += haze[:, None, None].astype(np.float32)
    if p["bright_spots_per_ml"] > 0:
        _bright_spots(p, rng, axes, power, fluid)
    return power, fluid, loss


def _within(axes, points):
    inside = True
    for a, c in zip(axes, points):
        inside = inside & (c >= a[0]) & (c <= a[-1])
    return inside


def _organ_power(p, rng, field, points, outside):
    """Echo power and share of fluid at the points (three 1D arrays) around the ovary; `outside` = power of the tissue there."""
    organ = probe.sample(field.ovary, field.axes, points)
    fluid = probe.sample(field.fluid, field.axes, points)
    level = probe.sample(field.level, field.axes, points, order=0)
    coarse = surroundings.coarse_axes(field.axes, step=0.7, margin=0.5)
    texture = smooth_noise(rng, [len(a) for a in coarse], p["stroma_texture_mm"] / 0.7)
    stroma = p["stroma_db"] + p["stroma_texture_db"] * probe.sample(texture, coarse, points)
    if field.luteum is not None:
        luteum = probe.sample(field.luteum, field.axes, points)
        lace = smooth_noise(rng, texture.shape, 1.2)
        inside = 1 / (1 + np.exp(np.clip(luteum / 0.3, -30, 30)))
        contents = rng.uniform(-12, -3) + rng.uniform(2, 5) * probe.sample(lace, coarse, points)
        ring = rng.uniform(0, 5) * np.exp(-((luteum + 1.5) ** 2))
        stroma = stroma + inside * (contents + ring - stroma)
    share = 1 / (1 + np.exp(np.clip(organ / np.float32(p["border_mm"]), -30, 30)))
    stroma = stroma + p["medulla_db"] * (1 - np.exp(np.minimum(organ, 0) / 5))
    # no capsule is seen all around
    seen = np.clip(0.7 + 0.8 * probe.sample(smooth_noise(rng, texture.shape, 6 / 0.7), coarse, points), 0, 1.3)
    shell = p["capsule_db"] * seen * np.exp(-((organ / np.float32(p["capsule_mm"])) ** 2))
    wall = p["wall_db"] * np.exp(-((np.maximum(fluid, 0) / np.float32(p["wall_mm"])) ** 2))
    if p["dropout"] > 0:
        lost = _dropout(p, rng, field, points, organ)
        stroma = stroma + lost * (10 * np.log10(np.maximum(outside, 1e-6)) - stroma)
        shell = shell * (1 - lost)
    around = outside * (1 - share) + share * beams.from_decibel(stroma.astype(np.float32))
    around = around * beams.from_decibel((shell + wall).astype(np.float32))
    filled = np.clip(0.5 - fluid / 0.25, 0, 1)
    return around * (1 - filled) + filled * beams.from_decibel(level), filled


def _dropout(p, rng, field, points, organ):
    """Share 0..1 of the ovary's boundary that is lost on one side, near its surface, at the points."""
    side = rng.standard_normal(3)
    side /= np.linalg.norm(side)
    half = 0.5 * min(a[-1] - a[0] for a in field.axes)
    along = sum(np.float32(n) * (c - np.float32(0.5 * (a[0] + a[-1]))) for n, c, a in zip(side, points, field.axes)) / np.float32(half)
    return np.float32(p["dropout"]) * np.clip((along - 0.1) / 0.4, 0, 1) * np.exp(np.minimum(organ, 0) / 4)


def _bright_spots(p, rng, axes, power, fluid):
    """Single strong scatterers in tissue (in place)."""
    box = np.prod([a[-1] - a[0] for a in axes]) / 1000
    spots = rng.integers(0, power.size, rng.poisson(p["bright_spots_per_ml"] * box))
    spots = spots[fluid.ravel()[spots] < 0.1]
    power.ravel()[spots] += beams.from_decibel(rng.uniform(8, 24, len(spots)).astype(np.float32))


def _specular(p, fluid, grid):
    """Mirror-like echo of walls across the beam: power from the change of fluid along the range."""
    change = np.zeros_like(fluid)
    change[1:] = np.abs(np.diff(fluid, axis=0))
    return np.float32(p["specular"]) * change**2
