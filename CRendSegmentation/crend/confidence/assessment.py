"""How far a result can be trusted: a confidence for every follicle, flags for the volume."""

from __future__ import annotations

from dataclasses import replace

from ..inference.grey_values import Normalised
from ..inference.model_grid import labels_on_model_grid
from .follicle_confidence import FEATURES, calibration_of, confidence, follicle_features
from .plausibility import flags

#: Most that a follicle's confidence may be in a volume unlike those that the calibration knows: there it does not hold.
MOST_IN_UNFAMILIAR = 0.5
#: Follicles in a box count whatever the ovary there looks like; what speaks for one by itself must then make it at least this likely, by the bundle's
#: calibration. A bundle without one has no such measure, and drops none.
LEAST_IN_BOX = 0.5


def assess(values, scale, part, count: int, expected, follicles, measurements, settings: dict, by_themselves=False):
    """(measurements with a confidence in every follicle, flags of the volume, ids of follicles that are too unlikely to be counted).

    values, scale: GreyValues of the volume on the model grid and their Scale. part: None without an ovary, else (region, probabilities): three slices of
    the model grid around all that was found, and (2, d, h, w) in them, as `ovary.without_foreign` leaves them. count: of ovaries. expected: Dice of the
    ovary, as `expected.select_ovary_threshold` promises it. follicles: SimpleITK image, k = follicle k, and its measurements. settings: the
    bundle's "crend" block. by_themselves: somebody says that they lie in an ovary, so that a low probability of ovary does not speak
    against them; then those below LEAST_IN_BOX are unlikely, else none is.
    """
    ovary_ml = measurements.ovary.volume_ml if measurements.ovary else 0.0
    doubts = flags(scale, Normalised(values, scale), values.grid, expected, count > 0, ovary_ml, settings)
    most = MOST_IN_UNFAMILIAR if any(doubt["key"] == "unfamiliar" for doubt in doubts) else 1.0
    calibration = calibration_of(settings)
    found = {} if part is None else features_of(values, scale, part, follicles, measurements)
    if by_themselves and calibration is not None:
        place = FEATURES.index("ovary")
        for features in found.values():
            features[place] = max(features[place], calibration["mean"][place])
    chances = {label: confidence(features, calibration) for label, features in found.items()}
    known = {label: min(chance, most) for label, chance in chances.items()}
    measured = replace(measurements, follicles=tuple(replace(f, confidence=known.get(f.id)) for f in measurements.follicles))
    judged = by_themselves and calibration is not None
    return measured, doubts, frozenset(label for label, chance in chances.items() if judged and chance < LEAST_IN_BOX)


def features_of(values, scale, part, follicles, measurements) -> dict:
    """{follicle's id: confidence.FEATURES} of all follicles that were measured; arguments as of `assess`."""
    import SimpleITK as sitk

    if not measurements.follicles:
        return {}
    region, probabilities = part
    sizes = {f.id: f.dv_mm for f in measurements.follicles}
    cut = {f.id: f.touches_border for f in measurements.follicles}
    labels = labels_on_model_grid(sitk.GetArrayViewFromImage(follicles), values.grid, sizes, region)
    return follicle_features(values[region], scale.deviation if scale.echoes else 1.0, probabilities, labels, sizes, cut)
