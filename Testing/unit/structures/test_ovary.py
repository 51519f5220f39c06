"""Which blobs are the ovary, and which follicles are its own."""

import numpy as np
import pytest

from crend.structures.ovary import bounding_box, choose_follicles, choose_ovary, clean_up_masks

THRESHOLDS = {"ovary": 0.5, "follicles": 0.5}
SHAPE = (20, 20, 40)


def mask(*boxes):
    result = np.zeros(SHAPE, bool)
    for box in boxes:
        result[tuple(slice(a, b) for a, b in box)] = True
    return result


BIG = ((2, 12), (2, 12), (2, 12))
SMALL = ((2, 6), (2, 6), (30, 34))
LIKE = ((2, 12), (2, 12), (20, 27))


def test_the_largest_blob_is_the_ovary():
    chosen, count = choose_ovary(mask(SMALL, BIG), voxel_ml=0.001)
    assert count == 1 and np.array_equal(chosen, mask(BIG))


def test_a_comparable_blob_is_the_other_ovary():
    chosen, count = choose_ovary(mask(BIG, LIKE, SMALL), voxel_ml=0.001)
    assert count == 2 and np.array_equal(chosen, mask(BIG, LIKE))


def test_too_little_for_an_ovary_is_none():
    # 1000 voxels of 0.0002 ml are 0.2 ml.
    chosen, count = choose_ovary(mask(BIG), voxel_ml=0.0002)
    assert count == 0 and not chosen.any()
    assert choose_ovary(mask(), 1.0)[1] == 0


def test_a_hole_belongs_to_the_organ():
    holed = mask(BIG)
    holed[5:8, 5:8, 5:8] = False
    assert np.array_equal(choose_ovary(holed, 0.001)[0], mask(BIG))


def test_follicles_mostly_inside_stay_whole_and_others_are_cut():
    ovary = mask(BIG)
    bulging = ((5, 8), (5, 8), (9, 14))  # 3 of 5 layers inside
    passing = ((5, 8), (5, 8), (11, 20))  # 1 of 9 inside
    assert np.array_equal(choose_follicles(mask(bulging), ovary), mask(bulging))
    assert np.array_equal(choose_follicles(mask(passing), ovary), mask(((5, 8), (5, 8), (11, 12))))
    assert not choose_follicles(mask(SMALL), ovary).any()


def test_tidy_removes_foreign_blobs_fills_holes_and_keeps_the_boundary():
    ovary = np.where(mask(BIG), 0.9, 0.3).astype(np.float32)
    ovary[mask(SMALL)] = 0.8
    ovary[6, 6, 6] = 0.1
    bulging = mask(((5, 8), (5, 8), (9, 14)))
    follicles = np.where(bulging | mask(SMALL), 0.7, 0.2).astype(np.float32)
    given = np.stack([ovary, follicles])
    (organ, cysts), found, count = clean_up_masks(given, THRESHOLDS, 0.001)
    assert count == 1
    assert np.array_equal(organ >= 0.5, mask(BIG) | bulging) and np.array_equal(found, mask(BIG) | bulging)
    assert np.array_equal(cysts >= 0.5, bulging)
    assert organ[0, 0, 0] == np.float32(0.3) and organ[6, 6, 6] == 1 and organ[mask(SMALL)].max() == 0
    assert given[0, 6, 6, 6] == np.float32(0.1), "the input is left alone"


def test_tidy_of_nothing_is_zero():
    probabilities, found, count = clean_up_masks(np.full((2,) + SHAPE, 0.4, np.float32), THRESHOLDS, 0.001)
    assert count == 0 and not found.any() and not probabilities.any()


def test_bounding_box_by_hand():
    assert bounding_box(mask(BIG), 1) == (slice(1, 13),) * 3
    assert bounding_box(mask(BIG), 5) == (slice(0, 17),) * 3
    with pytest.raises(ValueError, match="empty"):
        bounding_box(mask(), 1)


def test_what_hangs_on_the_ovary_by_a_thin_neck_is_not_the_ovary():
    z, y, x = np.ogrid[:60, :40, :80]
    ovary, bowel = ((z - 30) ** 2 + (y - 20) ** 2 + (x - centre) ** 2 <= r * r for centre, r in ((24, 16), (62, 9)))
    neck = np.zeros_like(ovary)
    neck[29:32, 19:22, 30:60] = True
    chosen, count = choose_ovary(ovary | bowel | neck, voxel_ml=0.6**3 / 1000)
    assert count == 1
    assert (chosen & ovary).sum() == ovary.sum() and not (chosen & bowel).any()
