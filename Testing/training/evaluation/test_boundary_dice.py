"""Dice near the reference's surface."""

import numpy as np
import pytest

from crend_training.evaluation.boundary_dice import boundary_dice


def ball(radius, shape=(40, 40, 40), spacing=(1, 1, 1)):
    z, y, x = (np.arange(n) * s - (n - 1) * s / 2 for n, s in zip(shape, spacing))
    return z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius**2


def test_a_slab_counted_by_hand():
    reference = np.zeros((10, 4, 4), np.uint8)
    reference[:5] = 1
    prediction = np.zeros_like(reference)
    prediction[:6] = 1
    # Within 1 mm of the surface between rows 4 and 5 lie one row on each side: 16 of 16 and 16 more.
    assert boundary_dice(reference, prediction, (1, 1, 1)) == pytest.approx(2 * 16 / (16 + 32))


def test_it_is_one_for_the_same_mask_and_nothing_for_an_empty_reference():
    assert boundary_dice(ball(9), ball(9), (1, 1, 1)) == 1
    assert boundary_dice(np.zeros((5, 5, 5)), ball(2, (5, 5, 5)), (1, 1, 1)) is None


def test_a_half_millimetre_at_the_rim_costs_much_more_than_in_plain_dice_and_a_hole_in_the_middle_nothing():
    spacing = (0.25, 0.25, 0.25)
    one, wide = ball(6, (64,) * 3, spacing), ball(6.5, (64,) * 3, spacing)
    plain = 2 * (one & wide).sum() / (one.sum() + wide.sum())
    assert plain > 0.85 and boundary_dice(one, wide, spacing) < 0.82
    hole = one & ~ball(3, (64,) * 3, spacing)
    assert boundary_dice(one, hole, spacing) == 1


def test_what_lies_outside_a_reference_that_reaches_the_image_border_is_no_surface():
    reference = np.ones((6, 6, 6))
    reference[5] = 0
    prediction = reference.copy()
    prediction[0] = 0
    assert boundary_dice(reference, prediction, (1, 1, 1)) == 1
