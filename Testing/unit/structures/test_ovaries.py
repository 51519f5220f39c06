"""Two ovaries in one volume: told apart where they touch, each with its own follicles."""

import numpy as np
import SimpleITK as sitk

from crend.structures.measurements import Measurements, keep_confident, measure, number_by_volume
from crend.structures.ovaries import larger_first, most_frequent, ovary_rows, separate


def balls(*centres_and_radii, shape=(30, 30, 60)):
    grid = np.indices(shape)
    return [sum((g - c) ** 2 for g, c in zip(grid, centre)) <= radius**2 for centre, radius in centres_and_radii]


def test_ovaries_that_touch_come_apart_at_their_neck():
    left, right = balls(((15, 15, 16), 12), ((15, 15, 40), 12))
    labels = separate(left | right, 2, radius=3.0)
    assert labels.min() == 1 and labels.max() == 2, "every voxel has an ovary that is nearest"
    assert (left & right).sum() > 0 and (labels[left & ~right] == 1).mean() > 0.99 and (labels[right & ~left] == 2).mean() > 0.99


def test_what_does_not_come_apart_has_one_label():
    (ball,) = balls(((15, 15, 30), 12))
    assert separate(ball, 2, radius=3.0).max() == 1


def test_the_larger_one_is_the_first():
    labels = np.array([0, 1, 2, 2, 2, 1, 0, 0, 0, 0], np.uint8)
    assert larger_first(labels).tolist() == [0, 2, 1, 1, 1, 2, 0, 0, 0, 0]
    assert most_frequent(np.array([0, 0, 0, 2])) == 2 and most_frequent(np.zeros(3, int)) is None


def test_each_follicle_knows_its_ovary_whatever_its_number():
    organs, instances = np.zeros((20, 20, 40), np.uint8), np.zeros((20, 20, 40), np.uint16)
    organs[4:16, 4:16, 2:16], organs[5:15, 5:15, 22:34] = 1, 2
    instances[6:10, 6:10, 24:28], instances[6:11, 6:11, 3:8], instances[0:2, 0:2, 37:39] = 1, 2, 3
    organs, instances = sitk.GetImageFromArray(organs), sitk.GetImageFromArray(instances)
    measured = measure(organs, instances)
    assert [follicle.ovary for follicle in measured.follicles] == [2, 1, None], "one outside belongs to none"
    assert [ovary.segment for ovary in measured.ovaries] == ["Ovary 1", "Ovary 2"] and measured.ovary.segment == "Ovary"
    _, renumbered = number_by_volume(instances, measured)
    assert [(follicle.id, follicle.ovary) for follicle in renumbered.follicles] == [(1, 1), (2, 2), (3, None)]
    assert [row["follicles"] for row in ovary_rows(keep_confident(instances, renumbered, 0.5)[1])] == ["1", "2"]
    assert Measurements.from_dict(renumbered.as_dict()) == renumbered


def test_one_ovary_is_named_as_ever_and_every_follicle_is_its_own():
    organ = sitk.GetImageFromArray(np.ones((6, 6, 6), np.uint8))
    measured = measure(organ, sitk.Cast(organ, sitk.sitkUInt16))
    assert measured.ovaries == () and measured.ovary.segment == "Ovary" and measured.follicles[0].ovary == 1
    (row,) = ovary_rows(measured)
    assert row["ovary"] == 1 and row["ovary_volume_ml"] == measured.ovary.volume_ml
    data = measured.as_dict()
    for old in (data, *data["follicles"]):
        old.pop("ovaries", None), old.pop("ovary", None) if "id" in old else None
    assert Measurements.from_dict(data).follicles[0].ovary is None, "a report of an earlier version"
