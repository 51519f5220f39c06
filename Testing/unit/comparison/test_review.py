"""One review of two segmentations: what it measures, where, what it says in words, and how both come onto one lattice."""

import numpy as np
import pytest
import SimpleITK as sitk

from crend.comparison.common_grid import joined, on_common_grid
from crend.comparison.review import review
from crend.comparison.warping import warped
from crend.errors import Cancelled, InputError
from crend.io.labels import Labels
from crend.pictures.colour_maps import diverging, sequential
from crend.worker.review_files import answer, write_request
from crend.worker.surface_files import read_surface


def ball(centre, radius, size=48, spacing=0.5, origin=(0.0, 0.0, 0.0)):
    """uint8 image of `size` voxels a side, 1 within `radius` mm of `centre` (x, y, z; mm)."""
    z, y, x = np.ogrid[:size, :size, :size]
    grids = [axis * spacing + o - c for axis, o, c in zip((x, y, z), origin, centre)]
    image = sitk.GetImageFromArray((sum(g**2 for g in grids) <= radius**2).astype(np.uint8))
    image.SetSpacing([spacing] * 3)
    image.SetOrigin(origin)
    return image


def labels(ovary, *follicles, **more):
    """Labels of balls, each (centre, radius)."""
    return joined(ball(*ovary, **more) if ovary else None, {k: ball(*each, **more) for k, each in enumerate(follicles, start=1)})


MIDDLE = (12.0, 12.0, 12.0)
FIRST, SECOND, THIRD = ((15.0, 12.0, 12.0), 3.0), ((8.0, 12.0, 12.0), 2.5), ((12.0, 17.0, 12.0), 1.5)


@pytest.fixture(scope="module")
def two():
    """An ovary of 9 mm against one of 8 mm; of three follicles one is missed, and one is invented."""
    return labels((MIDDLE, 9.0), FIRST, SECOND), labels((MIDDLE, 8.0), FIRST, THIRD)


@pytest.mark.slow
def test_a_smaller_sphere_lies_a_millimetre_inside_everywhere(two):
    made = review(*two, structures=("ovary",), sides=("compared",))
    (found,) = made.maps
    low, mean, high = found.spread()["signed"]
    assert (low, mean, high) == pytest.approx((-1, -1, -1), abs=0.06)
    assert made.figures["ovary"]["hd"] == pytest.approx(1, abs=0.5)
    assert found.spread()["absolute"][1] == pytest.approx(1, abs=0.06)


def test_each_structure_and_direction_has_a_map_of_its_own_surface(two):
    made = review(*two)
    assert [(part.structure, part.side) for part in made.maps] == [
        ("ovary", "reference"),
        ("ovary", "compared"),
        ("follicles", "reference"),
        ("follicles", "compared"),
    ]
    assert [np.sign(part.spread()["signed"][1]) for part in made.maps[:2]] == [1, -1]
    radii = [np.linalg.norm(part.surface.points - MIDDLE, axis=1).mean() for part in made.maps[:2]]
    assert radii == pytest.approx([9, 8], abs=0.05)
    assert made.tops["ovary"] == pytest.approx(1.05, abs=0.06)


def test_missed_and_false_follicles_are_marked_just_outside_their_surface(two):
    made = review(*two, structures=("follicles",))
    missed, false = made.marks["missed"], made.marks["false"]
    assert np.linalg.norm(missed.points - SECOND[0], axis=1) == pytest.approx(SECOND[1] + 0.25, abs=0.15)
    assert np.linalg.norm(false.points - THIRD[0], axis=1) == pytest.approx(THIRD[1] + 0.25, abs=0.15)
    assert made.centres["reference"][2] == pytest.approx(SECOND[0], abs=1e-6)
    assert made.centres["compared"][2] == pytest.approx(THIRD[0], abs=1e-6)
    assert "2 follicles in the reference, 2 in the compared one: 1 matched, 1 missed, 1 false." in made.notes


def test_different_numbers_of_parts_are_said_in_words(two):
    stray = joined(ball(MIDDLE, 9.0) + ball((2.0, 2.0, 2.0), 1.0), {1: ball(*FIRST)})
    notes = " ".join(review(two[0], stray).notes)
    assert "1 part in the reference, in 2 in the compared one" in notes and "2 follicles in the reference, 1 in the" in notes


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda a, b: (a, Labels(b.ovary * 0, b.follicles * 0)), "compared: is empty"),
        (lambda a, b: (a, labels((MIDDLE, 8.0), FIRST, origin=(100.0, 0.0, 0.0))), "is empty"),
        (lambda a, b: (a, moved(b, 60)), "share no space"),
        (lambda a, b: (labels(None, FIRST), labels((MIDDLE, 8.0))), "reference has no ovary, compared has no follicles"),
    ],
)
def test_what_cannot_be_reviewed_is_refused_in_words(two, spoil, words):
    with pytest.raises(InputError, match=words):
        review(*spoil(*two))


