"""The model grid: a ramp stays a ramp both ways, fine texture is averaged and not aliased, geometry is exact."""

from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.inference.grey_values import normalise, to_model_grid
from crend.inference.model_grid import ModelGrid, grid_spacing, labels_on_model_grid

ZSCORE = {"method": "zscore_nonzero"}


def image_of(array, spacing, origin=(0, 0, 0), direction=np.eye(3)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(np.ravel(direction).tolist())
    return image


def ramp(shape):
    z, y, x = np.indices(shape)
    return (100 + z + 2 * y + 3 * x).astype(np.float32)


def test_shape_covers_the_image_in_z_y_x_order():
    grid = ModelGrid.of(image_of(np.zeros((10, 20, 30), np.uint8), (0.3, 0.5, 1.0)), (0.5, 0.5, 0.5))
    # 10 x 1.0, 20 x 0.5, 30 x 0.3 mm at 0.5 mm: exactly 20, 20, 18 voxels.
    assert grid.shape == (20, 20, 18)
    assert grid.image_spacing == (1.0, 0.5, 0.3)


def test_positions_go_there_and_back_and_the_centres_meet():
    grid = ModelGrid.of(image_of(np.zeros((10, 21, 30), np.uint8), (0.3, 0.7, 1.1)), (0.5, 0.4, 0.6))
    for axis in range(3):
        assert grid.model_to_image(axis, grid.image_to_model(axis, 7.25)) == pytest.approx(7.25)
        assert grid.image_to_model(axis, (grid.image_shape[axis] - 1) / 2) == pytest.approx((grid.shape[axis] - 1) / 2)


@pytest.mark.parametrize("spacing", [(0.2, 0.3, 0.4), (0.5, 0.5, 0.5), (0.9, 0.7, 1.3)], ids=["coarsened", "kept", "refined"])
def test_a_ramp_stays_a_ramp_where_itk_would_put_it(spacing):
    direction = np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.2, 0.4, -0.6).GetMatrix(), (3, 3))
    image = image_of(ramp((40, 50, 60)), spacing, (5, -7, 9), direction)
    array, grid = to_model_grid(image, (0.5, 0.5, 0.5))
    expected = sitk.GetArrayFromImage(sitk.Resample(image, grid.to_image(array), sitk.Transform(), sitk.sitkLinear))
    inside = (slice(3, -3),) * 3
    assert np.abs(array - expected)[inside].max() < 1e-3


def test_the_same_spacing_changes_nothing():
    array = np.random.default_rng(1).integers(1, 255, (9, 10, 11)).astype(np.uint8)
    values, grid = to_model_grid(image_of(array, (0.5,) * 3), (0.5,) * 3)
    assert np.array_equal(np.rint(values), array) and grid.shape == array.shape


def test_texture_finer_than_the_grid_is_averaged_not_aliased():
    # Alternating slices 0 and 200, three times finer than the grid: point samples would keep the full swing.
    array = np.zeros((90, 8, 8), np.uint8)
    array[::2] = 200
    values, _ = to_model_grid(image_of(array, (1.0, 1.0, 1.0)), (1.0, 1.0, 3.0))
    middle = values[3:-3, 4, 4]
    assert middle.mean() == pytest.approx(100, abs=2)
    assert np.ptp(middle) < 0.2 * 200


def test_constant_stays_constant_up_to_the_edge():
    values, _ = to_model_grid(image_of(np.full((20, 21, 22), 90, np.uint8), (0.21, 0.35, 0.8)), (0.5,) * 3)
    assert np.allclose(values, 90, atol=1e-3)


def test_the_sector_does_not_grow_by_smoothing():
    array = np.zeros((30, 30, 60), np.uint8)
    array[..., :30] = 100
    values, grid = to_model_grid(image_of(array, (0.25,) * 3), (0.5,) * 3)
    reach = np.flatnonzero((values > 0).any(axis=(0, 1))).max()
    assert grid.model_to_image(2, reach) < 31


def test_negative_values_are_shifted_to_start_at_zero():
    array = np.random.default_rng(2).integers(0, 200, (12, 12, 12)).astype(np.float32)
    array[0, 0, 0] = 0
    plain, _ = to_model_grid(image_of(array, (1, 1, 1)), (1, 1, 1))
    shifted, _ = to_model_grid(image_of(array - 1000, (1, 1, 1)), (1, 1, 1))
    assert np.allclose(plain, shifted, atol=1e-3)


@pytest.mark.parametrize("background", [0, -1000])
def test_one_darker_voxel_does_not_make_echoes_of_the_background(background):
    array = np.random.default_rng(2).integers(20, 200, (12, 12, 12)).astype(np.int16)
    array[:4] = 0
    plain, _ = to_model_grid(image_of(array, (1, 1, 1)), (1, 1, 1))
    array[2, 3, 4] = -7
    ringing, _ = to_model_grid(image_of(array + background, (1, 1, 1)), (1, 1, 1))
    assert (ringing[:4] == 0).all() and np.allclose(plain, ringing, atol=1e-3)


