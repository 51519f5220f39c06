"""What makes a result doubtful: a volume, or an ovary in it, unlike those that the model learned from.

A flag is {"key": for programs, "text": one short sentence for people}. A volume without flags is not thereby segmented well.
"""

from __future__ import annotations

import numpy as np

from .familiarity import describe, distance, familiarity_model

#: Sides of a volume and of a voxel, mm, that a transvaginal or abdominal scan of an ovary may have.
SIDE_MM = (20.0, 160.0)
VOXEL_MM = (0.05, 1.5)
#: An ovary of a girl or after the menopause has about 1 ml; one under stimulation may pass 200 ml.
OVARY_ML = (0.8, 250.0)
SECTOR_SHARE = 0.003  # a beam leaves at least this part of a box without echoes
USEFUL_LOST = 0.02  # share of the useful ovaries that may be left out so that none is drawn where there is none
RIGHT_FLAGGED = 0.08  # share of right ovaries that may be called uncertain so that wrong ones are
LEAST_EXPECTED = 0.6  # where the bundle does not say what is usual

TEXTS = {
    "spacing_not_confirmed": "Spacing not confirmed: the scanner's file does not say for certain how large a voxel is; compare a known length.",
    "header": "The file's header: {words}.",
    "stretched": "Sizes are the volume's own: the transform over the segmentation changes lengths by up to {percent:.0f} %. If it corrects the "
    "spacing, harden it on volume and segmentation in the module Transforms.",
    "no_ovary": "No ovary was found.",
    "ovary_from_box": "The model sees no ovary in the box: its outline is the ellipsoid of the box, a guide that is not measured.",
    "box_cuts_ovary": "The ovary goes on beyond the box, so it may be larger than measured; make the box larger.",
    "unlikely_follicles": "Places in the box that were too unlikely to be counted as follicles: {count}; add those that you recognise.",
    "extent": "A side of the volume is {mm:.0f} mm, which no scan of an ovary has; check its spacing.",
    "spacing": "A voxel is {mm:.3g} mm wide, which is not that of a scan of an ovary; check its spacing.",
    "unit_spacing": "The spacing is 1.0 x 1.0 x 1.0 mm, which often means that nobody knew it; check it.",
    "sector": "Every part of the volume holds echoes, so no sector is seen; it was cropped, or is no 3D ultrasound.",
    "unfamiliar": "The volume is unlike those that the model learned from ({distance:.1f} times the usual distance).",
    "ovary_size": "An ovary of {ml:.1f} ml is not plausible.",
    "uncertain": "The model is not sure of the ovary that it drew (expected Dice {dsc:.2f}).",
}
TOO_FAINT = "No ovary was found: what looks most like one is too faint (expected Dice {dsc:.2f}). If you see it, set a box round it."
NOT_DESCRIBED = "The volume is too small to be described, so whether the model learned from such ones cannot be said."
#: The same in a word or two, for a line that says several.
SHORT = {
    "spacing_not_confirmed": "spacing not confirmed",
    "extent": "implausible size of the volume",
    "spacing": "implausible spacing",
    "unit_spacing": "spacing of 1.0 mm",
    "sector": "no sector",
    "unfamiliar": "unlike the training data",
    "ovary_size": "implausible size of the ovary",
    "uncertain": "uncertain ovary",
    "box_cuts_ovary": "ovary cut by the box",
}


def flags(scale, normalised, grid, expected, found_any: bool, ovary_ml, settings: dict) -> list[dict]:
    """The flags of a volume and of the ovary found in it, worst first.

    scale, normalised: of the grey values on the model grid, see `grey_values`. grid: ModelGrid. expected: the Dice that
    `expected.select_ovary_threshold` promises. found_any: whether there is an ovary that promises
    enough (`least_drawn`). ovary_ml: its volume.
    settings: the bundle's "crend" block.
    """
    found = [] if found_any else [{"key": "no_ovary", "text": TOO_FAINT.format(dsc=expected)} if expected else flag("no_ovary")]
    found += geometry_flags(grid.image_shape, grid.image_spacing)
    familiar, known = familiarity_model(settings), False
    if familiar is not None:
        far = distance(describe(normalised, grid.spacing), familiar)
        known = far <= familiar["threshold"]
        if not known:
            found.append(flag("unfamiliar", distance=far) if np.isfinite(far) else {"key": "unfamiliar", "text": NOT_DESCRIBED})
    # Many scans are cropped to a box. What looks like those that the model learned from is none the worse for it.
    if not known and scale.echoes > (1 - SECTOR_SHARE) * scale.voxels:
        found.append(flag("sector"))
    if found_any:
        if not OVARY_ML[0] <= ovary_ml <= OVARY_ML[1]:
            found.append(flag("ovary_size", ml=ovary_ml))
        if expected < least_expected(settings):
            found.append(flag("uncertain", dsc=expected))
    return found


