"""Cases, bundles and runs of volumes that are resized in plane: each case says its own millimetres and the mode, and no other grid passes for it."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from training_samples import ball_images, tiny

from crend.errors import InputError
from crend.inference.model_grid import grid_spacing
from crend_training.bundles.bundling import _network, _network_block
from crend_training.bundles.calibration import describe_cases
from crend_training.bundles.finetuning import FineTuning, experiment_of
from crend_training.configuration.experiment import experiment_from
from crend_training.data.cases import Cases, case_facts, check_prepared, grid_settings, open_case, write_case

ZSCORE = {"method": "zscore_nonzero"}
GRID = {"spacing_mm": [0.2, 0.2, 0.2], "in_plane": [48, 32]}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two cases, of volumes of 40 x 40 x 40 mm and of 20 x 60 x 40 mm, and their images."""
    folder, images = tmp_path_factory.mktemp("cases"), {}
    for name, spacing in (("cube", (1.0, 1.0, 1.0)), ("long", (0.5, 1.5, 1.0))):
        parts = ball_images()
        for part in parts:
            part.SetSpacing(spacing)
        images[name] = parts
        write_case(folder, name, *parts, **GRID, normalisation=ZSCORE)
    return folder, images


@pytest.mark.parametrize("name", ["cube", "long"])
def test_a_case_is_exactly_as_large_in_plane_and_says_its_own_spacing_and_the_mode(prepared, name):
    folder, images = prepared
    image, labels = open_case(folder, name)
    facts = case_facts(folder, name)
    assert image.shape[1:] == (32, 48) and facts["grid"] == GRID
    assert facts["spacing_mm"] == list(grid_spacing(images[name][0], GRID))
    for least, whole in ((1, images[name][1]), (2, images[name][2])):
        truth = (sitk.GetArrayViewFromImage(whole) > 0).sum() * np.prod(whole.GetSpacing())
        assert (labels >= least).sum() * np.prod(facts["spacing_mm"]) == pytest.approx(truth, rel=0.05)


def test_cases_pass_for_the_grid_that_they_are_on_and_for_no_other(prepared):
    folder, _ = prepared
    cases = Cases(folder)
    check_prepared(cases, GRID, ZSCORE)
    assert len(describe_cases(folder, GRID)) == 2
    spacing = case_facts(folder, "cube")["spacing_mm"]
    for other in ({"spacing_mm": spacing}, {**GRID, "in_plane": [32, 48]}, {**GRID, "spacing_mm": [0.2, 0.2, 0.4]}):
        with pytest.raises(InputError, match=r"cube: prepared at 48 x 32 voxels in plane and .* mm, the configuration says"):
            check_prepared(cases, other, ZSCORE)


def test_cases_of_a_fixed_spacing_do_not_pass_for_resized_ones(tmp_path):
    write_case(tmp_path, "fixed", *ball_images(), spacing_mm=(1, 1, 1), normalisation=ZSCORE)
    assert "grid" not in json.loads((tmp_path / "fixed.json").read_text())
    with pytest.raises(InputError, match="prepared at 1 x 1 x 1 mm, the configuration says 40 x 40 voxels in plane of 1 x 1 x 1 mm"):
        check_prepared(Cases(tmp_path), {"spacing_mm": [1, 1, 1], "in_plane": [40, 40]}, ZSCORE)


def test_the_size_in_plane_goes_from_a_run_into_its_bundle_and_back_into_fine_tuning(tmp_path):
    block = _network_block(tiny(spacing_mm=(0.2, 0.2, 0.2), in_plane=[192, 192]))
    assert block["in_plane"] == [192, 192] and block["spacing_mm"] == [0.2] * 3
    (tmp_path / "list.csv").write_text("image\n")
    assert experiment_of("again", block, tmp_path / "list.csv", FineTuning()).in_plane == [192, 192]
    assert "grid of 192 x 192 voxels in plane" in _network(tiny(in_plane=[192, 192]))
    assert "in_plane" not in _network_block(tiny()) and grid_settings((1, 1, 1)) == {"spacing_mm": [1.0] * 3}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"in_plane": [192]}, "'in_plane' must be two sizes"),
        ({"in_plane": [192, 0.5]}, "'in_plane' must be two sizes"),
        ({"in_plane": [192, 192], "small_weight": 4}, "'in_plane' and 'small_weight' do not go together"),
    ],
)
def test_a_size_in_plane_that_no_run_could_use_is_named(values, message):
    with pytest.raises(InputError, match=message):
        experiment_from(values, "own.yaml")
