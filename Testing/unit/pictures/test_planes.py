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
