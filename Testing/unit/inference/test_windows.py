"""Windows: where they lie by hand, weights, and the blending loop without any network."""

import numpy as np
import pytest

from crend.errors import Cancelled
from crend.inference.windows import (
    all_windows,
    blend_windows,
    gaussian_weights,
    pad_to_patch,
    window_starts,
    windows_around_mask,
    windows_with_echo,
)


@pytest.mark.parametrize(
    "size, patch, overlap, expected",
    [
        (10, 4, 0.5, [0, 2, 4, 6]),
        (9, 4, 0.5, [0, 2, 3, 5]),
        (8, 4, 0.0, [0, 4]),
        (9, 4, 0.0, [0, 2, 5]),
        (4, 4, 0.5, [0]),
        (3, 4, 0.5, [0]),
        (5, 4, 0.5, [0, 1]),
    ],
)
def test_starts_by_hand(size, patch, overlap, expected):
    assert window_starts(size, patch, overlap) == expected


@pytest.mark.parametrize("size", range(16, 120, 7))
def test_starts_cover_everything_and_overlap_at_least_half(size):
    starts = window_starts(size, 16)
    assert starts[0] == 0 and starts[-1] + 16 == size
    # Rounding evenly spaced starts may cost one voxel.
    assert all(0 < b - a <= 9 for a, b in zip(starts, starts[1:]))


def test_an_overlap_of_one_is_refused():
    with pytest.raises(ValueError, match="overlap"):
        window_starts(10, 4, 1.0)


def test_the_papers_largest_volume_takes_five_windows():
    assert len(all_windows((192, 192, 336), (192, 192, 128))) == 5


def test_weights_are_symmetric_peak_in_the_middle_and_never_vanish():
    weights = gaussian_weights((8, 10, 12))
    assert weights.shape == (8, 10, 12) and weights.dtype == np.float32
    assert np.array_equal(weights, weights[::-1, ::-1, ::-1])
    assert weights.max() == 1 and weights[3:5, 4:6, 5:7].min() == 1
    assert weights.min() == pytest.approx(1e-4)
    # One deviation (an eighth of 12 voxels) from the centre, along x alone: exp(-1/2) over the centre's own exp(-1/18).
    assert weights[4, 5, 7] / weights[4, 5, 6] == pytest.approx(np.exp(-0.5) / np.exp(-1 / 18))


def test_every_voxel_has_a_window_that_looks_at_it():
    shape, patch = (40, 23, 16), (16, 16, 16)
    windows = all_windows(shape, patch)
    for voxel in [(0, 0, 0), (39, 22, 15), (20, 11, 8), (9, 5, 3), (31, 15, 15)]:
        wanted = np.zeros(shape, bool)
        wanted[voxel] = True
        chosen = windows_around_mask(windows, patch, shape, wanted)
        assert chosen and set(chosen) <= set(windows)
        nearest = min(windows, key=lambda start: sum((s + 7.5 - v) ** 2 for s, v in zip(start, voxel)))
        assert nearest in chosen


def test_a_window_that_sees_something_at_its_rim_only_is_not_looking_at_it():
    wanted = np.zeros((16, 16, 48), bool)
    wanted[8, 8, 15] = True
    assert windows_around_mask([(0, 0, 0), (0, 0, 8), (0, 0, 14)], (16, 16, 16), (16, 16, 48), wanted) == [(0, 0, 8)]


def test_windows_that_see_nothing_are_left_out():
    inside = np.zeros((8, 8, 16), bool)
    inside[2, 3, 11] = True
    assert windows_with_echo(all_windows((8, 8, 16), (8, 8, 8), 0.0), (8, 8, 8), inside) == [(0, 0, 8)]


def test_padding_is_centred_and_goes_back():
    array = np.arange(60.0).reshape(3, 4, 5)
    padded, place = pad_to_patch(array, (8, 4, 6), -1)
    assert padded.shape == (8, 4, 6)
    assert np.array_equal(padded[place], array)
    assert (padded == -1).sum() == 8 * 4 * 6 - 60
    same, place = pad_to_patch(array, (2, 2, 2), -1)
    assert same is array and same[place].shape == array.shape


def test_blending_what_does_not_depend_on_the_window_gives_it_back():
    array = np.random.default_rng(0).normal(size=(20, 21, 22)).astype(np.float32)
    windows = all_windows(array.shape, (8, 8, 8))
    result = blend_windows(array, (8, 8, 8), windows, lambda window: np.stack([window, 2 * window]))
    assert np.allclose(result[0], array, atol=1e-5) and np.allclose(result[1], 2 * array, atol=1e-5)


def test_two_windows_are_averaged_by_their_weights():
    answers = iter([0.0, 1.0])
    windows = [(0, 0, 0), (0, 0, 4)]
    result = blend_windows(np.zeros((8, 8, 12)), (8, 8, 8), windows, lambda window: np.full((1, 8, 8, 8), next(answers)), channels=1)[0]
    weights = gaussian_weights((8, 8, 8))
    assert (result[..., :4] == 0).all() and np.allclose(result[..., 8:], 1)
    assert result[4, 4, 5] == pytest.approx(weights[4, 4, 1] / (weights[4, 4, 1] + weights[4, 4, 5]))


def test_where_no_window_lies_the_result_is_zero():
    result = blend_windows(np.ones((8, 8, 16)), (8, 8, 8), [(0, 0, 0)], lambda window: np.ones((2, 8, 8, 8)))
    assert np.allclose(result[..., :8], 1) and not result[..., 8:].any()


def test_progress_counts_windows_and_cancel_stops_before_the_next():
    windows = all_windows((8, 8, 20), (8, 8, 8))
    seen = []
    blend_windows(np.ones((8, 8, 20)), (8, 8, 8), windows, lambda w: np.ones((2, 8, 8, 8)), progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]
    done = []
    with pytest.raises(Cancelled):
        blend_windows(
            np.ones((8, 8, 20)), (8, 8, 8), windows, lambda w: np.ones((2, 8, 8, 8)), progress=done.append, cancelled=lambda: len(done) == 2
        )
    assert done == [0.25, 0.5]
