"""Volumes whose follicles are balls (Testing/benchmarks/spheres.py)."""

import numpy as np
import pytest
import SimpleITK as sitk
from spheres import ball_phantom


@pytest.mark.slow
def test_every_follicle_is_as_wide_in_all_directions_as_the_ball_of_its_volume():
    follicles = ball_phantom(524, beam_samples=100_000).follicles
    spacing = np.array(follicles.GetSpacing()[::-1])
    numbers = sitk.GetArrayFromImage(follicles)
    found = [np.argwhere(numbers == number) for number in range(1, int(numbers.max()) + 1)]
    for voxels in found:
        diameter = (6 / np.pi * len(voxels) * spacing.prod()) ** (1 / 3)
        widths = (np.ptp(voxels, axis=0) + 1) * spacing
        assert np.abs(widths - diameter).max() < 1.5 * spacing.max()
    assert len(found) >= 3
