"""Phantoms of no simulator: balls in an ellipsoid (Testing/benchmarks/plain_phantoms.py), and what the bundled model makes of one."""

import numpy as np
import pytest
import SimpleITK as sitk
from plain_phantoms import phantom

from crend.predict import segment
from crend_training.evaluation.evaluation import case_of


def arrays(made):
    return [sitk.GetArrayFromImage(image) for image in (made.volume, made.ovary, made.follicles)]


@pytest.mark.parametrize("look", ["dark ovary", "noise, sector"])
def test_follicles_lie_in_the_ovary_and_are_darker(look):
    grey, ovary, follicles = arrays(phantom(look, 1))
    assert follicles.max() >= 3 and not (follicles[ovary == 0] > 0).any() and 0 < ovary.mean() < 0.4
    assert grey[follicles > 0].mean() < 0.6 * grey[(ovary > 0) & (follicles == 0)].mean()
    assert (np.mean(grey == 0) > 0.05) == look.endswith("sector")


def test_the_bundled_model_finds_ovary_and_follicles_of_a_phantom_that_no_simulator_made():
    made = phantom("coarse tissue, sector", 0)
    row = case_of(0, made, segment(made.volume)).row
    assert row["ovary_dsc"] > 0.8 and row["follicles_dsc"] > 0.8 and row["fd_percent"] == 0