def geometry_flags(shape, spacing) -> list[dict]:
    """Flags of a volume's size in voxels and spacing in mm."""
    sides = [n * s for n, s in zip(shape, spacing)]
    odd_sides = [side for side in sides if not SIDE_MM[0] <= side <= SIDE_MM[1]]
    odd_voxels = [s for s in spacing if not VOXEL_MM[0] <= s <= VOXEL_MM[1]]
    unit = [flag("unit_spacing")] if all(abs(s - 1) < 1e-6 for s in spacing) else []
    return [flag("extent", mm=side) for side in odd_sides[:1]] + [flag("spacing", mm=s) for s in odd_voxels[:1]] + unit


def least_expected(settings: dict) -> float:
    """An ovary that promises a lower Dice (`expected.select_ovary_threshold`) counts as uncertain: as the bundle was calibrated, or LEAST_EXPECTED."""
    known = settings.get("familiar")
    value = known.get("least_expected_dsc", LEAST_EXPECTED) if isinstance(known, dict) else LEAST_EXPECTED
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= 1 else LEAST_EXPECTED


def least_drawn(settings: dict) -> float:
    """An ovary that promises a lower Dice is not drawn: as the bundle was calibrated, or 0."""
    known = settings.get("familiar")
    value = known.get("least_drawn_dsc", 0.0) if isinstance(known, dict) else 0.0
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= 1 else 0.0


def fit_least_drawn(expected, useful, there) -> float:
    """The expected Dice below which it is better to draw no ovary; expected: (n,) 0 to 1 of what was drawn, useful: (n,) bool, whether it helps whoever
    corrects it, there: (n,) bool, whether the volume has an ovary.

    It is the one that leaves out the most ovaries where there is none with at most one in fifty of the useful ones, half-way between two; 0 where that is none.
    """
    order = np.argsort(expected)
    values, useful, there = (np.asarray(each)[order] for each in (expected, useful, there))
    saved, lost = np.cumsum(~there.astype(bool))[:-1], np.cumsum(useful.astype(bool))[:-1]
    allowed = np.flatnonzero((lost <= USEFUL_LOST * np.count_nonzero(useful)) & (saved > 0))
    if not len(allowed):
        return 0.0
    k = max(allowed, key=lambda k: (saved[k], -lost[k], values[k + 1] - values[k]))
    return float(f"{(values[k] + values[k + 1]) / 2:.4g}")


def fit_least_expected(expected, right) -> float:
    """The expected Dice below which an ovary counts as uncertain; expected: (n,) 0 to 1, right: (n,) bool, one of them True.

    It is the one that catches the most wrong ovaries with at most one in twelve of the right ones; of several the one with the fewest of these, and of
    those the one furthest from its neighbours, half-way between them. Where that catches no wrong ones it
    is the value below which one right ovary in forty lies, if the logits are normal.
    """
    order = np.argsort(expected)
    values, right = np.clip(np.asarray(expected, float)[order], 1e-3, 1 - 1e-3), np.asarray(right, bool)[order]
    caught, spoilt = np.cumsum(~right)[:-1], np.cumsum(right)[:-1]
    allowed = np.flatnonzero((spoilt <= RIGHT_FLAGGED * np.count_nonzero(right)) & (caught > 0))
    if len(allowed):
        k = max(allowed, key=lambda k: (caught[k], -spoilt[k], values[k + 1] - values[k]))
        return float(f"{(values[k] + values[k + 1]) / 2:.4g}")
    logits = np.log(values[right] / (1 - values[right]))
    return float(f"{1 / (1 + np.exp(-(logits.mean() - 2 * logits.std()))):.4g}")


def flag(key: str, **numbers) -> dict:
    """A flag with its sentence."""
    return {"key": key, "text": TEXTS[key].format(**numbers)}


def short_words(found) -> str:
    """ "unlike the training data, uncertain ovary" of a list of flags; "" when none of them casts doubt on a result."""
    return ", ".join(SHORT[each["key"]] for each in found if each.get("key") in SHORT)
