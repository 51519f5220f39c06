"""Every drawn parameter of one simulated volume, in one flat dictionary.

Millimetres, degrees, decibels. All parameters are drawn, in a fixed order, before anything is built: an override replaces one
value and leaves the others as they were.
"""

import numpy as np

from .scenes import draw_scene

LOOKS = ("sparse", "resting", "dominant", "polycystic", "stimulated")
DESPECKLE = ("none", "smooth", "lee", "median")


def draw_parameters(seed, **overrides):
    """Return the parameter dictionary of `seed` (JSON-ready values), with `overrides` put in.

    scene: "plain" (the default), "anatomy", "random", or "mixed" for the one that the seed draws (`scenes`).

    Raises ValueError for an override that names no parameter.
    """
    rng = np.random.default_rng([int(seed), 0])
    p = {"seed": int(seed)}
    for draw in (_scene, _field_of_view, _probe, _ovary, _surroundings, _artefacts, _display):
        draw(rng, p)
    draw_scene(p, overrides.pop("scene", "plain"))
    unknown = set(overrides) - set(p)
    if unknown:
        raise ValueError(f"unknown phantom parameter {', '.join(sorted(unknown))}; known: {', '.join(p)}")
    p.update((name, value) for name, value in overrides.items() if value is not None)
    return p


def _uniform(rng, low, high, size=None):
    value = rng.uniform(low, high, size)
    return float(value) if size is None else [float(v) for v in value]


def _log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _chance(rng, probability):
    return bool(rng.random() < probability)


def _choice(rng, names, weights):
    return str(rng.choice(names, p=np.asarray(weights) / np.sum(weights)))


def _scene(rng, p):
    p["empty"] = _chance(rng, 0.03)
    p["look"] = _choice(rng, LOOKS, (0.10, 0.26, 0.20, 0.18, 0.26))
    p["tight"] = _chance(rng, 0.55)
    p["cut"] = _chance(rng, 0.12)


def _field_of_view(rng, p):
    """Box of the volume (depth, elevation, lateral) and its grid; `max_voxels` coarsens the spacing where needed."""
    p["tight_extent"] = [_uniform(rng, 38, 66), _uniform(rng, 34, 54), _uniform(rng, 38, 66)]
    p["full_extent"] = [_uniform(rng, 55, 100), _uniform(rng, 50, 90), _uniform(rng, 60, 95)]
    p["spacing"] = float(np.clip(0.2 * np.exp(rng.exponential(0.42)), 0.2, 0.6))
    anisotropic = _chance(rng, 0.35)
    factors = np.exp(rng.uniform(-0.35, 0.35, 3)) if anisotropic else np.ones(3)
    p["spacing_factors"] = [float(f) for f in factors]
    p["max_voxels"] = 9_000_000
    p["axes"] = [int(a) for a in rng.permutation(3)] if _chance(rng, 0.6) else [0, 1, 2]
    p["flips"] = [_chance(rng, 0.3) for _ in range(3)]
    p["direction"] = _choice(rng, ("identity", "flipped", "oblique"), (0.55, 0.2, 0.25))
    p["oblique_degrees"] = _uniform(rng, -60, 60, 3)
    p["flipped_axis"] = int(rng.integers(3))
    p["origin"] = _uniform(rng, -150, 150, 3) if _chance(rng, 0.6) else [0.0, 0.0, 0.0]


def _probe(rng, p):
    endovaginal = _chance(rng, 0.85)
    p["array_radius"] = _uniform(rng, 8, 16) if endovaginal else _uniform(rng, 30, 60)
    p["sweep_radius"] = _uniform(rng, 0, 14) if endovaginal else _uniform(rng, 15, 45)
    p["half_lateral_degrees"] = _uniform(rng, 42, 78) if endovaginal else _uniform(rng, 28, 42)
    p["half_sweep_degrees"] = _uniform(rng, 24, 62) if endovaginal else _uniform(rng, 18, 40)
    p["first_range"] = _uniform(rng, 0, 4)
    p["last_range"] = _uniform(rng, 48, 95)
    p["axial_fwhm"] = _log_uniform(rng, 0.22, 0.65)
    p["lateral_fwhm"] = _log_uniform(rng, 0.35, 1.1)
    p["elevation_fwhm"] = _log_uniform(rng, 0.45, 1.5)
    p["focus"] = _uniform(rng, 15, 50)
    p["focal_zone"] = _uniform(rng, 12, 45)
    p["side_lobe"] = _log_uniform(rng, 0.003, 0.06)
    p["beam_samples"] = 4_500_000
    p["compounding"] = int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25]))
    p["scatterer_shape"] = _log_uniform(rng, 0.05, 2.0) if _chance(rng, 0.45) else 0.0


