"""The whole path on volumes whose answer is known voxel by voxel (a stand-in network thresholds intensities)."""

import numpy as np
import pytest
import SimpleITK as sitk
from standin import BACKGROUND, FOLLICLE, Rendering, Threshold, bundle_for, image_of, scene

from crend.errors import Cancelled, InputError
from crend.predict import STAGES, segment

ORGAN = (slice(10, 28), slice(8, 30), slice(12, 34))
FOLLICLES = [(slice(12, 18), slice(10, 16), slice(14, 20)), (slice(20, 24), slice(22, 26), slice(26, 30))]
SHAPE = (40, 44, 48)


def run(array, image=None, **arguments):
    bundle = arguments.pop("bundle", None) or bundle_for(array)
    return segment(image or image_of(array), bundle, engine="torch", device="cpu", **arguments)


def arrays(found):
    return sitk.GetArrayFromImage(found.ovary), sitk.GetArrayFromImage(found.follicles)


@pytest.mark.slow
def test_on_the_model_spacing_the_result_is_the_thresholded_input():
    array = scene(SHAPE, ORGAN, FOLLICLES)
    ovary, follicles = arrays(run(array))
    assert np.array_equal(ovary, array > BACKGROUND)
    assert np.array_equal(follicles > 0, array == FOLLICLE)
    assert (follicles[FOLLICLES[0]] == 1).all() and (follicles[FOLLICLES[1]] == 2).all()


def test_types_measurements_and_message():
    found = run(scene(SHAPE, ORGAN, FOLLICLES))
    assert found.ovary.GetPixelID() == sitk.sitkUInt8 and found.follicles.GetPixelID() == sitk.sitkUInt16
    assert found.measurements.ovary.volume_ml == pytest.approx(18 * 22 * 22 / 1000)
    assert [f.volume_ml for f in found.measurements.follicles] == pytest.approx([0.216, 0.064])
    assert found.message == "1 ovary of 8.7 ml with 2 follicles; doubtful: spacing of 1.0 mm, no sector"
    assert [flag["key"] for flag in found.flags] == ["unit_spacing", "sector"]
    assert all(follicle.confidence > 0.99 for follicle in found.measurements.follicles)


OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.5, 0.7).GetMatrix()
DIRECTIONS = {
    "straight": np.eye(3),
    "flipped": np.diag([-1, 1, -1]),
    "permuted": [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    "oblique": np.reshape(OBLIQUE, (3, 3)),
    "mirrored and oblique": np.reshape(OBLIQUE, (3, 3)) @ np.diag([1, 1, -1]),
}


@pytest.mark.slow
@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.6, 0.9, 1.3)], ids=["isotropic", "anisotropic"])
def test_geometry_comes_back_identical_and_the_mask_lands_on_the_right_voxels(direction, spacing):
    array = scene(SHAPE, ORGAN, FOLLICLES[:1])
    image = image_of(array, spacing, (12.5, -80.0, 3.25), direction)
    found = run(array, image)
    for result in (found.ovary, found.follicles):
        assert result.GetSize() == image.GetSize()
        assert result.GetSpacing() == image.GetSpacing()
        assert result.GetOrigin() == image.GetOrigin()
        assert result.GetDirection() == image.GetDirection()
    ovary, follicles = arrays(found)
    # Every box edge is between two voxel centres; a resampled edge may move by less than one voxel.
    for mask, box in ((ovary > 0, ORGAN), (follicles > 0, FOLLICLES[0])):
        where = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
        assert [w[0] for w in where] == pytest.approx([s.start for s in box], abs=1)
        assert [w[-1] + 1 for w in where] == pytest.approx([s.stop for s in box], abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("spacing", [0.25, 0.5])
def test_a_finer_image_gets_its_sphere_back_to_a_fraction_of_the_model_voxel(spacing):
    z, y, x = np.indices((96, 96, 96)) * spacing
    centre, radius = 48 * spacing, 30 * spacing
    distance = np.sqrt((z - centre) ** 2 + (y - centre) ** 2 + (x - centre) ** 2)
    array = np.where(distance < radius, 140, 60).astype(np.uint8)
    ovary, _ = arrays(run(array, image_of(array, (spacing,) * 3), bundle=bundle_for(array, spacing=0.75)))
    wrong = (ovary > 0) != (distance < radius)
    assert np.abs(distance[wrong] - radius).max(initial=0) < 0.3
    assert (ovary > 0).sum() * spacing**3 == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)


@pytest.mark.slow
def test_a_faint_ovary_is_cut_where_the_expected_dice_is_highest():
    array = scene(SHAPE, ORGAN)
    inside = (array[ORGAN][0, 0, 0] - array.mean()) / array.std()
    bundle = bundle_for(array, network=Threshold(inside + 0.05, 99.0))  # a probability of 0.4 in the ovary
    assert not run(array, bundle=bundle).measurements.ovary
    bundle.metadata["crend"]["thresholds"]["ovary_lowest"] = 0.1
    found = run(array, bundle=bundle)
    assert np.array_equal(arrays(found)[0], array > BACKGROUND)
    assert found.provenance["ovary_threshold"] == 0.4 and 0.5 < found.provenance["expected_ovary_dsc"] < 0.6


