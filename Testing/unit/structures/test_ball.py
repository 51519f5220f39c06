"""The ball of a measured diameter, on grids of any spacing and orientation."""

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.structures.ball import ball_between
from crend.structures.measurements import measure


def grid(spacing=(0.3, 0.4, 0.5), direction=(0, -1, 0, 0.6, 0, 0.8, -0.8, 0, 0.6)):
    image = sitk.Image([80, 70, 60], sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    image.SetOrigin((12, -30, 7))
    return image


@pytest.mark.parametrize("diameter", [4.0, 6.5, 11.0])
def test_a_ball_has_the_diameter_and_the_middle_that_were_clicked(diameter):
    image = grid()
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint((40.3, 35.2, 29.7)))
    half = diameter / 2 * np.array([2, -1, 2]) / 3
    mask = ball_between(image, middle - half, middle + half)
    whole = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    assert sitk.GetArrayFromImage(whole).sum() == sitk.GetArrayFromImage(mask).sum() > 0
    (found,) = measure(whole, sitk.Cast(whole, sitk.sitkUInt16)).follicles
    assert found.mean_diameter_mm == pytest.approx(diameter, abs=0.25)
    assert np.allclose(np.multiply(found.centroid_ras, (-1, -1, 1)), middle, atol=0.15)


def test_what_is_no_diameter_of_a_follicle_is_refused_in_words():
    image = grid()
    inside = np.array(image.TransformContinuousIndexToPhysicalPoint((40, 35, 30)))
    for apart in (0.0, 0.9, 41.0):
        with pytest.raises(
            InputError, match=f"the points are {apart:.1f} mm apart; click at two opposite sides of a follicle, 1 to 40 mm apart"
        ):
            ball_between(image, inside, inside + [apart, 0, 0])
    with pytest.raises(InputError, match="outside the volume"):
        ball_between(image, inside + [60, 0, 0], inside + [64, 0, 0])
    with pytest.raises(InputError, match="outside the volume|apart"):
        ball_between(image, [np.nan] * 3, inside)
    coarse = grid(spacing=(5, 5, 5), direction=np.eye(3).ravel().tolist())
    between = np.array(coarse.TransformContinuousIndexToPhysicalPoint((40.5, 35.5, 30.5)))
    with pytest.raises(InputError, match="between the voxels"):
        ball_between(coarse, between - [1, 0, 0], between + [1, 0, 0])


def test_a_ball_at_the_rim_of_the_volume_is_cut_off_there():
    image = grid()
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint((0, 35, 30)))
    mask = ball_between(image, middle - [4, 0, 0], middle + [4, 0, 0])
    whole = 4 / 3 * np.pi * 4**3
    assert sitk.GetArrayFromImage(mask).sum() * 0.06 == pytest.approx(whole / 2, rel=0.1)
