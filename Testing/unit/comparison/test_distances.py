"""Surface distances against shapes with known answers and against MONAI, MedPy and DeepMind's surface-distance."""

import numpy as np
import pytest

from crend.comparison.distances import surface_distances, surface_voxels

SPACINGS = [(1, 1, 1), (0.3, 0.3, 0.3), (1.1, 0.4, 0.7)]


def box(shape, low, high):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high))] = True
    return mask


def blobs(seed, shape=(24, 28, 32)):
    """Two rough overlapping blobs that also touch the border."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.indices(shape), axis=-1)
    masks = []
    for _ in range(2):
        mask = np.zeros(shape, bool)
        for _ in range(3):
            mask |= np.linalg.norm(at - rng.uniform(4, 20, 3), axis=-1) < rng.uniform(4, 9)
        masks.append(mask & (rng.random(shape) > 0.02))
    return masks


def test_surface_is_the_voxels_with_a_face_outside():
    mask = box((6, 7, 8), (1, 1, 1), (5, 5, 5))
    assert len(surface_voxels(mask)) == 4**3 - 2**3
    # Beyond the border is outside.
    assert len(surface_voxels(np.ones((4, 5, 6), np.uint8))) == 4 * 5 * 6 - 2 * 3 * 4


@pytest.mark.parametrize("shape", [(5, 6, 7), (40, 9, 9), (70, 20, 20)])
def test_surface_is_the_same_however_many_slabs_it_takes(shape):
    from scipy import ndimage

    mask = np.random.default_rng(0).random(shape) > 0.4
    expected = mask & ~ndimage.binary_erosion(mask)
    assert np.array_equal(surface_voxels(mask), np.argwhere(expected))


def test_two_single_voxels_are_as_far_as_their_spacing_says():
    a, b = box((4, 4, 4), (0, 0, 0), (1, 1, 1)), box((4, 4, 4), (3, 2, 1), (4, 3, 2))
    distances = surface_distances(a, b, (2.0, 1.5, 0.5))
    expected = np.sqrt(6**2 + 3**2 + 0.5**2)
    assert distances.hausdorff() == distances.average() == pytest.approx(expected)


def test_shifted_box():
    a, b = box((20, 20, 20), (5, 5, 5), (13, 13, 13)), box((20, 20, 20), (5, 5, 8), (13, 13, 16))
    distances = surface_distances(a, b, (1, 1, 0.5))
    # The far faces are 3 voxels of 0.5 mm apart; nothing is farther.
    assert distances.directed() == pytest.approx((1.5, 1.5))
    assert surface_distances(a, a, (1, 1, 1)).average() == 0


def test_directions_differ_where_only_one_side_has_an_outlier():
    a = box((30, 10, 10), (2, 2, 2), (6, 6, 6))
    b = a | box((30, 10, 10), (26, 3, 3), (27, 4, 4))
    distances = surface_distances(a, b, (1, 1, 1))
    assert distances.directed() == (0, 21)
    assert distances.hausdorff() == 21 and distances.hausdorff(95) == 0
    # 57 voxels of the second surface, one of them 21 mm away; 56 of the first, all at 0.
    assert distances.directed_average() == pytest.approx((0, 21 / 57)) and distances.average() == pytest.approx(21 / 113)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_concentric_spheres_are_their_radii_apart(spacing):
    at = np.stack(np.indices([int(26 / s) for s in spacing]), axis=-1) * spacing - 13
    a, b = (np.linalg.norm(at, axis=-1) < r for r in (6, 9))
    distances = surface_distances(a, b, spacing)
    assert distances.average() == pytest.approx(3, abs=0.5 * max(spacing))
    assert distances.hausdorff() == pytest.approx(3, abs=1.3 * max(spacing))


@pytest.mark.parametrize("spacing", [(0.3, 0.3, 0.3), (0.6, 0.3, 0.3)])
def test_scaled_ellipsoids_are_farthest_apart_at_the_ends_of_the_long_axis(spacing):
    half = np.array([5, 6, 9.0])
    at = np.stack(np.indices([int(26 / s) for s in spacing]), axis=-1) * spacing - 13
    a, b = (np.linalg.norm(at / (half * scale), axis=-1) < 1 for scale in (1, 1.25))
    distances = surface_distances(a, b, spacing)
    # 9 mm becomes 11.25 mm there; at the ends of the short axis, where the two are nearest, 5 mm becomes 6.25 mm.
    assert distances.hausdorff() == pytest.approx(2.25, abs=max(spacing))
    assert min(distances.forward.min(), distances.backward.min()) == pytest.approx(1.25, abs=max(spacing))
    assert 1.25 < distances.average() < 2.25


def test_empty_has_no_distances():
    empty, full = np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool)
    assert surface_distances(empty, full, (1, 1, 1)) is None
    assert surface_distances(full, empty, (1, 1, 1)) is None
    assert surface_distances(empty, empty, (1, 1, 1)) is None


@pytest.mark.slow
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(4))
def test_monai_agrees(seed, spacing):
    metrics = pytest.importorskip("monai.metrics")
    import torch

    a, b = blobs(seed)
    ours = surface_distances(a, b, spacing)
    y, y_pred = (torch.from_numpy(m)[None, None].float() for m in (a, b))
    common = {"y_pred": y_pred, "y": y, "include_background": True, "spacing": list(spacing)}
    for percentile in (100, 95, 50):
        theirs = metrics.compute_hausdorff_distance(percentile=None if percentile == 100 else percentile, **common)
        assert ours.hausdorff(percentile) == pytest.approx(float(theirs), rel=1e-5)
        directed = metrics.compute_hausdorff_distance(percentile=None if percentile == 100 else percentile, directed=True, **common)
        # MONAI's directed distance starts from the prediction.
        assert ours.directed(percentile)[1] == pytest.approx(float(directed), rel=1e-5)
    theirs = metrics.compute_average_surface_distance(symmetric=True, **common)
    assert ours.average() == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(4))
def test_medpy_agrees(seed, spacing):
    binary = pytest.importorskip("medpy.metric.binary")
    a, b = blobs(seed)
    ours = surface_distances(a, b, spacing)
    assert ours.hausdorff() == pytest.approx(binary.hd(b, a, spacing))
    forward, backward = ours.directed_average()
    assert forward == pytest.approx(binary.asd(a, b, spacing)) and backward == pytest.approx(binary.asd(b, a, spacing))
    assert ours.average() == pytest.approx(binary.assd(b, a, spacing))
    # MedPy pools both directions for its 95th percentile, too.
    pooled = np.percentile(np.concatenate([ours.forward, ours.backward]), 95)
    assert pooled == pytest.approx(binary.hd95(b, a, spacing))


@pytest.mark.parametrize("spacing", SPACINGS)
def test_deepmind_agrees_within_the_half_voxel_of_its_other_surface(spacing):
    theirs = pytest.importorskip("surface_distance")
    a, b = blobs(1)
    ours = surface_distances(a, b, spacing)
    distances = theirs.compute_surface_distances(a, b, spacing)
    for percentile in (100, 95):
        assert ours.hausdorff(percentile) == pytest.approx(theirs.compute_robust_hausdorff(distances, percentile), abs=1.01 * max(spacing))
    forward, backward = theirs.compute_average_surface_distance(distances)
    assert ours.average() == pytest.approx((forward + backward) / 2, abs=0.5 * max(spacing))