@pytest.mark.slow
def test_an_ovary_that_promises_too_little_is_not_drawn_and_the_flag_says_what_to_do():
    from crend.confidence.familiarity import FEATURES, fit

    array = scene(SHAPE, ORGAN)
    inside = (array[ORGAN][0, 0, 0] - array.mean()) / array.std()
    bundle = bundle_for(array, network=Threshold(inside - 0.1, 99.0))  # a probability of 0.7 in the ovary
    promised = run(array, bundle=bundle).provenance["expected_ovary_dsc"]
    known = fit(np.random.default_rng(0).normal(size=(60, len(FEATURES))))
    for least, drawn in ((promised - 0.01, True), (promised + 0.01, False)):
        bundle.metadata["crend"]["familiar"] = {**known, "least_drawn_dsc": least, "least_expected_dsc": 0.0}
        found = run(array, bundle=bundle)
        assert (found.measurements.ovary is not None) == drawn == bool(arrays(found)[0].any())
    text = next(each["text"] for each in found.provenance["flags"] if each["key"] == "no_ovary")
    assert (
        text
        == f"No ovary was found: what looks most like one is too faint (expected Dice {promised:.2f}). If you see it, set a box round it."
    )
    assert run(array, bundle=bundle, box=(-36, -10, -32, -6, 8, 30)).provenance["ovary_source"] == "model"


@pytest.mark.slow
def test_searching_first_finds_the_same_as_looking_everywhere():
    array = scene((90, 100, 110), (slice(50, 75), slice(55, 80), slice(60, 85)), [(slice(55, 62), slice(60, 67), slice(65, 72))])
    quick, thorough = run(array), run(array, search=False)
    assert all(np.array_equal(a, b) for a, b in zip(arrays(quick), arrays(thorough)))
    assert quick.provenance["windows"]["run"] < thorough.provenance["windows"]["run"]
    assert quick.provenance["windows"]["search"] == 3 * 4 * 4


def test_a_small_volume_is_not_searched_first():
    found = run(scene(SHAPE, ORGAN))
    assert found.provenance["windows"] == {"search": 0, "run": 2 * 2 * 2, "skipped": 0}


def test_windows_without_an_echo_are_not_run():
    array = scene((32, 32, 96), (slice(8, 24), slice(8, 24), slice(4, 20)), empty=(slice(None), slice(None), slice(32, None)))
    found = run(array, search=False)
    # Starts 0, 16, 32, 48, 64 along x; the last three see nothing.
    assert found.provenance["windows"] == {"search": 0, "run": 2, "skipped": 3}
    assert np.array_equal(arrays(found)[0], array > BACKGROUND)


def test_a_volume_smaller_than_the_patch_is_padded_and_cropped_back():
    array = scene((12, 10, 14), (slice(2, 10), slice(2, 9), slice(3, 12)))
    ovary, _ = arrays(run(array))
    assert np.array_equal(ovary, array > BACKGROUND)


def test_nothing_above_the_level_is_no_ovary_found():
    array = scene(SHAPE, ORGAN)
    found = run(array, bundle=bundle_for(array, network=Threshold(organ=9, follicle=9)))
    assert found.message == "no ovary found"
    assert found.measurements.ovary is None and not found.measurements.follicles
    assert not arrays(found)[0].any() and not arrays(found)[1].any()
    assert found.ovary.GetSize() == SHAPE[::-1]


@pytest.mark.slow
def test_a_stray_blob_is_dropped_and_a_comparable_one_is_a_second_ovary():
    big, stray, second = ORGAN, (slice(2, 7), slice(36, 42), slice(40, 46)), (slice(10, 28), slice(8, 30), slice(36, 54))
    ovary, _ = arrays(run(scene(SHAPE, [big, stray])))
    assert np.array_equal(ovary, scene(SHAPE, big) > BACKGROUND)
    array = scene((40, 44, 60), [big, second])
    found = run(array)
    assert np.array_equal(arrays(found)[0], array > BACKGROUND)
    assert found.message.startswith("2 ovaries, together 15.8 ml")
    labels = sitk.GetArrayFromImage(found.ovaries)
    assert (labels[big] == 1).all() and (labels[second] == 2).all() and np.array_equal(labels > 0, array > BACKGROUND)
    assert [each.volume_ml for each in found.measurements.ovaries] == pytest.approx([18 * 22 * 22 / 1000, 18 * 22 * 18 / 1000])
    assert run(scene(SHAPE, ORGAN)).ovaries is None, "one ovary has one image"


def test_a_follicle_outside_the_ovary_is_dropped():
    outside = (slice(2, 6), slice(36, 40), slice(40, 44))
    array = scene(SHAPE, ORGAN, [FOLLICLES[0], outside])
    ovary, follicles = arrays(run(array))
    assert not ovary[outside].any() and not follicles[outside].any()
    assert follicles.max() == 1


