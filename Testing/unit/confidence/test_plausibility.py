"""Flags of volumes and ovaries that are unlike what the model learned from."""

import numpy as np
import pytest
from shapes import ball

from crend.confidence.familiarity import FEATURES, describe, distance, familiarity_model, fit
from crend.confidence.plausibility import (
    fit_least_drawn,
    fit_least_expected,
    flags,
    geometry_flags,
    least_drawn,
    least_expected,
    short_words,
)
from crend.errors import InputError
from crend.inference.grey_values import Scale
from crend.inference.model_grid import ModelGrid

SPACING = (0.6, 0.6, 0.6)


def speckle(seed, grain=1.5, shape=(40, 44, 48), sector=0.15):
    """Normalised speckle in a box whose first part along x holds no echoes."""
    from scipy import ndimage

    generator = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(generator.normal(size=shape), grain * generator.uniform(0.8, 1.2))
    values = values / values.std() + generator.normal(0, 0.1)
    values = np.clip(values, -2.5, 5).astype(np.float32)
    values[:, :, : int(sector * shape[2])] = -3
    return values


@pytest.fixture(scope="module")
def familiar():
    return fit([describe(speckle(seed), SPACING) for seed in range(50)])


def keys(found):
    return [flag["key"] for flag in found]


def test_a_description_knows_the_axes_by_their_edges_and_not_by_their_order():
    values = np.cumsum(speckle(0), axis=1)
    values = (values - values.mean()) / values.std()
    there = describe(values, SPACING)
    assert describe(values.transpose(2, 0, 1), SPACING) == pytest.approx(there, rel=1e-3, abs=0.05)


def test_a_description_by_hand_of_a_ramp():
    """From -1 to 1 along x over 64 voxels of 1 mm: steps of 2/63, no grain along the other axes."""
    values = np.broadcast_to(np.linspace(-1, 1, 64, dtype=np.float32), (32, 48, 64))
    found = dict(zip(FEATURES, describe(values, (1, 1, 1))))
    assert found["edges most"] == pytest.approx(np.log(2 / 63), rel=1e-3) and found["edges least"] == pytest.approx(np.log(1e-3))
    assert found["grey 0.5"] == pytest.approx(0, abs=0.05) and found["floor"] == -1
    assert (found["extent least"], found["extent most"]) == pytest.approx((np.log(32), np.log(64)))
    assert found["grain"] == pytest.approx(2 / 63 * np.std([0, 1, 2]), rel=1e-3)


@pytest.mark.slow
def test_of_familiar_volumes_few_are_called_unlike_and_of_others_all(familiar):
    fresh = [distance(describe(speckle(seed), SPACING), familiar) > familiar["threshold"] for seed in range(100, 140)]
    assert np.mean(fresh) <= 0.075
    assert all(distance(describe(speckle(seed, grain=4), SPACING), familiar) > familiar["threshold"] for seed in range(5))
    assert distance(describe(speckle(0, shape=(120, 44, 48)), SPACING), familiar) > familiar["threshold"]


@pytest.mark.slow
def test_scores_are_linear_between_knots_and_count_deviations_beyond(familiar):
    from crend.confidence.familiarity import _scores

    known = {"knots": [[[0.0, 1.0, 3.0], [-1.0, 0.0, 2.0]]] * 3, "scale": [0.5] * 3}
    assert _scores([0.5, 4.0, -1.0], known) == pytest.approx([-0.5, 2 + 1 / 0.5, -1 - 1 / 0.5])


def test_a_volume_that_cannot_be_described_is_infinitely_far(familiar):
    assert distance(describe(np.zeros((20, 20, 20), np.float32), SPACING), familiar) == float("inf")


@pytest.mark.parametrize(
    "damage", [{"scale": [0.0]}, {"threshold": None}, {"features": []}, {"precision": "x"}, {"knots": [[[1, 1], [0, 1]]] * len(FEATURES)}]
)
def test_a_damaged_description_of_what_is_familiar_is_refused_in_one_line(familiar, damage):
    assert familiarity_model({}) is None and familiarity_model({"familiar": familiar}) == familiar
    with pytest.raises(InputError, match="calibrate the bundle again"):
        familiarity_model({"familiar": {**familiar, **damage}})


def test_geometry_is_flagged_beyond_what_a_scan_of_an_ovary_has():
    assert geometry_flags((100, 120, 140), (0.5, 0.5, 0.5)) == []
    assert keys(geometry_flags((200, 200, 250), (1.0, 1.0, 1.0))) == ["extent", "unit_spacing"]
    assert keys(geometry_flags((30, 30, 30), (2.0, 2.0, 2.0))) == ["spacing"]
    assert "check its spacing" in geometry_flags((100, 100, 100), (0.01, 0.01, 0.01))[0]["text"]


def scale_of(values):
    return Scale.of([values], {"method": "zscore_nonzero"})


