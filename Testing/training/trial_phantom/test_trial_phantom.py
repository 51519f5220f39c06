"""The second simulator: deterministic, its truth consistent and independent of grey values, and nothing taken over from the first."""

import ast
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from crend_training import trial_phantom
from crend_training.trial_phantom import console, draw_settings, echoes, make_trial_volume, scan
from crend_training.trial_phantom.shapes import Lump

SMALL = dict(
    samples=150_000, voxel_mm=0.7, slice_factor=1.0, frames=1, look="quiet", margins_mm=[3.0] * 6, whole_field=False, cloudy=0.0, bowel=0
)
MODULES = sorted(Path(trial_phantom.__file__).parent.glob("*.py"))


@pytest.fixture(scope="module")
def phantoms():
    return [make_trial_volume(seed, **SMALL) for seed in range(3)]


def arrays(phantom):
    return [sitk.GetArrayFromImage(image) for image in (phantom.volume, phantom.ovary, phantom.follicles)]


def test_the_same_seed_gives_the_same_volume_and_truth(phantoms):
    again = make_trial_volume(1, **SMALL)
    for first, second in zip(arrays(phantoms[1]), arrays(again)):
        assert np.array_equal(first, second)
    assert again.parameters == phantoms[1].parameters


def test_types_and_geometry_are_those_of_a_phantom(phantoms):
    for phantom in phantoms:
        images = phantom.volume, phantom.ovary, phantom.follicles
        assert [image.GetPixelID() for image in images] == [sitk.sitkUInt8, sitk.sitkUInt8, sitk.sitkUInt16]
        for image in images[1:]:
            assert (image.GetSize(), image.GetSpacing(), image.GetDirection()) == (
                images[0].GetSize(),
                images[0].GetSpacing(),
                images[0].GetDirection(),
            )


def test_there_is_an_ovary_with_follicles_in_it_numbered_largest_first(phantoms):
    for phantom in phantoms:
        _, ovary, follicles = arrays(phantom)
        assert set(np.unique(ovary)) == {0, 1}
        assert ovary[follicles > 0].all()
        sizes = np.bincount(follicles.ravel())[1:]
        assert len(sizes) > 0 and (sizes > 0).all() and (np.diff(sizes) <= 0).all()


def test_each_follicle_is_one_piece(phantoms):
    for phantom in phantoms:
        labels = phantom.follicles
        for k in range(1, int(arrays(phantom)[2].max()) + 1):
            pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(labels == k, True))
            assert pieces.max() == 1


def test_follicles_are_darker_than_stroma(phantoms):
    for phantom in phantoms:
        volume, ovary, follicles = arrays(phantom)
        assert volume[follicles > 0].mean() < 0.75 * volume[(ovary > 0) & (follicles == 0) & (volume > 0)].mean()


def test_the_truth_does_not_depend_on_how_the_console_shows_it(phantoms):
    shown = make_trial_volume(0, **SMALL, curve="toe", curvature=1.0, edges=1.0, smoothing="sigma")
    (volume, *truth), (other, *same) = arrays(phantoms[0]), arrays(shown)
    assert not np.array_equal(volume, other)
    assert all(np.array_equal(a, b) for a, b in zip(truth, same))


def test_it_takes_nothing_from_the_training_simulator_but_the_result_s_type():
    taken = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, path.name
                if node.level == 0 and node.module.startswith("crend"):
                    taken |= {(node.module, alias.name) for alias in node.names}
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("crend") for alias in node.names), path.name
    assert taken == {("crend_training.phantom.volume", "Phantom")}


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(ValueError, match="fluid_dbb"):
        draw_settings(0, fluid_dbb=-30)


@pytest.mark.parametrize("kind", ["linear", "tilted", "phased", "pyramid"])
def test_every_probe_s_coordinates_lead_back(kind):
    scanner = scan.Scanner(kind, 12.0)
    points = np.random.default_rng(0).uniform((2, -20, -15), (60, 20, 15), (40, 3)).T
    assert np.allclose(scanner.to_cartesian(*scanner.from_cartesian(*points)), points)


def test_a_ball_is_at_its_distance_everywhere():
    ball = Lump(np.random.default_rng(0), (1, 2, 3), (5, 5, 5))
    assert ball.value((np.array([1.0, 11.0]), np.array([2.0 + 8.0, 2.0]), 3.0)) == pytest.approx([3.0, 5.0], abs=1e-3)


def test_kernels_have_unit_energy_and_the_pulse_is_lopsided():
    for kernel in (echoes.pulse_kernel(3.0), echoes.lobe_kernel(3.0, 0.3), echoes.lobe_kernel(2.0, 1.0)):
        assert (kernel**2).sum() == pytest.approx(1)
    pulse = echoes.pulse_kernel(4.0)
    middle = pulse.argmax()
    assert pulse[middle + 3] > 1.5 * pulse[middle - 3]


def test_few_scatterers_are_less_even_than_many():
    def evenness(per_sample):
        settings = draw_settings(0, scatterers=per_sample, coherent=0.0, interface=0.0, multiple_echoes=0.0)
        beams = [np.arange(n, dtype=np.float32) * step for n, step in ((70, 0.2), (70, 0.3), (70, 0.4))]
        level = np.zeros((70, 70, 70), np.float32)
        echo = echoes.amplitude(settings, np.random.default_rng(0), scan.Scanner("linear", 0.0), beams, level, 0)
        # the grid's rim is repeated outwards, so that echoes there add up
        echo = echo[12:-12, 12:-12, 12:-12]
        return echo.mean() / echo.std()

    # a Rayleigh variable has mean over deviation sqrt(pi / (4 - pi)) = 1.913
    assert evenness(5.0) == pytest.approx(1.913, abs=0.12)
    assert evenness(0.03) < 1.6


def test_compression_spans_the_range_and_clips():
    # 20 dB under the reference on a scale of 50 dB is 0.4 lower
    assert console.shown(np.array([1.0, 0.1, 1e-6, 1e3]), 50.0, 0.5, 1.0) == pytest.approx([0.5, 0.1, 0.0, 1.0])


@pytest.mark.parametrize("kind", ["logistic", "power", "toe"])
def test_grey_curves_keep_order_and_the_ends(kind):
    curve = console.curved(np.linspace(0, 1, 50, dtype=np.float32), kind, 0.7)
    assert (np.diff(curve) >= 0).all() and curve[0] == pytest.approx(0, abs=1e-6) and curve[-1] == pytest.approx(1, abs=1e-6)


def test_the_more_contrast_the_farther_tissue_spills_into_fluid():
    settings = draw_settings(3)
    assert 0 < echoes.spill(settings, 30.0, 15.0) < echoes.spill(settings, 30.0, 30.0) < 1.5
