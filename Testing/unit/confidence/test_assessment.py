"""Confidences and flags of a whole run, and labels on the model grid."""

import numpy as np
import pytest
from standin import bundle_for, image_of, scene

from crend.confidence.assessment import MOST_IN_UNFAMILIAR
from crend.confidence.familiarity import FEATURES as DESCRIPTION
from crend.confidence.familiarity import fit as fit_familiar
from crend.confidence.follicle_confidence import FEATURES, fit
from crend.inference.model_grid import ModelGrid, labels_on_model_grid
from crend.predict import segment

ORGAN = (slice(10, 28), slice(8, 30), slice(12, 34))
FOLLICLES = [(slice(12, 18), slice(10, 16), slice(14, 20)), (slice(20, 24), slice(22, 26), slice(26, 30))]
ARRAY = scene((40, 44, 48), ORGAN, FOLLICLES, empty=(slice(0, 3),))


def found(**settings):
    bundle = bundle_for(ARRAY)
    bundle.metadata["crend"].update(settings)
    return segment(image_of(ARRAY), bundle, engine="torch", device="cpu")


def test_a_plain_volume_is_sure_and_has_no_flags_but_that_of_its_spacing():
    result = found()
    assert [flag["key"] for flag in result.flags] == ["unit_spacing"] and all(
        follicle.confidence > 0.99 for follicle in result.measurements.follicles
    )


@pytest.mark.slow
def test_the_bundles_calibration_is_used():
    generator = np.random.default_rng(0)
    calibration = fit(generator.normal(size=(200, len(FEATURES))), generator.random(200) < 0.3)
    sure = [follicle.confidence for follicle in found().measurements.follicles]
    mapped = [follicle.confidence for follicle in found(confidence=calibration).measurements.follicles]
    assert len(mapped) == len(sure) == 2 and mapped != sure


@pytest.mark.slow
def test_in_an_unfamiliar_volume_no_follicle_is_more_than_half_sure():
    familiar = fit_familiar(np.random.default_rng(0).normal(size=(60, len(DESCRIPTION))))
    result = found(familiar=familiar)
    assert [flag["key"] for flag in result.flags] == ["unit_spacing", "unfamiliar"]
    assert result.message.endswith("; doubtful: spacing of 1.0 mm, unlike the training data")
    assert [follicle.confidence for follicle in result.measurements.follicles] == [MOST_IN_UNFAMILIAR] * 2


def test_a_follicle_too_small_for_the_model_grid_keeps_the_voxel_at_its_middle():
    labels = np.zeros((30, 30, 30), np.uint16)
    labels[10:20, 10:20, 10:20] = 1
    labels[3, 4, 3] = 2
    grid = ModelGrid((10,) * 3, (3.0,) * 3, labels.shape, (1.0,) * 3, (0,) * 3, (1, 0, 0, 0, 1, 0, 0, 0, 1))
    read = labels_on_model_grid(labels, grid, [1, 2])
    assert (read == 1).sum() in (27, 64) and np.argwhere(read == 2).tolist() == [[1, 1, 1]]
    assert grid.image_to_model(0, 3) == pytest.approx(2 / 3)
