"""Pictures of a report stand as Slicer shows them: axial with anterior at the top and the patient's left to the right, and so on."""

import numpy as np
import pytest
import SimpleITK as sitk

from crend.pictures.planes import letters, plane_pictures

SIZE = 31


def volume(direction):
    """A grey volume with bright bars towards left, anterior and superior, an ovary in the middle; axes as `direction` (columns, LPS)."""
    image = sitk.GetImageFromArray(np.full((SIZE, SIZE, SIZE), 100, np.uint8))
    image.SetDirection(np.asarray(direction, float).ravel())
    image.SetSpacing((1.0, 1.0, 1.0))
    middle = image.TransformContinuousIndexToPhysicalPoint([SIZE // 2] * 3)
    image.SetOrigin([-value for value in middle])
    grey = sitk.GetArrayFromImage(image)
    for index in np.ndindex(SIZE, SIZE, SIZE):
        left, posterior, superior = image.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])
        if (left > 5 and abs(posterior) < 2 and abs(superior) < 2) or (posterior < -8 and abs(left) < 2 and abs(superior) < 2):
            grey[index] = 255
        if superior > 11 and abs(left) < 2 and abs(posterior) < 2:
            grey[index] = 255
    marked = sitk.GetImageFromArray(grey)
    marked.CopyInformation(image)
    ovary = np.zeros((SIZE, SIZE, SIZE), np.uint8)
    ovary[14:17, 14:17, 14:17] = 1
    masks = []
    for array in (ovary, ovary * 0):
        masks.append(sitk.GetImageFromArray(array))
        masks[-1].CopyInformation(image)
    return marked, *masks


ORIENTATIONS = {
    "as scanners write it": np.eye(3),
    "flipped": np.diag([-1, 1, -1]),
    "sagittal first": np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "coronal, left-handed": np.array([[-1, 0, 0], [0, 0, 1], [0, 1, 0]]),
}


@pytest.mark.parametrize("direction", ORIENTATIONS.values(), ids=list(ORIENTATIONS))
def test_planes_stand_as_slicer_shows_them_whatever_the_order_of_the_axes(direction):
    axial, sagittal, coronal = plane_pictures(*volume(direction))
    assert [plane.name for plane in (axial, sagittal, coronal)] == ["Axial", "Sagittal", "Coronal"]
    assert axial[2:] == ("A", "P", "R", "L") and sagittal[2:] == ("S", "I", "A", "P") and coronal[2:] == ("S", "I", "R", "L")
    # The bar to the left side of the body begins 6 mm from the centre, to anterior 9 mm, to the head 12 mm.
    for plane, to_top, to_right, to_left in ((axial, 9, 6, None), (sagittal, 12, None, 9), (coronal, 12, 6, None)):
        bright = (plane.picture.min(axis=2) > 200).astype(int)
        height, width = bright.shape
        middle = bright[height // 2 - 3 : height // 2 + 4], bright[:, width // 2 - 3 : width // 2 + 4]
        assert _reach(middle[1].max(axis=1)[::-1]) == pytest.approx(to_top, abs=1)
        for row, wanted in ((middle[0].max(axis=0), to_right), (middle[0].max(axis=0)[::-1], to_left)):
            assert _reach(row) == (None if wanted is None else pytest.approx(wanted, abs=1))


def _reach(line):
    """How far from the middle, in mm, the bright stretch beyond it begins; None without one."""
    half = line[len(line) // 2 :]
    return (np.flatnonzero(half)[0] / len(line) * SIZE) if half.any() else None


def test_a_plane_that_leans_is_called_oblique_and_has_two_letters():
    angle = np.deg2rad(30)
    turned = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    axial, sagittal, coronal = plane_pictures(*volume(turned))
    assert axial.name == "Axial" and axial.right == "LP" and axial.top == "AL"
    assert sagittal.name == "Oblique, nearest to sagittal" and coronal.name == "Oblique, nearest to coronal"


def test_letters_of_a_direction():
    assert letters(np.array([0, 0, -1.0])) == "I" and letters(np.array([0.6, -0.8, 0])) == "AL" and letters(np.array([0.1, 0.99, 0])) == "P"


def test_a_close_up_has_the_follicles_numbers_and_a_bar_as_long_as_it_says():
    shape, spacing = (60, 70, 80), (0.5, 0.5, 0.5)
    masks = []
    for radius in (24, 10):  # voxels: an ovary of 24 mm, a follicle of 10 mm
        grid = np.indices(shape) - np.array([30, 35, 40]).reshape(3, 1, 1, 1)
        masks.append(sitk.GetImageFromArray(((grid**2).sum(axis=0) <= radius**2).astype(np.uint16) * (7 if radius == 10 else 1)))
    image = sitk.GetImageFromArray(np.full(shape, 90, np.uint8))
    for each in (image, *masks):
        each.SetSpacing(spacing)
    plain = plane_pictures(image, *masks)
    for plane in plane_pictures(image, *masks, close_up=True):
        picture = plane.picture
        height, width = picture.shape[:2]
        assert height == width
        bar = np.flatnonzero((picture[height - 12] == 255).all(axis=1))
        follicle = np.flatnonzero(np.ptp(picture[height // 2].astype(int), axis=1) > 60)  # coloured: the outlines of ovary and follicle
        inner = follicle[(follicle > width / 4) & (follicle < 3 * width / 4)]
        assert np.ptp(bar) / 10 == pytest.approx(np.ptp(inner) / 10.5, rel=0.03)  # 10 mm, and 21 voxels of 0.5 mm
        middle = picture[height // 2 - 12 : height // 2 + 12, width // 2 - 12 : width // 2 + 12]
        assert (middle == 255).all(axis=2).sum() > 20
    assert not (plain[0].picture == 255).all(axis=2).any()
