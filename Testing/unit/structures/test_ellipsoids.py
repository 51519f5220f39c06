"""Volumes of small balls and ellipsoids from their voxels alone, wherever they lie between them."""

import numpy as np
import pytest

from crend.structures.ellipsoids import ellipsoid_volume, ellipsoid_volumes

SPACINGS = [(0.3, 0.3, 0.3), (0.3, 0.3, 0.6), (0.2, 0.4, 0.5)]


def voxels(axes, spacing_xyz, rng, turn=np.eye(3)):
    """Mask (D, H, W) of an ellipsoid of diameters `axes` whose middle lies anywhere between the voxels."""
    step = np.array(spacing_xyz[::-1])
    size = (max(axes) / step).astype(int) + 5
    at = (np.stack(np.indices(size), axis=-1) - size / 2 + rng.uniform(-0.5, 0.5, 3)) * step
    return ((2 * (at @ turn.T) / np.array(axes)) ** 2).sum(axis=-1) < 1


@pytest.mark.slow
@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_ball_from_3_mm_on_is_within_two_percent(spacing):
    rng = np.random.default_rng(0)
    for diameter in (3, 3, 3, 3.5, 4, 5):
        found = ellipsoid_volume(voxels((diameter,) * 3, spacing, rng), spacing)
        assert found == pytest.approx(np.pi / 6 * diameter**3, rel=0.02)


@pytest.mark.slow
def test_balls_of_2_mm_err_less_than_half_as_much_as_their_voxel_counts():
    rng = np.random.default_rng(1)
    spacing = (0.2, 0.4, 0.5)
    masks = [voxels((2.0,) * 3, spacing, rng) for _ in range(30)]
    fitted = np.array([ellipsoid_volume(mask, spacing) for mask in masks])
    counted = np.array([mask.sum() for mask in masks]) * np.prod(spacing)
    true = np.pi / 6 * 2.0**3
    assert np.abs(fitted - true).mean() < 0.5 * np.abs(counted - true).mean()
    assert fitted.mean() == pytest.approx(true, rel=0.02)


@pytest.mark.slow
def test_turned_ellipsoids_are_measured_too():
    rng = np.random.default_rng(2)
    for axes in ((3, 4, 5), (4, 4, 6)):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        assert ellipsoid_volume(voxels(axes, (0.3, 0.3, 0.4), rng, turn), (0.3, 0.3, 0.4)) == pytest.approx(
            np.pi / 6 * np.prod(axes), rel=0.02
        )


def test_what_is_no_ellipsoid_has_no_such_volume():
    box = np.ones((6, 6, 6), bool)
    dumbbell = np.zeros((9, 9, 18), bool)
    dumbbell[1:8, 1:8, 1:7] = dumbbell[1:8, 1:8, 11:17] = True
    dumbbell[3:6, 3:6, 7:11] = True
    for mask in (box, dumbbell):
        assert ellipsoid_volume(mask, (0.5, 0.5, 0.5)) is None


@pytest.mark.parametrize("shape", [(1, 1, 30), (1, 2, 20), (30, 1, 1)])
def test_a_row_of_voxels_is_counted_since_ellipsoids_of_any_size_fit_it(shape):
    for spacing in ((0.2, 0.2, 2.0), (0.3, 0.3, 0.6)):
        assert ellipsoid_volume(np.ones(shape, bool), spacing) is None


def test_too_few_or_too_many_voxels_are_left_to_counting():
    assert ellipsoid_volume(np.ones((3, 3, 3), bool), (1, 1, 1)) is None
    assert ellipsoid_volume(voxels((10,) * 3, (0.5, 0.5, 0.5), np.random.default_rng(3)), (0.5, 0.5, 0.5)) is None


@pytest.mark.slow
def test_hardly_any_other_guess_could_be_right_more_often():
    rng, spacing, true = np.random.default_rng(4), (0.3, 0.3, 0.6), np.pi / 6 * 2.0**3
    masks = [voxels((2.0,) * 3, spacing, rng) for _ in range(60)]
    right = np.mean([abs(ellipsoid_volume(mask, spacing) / true - 1) <= 0.02 for mask in masks])
    possible = np.mean([max_share(ellipsoid_volumes(mask, spacing)) for mask in masks])
    assert 0.7 < possible < 0.95
    assert right >= possible - 0.05


def max_share(volumes):
    """Of the volumes, the largest part within 2 % of one guess."""
    return max(np.mean(np.abs(volumes / guess - 1) <= 0.02) for guess in np.linspace(volumes.min(), volumes.max(), 100))


def test_what_is_drawn_is_the_same_each_time_and_near_the_truth():
    rng, spacing = np.random.default_rng(5), (0.3, 0.3, 0.3)
    mask = voxels((2.5,) * 3, spacing, rng)
    volumes = ellipsoid_volumes(mask, spacing)
    assert np.array_equal(volumes, ellipsoid_volumes(mask, spacing))
    assert 0.9 * np.pi / 6 * 2.5**3 < volumes.min() < volumes.max() < 1.1 * np.pi / 6 * 2.5**3


def test_room_without_an_end_has_no_mean():
    from crend.structures.ellipsoids import _drawn

    half_line, line = (np.array([[1.0]]), np.array([1.0])), (np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([1.0, 1.0]))
    assert _drawn(*half_line) is None and _drawn(*line) is None
