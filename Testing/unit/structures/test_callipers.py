"""Diameters of an ovary as callipers read them."""

import numpy as np
import pytest
import SimpleITK as sitk
from test_measurements import OBLIQUE, ellipsoid

from crend.structures.callipers import volume_ml
from crend.structures.measurements import measure


def ovary_of(image):
    return measure(image, sitk.Image(image.GetSize(), sitk.sitkUInt16)).ovary


def test_callipers_read_the_axes_of_a_turned_ellipsoid():
    direction = np.array(OBLIQUE.GetMatrix()).reshape(3, 3)
    ovary = ovary_of(ellipsoid((24, 34, 18), (0.4, 0.5, 0.6), np.random.default_rng(3), direction))
    assert (ovary.d1_mm, ovary.d2_mm, ovary.d3_mm) == pytest.approx((34, 24, 18), abs=0.4)
    assert volume_ml(ovary.d1_mm, ovary.d2_mm, ovary.d3_mm) == pytest.approx(ovary.volume_ml, rel=0.03)


def test_callipers_span_a_dent_that_the_voxels_leave_out():
    array = np.zeros((40, 40, 60), np.uint8)
    array[5:35, 5:35, 5:55] = 1
    array[5:20, 10:30, 15:45] = 0
    image = sitk.GetImageFromArray(array)
    ovary = ovary_of(image)
    whole = ovary_of(sitk.GetImageFromArray(np.where(np.indices(array.shape)[0] < 20, array[39 - np.arange(40)], array)))
    assert (ovary.d1_mm, ovary.d2_mm, ovary.d3_mm) == pytest.approx((whole.d1_mm, whole.d2_mm, whole.d3_mm))
    assert ovary.volume_ml < whole.volume_ml


def test_an_ovary_of_one_voxel_has_diameters_of_nothing_and_unknown_ones_no_volume():
    array = np.zeros((3, 3, 3), np.uint8)
    array[1, 1, 1] = 1
    ovary = ovary_of(sitk.GetImageFromArray(array))
    assert (ovary.d1_mm, ovary.d2_mm, ovary.d3_mm) == (0, 0, 0)
    assert volume_ml(10, None, 10) is None
