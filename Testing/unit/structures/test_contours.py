"""The ovary from contours, on shapes whose volume is known; and contours that cannot be."""

import numpy as np
import pytest
import SimpleITK as sitk
from ovary_shapes import Ovary, grid

from crend.errors import InputError
from crend.structures.contours import ovary_from_contours, unseen_mm

#: The image's axes, turned about two of the patient's.
OBLIQUE = np.linalg.qr([[0.8, -0.6, 0.1], [0.5, 0.7, -0.5], [0.2, 0.3, 0.9]])[0]


def voxels(contours, image=None, **more):
    return sitk.GetArrayFromImage(ovary_from_contours(contours, image if image is not None else grid(), **more)) > 0


def volume_error(ovary, contours, image):
    """Percent."""
    return 100 * (voxels(contours, image).sum() / ovary.mask_on(image).sum() - 1)


@pytest.mark.parametrize("planes, allowed", [(6, 3), (3, 6), (2, 12)])
@pytest.mark.parametrize("bulges", [0, 2])
def test_the_volume_of_an_ellipsoid_with_and_without_bulges_is_right(bulges, planes, allowed):
    for seed in range(2):
        ovary, image = Ovary(bulges, seed), grid(direction=OBLIQUE if seed == 1 else None)
        assert abs(volume_error(ovary, ovary.turning(planes, start=0.4 * seed), image)) < allowed, seed


@pytest.mark.parametrize("degrees", [(0, 30, 60), (45, 75, 105)])
def test_planes_beside_each_other_give_the_volume_too_and_are_said_to_leave_a_side_open(degrees):
    ovary, image = Ovary(), grid()
    contours = [
        ovary.contour(np.zeros(3), [1.0, 0, 0], [0, np.cos(angle), np.sin(angle)]) for angle in np.radians(np.array(degrees, float))
    ]
    assert abs(volume_error(ovary, contours, image)) < 6
    assert 10 < unseen_mm(contours, ovary_from_contours(contours, image)) < 15
    even = ovary.turning(3)
    assert unseen_mm(even, ovary_from_contours(even, image)) is None


def test_planes_on_one_side_give_the_volume_too():
    ovary, image = Ovary(), grid()
    contours = [ovary.contour(np.array([0, 0, z]), [1.0, 0, 0], [0, 1.0, 0]) for z in (2.0, 4.5, 7.0)]
    assert abs(volume_error(ovary, contours, image)) < 10


def test_planes_across_the_ovary_serve_as_well():
    ovary, image = Ovary(), grid()
    assert abs(volume_error(ovary, ovary.across(3), image)) < 6 and abs(volume_error(ovary, ovary.across(6), image)) < 3


def test_the_surface_goes_through_the_contours_and_is_one_smooth_piece():
    ovary, image = Ovary(2, 5), grid(0.5)
    contours = ovary.turning(4)
    mask = voxels(contours, image)
    for factor, inside in ((0.93, True), (1.07, False)):
        index = [image.TransformPhysicalPointToIndex((factor * point).tolist())[::-1] for contour in contours for point in contour]
        assert np.mean([mask[each] == inside for each in index]) > 0.97
    components = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)))
    assert sitk.GetArrayFromImage(components).max() == 1


def test_a_dented_ovary_keeps_its_dent():
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 14 - 6 * np.exp(-(((angles - np.pi) / 0.5) ** 2))
    flat = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    contours = [np.column_stack([flat * np.sqrt(1 - (z / 13) ** 2), np.full(40, z)]) for z in (-6.0, 0.0, 6.0)]
    image = grid()
    mask = voxels(contours, image)
    assert not mask[image.TransformPhysicalPointToIndex([-10.0, 0, 0])[::-1]]
    assert mask[image.TransformPhysicalPointToIndex([-5.0, 0, 0])[::-1]] and mask[image.TransformPhysicalPointToIndex([12.0, 0, 0])[::-1]]