def test_holes_in_the_organ_are_filled():
    array = scene(SHAPE, ORGAN)
    array[15:19, 15:19, 20:24] = 60
    ovary, _ = arrays(run(array, bundle=bundle_for(scene(SHAPE, ORGAN))))
    assert np.array_equal(ovary, scene(SHAPE, ORGAN) > BACKGROUND)


@pytest.mark.slow
def test_small_follicles_go_and_touching_ones_stay_together_when_asked():
    z, y, x = np.indices(SHAPE)
    array = scene(SHAPE, ORGAN)
    for centre in (19, 26):
        array[(z - 19) ** 2 + (y - 19) ** 2 + (x - centre) ** 2 <= 16] = FOLLICLE
    bundle = bundle_for(scene(SHAPE, ORGAN, FOLLICLES))
    assert arrays(run(array, bundle=bundle))[1].max() == 2
    assert arrays(run(array, bundle=bundle, split=False))[1].max() == 1
    found = run(array, bundle=bundle, smallest_follicle_mm=20.0)
    assert found.message.split(";")[0].endswith("without follicles")
    assert np.array_equal(arrays(found)[0], array > BACKGROUND), "a dropped follicle stays part of the organ"


@pytest.mark.slow
def test_a_small_follicle_that_the_model_doubts_goes_where_the_bundle_says_so():
    z, y, x = np.indices(SHAPE)
    array = scene(SHAPE, ORGAN)
    bundle = bundle_for(scene(SHAPE, ORGAN, FOLLICLES))
    # 180 is half-way, a probability of a half; 184 just above it.
    for centre, radius, grey in ((17, 3, FOLLICLE), (17, 3, 184), (27, 5, 184)):
        array[(z - 19) ** 2 + (y - (15 if grey == FOLLICLE else 25)) ** 2 + (x - centre) ** 2 <= radius**2] = grey
    assert arrays(run(array, bundle=bundle))[1].max() == 3
    bundle.metadata["crend"]["least_probability"] = {"below_mm": 8.0, "small": 0.8}
    ovary, follicles = arrays(run(array, bundle=bundle))
    assert follicles.max() == 2 and follicles[19, 15, 17] == 2 and follicles[19, 25, 27] == 1 and follicles[19, 25, 17] == 0
    assert ovary[19, 25, 17] == 1, "it stays part of the organ"


def test_rendering_decides_ambiguous_voxels_and_can_be_switched_off():
    array = scene((32, 32, 32), (slice(4, 20), slice(4, 20), slice(4, 20)))
    rendered = run(array, bundle=bundle_for(array, network=Rendering(), points=32**3))
    assert rendered.provenance["rendered"] and arrays(rendered)[0].all() and not arrays(rendered)[1].any()
    coarse = run(array, bundle=bundle_for(array, network=Rendering(), points=32**3), render=False)
    assert not coarse.provenance["rendered"] and arrays(coarse)[1].any()


def test_progress_never_falls_and_names_the_stages():
    seen = []
    run(scene(SHAPE, ORGAN, FOLLICLES), progress=lambda stage, fraction: seen.append((stage, fraction)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert list(dict.fromkeys(stage for stage, _ in seen)) == [*STAGES, "done"]


def test_cancelling_between_windows_stops_the_run():
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(Cancelled):
        run(scene((90, 100, 110), ORGAN), cancelled=cancelled)
    assert len(asked) == 5


def test_provenance_is_plain_data_and_says_how():
    import json

    found = run(scene(SHAPE, ORGAN, FOLLICLES))
    provenance = json.loads(json.dumps(found.provenance))
    assert provenance["bundle"] == "stand-in" and provenance["engine"] == "torch" and provenance["device"] == "cpu"
    assert provenance["model_spacing_mm"] == [1, 1, 1] and provenance["notice"] == "Research use only."
    assert provenance["seconds"] >= 0 and provenance["warnings"] == []


@pytest.mark.slow
def test_negative_intensities_and_floats_give_the_same_as_their_shifted_bytes():
    array = scene(SHAPE, ORGAN, FOLLICLES, empty=(slice(None), slice(None), slice(40, None)))
    expected = arrays(run(array))
    shifted = run(array, image_of(array.astype(np.float32) - 100))
    assert all(np.array_equal(a, b) for a, b in zip(expected, arrays(shifted)))


def test_bad_input_is_refused_by_name():
    with pytest.raises(InputError, match="^MRHead: "):
        run(scene(SHAPE, ORGAN), image_of(np.full(SHAPE, 7, np.uint8)), name="MRHead")


@pytest.mark.slow
def test_no_float_is_held_at_the_inputs_resolution():
    import tracemalloc

    fine = np.kron(scene((40, 40, 40), (slice(14, 26),) * 3), np.ones((4, 4, 4), np.uint8))
    bundle, image = bundle_for(fine), image_of(fine, (0.25,) * 3)
    tracemalloc.start()
    try:
        run(fine, image, bundle=bundle)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The two label arrays are 3 bytes a voxel; a float of one of them alone would be 4 more.
    assert peak < 5 * fine.size
