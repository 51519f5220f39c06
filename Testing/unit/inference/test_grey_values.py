"""A volume's values on the model grid, read a region at a time, are those of the whole; so is what a run makes of them."""

import numpy as np
import pytest
import SimpleITK as sitk
from standin import bundle_for, image_of, scene

from crend.confidence.familiarity import describe
from crend.inference import grey_values
from crend.inference.grey_values import GreyValues, Normalised, Scale, normalise, to_model_grid
from crend.inference.model_grid import ModelGrid
from crend.inference.probabilities import Overview, Probabilities, Seen, fuse_predictions
from crend.predict import segment

ZSCORE = {"method": "zscore_nonzero"}


def noise(shape=(40, 44, 50), low=1, high=200):
    image = sitk.GetImageFromArray(np.random.default_rng(3).integers(low, high, shape).astype(np.int16))
    image.SetSpacing((0.7, 1.1, 2.3))
    return image


@pytest.mark.parametrize("spacing", [(0.6, 0.6, 0.6), (1.5, 1.0, 4.0)])
@pytest.mark.parametrize("low", [1, -40])
def test_any_part_of_a_grid_that_is_not_kept_is_that_of_the_whole(monkeypatch, spacing, low):
    whole, grid = to_model_grid(noise(low=low), spacing)
    monkeypatch.setattr(grey_values, "KEPT", 0)
    values = GreyValues(noise(low=low), spacing)
    assert values.shape == whole.shape == grid.shape
    for region in ((slice(3, 9), slice(2, 30), slice(5, 6)), (slice(None), slice(1, None, 3), slice(None, None, 2)), (slice(0, 0),) * 3):
        assert np.array_equal(values[region], whole[region])
    assert np.array_equal(np.concatenate(list(values.slabs(7))), whole)


def test_values_and_scale_of_parts_are_those_of_the_whole():
    array = np.random.default_rng(1).normal(3, 2, (60, 20, 24)).astype(np.float32)
    array[array < 1.5] = 0
    array[:20] = 0
    scale, inside = Scale.of(np.split(array, 12), ZSCORE), array[array > 0].astype(np.float64)
    assert (scale.echoes, scale.voxels, scale.lowest) == (inside.size, array.size, inside.min())
    assert scale.mean == pytest.approx(inside.mean(), rel=1e-12) and scale.deviation == pytest.approx(inside.std(), rel=1e-12)
    normal = normalise(array, ZSCORE)
    assert np.array_equal(normal, scale.apply(array)) and scale.floor == normal.min()
    assert Scale.of([np.zeros((2, 2, 2), np.float32)], ZSCORE).floor == 0


def test_a_description_by_parts_is_that_of_the_array():
    values = GreyValues(noise((60, 50, 40)), (1.0, 1.0, 1.0))
    scale = Scale.of(values.slabs(), ZSCORE)
    by_parts = describe(Normalised(values, scale), values.grid.spacing)
    assert np.isfinite(by_parts).all() and np.array_equal(by_parts, describe(scale.apply(values[:, :, :]), values.grid.spacing))


def test_probabilities_of_any_region_are_those_of_the_whole():
    numbers = np.random.default_rng(2)
    image = noise()
    fine, coarse = ModelGrid.of(image, (1.0,) * 3), ModelGrid.of(image, (2.0,) * 3)
    wide = numbers.random((2, *coarse.shape), np.float32)
    where = (slice(4, 20), slice(0, 30), slice(7, 33))
    close = np.zeros((2, *fine.shape), np.float32)
    close[(slice(None), *where)] = numbers.random((2, 16, 30, 26), np.float32)
    share = {"ovary": 0.6, "follicles": 0.2}
    overview = Overview(coarse, wide, fine)
    seen = Probabilities(Seen(fine.shape, close[(slice(None), *where)], where), overview, share)
    whole = fuse_predictions(close.copy(), np.stack([coarse.resample_to(fine, channel) for channel in wide]), share)
    for region in (
        (slice(None),) * 3,
        (slice(10, 30), slice(28, 31), slice(0, 9)),
        (slice(1, None, 2), slice(0, None, 3), slice(2, None, 4)),
    ):
        assert np.array_equal(seen.read(region), whole[(slice(None), *region)])
        assert np.array_equal(seen.ovary[region], whole[0][region])
    ovary, follicles = seen.reaching({"ovary": 0.5, "follicles": 0.4})
    assert np.array_equal(ovary, whole[0] >= 0.5) and np.array_equal(follicles, whole[1] >= 0.4)
    assert np.array_equal(overview.at_least(0.3), coarse.resample_to(fine, wide[0]) >= 0.3)
    assert not Seen(fine.shape).whole(0).any()


@pytest.mark.parametrize("box", [None, (-30, -1, -30, -1, 1, 30)])
def test_labels_do_not_depend_on_whether_the_grid_is_kept(monkeypatch, box):
    array = scene((48, 52, 56), (slice(14, 40),) * 3, [(slice(20, 30),) * 3])
    bundle = bundle_for(array, overview=bundle_for(array).network, share={"ovary": 0.5, "follicles": 0.5})

    def run():
        found = segment(image_of(array), bundle, engine="torch", device="cpu", box=box)
        facts = {key: value for key, value in found.provenance.items() if not key.startswith("seconds")}
        return [sitk.GetArrayFromImage(each) for each in (found.ovary, found.follicles)], found.measurements, facts

    labels, measurements, facts = run()
    assert labels[0].any() and labels[1].any()
    monkeypatch.setattr(grey_values, "KEPT", 0)
    monkeypatch.setattr(grey_values, "ROWS", 3)
    again, *rest = run()
    assert all(np.array_equal(a, b) for a, b in zip(labels, again)) and rest == [measurements, facts]