def test_the_order_and_direction_of_contours_and_points_do_not_matter():
    contours = Ovary(2, 3).turning(3)
    other = [np.roll(contour[::-1], 5, axis=0) for contour in contours[::-1]]
    assert (voxels(contours) != voxels(other)).sum() < 0.002 * voxels(contours).sum()


def test_an_ovary_that_reaches_the_volumes_edge_ends_there():
    ovary, image = Ovary(), grid()
    shifted = [contour + [12.0, 0, 0] for contour in ovary.turning(3)]
    with pytest.raises(InputError, match="contour 1: lies outside the volume"):
        ovary_from_contours(shifted, image)
    inside = [contour + [9.9, 0, 0] for contour in ovary.turning(3)]
    assert voxels(inside, image)[:, :, -1].any()


CIRCLE = np.linspace(0, 2 * np.pi, 12, endpoint=False)


def circle(z=0.0, radius=10.0, part=1.0):
    angles = part * CIRCLE
    return np.stack([radius * np.cos(angles), radius * np.sin(angles), np.full(12, z)], axis=1)


EIGHT = np.stack([10 * np.cos(CIRCLE + 0.1), 8 * np.sin(2 * CIRCLE + 0.2), np.full(12, 3.0)], axis=1)
ACROSS = circle()[:, [2, 0, 1]]


@pytest.mark.parametrize(
    "contours, words",
    [
        ([], "no contour is too few"),
        ([circle()], "1 contour is too few; draw closed curves"),
        ([circle(), circle(4)[:3]], "contour 2: has 3 points; set at least 4"),
        ([circle(), circle(4, part=0.5)], "contour 2: is open"),
        ([circle(), EIGHT], "contour 2: crosses itself"),
        ([circle(), np.concatenate([ACROSS, ACROSS[:6]])], "contour 2: crosses itself"),
        ([0.2 * circle(), 0.2 * ACROSS], "the contours are 4 mm large; draw them all the way round"),
        ([circle(), 1e200 * ACROSS], "contour 2: is no list of points"),
        ([circle(), circle(0.3, 9.0)], "all contours lie in one plane"),
        ([circle(), circle(5), circle(0.3, 9.0)], "contour 1 and contour 3 lie in one plane; delete one"),
        ([circle(), np.concatenate([circle()[:6], circle(9)[6:]])], "contour 2: does not lie in one plane"),
        ([circle(), np.outer(np.arange(8), [1, 1, 1])], "contour 2: its points lie on a line"),
        ([circle(), ACROSS * 0.4], "are 6 mm apart where their planes meet"),
        ([circle(), ACROSS + [0, 25.0, 0]], "mm apart where their planes meet"),
        ([circle(), circle(5) + [30.0, 0, 0]], "contour 1 and contour 2 lie beside each other; delete one if they are of two ovaries"),
        ([circle(), ACROSS * 0.3 + [30.0, 0, 20], circle(5)], "contour 2 and contour 3 lie beside each other"),
        ([circle(), circle(90)], "contour 2: lies outside the volume"),
        ([circle(), [[0, 0, np.nan]] * 5], "contour 2: is no list of points"),
        ([circle(k) for k in range(30)], "30 contours are more than 20"),
        ([circle(k) for k in (0, 5, 10)], "the contours leave a side of the ovary open; turn or move the slice view there"),
    ],
)
def test_contours_that_cannot_be_are_refused_in_words(contours, words):
    with pytest.raises(InputError, match=words):
        ovary_from_contours(contours, grid())


def test_messages_call_a_contour_by_its_name():
    with pytest.raises(InputError, match="^Left, plane 2: is open"):
        ovary_from_contours([circle(), circle(4, part=0.5)], grid(), ["Left, plane 1", "Left, plane 2"])


def test_a_contour_that_says_its_first_point_again_is_the_same():
    closed = [np.concatenate([contour, contour[:1]]) for contour in Ovary().turning(2)]
    assert np.array_equal(voxels(closed), voxels(Ovary().turning(2)))
