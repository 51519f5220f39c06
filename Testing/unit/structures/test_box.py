"""A box of the user's: what is one, what is said of one that will not do, and which voxels lie in it."""

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.inference.model_grid import ModelGrid
from crend.structures.box import Box

TURN = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.5, 0.7).GetMatrix()
SPACING = (0.6, 0.9, 1.3)


def volume(shape=(30, 34, 38), spacing=SPACING, direction=TURN):
    image = sitk.Image(shape[::-1], sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin((12.5, -80.0, 3.25))
    image.SetDirection(direction)
    return image


def centre_of(image):
    return np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])) * [-1, -1, 1]


def around(image, size=(14, 11, 17), turn=((1, 0, 0), (0, 1, 0), (0, 0, 1)), shift=(0, 0, 0)):
    return {"centre": list(centre_of(image) + shift), "axes": [list(axis) for axis in turn], "size": list(size)}


def test_six_faces_are_the_box_between_them_and_plain_lists_make_it_again():
    box = Box.of((-30, 10, -20, 25, 0, 35))
    assert box.centre == (-10, 2.5, 17.5) and box.size == (40, 45, 35)
    assert Box.of(box.as_dict()) == box and Box.of(box) is box and Box.of("-30 10 -20 25 0 35") == box


BAD = {
    "too few numbers": ((1, 2, 3), "six numbers in mm, R0 R1 A0 A1 S0 S1"),
    "words": ("here", "six numbers"),
    "a slip that Python reads": ("-30 1_0 -20 25 0 35", "six numbers"),
    "not a number": ((0, float("nan"), 0, 30, 0, 30), "six numbers"),
    "infinite": ((0, float("inf"), 0, 30, 0, 30), "six numbers"),
    "beyond every volume": ((-1e200, 1e200) * 3, "six numbers"),
    "inverted": ((0, 30, 30, 10, 0, 30), "inverted: A runs from 30 to 10 mm"),
    "of no width": ((5, 5, 0, 30, 0, 30), "inverted: R runs from 5 to 5 mm"),
    "thin": ((0, 30, 0, 4.9, 0, 30), "4.9 mm thin; it must be 5 mm or more"),
    "sheared": ({"centre": [0, 0, 0], "axes": [[1, 0, 0], [0.5, 0.8, 0], [0, 0, 1]], "size": [9, 9, 9]}, "sheared or scaled"),
    "half a mapping": ({"centre": [0, 0, 0]}, "a box has centre, axes and size"),
    "a size of words": ({"centre": [0, 0, 0], "axes": np.eye(3).tolist(), "size": ["a", 9, 9]}, "no number"),
}


@pytest.mark.parametrize("given, words", BAD.values(), ids=BAD)
def test_what_is_no_box_is_refused_in_words(given, words):
    with pytest.raises(InputError, match=words):
        Box.of(given)


@pytest.mark.parametrize("turn", [np.eye(3), np.reshape(TURN, (3, 3)).T], ids=["straight", "turned"])
def test_voxels_and_ellipsoid_of_a_box_are_those_that_lie_there_in_a_tilted_volume(turn):
    image = volume()
    box = Box.of(around(image, turn=turn))
    grid = ModelGrid.of(image, SPACING)
    region = (slice(3, 30), slice(0, 34), slice(2, 38))
    index = np.argwhere(np.ones([s.stop - s.start for s in region])) + [s.start for s in region]
    points = np.array([image.TransformIndexToPhysicalPoint(i[::-1].tolist()) for i in index]) * [-1, -1, 1]
    along = (points - box.centre) @ np.array(box.axes).T / (np.array(box.size) / 2)
    wanted = (np.abs(along) <= 1).all(axis=1)
    voxels = grid.image_voxels(region)
    assert np.array_equal(box.voxels(*voxels).ravel(), wanted) and 0 < wanted.sum() < wanted.size
    assert np.array_equal(box.ellipsoid(*voxels).ravel(), (along**2).sum(axis=1) <= 1)
    # The model grid of the same spacing has the same voxels.
    assert np.array_equal(box.voxels(*grid.voxels)[region].ravel(), wanted)


def test_a_coarser_model_grid_holds_as_much_of_the_box():
    image = volume()
    box = Box.of(around(image))
    inside = box.voxels(*ModelGrid.of(image, (1.1, 1.1, 1.1)).voxels)
    assert inside.sum() * 1.1**3 == pytest.approx(14 * 11 * 17, rel=0.1)


def test_a_box_outside_the_volume_or_with_a_slice_of_itself_in_it_is_refused_with_where_the_volume_lies():
    image = volume(direction=np.eye(3).ravel())
    Box.of(around(image)).check_in(image, "v")
    Box.of(around(image, size=(900, 900, 900))).check_in(image, "v")
    with pytest.raises(InputError, match=r"v: the box lies outside the volume, which reaches from R -35 to -12, A 50 to 80, S 3 to 41 mm"):
        Box.of(around(image, shift=(200, 0, 0))).check_in(image, "v")
    with pytest.raises(InputError, match="v: only .* mm of the box lie in the volume"):
        Box.of(around(image, shift=(0, 18, 0))).check_in(image, "v")


def test_a_box_in_a_very_fine_volume_is_found_too():
    image = volume((400, 10, 400), (0.1, 2.0, 0.1), np.eye(3).ravel())
    Box.of(around(image, size=(5, 5, 5), shift=(3, 0, 3))).check_in(image, "v")
