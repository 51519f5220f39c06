"""Follicles found at one probability and drawn at another."""

import numpy as np
import pytest
from standin import Threshold, bundle_for, image_of

from crend.predict import segment
from crend.structures.follicles import renumber_by_size, sphere_voxels
from crend.structures.outlines import FAINT, shrink_to_edge


def ball(shape, middle, radius):
    return sum((axis - m) ** 2 for axis, m in zip(np.indices(shape), middle)) <= radius**2


SHAPE = (30, 30, 60)
LARGE, SMALL = ball(SHAPE, (15, 15, 15), 10), ball(SHAPE, (15, 15, 45), 6)
FOUND = renumber_by_size(LARGE + 2 * SMALL)


def test_a_follicle_ends_where_the_model_is_surer():
    within = ball(SHAPE, (15, 15, 15), 9.5) | SMALL
    found = shrink_to_edge(FOUND, within, 1)
    assert np.array_equal(found, renumber_by_size((LARGE & within) + 2 * SMALL)) and found.dtype == np.uint16


def test_a_faint_one_stays_as_it_was_found():
    inside = ball(SHAPE, (15, 15, 45), 5)
    assert inside.sum() < FAINT * SMALL.sum()
    assert np.array_equal(shrink_to_edge(FOUND, LARGE | inside, 1), FOUND)
    assert np.array_equal(shrink_to_edge(FOUND, np.zeros(SHAPE, bool), 1), FOUND)


def test_none_is_drawn_smaller_than_the_smallest_follicle():
    within = LARGE | (SMALL & ~ball(SHAPE, (15, 15, 40), 2.5))
    assert FAINT * SMALL.sum() < (SMALL & within).sum() < SMALL.sum()
    assert np.array_equal(shrink_to_edge(FOUND, within, SMALL.sum()), FOUND)
    assert not np.array_equal(shrink_to_edge(FOUND, within, 1), FOUND)


def test_no_sliver_of_a_follicle_is_left_beside_it():
    rim = LARGE & (np.indices(SHAPE)[2] == 23)
    found = shrink_to_edge(FOUND, SMALL | (LARGE & ~rim), 1)
    beyond = LARGE & (np.indices(SHAPE)[2] > 23)
    assert beyond.any() and not found[beyond].any() and not found[rim].any()
    assert (found[LARGE & (np.indices(SHAPE)[2] < 23)] == 1).all()


def test_voxels_that_meet_at_a_corner_stay_together():
    labels = np.zeros((4, 4, 4), np.uint16)
    labels[1, 1, 1] = labels[2, 2, 2] = 1
    assert np.array_equal(shrink_to_edge(labels, labels > 0, 1), labels)


def test_follicles_are_numbered_by_the_size_they_are_drawn_with():
    shape = (20, 20, 40)
    one, other = np.zeros(shape, bool), np.zeros(shape, bool)
    one[2:12, 2:12, 2:12], other[2:12, 2:12, 20:29] = True, True
    found = shrink_to_edge(renumber_by_size(one + 2 * other), ~one | (np.indices(shape)[2] < 10), 1)
    assert (found[other] == 1).all() and set(found[one]) == {0, 2}


def test_nothing_found_is_nothing_drawn():
    assert not shrink_to_edge(np.zeros((3, 4, 5), np.uint16), np.ones((3, 4, 5), bool), 1).any()


def test_the_voxels_of_a_diameter():
    assert sphere_voxels(3, (0.5, 0.5, 1.0)) == pytest.approx(np.pi / 6 * 27 / 0.25)
    assert sphere_voxels(0.1, (1, 1, 1)) == 1


@pytest.fixture
def fading():
    """(volume, its bundle) of an ovary whose follicle fades from its middle to its rim."""
    shape, middle = (40, 40, 40), (20, 20, 20)
    away = np.sqrt(sum((axis - m) ** 2 for axis, m in zip(np.indices(shape), middle)))
    array = np.full(shape, 60, np.uint8)
    array[away < 15] = 120
    array[away < 10] = 160 + np.round(8 * (10 - away[away < 10])).astype(np.uint8)
    standard = (array - array.mean()) / array.std()
    return array, bundle_for(array, network=Threshold(standard[array == 120].max() - 0.05, standard[array >= 160].min() - 0.001))


@pytest.mark.slow
def test_a_bundle_says_where_follicles_end(fading):
    array, bundle = fading
    found = segment(image_of(array), bundle, engine="torch", device="cpu")
    bundle.metadata["crend"]["thresholds"]["follicles_edge"] = 0.7
    drawn = segment(image_of(array), bundle, engine="torch", device="cpu")
    whole, inner = (f.measurements.follicles[0] for f in (found, drawn))
    assert FAINT * whole.volume_ml < inner.volume_ml < whole.volume_ml
    # what is no longer the follicle's is still the ovary's
    assert drawn.measurements.ovary.volume_ml == found.measurements.ovary.volume_ml
