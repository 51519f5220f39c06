"""Where the ovary's probability is cut: where the expected Dice is highest."""

import numpy as np
import pytest

from crend.expected import LEAST, expected_dice, suited
from crend.organ import tidy

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


def test_a_sure_ovary_keeps_the_usual_threshold():
    thresholds, dice = suited(probability(0.95, 0.2), BUNDLE, SPACING)
    assert thresholds == {**BUNDLE, "most_ovaries": 1} and dice > 0.8


def test_a_faint_rim_is_taken_where_that_promises_more():
    # The rim has more voxels than the core: at 0.5 the Dice promised is 2 x 600 / (1,000 + 600 + 784.8), at 0.45 2 x 1,384.8 / (2,744 + 1,384.8).
    thresholds, dice = suited(probability(0.6, 0.45), BUNDLE, SPACING)
    assert thresholds == {**BUNDLE, "ovary": 0.45, "most_ovaries": 1}
    assert dice == pytest.approx(2 * 1384.8 / 4128.8, rel=1e-5)


def test_an_ovary_that_nowhere_reaches_a_half_is_found_when_it_promises_enough():
    assert suited(probability(0.42), BUNDLE, SPACING)[0]["ovary"] == 0.4
    assert 2 * 0.22 / 1.22 < LEAST
    assert suited(probability(0.22), BUNDLE, SPACING) == ({**BUNDLE, "most_ovaries": 1}, 0.0)


def test_a_bundle_without_a_lowest_threshold_has_one_threshold():
    fixed = {"ovary": 0.5, "follicles": 0.5}
    assert suited(probability(0.6, 0.45), fixed, SPACING)[0]["ovary"] == 0.5
    assert suited(probability(0.45), fixed, SPACING) == ({**fixed, "most_ovaries": 1}, 0.0)


def beside(first, second):
    """Two cubes of 10 voxels a side, 10 voxels apart, with these probabilities."""
    values = np.zeros((24, 24, 48), np.float32)
    values[7:17, 7:17, 7:17] = first
    values[7:17, 7:17, 27:37] = second
    return values


def test_a_lower_threshold_adds_no_second_ovary():
    values = beside(0.55, 0.45)
    values[5:19, 5:19, 5:7] = 0.45  # which the ovary may have
    thresholds, _ = suited(values, BUNDLE, SPACING)
    assert thresholds["ovary"] == 0.45 and thresholds["most_ovaries"] == 1
    _, organ, count = tidy(np.stack([values, 0 * values]), thresholds, 1.2**3 / 1000)
    assert count == 1 and organ[10, 10, 10] and organ[6, 6, 5] and not organ[10, 10, 30]
    assert suited(beside(0.55, 0.6), BUNDLE, SPACING)[0]["most_ovaries"] == 2


def test_a_lower_threshold_puts_no_larger_thing_in_the_ovarys_place():
    values = np.zeros((24, 24, 60), np.float32)
    values[7:17, 7:17, 7:17] = 0.55
    values[2:22, 2:22, 36:56] = 0.45
    assert suited(values, BUNDLE, SPACING)[0]["ovary"] == 0.5


def test_a_finer_grid_is_judged_alike():
    fine = np.repeat(np.repeat(np.repeat(probability(0.6, 0.45), 2, 0), 2, 1), 2, 2)
    thresholds, dice = suited(probability(0.6, 0.45), BUNDLE, SPACING)
    finely, finer_dice = suited(fine, BUNDLE, (0.6, 0.6, 0.6))
    assert finely == thresholds and finer_dice == pytest.approx(dice)
