"""Scenes of both simulators: plain ones as ever, the others repeatable, truthful, and closer to what real ovaries look like."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from crend_training.phantom import draw_parameters, make_phantom
from crend_training.trial_phantom import draw_settings, make_trial_volume

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from realism import REAL, figures

SMALL = dict(
    tight=True,
    tight_extent=[40.0, 36.0, 40.0],
    ovary_length=24.0,
    spacing=0.5,
    spacing_factors=[1.0, 1.0, 1.0],
    cut=False,
    beam_samples=400_000,
    max_voxels=400_000,
    axes=[0, 1, 2],
    flips=[False] * 3,
)
SMALL_TRIAL = dict(
    samples=200_000,
    voxel_mm=0.6,
    slice_factor=1.0,
    frames=1,
    axis_order=[0, 1, 2],
    mirrored=[False] * 3,
    whole_field=False,
    vessels=1,
    bowel=0,
)
SMALL_TRIAL["margins_mm"] = [5.0] * 6
SMALL_OLD = dict(tight=True, tight_extent=[34.0] * 3, ovary_length=24.0, spacing=0.5, spacing_factors=[1.0] * 3, beam_samples=300_000)

PLAIN = (43.0, "938e06f8df67", "f66591fc9fa8")
PLAIN_TRIAL = (60.0, "a5a0c1a829f0", "a960e2f8cb76")


def made(scene, seed, **changes):
    if scene == "crowded":
        return make_trial_volume(seed, scene=scene, **{**SMALL_TRIAL, **changes})
    return make_phantom(seed, scene=scene, **{"empty": False, **SMALL, **changes})


def arrays(phantom):
    return [sitk.GetArrayFromImage(image) for image in (phantom.volume, phantom.ovary, phantom.follicles)]


@pytest.fixture(scope="module")
def scenes():
    return {(scene, seed): made(scene, seed) for scene in ("anatomy", "random", "crowded") for seed in range(3)}


def checked(phantom):
    """Mean grey, and the first digits of the labels' sha256: greys may differ in the last place from one machine to another."""
    volume, *labels = arrays(phantom)
    return round(float(volume.mean()), 1), *(hashlib.sha256(array.tobytes()).hexdigest()[:12] for array in labels)


@pytest.mark.parametrize("scene", ["anatomy", "random", "crowded"])
def test_a_scene_is_the_same_every_time(scenes, scene):
    first, again = scenes[scene, 1], made(scene, 1)
    assert all(np.array_equal(a, b) for a, b in zip(arrays(first), arrays(again)))
    assert first.parameters == again.parameters


def test_truth_of_every_scene_is_consistent(scenes):
    for phantom in scenes.values():
        volume, ovary, follicles = arrays(phantom)
        assert set(np.unique(ovary)) <= {0, 1} and ovary.any()
        assert ovary[follicles > 0].all()
        assert volume.std() > 3


@pytest.mark.parametrize("scene", ["anatomy", "random", "crowded"])
def test_a_scene_without_an_ovary_has_empty_labels_and_a_picture(scene):
    volume, ovary, follicles = arrays(made(scene, 2, empty=True))
    assert not ovary.any() and not follicles.any()
    assert volume.std() > 3


def test_a_third_of_mixed_scenes_has_no_ovary_and_half_of_them_are_without_physics():
    drawn = [draw_parameters(seed, scene="mixed") for seed in range(400)]
    assert 0.27 < np.mean([p["empty"] for p in drawn]) < 0.4
    assert 0.43 < np.mean([p["scene"] == "random" for p in drawn]) < 0.57


def test_a_scene_changes_no_parameter_of_a_plain_volume():
    plain, mixed = draw_parameters(5), draw_parameters(5, scene="plain")
    assert plain == mixed
    assert not plain["marks"] and not plain["near_bands"] and not plain["dropout"] and not plain["haemorrhagic"]


def test_an_unknown_scene_is_refused_by_name():
    with pytest.raises(ValueError, match="crowdy"):
        draw_settings(0, scene="crowdy")
    with pytest.raises(ValueError, match="anatomical"):
        draw_parameters(0, scene="anatomical")


def test_plain_volumes_of_both_simulators_are_what_they_were():
    made_now = make_phantom(1, **SMALL_OLD, max_voxels=500_000), make_trial_volume(1, samples=150_000, voxel_mm=0.7)
    for phantom, (grey, *digests) in zip(made_now, (PLAIN, PLAIN_TRIAL)):
        mean, *found = checked(phantom)
        assert found == digests
        assert mean == pytest.approx(grey, abs=0.2)


@pytest.mark.parametrize("scene", ["anatomy", "crowded"])
def test_ovaries_are_mostly_darker_than_their_surroundings_and_those_are_uneven(scenes, scene):
    values = []
    for seed in range(3):
        volume, ovary, _ = arrays(scenes[scene, seed])
        across = 2 if scene == "crowded" else 1
        place = int(ovary.sum(axis=tuple(a for a in range(3) if a != across)).argmax())
        values.append(figures(volume.take(place, across), ovary.take(place, across)))
    values = dict(zip(REAL, np.array([v for v in values if v]).T))
    assert np.mean(values["ovary against ring, log2 grey"] < 0) >= 0.6
    assert np.median(values["spread of grey in the ring, log2"]) > 0.4
    assert np.median(values["speckle contrast in the ring"]) > 0.1


def test_slices_are_measured_as_drawn():
    grey = np.full((120, 160), 128.0)
    rows, columns = np.mgrid[:120, :160]
    ovary = ((rows - 60) / 20) ** 2 + ((columns - 80) / 40) ** 2 < 1
    grey[ovary] = 64
    measured = dict(zip(REAL, figures(grey + np.random.default_rng(0).normal(0, 2, grey.shape), ovary)))
    assert measured["ovary against ring, log2 grey"] == pytest.approx(-1, abs=0.15)
    assert measured["axis ratio of the ovary"] == pytest.approx(2, abs=0.05)
    assert measured["dark share of the far field"] == 0
