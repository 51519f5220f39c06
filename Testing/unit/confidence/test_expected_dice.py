"""What overlap a prediction promises, and where an ovary is cut that is too faint for the usual threshold."""

import numpy as np
import pytest

from crend.confidence.expected_dice import LEAST, expected_dice, select_ovary_threshold
from crend.structures.ovary import clean_up_masks

SHAPE = (24, 24, 24)
SPACING = (1.2, 1.2, 1.2)
BUNDLE = {"ovary": 0.5, "ovary_lowest": 0.1, "follicles": 0.4}


def probability(inside, around=0.0):
    """`inside` in a cube of 10 voxels a side (1.7 ml), `around` in a shell of two voxels about it."""
    values = np.zeros(SHAPE, np.float32)
    values[5:19, 5:19, 5:19] = around
    values[7:17, 7:17, 7:17] = inside
    return values


def cube():
    return probability(1.0) > 0


def test_the_expected_dice_by_hand():
    # 1,000 voxels of 0.8 and 1,744 of 0.2 around them: 2 x 800 / (1,000 + 800 + 348.8).
    assert expected_dice(probability(0.8, 0.2), cube(), SPACING) == pytest.approx(1600 / 2148.8, rel=1e-6)
    assert expected_dice(probability(0.8, 0.2), np.zeros(SHAPE, bool), SPACING) == 0


def test_what_is_far_away_is_no_miss():
    values = np.zeros((24, 24, 60), np.float32)
    values[7:17, 7:17, 7:17] = 0.8
    organ = values > 0
    alone = expected_dice(values, organ, SPACING)
    values[7:17, 7:17, 40:50] = 0.4
    assert expected_dice(values, organ, SPACING) == alone == pytest.approx(2 * 0.8 / 1.8, rel=1e-6)


def test_an_ovary_that_reaches_the_usual_threshold_is_cut_there():
    thresholds, dice = select_ovary_threshold(probability(0.95, 0.2), BUNDLE, SPACING)
    assert thresholds == BUNDLE and dice > 0.8
    assert select_ovary_threshold(probability(0.6, 0.45), BUNDLE, SPACING)[0] == BUNDLE


def test_a_faint_ovary_is_cut_where_that_promises_most():
    thresholds, dice = select_ovary_threshold(probability(0.46, 0.36), BUNDLE, SPACING)
    # At 0.45 the core alone, at 0.35 its rim, too, which has more voxels.
    core = 2 * 460 / (1000 + 460 + 1744 * 0.36)
    whole = 2 * (460 + 1744 * 0.36) / (2744 + 460 + 1744 * 0.36)
    assert whole > core
    assert thresholds == {**BUNDLE, "ovary": 0.35, "most_ovaries": 1} and dice == pytest.approx(whole, rel=1e-5)


def test_an_ovary_that_nowhere_reaches_a_half_is_found_when_it_promises_enough():
    assert select_ovary_threshold(probability(0.42), BUNDLE, SPACING)[0]["ovary"] == 0.4
    assert LEAST > 2 * 0.22 / 1.22
    assert select_ovary_threshold(probability(0.22), BUNDLE, SPACING) == (BUNDLE, 0.0)


def test_a_bundle_without_a_lowest_threshold_has_one_threshold():
    fixed = {"ovary": 0.5, "follicles": 0.5}
    assert select_ovary_threshold(probability(0.6, 0.45), fixed, SPACING)[0]["ovary"] == 0.5
    assert select_ovary_threshold(probability(0.45), fixed, SPACING) == (fixed, 0.0)


def beside(first, second):
    """Two cubes of 10 voxels a side, 10 voxels apart, with these probabilities."""
    values = np.zeros((24, 24, 48), np.float32)
    values[7:17, 7:17, 7:17] = first
    values[7:17, 7:17, 27:37] = second
    return values


def test_a_lower_threshold_finds_one_ovary():
    values = beside(0.45, 0.42)
    thresholds, _ = select_ovary_threshold(values, BUNDLE, SPACING)
    assert thresholds["most_ovaries"] == 1
    _, organ, count = clean_up_masks(np.stack([values, 0 * values]), thresholds, 1.2**3 / 1000)
    assert count == 1 and organ.any()
    assert "most_ovaries" not in select_ovary_threshold(beside(0.55, 0.6), BUNDLE, SPACING)[0]


def test_a_finer_grid_is_judged_alike():
    fine = np.repeat(np.repeat(np.repeat(probability(0.46, 0.36), 2, 0), 2, 1), 2, 2)
    thresholds, dice = select_ovary_threshold(probability(0.46, 0.36), BUNDLE, SPACING)
    finely, finer_dice = select_ovary_threshold(fine, BUNDLE, (0.6, 0.6, 0.6))
    assert finely == thresholds and finer_dice == pytest.approx(dice)
