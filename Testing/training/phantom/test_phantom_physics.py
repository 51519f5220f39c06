"""The parts of the simulator against what physics and hand computation say."""

import numpy as np
import pytest

from crend_training.phantom import artefacts, beams, display, probe
from crend_training.phantom.fields import Blob, smooth_noise

SCANNER = probe.Probe(array_radius=10.0, sweep_radius=5.0, half_lateral=1.0, half_sweep=0.6, first_range=1.0, last_range=60.0)
GRID = probe.BeamGrid(np.linspace(2, 60, 160), np.linspace(-0.6, 0.6, 40), np.linspace(-1, 1, 160))
BEAM = {"axial_fwhm": 0.5, "lateral_fwhm": 0.9, "elevation_fwhm": 1.0, "focus": 20.0, "focal_zone": 15.0}
QUIET = {
    "enhancement_db_per_mm": 0.3,
    "enhancement_most_db": 16.0,
    "edge_shadow_db": 0.0,
    "gain_slope_db": 0.0,
    "gain_ripple_db": 0.0,
    "lateral_gain_db": 0.0,
}


@pytest.fixture(scope="module")
def echo():
    """Complex echo of homogeneous tissue."""
    rng = np.random.default_rng(0)
    scatterers = beams.scatter(rng, np.ones(GRID.shape, np.float32), 0.0)
    return beams.blur(scatterers, beams.beam_widths(BEAM, SCANNER, GRID), 0.0)


def test_beam_coordinates_and_back():
    points = np.random.default_rng(0).uniform((5, -20, -20), (60, 20, 20), (50, 3)).T
    assert np.allclose(SCANNER.to_cartesian(*SCANNER.to_beam(*points)), points)


def test_the_middle_beam_is_the_depth_axis():
    assert np.allclose(SCANNER.to_beam(30.0, 0.0, 0.0), (30, 0, 0))
    # one turn of 0.5 about the array's centre, 10 mm behind the face: range 30 is at radius 40
    assert np.allclose(SCANNER.to_cartesian(30.0, 0.0, 0.5), (40 * np.cos(0.5) - 10, 0, 40 * np.sin(0.5)))


def test_homogeneous_tissue_gives_rayleigh_speckle(echo):
    amplitude = np.abs(echo)
    # mean over deviation of a Rayleigh variable is sqrt(pi / (4 - pi)) = 1.913
    assert amplitude.mean() / amplitude.std() == pytest.approx(1.913, abs=0.06)


def test_clumpy_scatterers_are_less_even_than_rayleigh():
    rng = np.random.default_rng(0)
    scatterers = beams.scatter(rng, np.ones(GRID.shape, np.float32), 0.03)
    amplitude = np.abs(beams.blur(scatterers, beams.beam_widths(BEAM, SCANNER, GRID), 0.0))
    assert amplitude.mean() / amplitude.std() < 1.7


def test_mean_power_of_tissue_stays_one_at_every_range(echo):
    power = (np.abs(echo) ** 2).mean(axis=(1, 2))
    assert power[:80].mean() == pytest.approx(1, abs=0.15)
    assert power[80:].mean() == pytest.approx(1, abs=0.15)


def lateral_width_mm(echo, rows):
    """Lateral lag (mm) at which the speckle's complex correlation falls to one half."""
    block = echo[rows]
    power = np.mean(np.abs(block) ** 2)
    correlation = [np.abs(np.mean(block[..., lag:] * block[..., : -lag or None].conj())) / power for lag in range(12)]
    lag = np.interp(-0.5, -np.array(correlation), np.arange(12))
    return lag * GRID.steps()[2] * (GRID.ranges[rows].mean() + SCANNER.array_radius)


def test_lateral_speckle_grows_with_depth(echo):
    near, far = lateral_width_mm(echo, slice(40, 60)), lateral_width_mm(echo, slice(130, 155))
    assert far > 1.3 * near


def test_tissue_behind_fluid_is_enhanced_by_its_thickness():
    fluid = np.zeros(GRID.shape, np.float32)
    deep = (GRID.ranges >= 20) & (GRID.ranges < 30)
    fluid[deep] = 1
    gain = artefacts.path_gain(QUIET, None, GRID, fluid, np.zeros_like(fluid))
    # 10 mm at 0.3 dB per mm, levelling off at 16 dB: 16 tanh(3 / 16) = 2.97
    assert gain[GRID.ranges > 31].mean() == pytest.approx(2.97, abs=0.1)
    assert abs(gain[GRID.ranges < 19]).max() < 1e-3


