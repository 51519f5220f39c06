"""Touching follicles come apart at their necks, single ones stay whole; on shapes whose necks are known by formula."""

import numpy as np
import pytest

from crend.structures.follicles import renumber_by_size, split_follicles

SPACINGS = [(0.3, 0.3, 0.3), (0.5, 0.5, 0.5), (0.6, 0.3, 0.3)]


def rotation(rng):
    matrix, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return matrix


def points(half_extent, spacing, rng):
    """Voxel centres (D, H, W, 3) in mm around a random place of the origin between voxels."""
    axes = [np.arange(-int(half_extent / s) - 2, int(half_extent / s) + 3) * s + rng.uniform(-0.5, 0.5) * s for s in spacing]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def touching_pair(rng, spacing):
    """(labels with 1 and 2, neck diameter over smaller diameter): two overlapping spheres under an affine map of determinant 1.

    The neck of two spheres is a disc of radius rho; the map M keeps volumes and scales the disc's area by |M^-T n|.
    """
    large = rng.uniform(1.8, 5)
    small = large * rng.uniform(0.6, 1)
    rho = small * rng.uniform(0.15, 0.66)
    along = rotation(rng)[0]
    centres = [-along * np.sqrt(large**2 - rho**2), along * np.sqrt(small**2 - rho**2)]
    stretch = rng.uniform(0.75, 1, 3)
    axes = rotation(rng)
    shape = axes @ np.diag(stretch / np.prod(stretch) ** (1 / 3)) @ axes.T
    unmapped = points(2.2 * large, spacing, rng) @ np.linalg.inv(shape).T
    inside = [np.linalg.norm(unmapped - c, axis=-1) < r for c, r in zip(centres, (large, small))]
    # The plane through the neck goes through the origin, across `along`.
    labels = np.where(inside[0] | inside[1], np.where(unmapped @ along < 0, 1, 2), 0)
    return labels, rho / small * np.sqrt(np.linalg.norm(np.linalg.inv(shape).T @ along))


def irregular(rng, spacing):
    """One star-shaped, low-frequency deformed ellipsoid: its radius varies by a tenth (one sigma) on top of axes up to 1 : 1.7."""
    radius = rng.uniform(1.8, 5)
    at = points(2.2 * radius, spacing, rng) @ rotation(rng) / (radius * rng.uniform(0.75, 1.3, 3))
    distance = np.linalg.norm(at, axis=-1)
    direction = at / np.maximum(distance, 1e-9)[..., None]
    bumps = sum(rng.normal() * np.polynomial.legendre.legval(direction @ rotation(rng)[0], [0] * order + [1]) for order in (2, 3, 3, 4))
    return distance < 1 + 0.1 * bumps


def apart(labels, truth):
    """Whether exactly two parts came out and each truth overlaps its own by more than 60 % IoU."""
    if labels.max() != 2:
        return False
    best = [max(((labels == k) & (truth == t)).sum() / ((labels == k) | (truth == t)).sum() for k in (1, 2)) for t in (1, 2)]
    return min(best) > 0.6


@pytest.mark.slow
def test_nine_of_ten_touching_pairs_with_a_narrow_neck_come_apart():
    rng = np.random.default_rng(11)
    outcomes = []
    while len(outcomes) < 60:
        spacing = SPACINGS[len(outcomes) % 3]
        truth, neck = touching_pair(rng, spacing)
        if neck < 0.7:
            outcomes.append(apart(split_follicles(truth > 0, spacing, smallest_mm=1.0), truth))
    assert np.mean(outcomes) >= 0.9


@pytest.mark.slow
def test_at_most_three_of_a_hundred_irregular_single_ones_are_split():
    rng = np.random.default_rng(12)
    counts = [split_follicles(irregular(rng, spacing), spacing, smallest_mm=1.0).max() for spacing in SPACINGS * 20]
    assert np.mean(np.array(counts) > 1) <= 0.03


