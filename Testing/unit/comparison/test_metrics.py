"""Comparing two segmentations: numbers worked out by hand, empty cases, other grids."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from crend.comparison.matching import hits, one_to_one, overlaps, usova3d
from crend.comparison.metrics import compare, dice
from crend.errors import InputError
from crend.io.labels import Labels


def labels(follicles, ovary=None, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), direction=None):
    follicles = np.asarray(follicles, np.uint16)
    ovary = follicles > 0 if ovary is None else ovary
    images = [sitk.GetImageFromArray(a) for a in (ovary.astype(np.uint8), follicles)]
    for image in images:
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        if direction is not None:
            image.SetDirection(direction)
    return Labels(*images)


def rows(*runs, width=60):
    """(1, 1, width) labels: runs of (first, last, label) along x."""
    array = np.zeros((1, 1, width), int)
    for first, last, label in runs:
        array[0, 0, first:last] = label
    return array


def test_dice_by_hand():
    a, b = rows((0, 10, 1)) > 0, rows((5, 20, 1)) > 0
    assert dice(a, b) == pytest.approx(2 * 5 / 25)


def test_dice_of_empty_masks():
    empty, full = np.zeros((2, 2, 2), bool), np.ones((2, 2, 2), bool)
    assert dice(empty, empty) == 1
    assert dice(empty, full) == 0


def test_overlaps_count_every_pair_and_sparse_labels():
    found = overlaps(rows((0, 10, 3), (20, 30, 700)), rows((5, 25, 9), (28, 40, 65000)))
    assert found.reference_ids.tolist() == [3, 700] and found.prediction_ids.tolist() == [9, 65000]
    assert found.reference_voxels.tolist() == [10, 10] and found.prediction_voxels.tolist() == [20, 12]
    assert found.shared.tolist() == [[5, 0], [5, 2]]
    assert found.iou()[0, 0] == pytest.approx(5 / 25) and found.dice()[1, 1] == pytest.approx(4 / 22)


def test_a_hit_needs_more_than_thirty_percent():
    # IoU 3 / 10 exactly, then 4 / 10.
    assert not hits(overlaps(rows((0, 10, 1)), rows((7, 10, 1))))[0].any()
    assert hits(overlaps(rows((0, 10, 1)), rows((6, 10, 1))))[0].all()


def test_many_to_one_hits_where_one_to_one_does_not():
    # Prediction 1 covers both halves: IoU 0.5 with each.
    found = overlaps(rows((0, 10, 1), (10, 20, 2)), rows((0, 20, 1)))
    assert hits(found)[0].tolist() == [True, True]
    assert len(one_to_one(found)) == 1


def test_one_to_one_takes_the_best_sum_not_the_best_first_pair():
    # IoU: (1, 1) 7/20, (1, 2) 13/32, (2, 2) 12/33. Greedy takes (1, 2) and has nothing left for 2; the other two are better together.
    found = overlaps(rows((0, 20, 1), (20, 40, 2)), rows((0, 7, 1), (7, 32, 2)))
    assert found.iou().argmax() == 1
    assert one_to_one(found) == [(0, 0), (1, 1)]


def test_usova3d_pairs_by_the_product_of_both_covers():
    found = overlaps(rows((0, 10, 1), (10, 20, 2)), rows((0, 5, 1), (5, 20, 2)))
    # (2, 2): rho1 = 1, rho2 = 10/15; then (1, 1): rho1 = 1/2, rho2 = 1.
    assert usova3d(found) == [(1, 1, 1.0, pytest.approx(2 / 3)), (0, 0, 0.5, 1.0)]


def test_detection_by_hand():
    reference = rows((0, 10, 1), (20, 30, 2), (40, 43, 3))
    prediction = rows((0, 10, 1), (33, 36, 2), (41, 43, 3), (50, 52, 4))
    found = compare(labels(reference), labels(prediction))["detection"]
    # Diameters of equal volume at 1 mm: 10 voxels 2.67 mm, 3 voxels 1.79 mm: all are small.
    assert found["fd"] == found["fd_small"] == found["fd_small_radius"] == pytest.approx(50)
    assert found["md"] == pytest.approx(100 / 3)
    assert (found["count_reference"], found["count_prediction"], found["count_error"]) == (3, 4, 1)
    assert (found["matched_one_to_one"], found["missed_one_to_one"], found["false_one_to_one"]) == (2, 1, 2)


def test_small_readings_limit_by_diameter_and_by_radius():
    def cube(array, corner, side, label):
        array[tuple(slice(c, c + side) for c in corner)] = label

    reference, prediction = np.zeros((40, 20, 20), int), np.zeros((40, 20, 20), int)
    cube(reference, (0, 0, 0), 3, 1)  # 3.7 mm, missed
    cube(reference, (8, 0, 0), 7, 2)  # 8.7 mm: radius below 5, diameter not; found
    cube(prediction, (8, 0, 0), 7, 1)
    cube(reference, (20, 0, 0), 12, 3)  # 14.9 mm: neither; missed
    found = compare(labels(reference), labels(prediction))["detection"]
    assert found["md"] == pytest.approx(200 / 3) and found["md_small"] == 100 and found["md_small_radius"] == 50
    assert found["fd"] == 0 and found["fd_small"] is None and found["fd_small_radius"] == 0


def test_structures_matches_and_volumes_of_a_shifted_box():
    reference, prediction = np.zeros((10, 10, 20), int), np.zeros((10, 10, 20), int)
    reference[2:8, 2:8, 2:10] = 1
    prediction[2:8, 2:8, 4:12] = 5
    result = compare(labels(reference, spacing=(0.5, 1, 1)), labels(prediction, spacing=(0.5, 1, 1)), percentiles=(90,))
    for name in ("ovary", "follicles"):
        assert result[name]["dsc"] == pytest.approx(0.75) and result[name]["jc"] == pytest.approx(0.6)
        assert result[name]["hd"] == pytest.approx(1.0) and result[name]["hd_directed"] == pytest.approx([1.0, 1.0])
        assert {"hd90", "hd95", "hd95_directed", "asd", "asd_directed"} <= set(result[name])
        assert result[name]["volume_reference_ml"] == pytest.approx(0.144) and result[name]["volume_difference_ml"] == 0
    (match,) = result["matches"]
    assert (match["reference"], match["prediction"]) == (1, 5)
    assert (
        match["dsc"] == pytest.approx(0.75) and match["centre_distance_mm"] == pytest.approx(1.0) and match["diameter_difference_mm"] == 0
    )
    assert result["missed"] == result["false"] == []


def test_everything_is_plain_json():
    a = labels(rows((0, 10, 1)))
    assert json.loads(json.dumps(compare(a, a), allow_nan=False))["ovary"]["dsc"] == 1


@pytest.mark.parametrize(("reference", "prediction", "dsc"), [(0, 0, 1), (1, 0, 0), (0, 1, 0)])
def test_empty_sides_have_no_distance_and_no_percentages_of_nothing(reference, prediction, dsc):
    result = compare(*(labels(np.full((3, 4, 5), k)) for k in (reference, prediction)))
    for name in ("ovary", "follicles"):
        assert result[name]["dsc"] == result[name]["jc"] == dsc
        assert all(result[name][key] is None for key in ("hd", "hd95", "asd", "hd_directed", "asd_directed"))
    assert (result["detection"]["fd"] is None) == (not prediction) and (result["detection"]["md"] is None) == (not reference)
    json.dumps(result, allow_nan=False)


def test_a_finer_grid_of_the_same_place_is_resampled():
    array = np.zeros((12, 12, 12), int)
    array[3:9, 3:9, 3:9] = 1
    fine = array.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    result = compare(labels(array), labels(fine, spacing=(0.5,) * 3, origin=(-0.25,) * 3))
    assert result["ovary"]["dsc"] == 1 and result["ovary"]["hd"] == 0


def test_oblique_grids_give_the_same_numbers():
    turn = sitk.VersorRigid3DTransform()
    turn.SetRotation((0.3, -0.5, 0.8), 0.7)
    rng = np.random.default_rng(0)
    a, b = (np.pad(rng.integers(0, 3, (5, 6, 7)), 2) for _ in range(2))
    straight, oblique = (
        compare(labels(a, direction=d, spacing=(0.3, 0.4, 0.5)), labels(b, direction=d, spacing=(0.3, 0.4, 0.5)))
        for d in (None, turn.GetMatrix())
    )
    assert straight == oblique


def test_grids_that_share_no_space_are_refused():
    a = rows((0, 10, 1))
    for far in ((1000, 0, 0), (0, 70, 0)):
        with pytest.raises(InputError, match="share no space"):
            compare(labels(a), labels(a, origin=far))


def test_grids_that_lie_side_by_side_are_compared_and_it_is_said_that_nothing_is_shared():
    a = rows((0, 10, 1))
    result = compare(labels(a), labels(a, origin=(0, 5, 0)))
    assert result["ovary"]["dsc"] == 0 and result["ovary"]["hd"] == 5 and result["detection"]["fd"] == 100
    assert "share no voxel" in result["notes"][0]