def test_frequent_tissue_is_no_background():
    array = np.full((12, 12, 12), 60, np.int16)
    array[:4], array[6:8] = 0, 110
    values, _ = to_model_grid(image_of(array - 100, (1, 1, 1)), (1, 1, 1))
    assert np.allclose(values, array, atol=1e-3)


def test_the_brightest_grey_is_no_background():
    array = np.random.default_rng(2).normal(0, 1, (12, 12, 12)).clip(None, 1).astype(np.float32)
    assert (array == 1).mean() > 0.1
    values, _ = to_model_grid(image_of(array, (1, 1, 1)), (1, 1, 1))
    assert np.allclose(values, array - array.min(), atol=0.02)


def whole(grid):
    return tuple(slice(0, n) for n in grid.shape)


def back(grid, array, region, **arguments):
    result = np.full(grid.image_shape, np.nan, np.float32)
    for where, values in grid.image_slabs(array, region, **arguments):
        assert np.isnan(result[where]).all(), "no voxel twice"
        result[where] = values
    return result


@pytest.mark.parametrize("spacing", [(0.2, 0.3, 0.4), (0.9, 0.7, 1.3)], ids=["coarsened", "refined"])
def test_a_ramp_comes_back(spacing):
    image = image_of(ramp((40, 50, 60)), spacing)
    array, grid = to_model_grid(image, (0.5,) * 3)
    result = back(grid, array, whole(grid))
    inside = (slice(4, -4),) * 3
    assert not np.isnan(result).any()
    assert np.abs(result - ramp((40, 50, 60)))[inside].max() < 1e-3


def test_a_region_comes_back_as_it_does_in_the_whole():
    array, grid = to_model_grid(image_of(ramp((40, 50, 60)), (0.2, 0.3, 0.4)), (0.5,) * 3)
    region = (slice(10, 20), slice(5, 15), slice(2, 9))
    part, everything = back(grid, array[region], region), back(grid, array, whole(grid))
    where = grid.image_region(region)
    outside = np.ones(grid.image_shape, bool)
    outside[where] = False
    assert np.isnan(part[outside]).all() and not np.isnan(part[where]).any()
    # Between the region's own voxel centres both are the same interpolation.
    for axis in range(3):
        positions = grid.image_to_model(axis, np.arange(grid.image_shape[axis]))
        keep = (positions >= region[axis].start) & (positions <= region[axis].stop - 1)
        part, everything = np.compress(keep, part, axis), np.compress(keep, everything, axis)
    assert part.size > 1000 and np.abs(part - everything).max() < 1e-3


def test_slabs_hold_few_slices_at_a_time():
    array, grid = to_model_grid(image_of(ramp((40, 20, 20)), (0.5,) * 3), (0.5,) * 3)
    assert [values.shape[0] for _, values in grid.image_slabs(array, whole(grid), slab=16)] == [16, 16, 8]


def test_normalise_by_hand():
    # Mean of 10, 20, 30 is 20, deviation sqrt(200 / 3) = 8.165; outside the sector lies the lowest inside.
    values = normalise(np.array([[[0, 10, 20, 30]]], np.float32), ZSCORE)
    assert values.dtype == np.float32
    assert values.ravel() == pytest.approx([-1.2247, -1.2247, 0, 1.2247], abs=1e-4)


def test_normalise_clips_outliers_to_minus_3_and_5():
    array = np.full((10, 10, 10), 100.0, np.float32)
    array[0, 0, :2] = 1, 100000
    array[1] = 0
    values = normalise(array, ZSCORE)
    assert values.max() == 5 and values.min() >= -3
    dark = np.full(1000, 100.0) + np.arange(1000) % 2
    dark[0], dark[1] = 1, 0
    values = normalise(dark.reshape(10, 10, 10).astype(np.float32), ZSCORE).ravel()
    assert values[0] == -3 and values[1] == -3


def test_normalise_does_not_depend_on_scale_or_on_how_much_lies_outside():
    array = np.random.default_rng(4).integers(1, 255, (8, 8, 8)).astype(np.float32)
    assert np.allclose(normalise(array, ZSCORE), normalise(7 * array, ZSCORE), atol=1e-5)
    padded = np.pad(array, 5)
    assert np.allclose(normalise(padded, ZSCORE)[5:-5, 5:-5, 5:-5], normalise(array, ZSCORE), atol=1e-5)