def test_a_row_of_three_becomes_three_and_labels_go_by_volume():
    at = np.stack(np.indices((24, 24, 60)), axis=-1) * 0.5
    mask = np.zeros((24, 24, 60), bool)
    for x, radius in ((5, 3.5), (12, 4.5), (20, 4.0)):
        mask |= np.linalg.norm(at - (6, 6, x), axis=-1) < radius
    labels = split_follicles(mask, (0.5, 0.5, 0.5), smallest_mm=1.6)
    assert labels.dtype == np.uint16
    assert [labels[12, 12, 2 * x] for x in (5, 12, 20)] == [3, 1, 2]
    assert np.array_equal(labels > 0, mask)


def test_anisotropic_spacing_decides_what_is_a_neck():
    # Two blocks joined by a bridge of 4 x 4 voxels: with 0.5 mm in-plane it is narrow, along a stretched axis the same voxels are not.
    mask = np.zeros((10, 10, 26), bool)
    mask[:, :, :10] = mask[:, :, 16:] = True
    mask[3:7, 3:7, 10:16] = True
    assert split_follicles(mask, (0.5, 0.5, 0.5), smallest_mm=1).max() == 2
    assert split_follicles(mask[:, :, 8:18], (0.5, 0.5, 0.05), smallest_mm=0.1).max() == 1


def test_small_ones_are_dropped_by_diameter_of_equal_volume():
    mask = np.zeros((20, 20, 20), bool)
    mask[2:6, 2:6, 2:6] = True  # 64 voxels of 0.125 mm3 = 8 mm3: diameter 2.48 mm
    mask[10:13, 10:13, 10:13] = True  # 27 voxels = 3.375 mm3: diameter 1.86 mm
    assert split_follicles(mask, (0.5,) * 3, smallest_mm=1.8).max() == 2
    assert split_follicles(mask, (0.5,) * 3, smallest_mm=1.9).max() == 1
    assert split_follicles(mask, (0.5,) * 3, smallest_mm=2.5).max() == 0


def test_a_crumb_stays_with_its_neighbour():
    mask = np.zeros((14, 14, 22), bool)
    mask[2:12, 2:12, 2:12] = True
    mask[6:8, 6:8, 12:14] = True
    mask[5:9, 5:9, 14:18] = True  # 64 voxels on a stalk of 2 x 2
    assert split_follicles(mask, (1, 1, 1), smallest_mm=4).max() == 2
    whole = split_follicles(mask, (1, 1, 1), smallest_mm=6)
    assert np.array_equal(whole == 1, mask)


def test_without_splitting_touching_ones_stay_one():
    truth, _ = touching_pair(np.random.default_rng(3), (0.5, 0.5, 0.5))
    assert split_follicles(truth > 0, (0.5, 0.5, 0.5), smallest_mm=1, split=False).max() == 1


@pytest.mark.parametrize(
    "mask", [np.zeros((5, 6, 7), bool), np.ones((1, 1, 1), bool), np.ones((4, 5, 6), bool)], ids=["empty", "one voxel", "full"]
)
def test_extremes_do_not_fail(mask):
    labels = split_follicles(mask, (1, 1, 1), smallest_mm=0)
    assert labels.max() == mask.max() and labels.shape == mask.shape


def test_same_mask_same_labels():
    rng = np.random.default_rng(5)
    mask = rng.random((30, 30, 30)) > 0.6
    assert np.array_equal(split_follicles(mask, (1, 1, 1), smallest_mm=0), split_follicles(mask.copy(), (1, 1, 1), smallest_mm=0))


def test_instances_are_renumbered_by_size_and_slivers_dropped():
    labels = np.array([0, 5, 5, 9, 9, 9, 7, 2, 2], np.int32)
    assert renumber_by_size(labels).tolist() == [0, 3, 3, 1, 1, 1, 4, 2, 2]
    assert renumber_by_size(labels, 1.5).tolist() == [0, 3, 3, 1, 1, 1, 0, 2, 2]
    assert renumber_by_size(labels).dtype == np.uint16 and renumber_by_size(labels * 0).tolist() == [0] * 9
