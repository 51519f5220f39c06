"""A follicle's confidence: what is measured of it, how it is calibrated, and what becomes of a damaged calibration."""

import numpy as np
import pytest
from shapes import ball

from crend.confidence.follicle_confidence import FEATURES, calibration_of, confidence, fit, follicle_features
from crend.errors import InputError


def logit(p):
    return np.log(p / (1 - p))


def test_features_are_those_of_the_follicle_its_rim_and_its_shell():
    mask = ball(5)
    rim = mask & ~ball(4)
    values = np.where(mask, 10.0, 110.0).astype(np.float32)
    follicle = np.where(mask, 0.9, 0.2)
    labels = mask.astype(np.uint16)
    found = follicle_features(
        values, values[values > 0].std(), np.stack([np.full(mask.shape, 0.8), follicle]), labels, {1: 10.0}, {1: True}
    )[1]
    named = dict(zip(FEATURES, found))
    assert named["inside"] == pytest.approx(logit(0.9)) and named["boundary"] == pytest.approx(logit(0.9))
    assert named["outside"] == pytest.approx(logit(0.2)) and named["ovary"] == pytest.approx(logit(0.8))
    assert named["echo"] == pytest.approx(100 / values.std(), rel=1e-5)
    assert named["size"] == pytest.approx(np.log(10)) and named["cut"] == 1
    assert rim.any()


def test_the_shell_leaves_out_other_follicles():
    labels = ball(4, (15, 15, 10)).astype(np.uint16)
    labels[ball(4, (15, 15, 19))] = 2
    follicle = np.where(labels > 0, 0.95, 0.1)
    found = follicle_features(np.ones(labels.shape), 1.0, np.stack([follicle, follicle]), labels, {1: 4.0, 2: 4.0}, {1: False, 2: False})
    assert all(dict(zip(FEATURES, f))["outside"] == pytest.approx(logit(0.1)) for f in found.values())


def test_a_sure_follicle_stays_within_numbers():
    labels = ball(5).astype(np.uint16)
    found = follicle_features(np.zeros(labels.shape), 1.0, np.stack([labels, labels]).astype(float), labels, {1: 5.0}, {1: False})[1]
    assert np.isfinite(found).all() and confidence(found, None) == pytest.approx(0.995)


def follicles(count=400, seed=0):
    """Features of which only `inside` and `size` matter, and outcomes drawn with the chance that they give."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, len(FEATURES)))
    chance = 1 / (1 + np.exp(-(1.0 + 1.5 * features[:, 0] + 0.8 * features[:, 5])))
    return features, generator.random(count) < chance, chance


def test_the_fit_finds_the_chance_that_follicles_were_drawn_with():
    features, matched, chance = follicles(4000)
    calibration = fit(features, matched)
    found = np.array([confidence(f, calibration) for f in features])
    assert np.abs(found - chance).mean() < 0.02
    assert found.mean() == pytest.approx(matched.mean(), abs=0.01)


def test_a_model_that_was_never_wrong_is_still_not_sure_of_everything():
    features, _, _ = follicles(60)
    calibration = fit(features, np.ones(60, bool))
    found = [confidence(f, calibration) for f in features]
    assert min(found) > 0.9 and max(found) < 0.999


def test_a_feature_that_never_varies_does_no_harm():
    features, matched, _ = follicles()
    features[:, 6] = 0
    calibration = fit(features, matched)
    assert all(np.isfinite(calibration["weights"])) and 0 < confidence(features[0], calibration) < 1


def test_without_a_calibration_it_is_the_mean_probability_inside():
    features = np.zeros(len(FEATURES))
    features[0] = logit(0.7)
    assert calibration_of({}) is None
    assert confidence(features, None) == pytest.approx(0.7)


@pytest.mark.parametrize(
    "damage", [{"weights": [1.0]}, {"scale": [0.0] * 7}, {"bias": None}, {"features": ["inside"]}, {"mean": [float("nan")] * 7}]
)
def test_a_damaged_calibration_is_refused_in_one_line(damage):
    features, matched, _ = follicles()
    good = fit(features, matched)
    assert calibration_of({"confidence": good}) == good
    with pytest.raises(InputError, match="calibrate the bundle again"):
        calibration_of({"confidence": {**good, **damage}})
