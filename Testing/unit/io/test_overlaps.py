"""Segments that overlap: the smaller keeps its voxels, whatever their order in the file or the direction of its axes."""

from itertools import permutations

import numpy as np
import pytest
import SimpleITK as sitk

from crend.comparison.common_grid import joined
from crend.io.labels import read_labels
from crend.structures import segments


def ball(centre, radius, size=50):
    z, y, x = np.ogrid[:size, :size, :size]
    return (z - centre[2]) ** 2 + (y - centre[1]) ** 2 + (x - centre[0]) ** 2 <= radius**2


def segmentation(path, named, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    """A .seg.nrrd with a layer a segment, as Slicer has it where they overlap. named: [(name, mask)]."""
    image = sitk.GetImageFromArray(np.stack([mask.astype(np.uint8) for _, mask in named], -1), isVector=True)
    image.SetSpacing([0.5] * 3)
    image.SetDirection(direction)
    for k, (name, _) in enumerate(named):
        for key, value in (("ID", f"S{k}"), ("Name", name), ("LabelValue", "1"), ("Layer", str(k))):
            image.SetMetaData(f"Segment{k}_{key}", value)
    sitk.WriteImage(image, path, True)
    return path


def volumes(path):
    """Voxels of each follicle, ascending."""
    array = sitk.GetArrayFromImage(read_labels(path).follicles)
    return sorted(np.bincount(array.ravel())[1:].tolist())


OVARY = ("Ovary", ball((25, 25, 25), 20))
SMALL, LARGE = ball((30, 25, 25), 4), ball((30, 25, 25), 8)


@pytest.mark.parametrize("names", [("Follicle 1", "Follicle 2"), ("Follicle 2", "Follicle 1")])
@pytest.mark.parametrize("masks", [(SMALL, LARGE), (LARGE, SMALL)], ids=["small first", "large first"])
def test_a_small_follicle_within_a_large_one_is_kept_in_any_order(tmp_path, names, masks):
    path = segmentation(tmp_path / "a.seg.nrrd", [OVARY, *zip(names, masks)])
    assert volumes(path) == sorted([SMALL.sum(), LARGE.sum() - SMALL.sum()])


def test_three_that_overlap_are_the_same_in_all_six_orders(tmp_path):
    parts = {"Follicle 1": LARGE, "Follicle 2": SMALL, "Follicle 3": ball((26, 25, 25), 6)}
    found = [
        sitk.GetArrayFromImage(read_labels(segmentation(tmp_path / f"{k}.seg.nrrd", [OVARY, *((n, parts[n]) for n in order)])).follicles)
        for k, order in enumerate(permutations(parts))
    ]
    assert all(np.array_equal(found[0], other) for other in found[1:])
    assert np.count_nonzero(found[0] == 2) == SMALL.sum()


def test_two_of_equal_size_are_divided_the_same_way_in_both_orders_and_in_the_review(tmp_path):
    left, right = ball((22, 25, 25), 5), ball((28, 25, 25), 5)
    assert left.sum() == right.sum() and (left & right).any()
    flip = (-1, 0, 0, 0, -1, 0, 0, 0, 1)
    for direction in ((1, 0, 0, 0, 1, 0, 0, 0, 1), flip):
        found = []
        for k, order in enumerate(((left, right), (right, left))):
            named = [OVARY, ("Follicle 1", order[0]), ("Follicle 2", order[1])]
            path = segmentation(tmp_path / f"{k}.seg.nrrd", named, direction)
            labels = read_labels(path)
            found.append(sitk.GetArrayFromImage(labels.follicles))
            masks = {number: sitk.GetImageFromArray(mask.astype(np.uint8)) for number, (_, mask) in enumerate(named[1:], start=1)}
            for mask in masks.values():
                mask.CopyInformation(labels.ovary)
            reviewed = joined(labels.ovary, dict(reversed(masks.items())))
            assert np.array_equal(sitk.GetArrayFromImage(reviewed.follicles), found[-1])
        assert np.array_equal(found[0] == 1, found[1] == 2) and np.array_equal(found[0] == 2, found[1] == 1)


def test_a_segment_is_what_its_name_says_whatever_code_it_was_made_with():
    assert segments.kind_of("Follicle 1", segments.OVARY_TERMINOLOGY) == "follicle"
    assert segments.kind_of("Left ovary", segments.FOLLICLE_TERMINOLOGY) == "ovary"
    assert segments.kind_of("Segment_1", segments.OVARY_TERMINOLOGY) == "ovary"
    assert segments.kind_of("Segment_1", segments.FOLLICLE_TERMINOLOGY) == "follicle"
    assert segments.kind_of("Dominant follicle", segments.OVARY_TERMINOLOGY) is None