def look(expected, organ, values=None, ml=6.0, settings=None):
    shape = organ.shape
    grid = ModelGrid(shape, (0.9,) * 3, shape, (0.9,) * 3, (0,) * 3, (1, 0, 0, 0, 1, 0, 0, 0, 1))
    if values is None:
        values = np.ones(shape, np.float32)
        values[:3] = 0
    return keys(flags(scale_of(values), values, grid, expected, organ.any(), ml, settings or {}))


def test_no_ovary_an_implausible_one_and_an_uncertain_one_are_flagged():
    organ = ball(8)
    sure = 0.9
    assert look(sure, organ) == []
    assert look(0.0, np.zeros_like(organ)) == ["no_ovary"]
    assert look(sure, organ, ml=0.4) == ["ovary_size"] and look(sure, organ, ml=400) == ["ovary_size"]
    assert look(0.5, organ) == ["uncertain"]
    assert look(sure, organ, np.ones(organ.shape, np.float32)) == ["sector"]
    assert look(sure, organ, settings={"familiar": None}) == []


def test_a_cropped_volume_that_looks_familiar_bears_no_flag(familiar):
    values = speckle(1)
    grid = ModelGrid(values.shape, SPACING, values.shape, SPACING, (0,) * 3, (1, 0, 0, 0, 1, 0, 0, 0, 1))
    everywhere = scale_of(np.abs(values) + 3)
    assert keys(flags(everywhere, values, grid, 1.0, True, 5.0, {"familiar": familiar})) == []
    assert keys(flags(everywhere, values, grid, 1.0, True, 5.0, {})) == ["sector"]


def test_an_unfamiliar_volume_is_flagged_with_its_distance(familiar):
    values = speckle(1, grain=4)
    grid = ModelGrid(values.shape, SPACING, values.shape, SPACING, (0,) * 3, (1, 0, 0, 0, 1, 0, 0, 0, 1))
    found = flags(scale_of(values + 3), values, grid, 1.0, True, 5.0, {"familiar": familiar})
    assert keys(found) == ["unfamiliar"] and "times the usual distance" in found[0]["text"]
    assert short_words([{"key": "no_ovary", "text": ""}, *found]) == "unlike the training data"


def test_a_volume_that_cannot_be_described_is_flagged_without_a_number(familiar):
    values = np.ones((6, 6, 6), np.float32)
    grid = ModelGrid(values.shape, SPACING, values.shape, SPACING, (0,) * 3, (1, 0, 0, 0, 1, 0, 0, 0, 1))
    found = flags(scale_of(values), values, grid, 0.0, False, 0.0, {"familiar": familiar})
    text = next(each["text"] for each in found if each["key"] == "unfamiliar")
    assert "too small to be described" in text and "inf" not in text


def test_the_least_expected_dice_lies_below_nearly_all_it_was_fitted_on():
    known = np.random.default_rng(0).beta(12, 2, 400)
    least = fit_least_expected(known, np.ones(400, bool))
    assert 0 < (known < least).mean() < 0.06
    assert least_expected({"familiar": {"least_expected_dsc": least}}) == least and least_expected({}) == 0.6


def test_the_least_expected_dice_tells_right_ovaries_from_wrong_ones():
    assert fit_least_expected([0.9, 0.5, 0.8, 0.6], [True, False, True, False]) == 0.7
    # Of three right ones none may be called uncertain, of forty three.
    promised, right = [0.5, 0.62, 0.68, 0.72, 0.9, 0.95], [False, True, False, False, True, True]
    assert fit_least_expected(promised, right) == 0.56
    assert fit_least_expected([*promised, *[0.97] * 37], [*right, *[True] * 37]) == 0.81
    four_below = [0.58, 0.6, 0.62, 0.64, *[0.97] * 36]
    alone = fit_least_expected(four_below, [True] * 40)
    assert fit_least_expected([*four_below, 0.66], [*[True] * 40, False]) == alone, "it would take four"


def test_a_wrong_ovary_that_promises_much_moves_no_limit():
    right = [0.88, 0.9, 0.92, 0.94]
    alone = fit_least_expected(right, [True] * 4)
    assert alone < 0.88 and fit_least_expected([*right, 0.96], [True] * 4 + [False]) == alone


def test_of_the_useful_ovaries_one_in_fifty_may_be_left_out_so_that_none_is_drawn_where_there_is_none():
    expected, useful, there = [0.3, 0.4, 0.5, *[0.9] * 49], [False, True, False, *[True] * 49], [False, True, False, *[True] * 49]
    assert fit_least_drawn(expected, useful, there) == 0.7
    assert fit_least_drawn(expected[:4], useful[:4], there[:4]) == 0.35, "of two none"
    assert fit_least_drawn([0.4, 0.9], [True, False], [True, False]) == 0.0
    assert least_drawn({"familiar": {"least_drawn_dsc": 0.35}}) == 0.35 and least_drawn({}) == least_drawn({"familiar": None}) == 0.0
