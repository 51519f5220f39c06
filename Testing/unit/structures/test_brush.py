"""An outline moved by a click, on shapes whose answer is known."""

import numpy as np
import pytest
import SimpleITK as sitk
from shapes import ball

from crend.errors import InputError
from crend.structures.brush import crop_around, reshape

SPACING = (0.5, 0.5, 0.5)
SHAPE = (60, 60, 60)
CENTRE = (30, 30, 30)
ORGAN = ball(16, CENTRE, SHAPE)  # of 8 mm
SPECKLE = np.random.default_rng(0).normal(100, 20, SHAPE)
OUTSIDE, INSIDE = (30, 30, 49), (30, 30, 42)


def away(position):
    return np.sqrt(sum(((g - p) * s) ** 2 for g, p, s in zip(np.ogrid[:60, :60, :60], position, SPACING)))


def chance(mask):
    return np.where(mask, 0.9, 0.1)


@pytest.mark.parametrize("know", ["nothing", "speckle", "flat model", "wrong model", "right model"])
@pytest.mark.parametrize("grow, click", [(True, OUTSIDE), (False, INSIDE)])
def test_the_clicked_place_changes_sides_whatever_is_known_and_nothing_beyond_the_brush_does(know, grow, click):
    probability = {"flat model": np.full(SHAPE, 0.4), "wrong model": chance(~ORGAN), "right model": chance(ORGAN)}.get(know)
    after = reshape(ORGAN, click, SPACING, grow=grow, values=SPECKLE if know != "nothing" else None, probability=probability)
    assert after[click] == grow
    changed = after ^ ORGAN
    assert away(click)[changed].max() <= 4.0
    assert (after & ~ORGAN).any() == grow and (ORGAN & ~after).any() != grow, "one click goes one way"


def test_the_outline_goes_where_the_model_sees_it():
    larger = ORGAN | ball(9, (30, 30, 47), SHAPE)
    after = reshape(ORGAN, OUTSIDE, SPACING, grow=True, values=SPECKLE, probability=chance(larger))
    plain = reshape(ORGAN, OUTSIDE, SPACING, grow=True)
    near = away(OUTSIDE) <= 3.0
    assert (after & ~larger & near).sum() < 0.1 * (after & ~ORGAN & near).sum()
    assert (after & larger & near).sum() > 0.9 * (larger & near).sum() > (plain & larger & near).sum()


def test_a_tongue_that_the_model_does_not_see_is_shrunk_away():
    tongue = ORGAN | ball(7, (30, 30, 50), SHAPE)
    after = reshape(tongue, (30, 30, 50), SPACING, grow=False, values=SPECKLE, probability=chance(ORGAN))
    near = away((30, 30, 50)) <= 3.5
    assert (after & ~ORGAN & near).sum() < 0.1 * (tongue & ~ORGAN & near).sum()


def test_without_a_model_the_outline_stops_at_an_edge_of_the_image():
    values = np.where(np.arange(60) < 50, 40, 160) + np.random.default_rng(1).normal(0, 10, SHAPE)
    after = reshape(ORGAN, (30, 30, 48), SPACING, grow=True, values=values)
    blind = reshape(ORGAN, (30, 30, 48), SPACING, grow=True)
    assert after[30, 30, 48] and not after[:, :, 52:].any()
    assert (after & blind)[:, :, :49].sum() > 0.8 * blind[:, :, :49].sum()


def test_what_is_fixed_stays_and_the_click_bulges_round_it():
    other = ball(5, (24, 30, 49), SHAPE) & ~ORGAN
    after = reshape(ORGAN, OUTSIDE, SPACING, grow=True, fixed=other)
    assert after[OUTSIDE] and not (after & other).any()
    follicle = ball(5, (30, 30, 40), SHAPE)
    left = reshape(ORGAN, (36, 36, 40), SPACING, grow=False, fixed=follicle)
    assert not left[36, 36, 40] and (left & follicle).sum() == follicle.sum()


def test_pieces_that_a_click_cuts_off_within_the_brush_go_with_it():
    tongue = ORGAN.copy()
    tongue[29:32, 29:32, 46:52] = True
    after = reshape(tongue, (30, 30, 48), SPACING, grow=False)
    from scipy import ndimage

    assert ndimage.label(after)[1] == 1 and not after[:, :, 50:].any()


def test_the_voxels_size_is_heeded():
    thick = reshape(ORGAN[::2], (15, 30, 49), (1.0, 0.5, 0.5), grow=True)
    fine = reshape(ORGAN, OUTSIDE, SPACING, grow=True)
    assert 2 * (thick & ~ORGAN[::2]).sum() == pytest.approx((fine & ~ORGAN).sum(), rel=0.3)


@pytest.mark.parametrize(
    "point, radius, words",
    [
        ((np.nan, 1, 1), 4, "a scan: the click lies outside the volume"),
        ((-0.6, 1, 1), 4, "outside the volume"),
        ((1, 1, 1), 0, "a brush of 0 mm reaches nothing"),
        ((1, 1, 1), np.nan, "a brush of nan mm"),
        ((1, 1, 1), np.inf, "a brush of inf mm"),
    ],
)
def test_a_click_that_is_nowhere_and_a_brush_that_is_none_are_refused_in_words(point, radius, words):
    with pytest.raises(InputError, match=words):
        crop_around(sitk.Image(9, 9, 9, sitk.sitkUInt8), point, radius, "a scan")


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(InputError, match="out of the brush's reach"):
        reshape(ORGAN, (30, 30, 57), SPACING, grow=True)
    with pytest.raises(InputError, match="nothing would be left"):
        reshape(ball(3, CENTRE, SHAPE), CENTRE, SPACING, grow=False, radius_mm=6, probability=np.full(SHAPE, 0.0) + chance(~ORGAN) * 0)
