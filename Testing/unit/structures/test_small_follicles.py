import numpy as np
import pytest
import SimpleITK as sitk

from crend.inference.model_grid import ModelGrid
from crend.structures.small_follicles import drop_low_probability

IMAGE = sitk.Image((40, 40, 40), sitk.sitkUInt8)
IMAGE.SetSpacing((0.5, 0.5, 0.5))
GRID = ModelGrid.of(IMAGE, (1.0, 1.0, 1.0))
WHOLE = (slice(None),) * 3


def scene(*things):
    """(labels on the image, probability on the model grid) of things: (label, corner in image voxels, side, probability)."""
    labels, fine = np.zeros((40, 40, 40), np.uint16), np.zeros((40, 40, 40), np.float32)
    for label, corner, side, probability in things:
        box = (slice(corner, corner + side),) * 3
        labels[box], fine[box] = label, probability
    return labels, fine.reshape(20, 2, 20, 2, 20, 2).mean(axis=(1, 3, 5))


def test_small_ones_of_little_probability_go_and_the_others_are_numbered_anew():
    labels, probability = scene((1, 2, 12, 0.6), (2, 20, 6, 0.6), (3, 30, 4, 0.9))
    found = drop_low_probability(labels, probability, GRID, {"below_mm": 5.0, "small": 0.7}, WHOLE, WHOLE)
    assert np.array_equal(found, np.where(labels == 3, 2, labels * (labels != 2)))
    assert found.dtype == np.uint16


@pytest.mark.parametrize("settings", [{"below_mm": 3.0, "small": 0.7}, {"below_mm": 5.0, "small": 0.5}, {"below_mm": 0.0, "small": 1.0}])
def test_what_is_large_enough_or_sure_enough_stays(settings):
    labels, probability = scene((1, 2, 12, 0.6), (2, 20, 6, 0.6))
    assert np.array_equal(drop_low_probability(labels, probability, GRID, settings, WHOLE, WHOLE), labels)


def test_a_part_of_the_image_is_enough():
    labels, probability = scene((1, 20, 6, 0.6), (2, 30, 4, 0.9))
    where, region = (slice(18, 40),) * 3, (slice(9, 18),) * 3
    found = drop_low_probability(labels, probability[region], GRID, {"below_mm": 5.0, "small": 0.7}, where, region)
    assert found.shape == (22, 22, 22) and np.array_equal(found, (labels == 2)[where])
    assert not drop_low_probability(labels * 0, probability, GRID, {"below_mm": 5.0, "small": 0.7}, WHOLE, WHOLE).any()
