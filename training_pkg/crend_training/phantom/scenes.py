"""Which kind of scene a volume shows, and how the parameters of `parameters` change with it.

plain: textured tissue with a few decoys, as `parameters` draws it. anatomy: the pelvis around an ovary at its true sizes, scanned by coarser
beams with stronger artefacts. random: the same shapes without physics; each tissue has grey levels and textures of any kind.
"""

import numpy as np

SCENES = ("plain", "anatomy", "random")
SHARES = (0.15, 0.35, 0.5)
EMPTY = 0.38  # of the volumes that are not plain, so that a third of all has no ovary


def draw_scene(p, scene="plain"):
    """Adds the scene's parameters to the drawn `p` (in place). scene: one of SCENES, or "mixed" for the one that the seed draws.

    ValueError for an unknown one. All draws come from a generator of their own: a plain scene's other parameters are what they are without any scene.
    """
    rng = np.random.default_rng([p["seed"], 4])
    drawn = str(rng.choice(SCENES, p=SHARES))
    p["scene"] = drawn if scene == "mixed" else scene
    if p["scene"] not in SCENES:
        raise ValueError(f"unknown scene {p['scene']!r}; known: mixed, {', '.join(SCENES)}")
    _marks(rng, p)
    _parts(rng, p)
    changed: dict = {}
    for draw in (_ovary, _beam, _artefacts, _display):
        draw(rng, changed, p)
    if p["scene"] == "plain":
        return
    p.update(changed)
    if p["scene"] == "random":
        # without physics there is no detail that a fine grid could hold; and only follicles tell an ovary from a patch of tissue
        p["max_voxels"] = 1_200_000
        p["look"] = "resting" if p["look"] == "sparse" else p["look"]
    if p["scene"] == "anatomy":
        p["max_voxels"] = 3_500_000


def _between(rng, low, high):
    return float(rng.uniform(low, high))


def _log_between(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _chance(rng, share):
    return bool(rng.random() < share)


def _marks(rng, p):
    """Burned-in callipers and letters, in a few volumes; near-field bands; boundaries that vanish on one side."""
    anything = p["scene"] != "plain"
    p["marks"] = int(rng.integers(1, 5)) if _chance(rng, 0.06) and anything else 0
    bands = int(rng.integers(2, 6)) if _chance(rng, 0.7) else 0
    p["near_bands"] = bands if anything else 0
    dropout = _between(rng, 0.4, 1.0) if _chance(rng, 0.35) else 0.0
    p["dropout"] = dropout if anything else 0.0
    rim = _chance(rng, 0.5)
    p["rim_follicles"] = rim and anything
    blood = _chance(rng, 0.1)
    p["haemorrhagic"] = blood and anything


def _parts(rng, p):
    """What lies in the pelvis; kinds and sizes of `anatomy`."""
    p["parts"] = {
        "uterus": int(_chance(rng, 0.55)),
        "bladder": int(_chance(rng, 0.25)),
        "iliac": int(rng.integers(1, 3)) if _chance(rng, 0.6) else 0,
        "veins": int(rng.integers(1, 9)) if _chance(rng, 0.45) else 0,
        "bowel": int(rng.integers(1, 5)) if _chance(rng, 0.6) else 0,
        "bone": int(_chance(rng, 0.25)),
        "cyst": int(rng.integers(1, 4)) if _chance(rng, 0.3) else 0,
        "pool": int(_chance(rng, 0.25)),
        "lens": int(rng.integers(1, 4)) if _chance(rng, 0.5) else 0,
        "sheets": int(rng.integers(1, 4)),
    }


def _ovary(rng, c, p):
    c["empty"] = _chance(rng, EMPTY)
    c["look"] = str(rng.choice(("sparse", "resting", "dominant", "polycystic", "stimulated"), p=(0.16, 0.38, 0.17, 0.14, 0.15)))
    c["ovary_length"] = _between(rng, 18, 44)
    c["ovary_ratios"] = [_between(rng, 0.42, 0.8), _between(rng, 0.36, 0.66)]
    c["stroma_db"] = float(np.clip(rng.normal(-7.0, 3.5), -15, 3))
    c["medulla_db"] = _between(rng, 1, 7) if _chance(rng, 0.55) else 0.0
    c["hazy_share"] = _between(rng, 0.1, 0.8) if _chance(rng, 0.4) else 0.0
    c["hazy_db"] = c["stroma_db"] - _between(rng, 6, 14)
    c["fluid_db"] = _between(rng, -50, -22)
    c["wall_db"] = _between(rng, -3, 6)
    c["corpus_luteum"] = _chance(rng, 0.2)


def _beam(rng, c, p):
    c["axial_fwhm"] = _log_between(rng, 0.24, 0.6)
    c["lateral_fwhm"] = _log_between(rng, 0.8, 2.0)
    c["elevation_fwhm"] = _log_between(rng, 0.9, 2.2)
    c["side_lobe"] = _log_between(rng, 0.004, 0.1)
    c["compounding"] = int(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.1]))
    c["beam_samples"] = 1_800_000


def _artefacts(rng, c, p):
    c["gain_slope_db"] = float(np.clip(rng.normal(-4, 5), -14, 8))
    c["gain_ripple_db"] = _between(rng, 0, 4)
    c["lateral_gain_db"] = _between(rng, 0, 5)
    c["gas_shadows"] = int(rng.integers(1, 5)) if _chance(rng, 0.35) else 0
    c["contact_loss"] = _chance(rng, 0.2)
    c["edge_shadow_db"] = _between(rng, 2, 12) if _chance(rng, 0.8) else 0.0
    c["enhancement_db_per_mm"] = _between(rng, 0.2, 1.0)
    c["reverberation"] = _log_between(rng, 0.001, 0.12)
    c["reverberation_mm"] = _between(rng, 1, 6)
    c["haze_db"] = _between(rng, -24, -6) if _chance(rng, 0.6) else -80.0
    c["noise_db"] = _between(rng, -48, -22)
    c["noise_growth_db_per_mm"] = _between(rng, 0.0, 0.4)


def _display(rng, c, p):
    c["dynamic_range_db"] = _between(rng, 42, 66)
    c["tissue_grey"] = _between(rng, 55, 130)
    c["reject_grey"] = _between(rng, 5, 40) if _chance(rng, 0.5) else 0.0
    c["despeckle"] = str(rng.choice(("none", "smooth", "lee", "median"), p=(0.5, 0.14, 0.26, 0.1)))
    c["despeckle_strength"] = _between(rng, 0.25, 0.8)