def test_gas_darkens_what_lies_behind_it():
    loss = np.zeros(GRID.shape, np.float32)
    loss[(GRID.ranges >= 20) & (GRID.ranges < 22)] = 5
    gain = artefacts.path_gain(QUIET, None, GRID, np.zeros_like(loss), loss)
    assert gain[-1].mean() == pytest.approx(-10, abs=1)


def test_a_convex_wall_throws_shadows_from_its_edges_only():
    fluid = np.zeros(GRID.shape, np.float32)
    fluid[60:90, :, 60:100] = 1
    gain = artefacts.path_gain({**QUIET, "enhancement_db_per_mm": 0.0, "edge_shadow_db": 6.0}, None, GRID, fluid, np.zeros_like(fluid))
    behind = gain[120].mean(axis=0)
    assert behind[60] < -3 and behind[99] < -3
    assert abs(behind[80]) < 0.5 and abs(behind[20]) < 0.5


def test_reverberation_fills_the_near_side_of_fluid_more_than_the_far_side():
    power = np.ones((100, 1, 1), np.float32)
    power[40:80] = 0
    filled = beams.reverberate(power, 0.1, 5.0)
    assert filled[41, 0, 0] > 5 * filled[75, 0, 0] > 0


def test_compression_puts_tissue_at_its_grey_and_the_dynamic_range_on_255_greys():
    # reference amplitude is grey 100; 20 dB less at 60 dB over 255 greys is 85 greys less
    grey = display.compress(np.array([1.0, 0.1, 1e-6]), 60.0, 100.0, 1.0)
    assert grey == pytest.approx([100, 15, 0])


@pytest.mark.parametrize("kind", ["smooth", "lee", "median"])
def test_speckle_reduction_lowers_the_deviation_and_keeps_the_mean(kind):
    grey = np.random.default_rng(0).normal(100, 20, (40, 20, 40)).astype(np.float32)
    reduced = display.despeckle(grey, kind, 0.8)
    assert reduced.std() < 0.8 * grey.std()
    assert reduced.mean() == pytest.approx(grey.mean(), abs=2)


def test_unknown_speckle_reduction_is_refused():
    with pytest.raises(ValueError, match="magic"):
        display.despeckle(np.zeros((3, 3, 3)), "magic", 1)


def test_a_smooth_ball_has_its_volume_and_its_distance():
    ball = Blob(np.random.default_rng(0), (0, 0, 0), (6, 6, 6), np.eye(3), 0.0)
    axis = np.arange(-10, 10.01, 0.25)
    distance = ball.distance([axis, axis, axis])
    assert (distance < 0).sum() * 0.25**3 == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.01)
    assert distance[40, 40, 40 + 36] == pytest.approx(3, abs=1e-3)


def test_a_rough_blob_is_the_same_on_a_grid_and_at_points():
    blob = Blob(np.random.default_rng(1), (1, -2, 3), (8, 5, 4), np.eye(3), 0.15)
    axes = [np.linspace(c - 10, c + 10, 15) for c in (1, -2, 3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    assert np.allclose(blob.distance(axes).ravel(), blob.distance_at(points), atol=1e-3)


def test_noise_has_zero_mean_unit_deviation_and_the_wanted_grain():
    noise = smooth_noise(np.random.default_rng(0), (64, 64, 64), 3.0)
    assert noise.mean() == pytest.approx(0, abs=1e-3) and noise.std() == pytest.approx(1, abs=1e-3)
    # noise smoothed by a Gaussian of 3 correlates with itself as exp(-lag^2 / 36): 0.368 at lag 6
    assert np.mean(noise[6:] * noise[:-6]) == pytest.approx(np.exp(-1), abs=0.12)


def test_reject_turns_low_greys_black_and_keeps_white():
    assert display.reject(np.array([20.0, 51.0, 153.0, 255.0]), 51.0) == pytest.approx([0, 0, 127.5, 255])