def moved(each, shift):
    """Labels moved along x by mm."""
    images = [sitk.Image(image) for image in (each.ovary, each.follicles)]
    for image in images:
        image.SetOrigin((image.GetOrigin()[0] + shift, *image.GetOrigin()[1:]))
    return Labels(*images)


def test_a_structure_that_one_side_lacks_is_a_note_and_the_rest_is_measured(two):
    made = review(two[0], labels((MIDDLE, 8.0)))
    assert {part.structure for part in made.maps} == {"ovary"}
    assert "No follicles in the compared one: no distances can be said." in made.notes
    assert made.figures["detection"]["md"] == 100 and made.marks["missed"] is not None


def test_a_cancel_between_two_steps_ends_it(two):
    told = []
    with pytest.raises(Cancelled):
        review(*two, progress=lambda *words: told.append(words), cancelled=lambda: len(told) > 2)
    assert len(told) == 3


def test_what_lies_outside_the_references_grid_counts():
    reference = labels((MIDDLE, 5.0), size=35)
    compared = moved(labels((MIDDLE, 5.0), size=35), 6.0)
    a, b = on_common_grid(reference, compared)
    assert a.ovary.GetSize() == b.ovary.GetSize()
    for before, after in ((reference, a), (compared, b)):
        assert sitk.GetArrayViewFromImage(before.ovary).sum() == sitk.GetArrayViewFromImage(after.ovary).sum()


def test_masks_cropped_on_common_grid_are_joined_voxel_by_voxel():
    whole, follicle = ball(MIDDLE, 9.0), ball(*FIRST)
    cropped = sitk.RegionOfInterest(follicle, [16, 16, 16], [22, 16, 16])
    made = joined(sitk.RegionOfInterest(whole, [40, 40, 40], [4, 4, 4]), {7: cropped})
    assert made.ovary.GetSize() == (40, 40, 40)
    expected = sitk.GetArrayFromImage(sitk.RegionOfInterest(follicle, [40, 40, 40], [4, 4, 4])) * 7
    assert np.array_equal(sitk.GetArrayViewFromImage(made.follicles), expected)


def test_a_mask_on_another_lattice_is_resampled_and_the_smaller_of_two_keeps_its_voxels():
    coarse = ball(MIDDLE, 4.0, size=24, spacing=1.0, origin=(0.25, 0.25, 0.25))  # just 8 fine voxels in each
    small = ball(MIDDLE, 1.5)
    array = sitk.GetArrayFromImage(joined(ball(MIDDLE, 9.0), {1: coarse, 2: small}).follicles)
    inner = int(sitk.GetArrayViewFromImage(small).sum())
    assert np.count_nonzero(array == 2) == inner
    assert np.count_nonzero(array == 1) == 8 * int(sitk.GetArrayViewFromImage(coarse).sum()) - inner


def test_labels_come_through_a_field_of_displacements():
    # A point p of the result is p + (2, 0, 0) of what goes in: the ball moves by -2 along x.
    field = sitk.GetImageFromArray(np.broadcast_to([2.0, 0.0, 0.0], (12, 12, 12, 3)).copy(), isVector=True)
    field.SetSpacing([2.5] * 3)
    made = warped(labels((MIDDLE, 5.0)), field)
    where = np.argwhere(sitk.GetArrayViewFromImage(made.ovary))
    assert (where.mean(axis=0) * 0.5)[::-1] == pytest.approx((10, 12, 12), abs=0.02)


def test_a_review_through_files_is_the_same(two, tmp_path):
    request = write_request(tmp_path, *two)
    found = answer({**request, "folder": str(tmp_path), "percentile": 90, "structures": ["ovary"], "sides": ["compared"]})
    expected = review(*two, structures=("ovary",), sides=("compared",), percentile=90)
    assert found["figures"] == expected.figures and "hd90" in found["figures"]["ovary"]
    assert found["maps"][0]["signed"] == expected.maps[0].spread()["signed"]
    mesh = read_surface(found["maps"][0]["file"])
    assert np.allclose(mesh.GetPoint(0), expected.maps[0].surface.points[0] * (-1, -1, 1), atol=1e-4)
    assert mesh.GetPointData().GetArray("SignedDistance").GetValue(0) == pytest.approx(expected.maps[0].distances[0], abs=1e-5)


def lightness(rgb):
    """CIELAB L* of sRGB (n, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126729, 0.7151522, 0.0721750]
    return 116 * np.where(y > (6 / 29) ** 3, np.cbrt(y), y / (3 * (6 / 29) ** 2) + 4 / 29) - 16


def test_equal_steps_look_equal_in_both_colour_maps():
    steps = np.diff(lightness(sequential()))
    assert steps.min() > 0 and steps.std() < 0.35 * steps.mean()
    below, above = np.split(lightness(diverging()), 2)
    assert below == pytest.approx(above[::-1], abs=0.2)
    assert np.diff(below) == pytest.approx(np.diff(below).mean(), rel=0.05)
