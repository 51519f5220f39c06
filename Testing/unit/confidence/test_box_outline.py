"""The outline of an ovary in a box: the most plausible one, or none."""

import numpy as np

from crend.confidence.box_outline import is_cut, outline_in_box

THRESHOLDS = {"ovary": 0.5, "ovary_lowest": 0.1, "follicles": 0.5}
SPACING = (1.0, 1.0, 1.0)


def maps(inner, outer=0.02, shape=(40, 40, 40)):
    """A ball of 10 voxels of one probability in tissue of another, and the box of 26 voxels around it."""
    distance = np.sqrt(sum((grid - 20.0) ** 2 for grid in np.ogrid[tuple(slice(n) for n in shape)]))
    inside = np.zeros(shape, bool)
    inside[7:33, 7:33, 7:33] = True
    return np.where(distance <= 10, np.float32(inner), np.float32(outer)), distance <= 10, inside


def test_an_ovary_too_faint_for_the_usual_threshold_is_outlined_in_a_box():
    probability, ball, inside = maps(0.45, 0.005)
    organ, thresholds, promised = outline_in_box(probability, inside, THRESHOLDS, SPACING)
    assert np.array_equal(organ, ball) and thresholds["ovary"] <= 0.4 and promised > 0.6


def test_what_lies_outside_the_box_has_no_say():
    probability, ball, inside = maps(0.7)
    probability[:6] = 0.99
    organ, _, promised = outline_in_box(probability, inside, THRESHOLDS, SPACING)
    assert np.array_equal(organ, ball) and promised > 0.7


def test_tissue_of_one_faint_probability_is_no_outline():
    probability, _, inside = maps(0.12, 0.12)
    organ, _, promised = outline_in_box(probability, inside, THRESHOLDS, SPACING)
    assert not organ.any() and promised == 0.0


def test_a_small_patch_in_a_large_box_is_no_outline_of_it():
    probability, ball, inside = maps(0.95)
    assert outline_in_box(probability, inside, THRESHOLDS, SPACING)[0].any()
    assert not outline_in_box(probability, np.ones_like(inside), THRESHOLDS, SPACING)[0][~ball].any()
    few = np.where(ball & (np.arange(40) < 13)[:, None, None], probability, np.float32(0.02))
    assert not outline_in_box(few, np.ones_like(inside), THRESHOLDS, SPACING)[0].any()


def test_a_box_that_ends_amid_the_ovary_cuts_it():
    probability, ball, inside = maps(0.9)
    assert not is_cut(probability >= 0.5, ball, inside)
    inside[:18] = False
    assert is_cut(probability >= 0.5, ball & inside, inside)
    assert not is_cut(probability >= 0.5, np.zeros_like(ball), inside)
