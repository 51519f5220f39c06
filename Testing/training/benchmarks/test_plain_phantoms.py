"""Phantoms of no simulator: balls in an ellipsoid (Testing/benchmarks/plain_phantoms.py), and what the bundled model makes of one."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk
from plain_phantoms import phantom

from crend.predict import segment
from crend_training.evaluation.evaluation import case_of


def arrays(made):
    return [sitk.GetArrayFromImage(image) for image in (made.volume, made.ovary, made.follicles)]


def around(made, margin_mm=5):
    """The phantom cut to its ovary and a margin, which are looked at in a third of the time."""
    spacing = np.array(made.ovary.GetSpacing())
    inside = np.argwhere(sitk.GetArrayViewFromImage(made.ovary))[:, ::-1]
    low = np.maximum(inside.min(axis=0) - (margin_mm / spacing).astype(int), 0)
    high = np.minimum(inside.max(axis=0) + (margin_mm / spacing).astype(int) + 1, made.ovary.GetSize())
    parts = {
        name: sitk.RegionOfInterest(getattr(made, name), (high - low).tolist(), low.tolist()) for name in ("volume", "ovary", "follicles")
    }
    return dataclasses.replace(made, **parts)


@pytest.mark.parametrize("look", ["dark ovary", "noise, sector"])
def test_follicles_lie_in_the_ovary_and_are_darker(look):
    grey, ovary, follicles = arrays(phantom(look, 1))
    assert follicles.max() >= 3 and not (follicles[ovary == 0] > 0).any() and 0 < ovary.mean() < 0.4
    assert grey[follicles > 0].mean() < 0.6 * grey[(ovary > 0) & (follicles == 0)].mean()
    assert (np.mean(grey == 0) > 0.05) == look.endswith("sector")


def test_the_bundled_model_finds_ovary_and_follicles_of_a_phantom_that_no_simulator_made():
    made = around(phantom("coarse tissue, sector", 0))
    row = case_of(0, made, segment(made.volume)).row
    assert row["ovary_dsc"] > 0.8 and row["follicles_dsc"] > 0.8 and row["fd_percent"] == 0
