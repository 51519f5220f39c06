"""The one line that people read."""

import numpy as np
import pytest
import SimpleITK as sitk

from crend.result import Segmentation
from crend.structures.measurements import measure


def result(ovary_box, follicles=0, ovaries=1):
    array = np.zeros((30, 30, 30), np.uint8)
    array[ovary_box] = 1
    labels = np.zeros(array.shape, np.uint16)
    for k in range(follicles):
        labels[12:15, 12:15, 5 * k + 3 : 5 * k + 6] = k + 1
    ovary, instances = sitk.GetImageFromArray(array), sitk.GetImageFromArray(labels)
    return Segmentation(ovary, instances, measure(ovary, instances), {"ovaries": ovaries})


@pytest.mark.parametrize(
    "follicles, ovaries, expected",
    [
        (0, 1, "1 ovary of 8.0 ml without follicles"),
        (1, 1, "1 ovary of 8.0 ml with 1 follicle"),
        (4, 1, "1 ovary of 8.0 ml with 4 follicles"),
        (4, 2, "2 ovaries, together 8.0 ml with 4 follicles"),
    ],
)
def test_message_counts(follicles, ovaries, expected):
    assert result((slice(2, 22),) * 3, follicles, ovaries).message == expected


def test_message_when_there_is_none():
    assert result((slice(0, 0),) * 3).message == "no ovary found"
