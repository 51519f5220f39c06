"""A volume that a bundle has learned from is known again, whatever became of its file."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from crend.bundle.bundle import LARGEST_METADATA
from crend.bundle.learned import facts_of, find_learned, learned_from, together
from crend.errors import InputError
from crend.io.image_copies import find_sketched, likeness_of, sketch_of
from crend.io.kept import image_content


def speckled(seed, size=48):
    """A volume (SimpleITK) with details of its own in a sector that all share."""
    noise = sitk.GetImageFromArray(np.random.default_rng(seed).rayleigh(60, (size,) * 3).astype(np.float32))
    z, y, x = np.ogrid[:size, :size, :size]
    ball = np.sqrt((z - size / 2) ** 2 + (y - size / 2) ** 2 + (x - 20.0) ** 2) < 12
    array = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, 1.5)) * 2 - 60 * ball
    return sitk.GetImageFromArray(array.clip(1, 255).astype(np.uint8))


def mirrored(image):
    return sitk.GetImageFromArray(np.ascontiguousarray(sitk.GetArrayFromImage(image)[:, :, ::-1]))


def resampled(image, factor):
    size = [round(value / factor) for value in image.GetSize()]
    return sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), (factor,) * 3)


def find(known, **images):
    return find_learned([(name, lambda image=image: image) for name, image in images.items()], known)


@pytest.fixture(scope="module")
def volumes():
    return [speckled(seed) for seed in range(6)]


def test_a_volume_is_known_again_in_every_type_of_number_that_holds_its_voxels(volumes):
    for kind in (sitk.sitkInt16, sitk.sitkUInt16, sitk.sitkFloat32, sitk.sitkFloat64):
        assert image_content(sitk.Cast(volumes[0], kind)) == image_content(volumes[0])
    assert image_content(volumes[0] + 1) != image_content(volumes[0])
    half = sitk.Cast(volumes[0], sitk.sitkFloat64) / 3
    assert image_content(half) != image_content(sitk.Cast(half, sitk.sitkFloat32)), "a third is another number in half as many bits"


def test_what_was_trained_on_is_refused_and_its_changed_copies_are_named(volumes):
    known = learned_from(map(facts_of, volumes[:3]), [facts_of(volumes[3])])
    found = find(
        json.loads(json.dumps(known)), a=volumes[0], b=mirrored(volumes[1]), c=resampled(volumes[2], 1.4), d=volumes[3], e=volumes[4]
    )
    assert (found.trained, found.watched, found.copies) == (["a"], 1, {"b": "a mirrored or turned copy", "c": "a copy"})
    with pytest.raises(InputError, match=r"ours: 1 of the 5 volumes \(a\) were trained on; measure others, such as --split test"):
        found.check("ours")
    assert found.warnings() == [
        "of the 5 volumes, 1 was used to watch the training",
        "b, c: a mirrored or turned copy or a copy of a volume that was trained on; measure others",
    ]


def test_volumes_of_which_nothing_was_learned_are_no_copies(volumes):
    sketches = [sketch_of(likeness_of(volume)) for volume in volumes[1:]]
    assert find_sketched(likeness_of(volumes[0]), sketches) is None
    even = sitk.Image(30, 30, 30, sitk.sitkUInt8) + 7
    assert sketch_of(likeness_of(even)) == "" and find_sketched(likeness_of(even), ["", "no sketch", *sketches]) is None


def test_a_later_training_forgets_nothing_of_the_earlier_one(volumes):
    first, second = (learned_from([facts_of(volumes[number])], [facts_of(volumes[2])]) for number in (0, 1))
    third = learned_from([facts_of(volumes[2])])
    both = together(first, second, third)
    assert both["training"] == [image_content(volumes[number]) for number in (0, 1, 2)] and both["validation"] == []
    assert set(both["sketches"]) == set(both["training"]) and together({}, {}) == {} == learned_from([{}])


def test_what_is_kept_of_many_volumes_fits_into_a_bundles_metadata(volumes):
    sketch = facts_of(volumes[0])["sketch"]
    known = learned_from({"content": f"{number:016x}", "sketch": sketch} for number in range(5000))
    assert len(known["training"]) == 5000 and len(json.dumps(known)) < 0.7 * LARGEST_METADATA