def test_normalise_of_nothing_is_nothing_and_an_unknown_method_is_named():
    assert not normalise(np.zeros((4, 4, 4), np.float32), ZSCORE).any()
    with pytest.raises(ValueError, match='unknown normalisation "minmax"; known: zscore_nonzero'):
        normalise(np.ones((4, 4, 4), np.float32), {"method": "minmax"})


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_the_same_voxels_give_the_same_values_whatever_their_type_and_the_precision_of_their_spacing(kind):
    array = np.random.default_rng(2).integers(0, 200, (30, 34, 38)).astype(np.uint8)
    expected, wanted = to_model_grid(image_of(array, (0.7,) * 3), (0.5,) * 3)
    values, grid = to_model_grid(image_of(array.astype(kind), (float(np.float32(0.7)),) * 3), (0.5,) * 3)
    assert np.array_equal(values, expected) and grid == wanted


def test_ties_of_rounding_are_settled_the_same_way():
    labels = np.random.default_rng(3).integers(0, 9, (31, 33, 35))
    read = []
    for spacing in (0.7, float(np.float32(0.7)), 0.7 * (1 + 3e-8), 0.7 * (1 - 3e-8)):
        grid = ModelGrid.of(image_of(labels.astype(np.uint8), (spacing,) * 3), (1.4,) * 3)
        read.append(labels_on_model_grid(labels, grid, ()))
    assert all(np.array_equal(each, read[0]) for each in read)


OBLIQUE = np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.2, 0.4, -0.6).GetMatrix(), (3, 3))
IN_PLANE = {"spacing_mm": [0.2, 0.2, 0.2], "in_plane": [192, 160]}


def test_without_a_size_in_plane_every_volume_has_the_same_spacing():
    image = image_of(np.zeros((10, 20, 30), np.uint8), (0.3, 0.5, 1.0))
    assert grid_spacing(image, {"spacing_mm": [0.5, 0.6, 0.7]}) == (0.5, 0.6, 0.7)


def test_a_size_in_plane_is_exact_and_covers_the_volume_to_the_micrometre():
    random = np.random.default_rng(5)
    for _ in range(200):
        size, spacing = random.integers(40, 500, 3), random.uniform(0.1, 1.2, 3)
        # A stand-in for an image: only its geometry is asked for.
        image = SimpleNamespace(
            GetSize=size.tolist,
            GetSpacing=spacing.tolist,
            GetOrigin=lambda: (0.0,) * 3,
            GetDirection=lambda: (0.0,) * 9,
        )
        try:
            x, y, z = grid_spacing(image, IN_PLANE)
        except InputError:
            assert (size * spacing)[:2].min() / 192 < 0.05
            continue
        grid = ModelGrid.of(image, (x, y, z))
        assert grid.shape[1:] == (160, 192)
        assert np.allclose([192 * x, 160 * y], (size * spacing)[:2], rtol=1e-6)
        assert z == pytest.approx(np.sqrt(x * y)) and grid.shape[0] == int(np.ceil(size[2] * spacing[2] / z - 1e-4))


def test_the_third_axis_keeps_its_proportion_to_the_spacing_before_the_resize():
    image = image_of(np.zeros((40, 80, 96), np.uint8), (0.4, 0.8, 0.3))
    # 38.4 mm and 64 mm in plane: 192 and 160 voxels of 0.2 and 0.4 mm, so factors of 1 and 2 against 0.2 mm.
    assert grid_spacing(image, IN_PLANE) == pytest.approx((0.2, 0.4, 0.2 * np.sqrt(2)))
    assert grid_spacing(image, {**IN_PLANE, "spacing_mm": [0.2, 0.2, 0.5]}) == pytest.approx((0.2, 0.4, 0.5 * np.sqrt(2)))


@pytest.mark.parametrize("spacing", [(0.2, 0.3, 0.4), (0.9, 0.7, 1.3)], ids=["finer", "coarser"])
def test_a_ramp_resized_in_plane_lies_where_itk_would_put_it_and_comes_back(spacing):
    image = image_of(ramp((40, 50, 60)), spacing, (5, -7, 9), OBLIQUE)
    array, grid = to_model_grid(image, grid_spacing(image, {"spacing_mm": [0.2] * 3, "in_plane": [48, 44]}))
    assert array.shape[1:] == (44, 48)
    expected = sitk.GetArrayFromImage(sitk.Resample(image, grid.to_image(array), sitk.Transform(), sitk.sitkLinear))
    inside = (slice(4, -4),) * 3
    assert np.abs(array - expected)[inside].max() < 2e-3
    assert np.abs(back(grid, array, whole(grid)) - ramp((40, 50, 60)))[inside].max() < 2e-3


def test_voxels_of_no_sensible_size_are_refused_in_one_line():
    image = image_of(np.zeros((8, 8, 8), np.uint8), (0.1, 0.1, 0.1))
    with pytest.raises(InputError, match="^scan.nrrd: resized to 192 x 160 voxels in plane.*0.00417 x 0.005 x .* mm; check its spacing"):
        grid_spacing(image, IN_PLANE, "scan.nrrd")
