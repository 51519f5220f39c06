"""A volume that is in a set twice is found however it was changed, and two volumes of one simulator are never taken for one."""

import numpy as np
import pytest
import SimpleITK as sitk
from training_samples import SMALL

from crend.io.image_copies import find_copy, find_sketched, likeness_of, sketch_of
from crend.io.labels import Labels
from crend_training.data.copies import find_copies, seen
from crend_training.data.volumes import Entry
from crend_training.phantom import make_phantom

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def phantoms():
    """Five ovaries of one simulator and one probe."""
    return [make_phantom(seed, **SMALL) for seed in range(5)]


def changed(image, change):
    """The image with its voxels (D, H, W) changed, on its grid as far as that fits them."""
    made = sitk.GetImageFromArray(np.ascontiguousarray(change(sitk.GetArrayFromImage(image))))
    made.SetSpacing(image.GetSpacing())
    return made


def respaced(image, factor):
    made = image[:, :, :]
    made.SetSpacing([factor * value for value in image.GetSpacing()])
    return made


def resampled(image, factor, nearest=False):
    size = [round(value / factor) for value in image.GetSize()]
    how = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    spacing = [factor * value for value in image.GetSpacing()]
    return sitk.Resample(image, size, sitk.Transform(), how, image.GetOrigin(), spacing, image.GetDirection(), 0)


def cut(image):
    low = [value // 5 for value in image.GetSize()]
    return sitk.RegionOfInterest(image, [round(0.65 * value) for value in image.GetSize()], low)


FRAME = ((9, 3), (0, 12), (20, 2))
COPIES = {
    "mirrored": (lambda image: changed(image, lambda grey: grey[:, :, ::-1]), "a mirrored or turned copy"),
    "turned": (lambda image: changed(image, lambda grey: grey.transpose(2, 0, 1)[::-1]), "a mirrored or turned copy"),
    "stretched": (lambda image: changed(image, lambda grey: np.rint(0.6 * grey + 30).astype(np.uint8)), "a copy"),
    "inverted": (lambda image: changed(image, lambda grey: 255 - grey), "a copy"),
    "float": (lambda image: changed(image, lambda grey: 3.7 * grey.astype(np.float32) - 12), "a copy"),
    "framed": (lambda image: changed(image, lambda grey: np.pad(grey, FRAME)), "a copy"),
    "coarser": (lambda image: resampled(image, 1.5), "a copy"),
    "finer": (lambda image: resampled(image, 0.8), "a copy"),
    "doubled": (lambda image: respaced(image, 2), "a copy"),
    "cut": (cut, "a cut-out, or a larger part"),
    "all of it": (
        lambda image: changed(resampled(image, 1.3), lambda grey: np.pad(0.7 * grey[::-1].transpose(1, 2, 0) + 20, FRAME, constant_values=20)),
        "a mirrored or turned copy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", COPIES)
def test_a_changed_copy_is_found_among_others_of_its_simulator(phantoms, how):
    change, words = COPIES[how]
    others = [likeness_of(phantom.volume) for phantom in phantoms]
    sketches = [sketch_of(other) for other in others]
    for number, phantom in enumerate(phantoms[:3]):
        likeness = likeness_of(change(phantom.volume))
        assert find_copy(likeness, others) == (number, words)
        assert find_sketched(likeness, sketches) == (None if how == "cut" else (number, words))


def test_different_volumes_of_one_simulator_are_no_copies(phantoms):
    known = [likeness_of(phantom.volume) for phantom in phantoms]
    for number, volume in enumerate(known):
        others = known[:number] + known[number + 1 :]
        assert find_copy(volume, others) is None and find_sketched(volume, [sketch_of(other) for other in others]) is None
    even = sitk.Image(30, 30, 30, sitk.sitkUInt8)
    assert find_copy(likeness_of(even), [*known, likeness_of(even + 3)]) is None, "volumes of one grey value resemble nothing"


def volume_of(phantom, name, change=lambda image: image, labels=None, **entry):
    labels = Labels(change(phantom.ovary), change(phantom.follicles)) if labels is None else labels
    return seen(Entry(name, f"{name}.nrrd", f"{name}-labels.nrrd", **entry), change(phantom.volume), labels)


def said(volumes, **how):
    return {finding.name: (finding.wrong, finding.spare, finding.text) for finding in find_copies(volumes, **how)}


def test_the_same_volume_twice_is_harmless_with_the_same_labels_and_the_users_to_settle_with_others(phantoms):
    first, other = phantoms[:2]
    a, b = volume_of(first, "a"), volume_of(other, "b")
    assert said([a, b]) == {}
    floats = seen(Entry("again", "again.nrrd", "l.nrrd"), sitk.Cast(first.volume, sitk.sitkFloat32), Labels(first.ovary, first.follicles))
    assert said([a, b, floats]) == {"again": (False, True, "the same volume and labels as a; counted once")}
    fewer = Labels(first.ovary, sitk.Cast(first.follicles > 1, sitk.sitkUInt16))
    settle = "the same volume as {}, with other labels; take the row with the wrong ones out of the list"
    assert said([a, b, volume_of(first, "c", labels=fewer)]) == {name: (True, False, settle.format(two)) for name, two in ("ac", "ca")}
    mirrored = volume_of(first, "m", lambda image: changed(image, lambda voxels: voxels[:, ::-1]))
    assert (
        said([a, b, mirrored])["m"][:2] == (True, False)
        and "a mirrored or turned copy of a: one volume must" in said([a, mirrored])["m"][2]
    )
    framed = volume_of(first, "f", lambda image: changed(image, lambda voxels: np.pad(voxels, FRAME)))
    doubled = volume_of(first, "d", lambda image: respaced(image, 2))
    coarser = volume_of(first, "r", lambda image: resampled(image, 1.4, nearest=True))
    assert set(said([a, framed, doubled, coarser])) == {"f", "d", "r"}, "their labels are those of the first, which stays"


def test_what_two_rows_of_one_volume_contradict_each_other_in_is_said(phantoms):
    a = volume_of(phantoms[0], "a", patient="p", split="test")
    b = volume_of(phantoms[0], "b", patient="p", split="training")
    assert "in split 'training' here and 'test' there" in said([a, b])["b"][2] and said([a, b])["b"][0]
    assert said([a, b], splits=False)["b"] == (False, True, "the same volume and labels as a; counted once")
    assert "of patient 'q' here and 'p' there" in said([a, volume_of(phantoms[0], "c", patient="q", split="test")])["c"][2]
    labels = Labels(*(respaced(part, 2) for part in (phantoms[0].ovary, phantoms[0].follicles)))
    doubled = seen(Entry("d", "d.nrrd", "l.nrrd", patient="p", split="test"), respaced(phantoms[0].volume, 2), labels)
    assert "with another spacing: one volume must not" in said([a, doubled])["d"][2]
