"""Boundaries by how well they can be seen: where the image hides them is known here, and so is the error."""

import numpy as np
import pytest

from crend_training.evaluation.visibility import NAMES, boundary_by_visibility, boundary_contrast

SPACING = (0.5, 0.5, 0.5)


def half_hidden_ball(size=64, radius=20):
    """A dark ball in bright speckle whose lower half (small z) looks like what is around it; and the ball's mask."""
    z, y, x = (np.arange(size) - size / 2 for _ in range(3))
    mask = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius**2
    grey = np.full(mask.shape, 120.0)
    grey[mask & (z > 0)[:, None, None]] = 40
    return grey + np.random.default_rng(0).normal(0, 15, mask.shape), mask


def test_errors_are_counted_where_they_are():
    image, mask = half_hidden_ball()
    moved = mask.copy()
    moved[:32] = np.roll(mask, -4, axis=0)[:32]  # the hidden half lies 2 mm further out along z
    found = boundary_by_visibility(image, mask, moved, SPACING)
    assert found["hidden"][0] == pytest.approx(0.5, abs=0.1) and found["clear"][0] == pytest.approx(0.5, abs=0.1)
    assert found["clear"][1] < 0.2 < 0.8 < found["hidden"][1]
    assert sum(share for share, _ in found.values()) == pytest.approx(1)


def test_the_same_mask_has_no_error_anywhere_and_a_lost_one_no_figure():
    image, mask = half_hidden_ball()
    assert {away for share, away in boundary_by_visibility(image, mask, mask, SPACING).values() if share > 0.1} == {0.0}
    lost = boundary_by_visibility(image, mask, np.zeros_like(mask), SPACING)
    assert all(away is None for _, away in lost.values()) and lost["clear"][0] > 0
    assert set(boundary_by_visibility(image, np.zeros_like(mask), mask, SPACING).values()) == {(None, None)}
    assert set(lost) == set(NAMES)


def test_a_boundary_beyond_which_nothing_echoes_is_hidden():
    image, mask = half_hidden_ball()
    image = np.where(mask, 40, 0)
    assert boundary_contrast(image, mask, SPACING)[mask].max() == 0


def test_contrast_does_not_depend_on_the_scale_of_greys():
    image, mask = half_hidden_ball()
    once, twice = (boundary_contrast(image * k, mask, SPACING) for k in (1, 2))
    assert np.allclose(once, twice, rtol=1e-3, atol=1e-3)
