"""What is drawn for one trial volume, in one flat dictionary. Millimetres, decibels, decibels per centimetre."""

import numpy as np

from .clutter import SCENES, crowd

PROBES = ("linear", "tilted", "phased", "pyramid")
LOOKS = ("quiet", "polycystic", "dominant", "stimulated")
CURVES = ("logistic", "power", "toe")
SMOOTHING = ("none", "diffusion", "sigma", "opening")


def draw_settings(seed, **changes):
    """JSON-ready settings of `seed`, with `changes` put in; ValueError for a name that is none.

    scene: "plain", an ovary in plain tissue, or "crowded" (`clutter`).
    """
    rng = np.random.default_rng([20240, int(seed)])

    def between(low, high):
        return float(rng.uniform(low, high))

    def chance(share):
        return bool(rng.random() < share)

    def one_of(names, weights):
        return str(rng.choice(names, p=weights))

    s: dict = {"seed": int(seed)}
    # the scan
    s["probe"] = one_of(PROBES, (0.25, 0.3, 0.25, 0.2))
    s["whole_field"] = chance(0.4)
    s["voxel_mm"] = between(0.25, 0.55)
    s["slice_factor"] = between(1.3, 2.6) if chance(0.4) else 1.0
    s["axis_order"] = [int(a) for a in rng.permutation(3)]
    s["mirrored"] = [chance(0.5) for _ in range(3)]
    s["turned_degrees"] = between(-40, 40) if chance(0.3) else 0.0
    s["ovary_from_probe_mm"] = between(4, 32)
    s["margins_mm"] = [between(3, 22) for _ in range(6)]
    s["samples"] = 2_500_000
    # the anatomy
    s["look"] = one_of(LOOKS, (0.27, 0.23, 0.25, 0.25))
    s["fill"] = between(0.15, 0.45)
    s["squeeze"] = between(-0.06, 0.14)
    s["septum_mm"] = between(0.15, 0.8)
    s["cortex_mm"] = between(0.6, 1.6)
    s["boxiness"] = between(1.8, 3.0)
    s["lumpiness"] = between(0.0, 0.07)
    s["uterus"] = chance(0.4)
    s["vessels"] = int(rng.integers(0, 3))
    s["bladder"] = chance(0.2)
    s["bowel"] = int(rng.integers(0, 3))
    s["free_fluid"] = chance(0.15)
    # what tissue does to sound
    s["stroma_db"] = between(-6, 5)
    s["fat_db"] = between(3.5, 9) * (1 if chance(0.65) else -1)  # of the surroundings against the stroma
    s["lobules_mm"] = between(3, 9)
    s["lobules_db"] = between(3, 9)
    s["texture_db"] = between(0.5, 3)
    s["rim_db"] = between(0, 6)
    s["fluid_db"] = between(-48, -22)
    s["cloudy"] = between(0.1, 0.5) if chance(0.2) else 0.0
    s["attenuation"] = between(2, 6)
    s["interface"] = between(0.05, 0.6)
    # the beam
    s["pulse_mm"] = between(0.28, 0.6)
    s["lateral_mm"] = between(0.45, 1.0)
    s["elevation_mm"] = between(0.6, 1.4)
    s["focus_mm"] = between(18, 45)
    s["apodisation"] = between(0.2, 1.0)
    s["scatterers"] = between(0.15, 1.2)
    s["coherent"] = between(0.2, 1.0) if chance(0.3) else 0.0
    s["frames"] = int(rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2]))
    s["multiple_echoes"] = between(0.0, 0.05)
    s["noise_db"] = between(-46, -28)
    s["noise_slope"] = between(0, 2.5)
    s["gain_error"] = between(-2.5, 2.5)
    # the console
    s["range_db"] = between(45, 75)
    s["tissue_share"] = between(0.35, 0.6)
    s["curve"] = one_of(CURVES, (0.4, 0.35, 0.25))
    s["curvature"] = between(0.2, 1.0)
    s["smoothing"] = one_of(SMOOTHING, (0.3, 0.35, 0.25, 0.1))
    s["edges"] = between(0.3, 1.0) if chance(0.3) else 0.0
    s["outside_grey"] = int(rng.integers(1, 4)) if chance(0.15) else 0
    s["scene"] = changes.get("scene", "plain")
    if s["scene"] not in SCENES:
        raise ValueError(f"unknown trial scene {s['scene']!r}; known: {', '.join(SCENES)}")
    if s["scene"] == "crowded":
        crowd(s, np.random.default_rng([20242, int(seed)]))
    unknown = set(changes) - set(s)
    if unknown:
        raise ValueError(f"unknown trial setting {', '.join(sorted(unknown))}; known: {', '.join(s)}")
    return {**s, **changes}