def _ovary(rng, p):
    p["ovary_length"] = _uniform(rng, 20, 50)
    p["ovary_ratios"] = [_uniform(rng, 0.55, 0.95), _uniform(rng, 0.5, 0.9)]
    p["ovary_roughness"] = _uniform(rng, 0.0, 0.13)
    p["stroma_db"] = float(np.clip(rng.normal(-0.5, 4.5), -9, 9))
    p["stroma_texture_db"] = _uniform(rng, 0.3, 3.0)
    p["stroma_texture_mm"] = _uniform(rng, 0.8, 4.0)
    capsule = _chance(rng, 0.6)
    p["capsule_db"] = _uniform(rng, 2, 8) if capsule else 0.0
    if abs(p["stroma_db"]) < 2 and not capsule:
        p["capsule_db"] = _uniform(rng, 3, 7)
    p["medulla_db"] = _uniform(rng, -1, 7) if _chance(rng, 0.4) else 0.0
    p["bright_spots_per_ml"] = _log_uniform(rng, 0.1, 6) if _chance(rng, 0.4) else 0.0
    p["capsule_mm"] = _uniform(rng, 0.2, 0.6)
    p["border_mm"] = _log_uniform(rng, 0.15, 1.2)
    p["follicle_roughness"] = _uniform(rng, 0.0, 0.09)
    p["follicle_elongation"] = _uniform(rng, 0.0, 0.35)
    p["fill"] = _uniform(rng, 0.35, 0.62)
    p["packed"] = _chance(rng, 0.6)
    p["overlap"] = _uniform(rng, -0.05, 0.2)
    p["septum_mm"] = _log_uniform(rng, 0.15, 1.0)
    p["bulge"] = _uniform(rng, 0.0, 0.5)
    p["fluid_db"] = _uniform(rng, -60, -26)
    p["hazy_share"] = _uniform(rng, 0.1, 0.7) if _chance(rng, 0.22) else 0.0
    p["hazy_db"] = _uniform(rng, -24, -13)
    p["wall_db"] = _uniform(rng, 0, 5)
    p["wall_mm"] = _uniform(rng, 0.2, 0.6)
    p["specular"] = _log_uniform(rng, 0.05, 10)
    p["corpus_luteum"] = _chance(rng, 0.08)


def _surroundings(rng, p):
    p["coarse_db"] = _uniform(rng, 0.5, 5)
    p["coarse_mm"] = _uniform(rng, 6, 22)
    p["fine_db"] = _uniform(rng, 0.3, 4)
    p["fine_mm"] = _uniform(rng, 0.9, 3.0)
    p["layers_db"] = _uniform(rng, 0, 7) if _chance(rng, 0.6) else 0.0
    p["layers_mm"] = _uniform(rng, 1.5, 6)
    p["strands_db"] = _uniform(rng, 3, 14) if _chance(rng, 0.6) else 0.0
    p["strands_mm"] = _uniform(rng, 4, 11)
    p["vessels"] = int(rng.integers(0, 9)) if _chance(rng, 0.75) else 0
    p["fluid_pockets"] = int(rng.integers(1, 6)) if _chance(rng, 0.5) else 0
    p["bladder"] = _chance(rng, 0.15)
    p["free_fluid"] = _chance(rng, 0.15)
    p["bowel"] = int(rng.integers(1, 4)) if _chance(rng, 0.4) else 0
    p["uterus"] = _chance(rng, 0.3)
    p["near_field_db"] = _uniform(rng, 0, 12)


def _artefacts(rng, p):
    p["enhancement_db_per_mm"] = _uniform(rng, 0.1, 0.8)
    p["enhancement_most_db"] = _uniform(rng, 5, 16)
    p["edge_shadow_db"] = _uniform(rng, 0, 9) if _chance(rng, 0.7) else 0.0
    p["gas_shadows"] = int(rng.integers(1, 5)) if _chance(rng, 0.25) else 0
    p["contact_loss"] = _chance(rng, 0.2)
    p["gain_slope_db"] = float(np.clip(rng.normal(0, 5), -12, 12))
    p["gain_ripple_db"] = _uniform(rng, 0, 3)
    p["lateral_gain_db"] = _uniform(rng, 0, 4)
    p["reverberation"] = _log_uniform(rng, 0.0003, 0.06)
    p["reverberation_mm"] = _uniform(rng, 0.8, 4)
    p["haze_db"] = _uniform(rng, -26, -6) if _chance(rng, 0.5) else -80.0
    p["haze_mm"] = _uniform(rng, 4, 14)
    p["noise_db"] = _uniform(rng, -55, -26)
    p["noise_growth_db_per_mm"] = _uniform(rng, 0, 0.25)


def _display(rng, p):
    p["dynamic_range_db"] = _uniform(rng, 42, 80)
    p["tissue_grey"] = _uniform(rng, 60, 150)
    p["reject_grey"] = _uniform(rng, 5, 50) if _chance(rng, 0.6) else 0.0
    p["despeckle"] = _choice(rng, DESPECKLE, (0.2, 0.25, 0.45, 0.1))
    p["despeckle_strength"] = _uniform(rng, 0.4, 1.0)
    p["sharpen"] = _uniform(rng, 0.2, 1.2) if _chance(rng, 0.25) else 0.0
    p["gamma"] = _log_uniform(rng, 0.7, 1.45)
    p["s_curve"] = _uniform(rng, 0, 0.8) if _chance(rng, 0.4) else 0.0
    p["levels"] = int(rng.choice([16, 32, 64, 128, 256], p=[0.03, 0.07, 0.15, 0.15, 0.6]))
