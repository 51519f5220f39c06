"""The simulator as a whole: one seed, one volume, and a truth that keeps its promises."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from training_samples import SMALL

from crend_training.phantom import draw_parameters, label_image, make_phantom, write_phantom

PLAIN = {"axes": [0, 1, 2], "flips": [False, False, False], "direction": "identity"}


@pytest.fixture(scope="module")
def phantoms():
    return [make_phantom(seed, **SMALL) for seed in range(3)]


def arrays(phantom):
    return [sitk.GetArrayFromImage(image) for image in (phantom.volume, phantom.ovary, phantom.follicles)]


def test_the_same_seed_gives_the_same_volume_and_truth(phantoms):
    again = make_phantom(1, **SMALL)
    for first, second in zip(arrays(phantoms[1]), arrays(again)):
        assert np.array_equal(first, second)
    assert again.parameters == phantoms[1].parameters


def test_another_seed_gives_another_volume(phantoms):
    first, second = phantoms[0].volume, phantoms[1].volume
    assert first.GetSize() != second.GetSize() or not np.array_equal(*map(sitk.GetArrayFromImage, (first, second)))


def test_the_three_images_share_type_and_geometry_as_promised(phantoms):
    for phantom in phantoms:
        images = phantom.volume, phantom.ovary, phantom.follicles
        assert [image.GetPixelID() for image in images] == [sitk.sitkUInt8, sitk.sitkUInt8, sitk.sitkUInt16]
        for image in images[1:]:
            assert image.GetSize() == images[0].GetSize()
            assert image.GetSpacing() == images[0].GetSpacing()
            assert image.GetOrigin() == images[0].GetOrigin()
            assert image.GetDirection() == images[0].GetDirection()


def test_follicles_lie_inside_the_ovary(phantoms):
    for phantom in phantoms:
        _, ovary, follicles = arrays(phantom)
        assert set(np.unique(ovary)) == {0, 1}
        assert follicles.any()
        assert ovary[follicles > 0].all()


def test_follicles_are_numbered_without_gaps_and_largest_first(phantoms):
    for phantom in phantoms:
        sizes = np.bincount(arrays(phantom)[2].ravel())[1:]
        assert (sizes > 0).all()
        assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("look", ["polycystic", "dominant", "stimulated"])
def test_follicles_are_of_2_to_20_millimetres(look):
    phantom = make_phantom(5, **{**SMALL, "look": look})
    _, _, follicles = arrays(phantom)
    voxel = np.prod(phantom.volume.GetSpacing())
    inner = follicles[1:-1, 1:-1, 1:-1]
    cut = set(np.unique(follicles)) - set(np.unique(inner))
    diameters = [(6 / np.pi * (follicles == k).sum() * voxel) ** (1 / 3) for k in range(1, follicles.max() + 1) if k not in cut]
    assert max(diameters) < 20.6
    assert min(diameters) > 1.4


def test_follicles_are_darker_than_stroma():
    for seed in range(3):
        volume, ovary, follicles = arrays(make_phantom(seed, **SMALL, hazy_share=0.0, gas_shadows=0, contact_loss=False))
        stroma = (ovary > 0) & (follicles == 0) & (volume > 0)
        assert volume[follicles > 0].mean() < 0.75 * volume[stroma].mean()


def test_outside_the_sector_everything_is_exactly_zero():
    wide = dict(SMALL, tight=False, full_extent=[45.0, 45.0, 60.0], spacing=0.7, half_lateral_degrees=35.0, half_sweep_degrees=30.0)
    wide.update(array_radius=12.0, sweep_radius=0.0, last_range=45.0, first_range=3.0)
    phantom = make_phantom(4, **wide, **PLAIN)
    volume, ovary, _ = arrays(phantom)
    # the corners beside the probe's face, in the plane of depth and lateral, see no beam
    assert not volume[:6, :, :6].any() and not volume[:6, :, -6:].any()
    assert not ovary[:6, :, :6].any()
    assert volume[volume.shape[0] // 2].max() > 50


def test_an_empty_phantom_has_no_ovary_but_a_picture():
    volume, ovary, follicles = arrays(make_phantom(2, **{**SMALL, "empty": True}))
    assert not ovary.any() and not follicles.any()
    assert volume.std() > 5


def test_axes_and_flips_turn_image_and_truth_together():
    plain = arrays(make_phantom(3, **SMALL, **PLAIN))
    turned = arrays(make_phantom(3, **SMALL, **{**PLAIN, "axes": [2, 0, 1], "flips": [True, False, False]}))
    for first, second in zip(plain, turned):
        assert np.array_equal(np.flip(first.transpose(2, 0, 1), 0), second)


def test_an_override_leaves_the_other_parameters_alone():
    drawn, changed = draw_parameters(7), draw_parameters(7, gamma=1.25)
    assert changed.pop("gamma") == 1.25 and drawn.pop("gamma") != 1.25
    assert drawn == changed


def test_an_unknown_parameter_is_refused_by_name():
    with pytest.raises(ValueError, match="gama"):
        draw_parameters(7, gama=1.25)


def test_about_three_percent_of_the_volumes_have_no_ovary():
    empty = sum(draw_parameters(seed)["empty"] for seed in range(600))
    assert 6 <= empty <= 34


def test_written_labels_are_1_for_the_ovary_and_one_more_for_each_follicle(tmp_path, phantoms):
    write_phantom(phantoms[0], tmp_path / "new")
    _, ovary, follicles = arrays(phantoms[0])
    labels = sitk.ReadImage(str(tmp_path / "new" / "labels.nrrd"))
    expected = np.where(follicles > 0, follicles + 1, ovary)
    assert labels.GetPixelID() == sitk.sitkUInt16
    assert np.array_equal(sitk.GetArrayFromImage(labels), expected)
    assert np.array_equal(sitk.GetArrayFromImage(label_image(phantoms[0])), expected)
    assert labels.GetDirection() == pytest.approx(phantoms[0].volume.GetDirection())
    assert json.loads((tmp_path / "new" / "parameters.json").read_text())["seed"] == 0
