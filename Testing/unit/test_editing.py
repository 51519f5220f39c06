"""Follicles changed by hand, on shapes whose answer is known."""

import numpy as np
import pytest
from standin import bundle_for, image_of, scene

from crend.editing import follicle_at, split_follicle
from crend.errors import InputError

OBLIQUE = ((0, -1, 0), (1, 0, 0), (0, 0, 1))


def ball(shape, centre, radius):
    grids = np.ogrid[tuple(slice(n) for n in shape)]
    return sum((g - c) ** 2 for g, c in zip(grids, centre)) <= radius**2


def test_two_balls_that_touch_are_divided_at_their_neck():
    first, second = ball((30, 30, 50), (15, 15, 16), 9), ball((30, 30, 50), (15, 15, 31), 8)
    parts = split_follicle(first | second, (1, 1, 1))
    assert parts.max() == 2
    assert parts[15, 15, 10] == 1 and parts[15, 15, 36] == 2


def test_a_ball_without_a_neck_is_cut_into_halves():
    mask = ball((30, 30, 30), (15, 15, 15), 8)
    parts = split_follicle(mask, (1, 1, 1))
    counts = np.bincount(parts.ravel())[1:]
    assert counts.sum() == mask.sum() and abs(int(counts[0]) - int(counts[1])) < 0.15 * mask.sum()


def test_the_cut_goes_across_the_longest_axis_in_millimetres():
    mask = np.ones((6, 10, 10), bool)
    parts = split_follicle(mask, (5.0, 1, 1))
    assert (parts[:3] == parts[0, 0, 0]).all() and (parts[3:] == parts[5, 0, 0]).all() and parts[0, 0, 0] != parts[5, 0, 0]


def test_one_voxel_cannot_be_divided():
    with pytest.raises(InputError, match="cannot be divided"):
        split_follicle(np.ones((1, 1, 1), bool), (1, 1, 1))


def _volume():
    follicles = [(slice(10, 18), slice(12, 20), slice(10, 18)), (slice(24, 30), slice(24, 30), slice(24, 30))]
    array = scene((40, 40, 40), (slice(4, 36),) * 3, follicles)
    return array, follicles


def test_the_follicle_around_a_point_is_found_on_the_images_own_grid():
    array, follicles = _volume()
    image = image_of(array, spacing=(0.9, 1.1, 1.0), origin=(4, 5, 6), direction=OBLIQUE)
    point = image.TransformIndexToPhysicalPoint((27, 27, 27))
    found = follicle_at(image, point, bundle_for(array), device="cpu", engine="torch")
    import SimpleITK as sitk

    mask = sitk.GetArrayFromImage(found).astype(bool)
    expected = np.zeros(array.shape, bool)
    expected[follicles[1]] = True
    assert 2 * (mask & expected).sum() / (mask.sum() + expected.sum()) > 0.85
    assert found.GetDirection() == image.GetDirection() and found.GetOrigin() == image.GetOrigin()


@pytest.mark.parametrize("index, words", [((20, 20, 2), "no follicle at this point"), ((60, 20, 20), "outside the volume")])
def test_a_point_without_a_follicle_is_refused_in_words(index, words):
    array, _ = _volume()
    image = image_of(array)
    with pytest.raises(InputError, match=f"^Scan: .*{words}"):
        follicle_at(
            image,
            image.TransformContinuousIndexToPhysicalPoint([float(i) for i in index]),
            bundle_for(array),
            device="cpu",
            engine="torch",
            name="Scan",
        )


def test_probabilities_near_a_point_lie_on_the_images_own_grid_and_are_those_of_a_run():
    import SimpleITK as sitk

    from crend.editing import PreparedVolume
    from crend.structures.brush import crop_around

    array, _ = _volume()
    image = image_of(array, spacing=(0.9, 1.1, 1.0), origin=(4, 5, 6), direction=OBLIQUE)
    volume = PreparedVolume(image, bundle_for(array), device="cpu", engine="torch")
    for index in ((27, 27, 27), (5, 20, 20), (0, 39, 20)):
        point = image.TransformIndexToPhysicalPoint(index)
        ovary, found = volume.near(point, 5.0)
        part = crop_around(image, point, 5.0)
        values = sitk.GetArrayFromImage(part)
        for chances in (ovary, found):
            assert chances.GetOrigin() == part.GetOrigin() and chances.GetSize() == part.GetSize()
        assert ((sitk.GetArrayFromImage(ovary) > 0.5) == (values > 100)).mean() > 0.93
        assert ((sitk.GetArrayFromImage(found) > 0.5) == (values > 180)).mean() > 0.95
    with pytest.raises(InputError, match="outside the volume"):
        volume.near(image.TransformContinuousIndexToPhysicalPoint([60.0, 5, 5]), 4.0)


def test_a_click_near_an_earlier_one_runs_no_network_and_its_answer_does_not_depend_on_it():
    import SimpleITK as sitk

    from crend.editing import PreparedVolume

    array = np.kron(_volume()[0], np.ones((2, 2, 2), np.uint8))
    image, asked = image_of(array), []
    prepared = PreparedVolume(image, bundle_for(array), device="cpu", engine="torch")
    predict = prepared.close._engine.predict
    prepared.close._engine.predict = lambda *given: asked.append(1) or predict(*given)
    first = prepared.near((40, 40, 40), 2.0)
    again = prepared.near((41, 39, 40), 2.0)
    assert len(asked) == 1
    prepared.near((60, 20, 40), 2.0)
    assert len(asked) == 2
    fresh = PreparedVolume(image, bundle_for(array), device="cpu", engine="torch").near((41, 39, 40), 2.0)
    assert all(np.array_equal(*map(sitk.GetArrayFromImage, pair)) for pair in zip(again, fresh))
    assert not np.array_equal(*map(sitk.GetArrayFromImage, (first[0], again[0])))
