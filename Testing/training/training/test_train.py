"""Configuration, cases, patches, augmentation and the training loop itself, on data small enough for seconds."""

import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from typer.testing import CliRunner

from crend.errors import InputError
from crend_training.bundles.bundling import Overview, bundle_run
from crend_training.cli.app import app
from crend_training.configuration.experiment import Experiment, experiment_from, read_experiment
from crend_training.data import patches
from crend_training.data.augmentation import Augmentation, turn_axes
from crend_training.data.cases import Cases, case_names, open_case, write_case
from crend_training.data.contrast import random_contrast

CONFIGS = Path(__file__).parents[3] / "training_pkg" / "crend_training" / "configs"
TINY = """
network: crend
arguments: {width: 2}
patch: [32, 32, 32]
steps: 6
learning_rate: 0.01
checkpoint_every: 2
points: 500
workers: 0
average_decay: 0.9
validate_every: 100000
spacing_mm: [1, 1, 1]
tensorboard: false
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture
def data(tmp_path):
    """One case, a dark ball in a bright ball, for training and validation."""
    z, y, x = np.ogrid[:40, :40, :40]
    distance = np.sqrt((z - 20.0) ** 2 + (y - 20.0) ** 2 + (x - 20.0) ** 2)
    speckle = np.random.default_rng(0).rayleigh(1, (40, 40, 40))
    volume = (60 + 80 * (distance < 14) - 130 * (distance < 6)).clip(5) * speckle
    image = sitk.GetImageFromArray(volume.clip(1, 255).astype(np.uint8))
    ovary, follicles = (sitk.GetImageFromArray((distance < r).astype(np.uint8)) for r in (14, 6))
    for part in ("training", "validation"):
        write_case(
            tmp_path / "data" / part,
            "ball",
            image,
            ovary,
            follicles,
            spacing_mm=(1, 1, 1),
            normalisation={"method": "zscore_nonzero"},
        )
    return tmp_path / "data"


def test_every_committed_configuration_is_valid():
    found = sorted(CONFIGS.glob("*.yaml"))
    assert found
    for path in found:
        assert isinstance(read_experiment(path), Experiment)


def test_an_unknown_key_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("steps: 5\nlearning_rat: 1.0\n")
    with pytest.raises(InputError, match="learning_rat.*known are.*learning_rate"):
        read_experiment(path)


def test_a_value_of_the_wrong_type_is_an_error_that_names_the_key(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("steps: many\n")
    with pytest.raises(InputError, match="'steps' must be of type int"):
        read_experiment(path)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"first_seed": 0, "last_seed": 1000}, "seeds 900 to 907 to training and to validation volumes"),
        ({"unlabelled_first_seed": 1199, "unlabelled_last_seed": 1300}, "seeds 1199 to 1199 to training and to unlabelled volumes"),
        ({"plain_first_seed": 1150, "plain_last_seed": 1300}, "seeds 1150 to 1199 to training and to plain volumes"),
        ({"unlabelled_first_seed": 0, "unlabelled_last_seed": 901}, "seeds 900 to 900 to validation and to unlabelled volumes"),
    ],
)
def test_a_simulated_volume_is_in_one_set_only(values, message):
    with pytest.raises(InputError, match=f"a.yaml: 'data' gives {message}; give ranges that share no seed"):
        experiment_from({"data": values}, "a.yaml")


def test_sets_that_touch_or_are_empty_share_no_volume():
    experiment_from({"data": {"first_seed": 908, "last_seed": 950, "unlabelled_first_seed": 905, "unlabelled_last_seed": 905}}, "a.yaml")
    experiment_from({"data": {"kind": "datalist", "path": "list.csv", "first_seed": 0, "last_seed": 1000}}, "a.yaml")


@pytest.mark.parametrize(
    "values, message",
    [
        ({"learning_rate": 0}, "'learning_rate' must be above 0, not 0.0"),
        ({"learning_rate": ".nan"}, "'learning_rate' must be a number, not '.nan'"),
        ({"learning_rate": float("nan")}, "'learning_rate' must be above 0, not nan"),
        ({"spacing_mm": ["a", 1, 1]}, r"'spacing_mm' must be numbers, each above 0, not \['a', 1, 1\]"),
        ({"spacing_mm": [0, 1, 1]}, r"'spacing_mm' must be numbers, each above 0, not \[0, 1, 1\]"),
        ({"points": "many"}, "'points' must be a whole number, 1 or more, not 'many'"),
        ({"ovary_share": 7}, "'ovary_share' must be from 0 to 1, not 7.0"),
        ({"average_decay": 2}, "'average_decay' must be 0 or more and below 1, not 2.0"),
        ({"k": 0.5}, "'k' must be 1 or more, not 0.5"),
        ({"crossval": {"folds": 0}}, "'crossval: folds' must be a whole number, 1 or more, not 0"),
        ({"points": 10**12}, "'points' must be at most 16777216, not 1000000000000"),
        ({"patch": [1024, 16, 16]}, "'patch' is not three multiples of 16 up to 384, one of them 32 or more, and at most 16777216 voxels"),
        ({"spacing_mm": [1e-9] * 3}, "'spacing_mm' is not three lengths of 0.05 to 10 mm"),
        ({"arguments": {"width": 1000}}, "'arguments' are not small whole numbers, or true or false"),
        ({"normalisation": {"method": "minmax"}}, "unknown normalisation 'minmax'; known: .*"),
        (
            {"semi_weight": 1, "average_decay": 0.9, "contrastive": {"confident": 9}},
            "'semi_weight' and 'contrastive' do not go together: unlabelled volumes know the paper's form of the loss alone",
        ),
        ({"contrastive": {"confident": -1}}, "'contrastive: confident' must be a whole number, 0 or more, not -1"),
        ({"contrastive": {"temperature": float("nan")}}, "'contrastive: temperature' must be from 0.01 to 100, not nan"),
        ({"contrastive": {"prototypes": 1}}, "'contrastive: prototypes' must be 0 or more and below 1, not 1.0"),
        ({"contrastive": {"background": 1}}, "contrastive: 'background' must be true or false"),
        ({"contrastive": {"temprature": 1}}, "contrastive: unknown key 'temprature'; known are background, .*"),
        ({"batch": 0}, "'batch' must be a whole number, 1 or more, not 0"),
        ({"data": {"first_seed": -1}}, "'data: first_seed' must be a whole number, 0 or more, not -1"),
        ({"arguments": {"widht": 8}}, "'arguments' has 'widht: 8'; crend knows width, detail, guided"),
        ({"arguments": {"detail": 1}}, "'arguments: detail' must be true or false, not 1"),
        ({"arguments": {"width": 0}}, "'arguments: width' must be a whole number, 1 or more, not 0"),
        ({"overrides": {"edge": {"arguments": {"inputs": 2}}}}, "overrides: edge: 'arguments' has 'inputs: 2'; edge knows width"),
    ],
)
def test_a_value_that_no_run_could_use_is_named_with_what_is_allowed(values, message):
    with pytest.raises(InputError, match=f"^a.yaml: {message}$"):
        experiment_from(values, "a.yaml")


def test_every_setting_that_is_a_fraction_takes_one():
    names = [entry.name for entry in dataclasses.fields(Experiment) if entry.type == "float"]
    assert {"k", "scale", "gamma"} < set(names)
    for name in names:
        value = 1.5 if name in ("k", "small_weight") else 0.5  # neither may be below 1
        assert getattr(experiment_from({name: value, "average_decay": 0.5}, "a.yaml"), name) == value


def test_a_case_keeps_ovary_and_follicles_nested(data):
    assert case_names(data / "training") == ["ball"]
    image, labels = open_case(data / "training", "ball")
    assert image.shape == labels.shape == (40, 40, 40)
    assert labels[20, 20, 20] == 2 and labels[20, 20, 30] == 1 and labels[0, 0, 0] == 0
    assert np.asarray(labels == 2).sum() == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.05)


def test_crop_fills_what_lies_outside():
    array = np.arange(1, 4).reshape(3, 1, 1)
    assert patches.crop(array, [0, 0, 0], [3, 1, 1], fill=9).ravel().tolist() == [9, 1, 2]
    assert patches.crop(array, [9, 0, 0], [3, 1, 1], fill=9).ravel().tolist() == [9, 9, 9]


def test_turning_axes_moves_image_and_labels_together():
    image = torch.arange(24.0).reshape(1, 2, 3, 4)
    labels = image.to(torch.uint8)
    seen = set()
    random = np.random.default_rng(0)
    for _ in range(500):
        turned, turned_labels = turn_axes(image, labels, random=random)
        assert torch.equal(turned.to(torch.uint8), turned_labels)
        seen.add((tuple(turned.shape), tuple(turned.flatten()[:5].tolist())))
    assert len(seen) == 48


def test_augmented_labels_follow_the_augmented_image(data):
    settings = Experiment(patch=(32, 32, 32), rotation_degrees=30, tilt_degrees=15, scale=0.2, any_orientation=True)
    dataset = patches.Patches(data / "training", ["ball"], (32, 32, 32), count=8, seed=0, augment=Augmentation(settings), ovary_share=1)
    for image, labels in dataset:
        assert image.shape == (1, 32, 32, 32) and labels.shape == (2, 32, 32, 32)
        assert torch.isfinite(image).all()
        assert (labels[1] <= labels[0]).all()
        rim = (labels[0] > 0) & (labels[1] == 0)
        if labels[1].sum() > 100:
            assert image[0][labels[1] > 0].mean() < image[0][rim].mean()


def test_another_contrast_moves_tissue_and_fluid_and_nothing_else():
    labels = torch.zeros(1, 20, 20, 20)
    labels[:, 4:16, 4:16, 4:16], labels[:, 8:13, 8:13, 8:13] = 1, 2
    image = torch.randn(1, 20, 20, 20)
    image[:, 8:13, 8:13, 8:13] -= 4.0
    image[:, :, :, :7] = -9.0  # no echo
    shifts = []
    for seed in range(200):
        change = random_contrast(image, labels, 0.4, np.random.default_rng(seed)) - image
        assert (change[:, :3] == 0).all() and (change[..., :7] == 0).all()
        tissue, fluid = change[0, 5, 5:15, 8:15], change[0, 9:12, 9:12, 9:12]
        assert tissue.std() < 0.36 and fluid.std() < 1e-5
        shifts.append((float(tissue.mean()), float(fluid.mean())))
    tissue, fluid = np.array(shifts).T
    assert -0.3 < tissue.mean() < -0.1 and 0.3 < tissue.std() < 0.45 and tissue.max() > 0.4
    assert -0.15 < fluid.mean() < 0 and fluid.max() <= 0.4001 and -0.8001 <= fluid.min() < -0.5


def test_tissue_of_another_contrast_stays_lighter_than_fluid():
    labels = torch.ones(1, 16, 16, 16)
    labels[:, 4:12, 4:12, 4:12] = 2
    for gap, least in ((3.0, 1.0), (0.4, 0.4)):
        image = torch.zeros(1, 16, 16, 16)
        image[labels == 2] = -gap
        image[:, :2] = -9.0
        left = []
        for seed in range(100):
            changed = random_contrast(image, labels, 1.0, np.random.default_rng(seed))
            left.append((changed[labels == 1].median() - changed[0, 8, 8, 8], changed[0, 14, 2:14, 2:14].min() - changed[0, 8, 8, 8]))
        middle, darkest = np.array(left, float).T
        assert middle.min() == pytest.approx(least, abs=0.15) and middle.max() > gap + 0.8
        assert darkest.min() > min(least, 0.5) - 0.01


def test_dark_tissue_is_never_darker_than_no_echo():
    labels = torch.ones(1, 16, 16, 16)
    image = torch.rand(1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    image[..., :4] = -0.2
    darkest = [random_contrast(image, labels, 2.0, np.random.default_rng(seed)).min() for seed in range(20)]
    assert min(darkest) == image.min()


def test_augmented_patches_with_another_contrast_keep_their_labels(data):
    def labels_with(contrast):
        settings = Experiment(patch=(32, 32, 32), any_orientation=True, contrast=contrast)
        dataset = patches.Patches(data / "training", ["ball"], (32, 32, 32), count=6, seed=0, augment=Augmentation(settings), ovary_share=1)
        return zip(*(dataset[i] for i in range(6)))

    (images, labels), (other_images, other_labels) = labels_with(0.0), labels_with(0.5)
    assert torch.equal(labels[0], other_labels[0])
    assert not all(map(torch.equal, images, other_images))


def test_patch_number_i_is_the_same_in_every_run(data):
    def make():
        settings = Experiment(patch=(32, 32, 32), scale=0.1, any_orientation=True)
        return patches.training_patches(settings, Cases(data / "training"), first=300, count=4)

    first, second = make()[2], make()[2]
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert not torch.equal(first[0], make()[1][0])
    later = patches.training_patches(
        Experiment(patch=(32, 32, 32), scale=0.1, any_orientation=True), Cases(data / "training"), first=302, count=1
    )[0]
    assert torch.equal(first[0], later[0])


def test_training_from_the_command_line_goes_on_and_becomes_a_bundle_that_loads(tiny, data, tmp_path):
    from crend.bundle import bundle

    for steps in (2, 4):
        tiny.write_text(TINY.replace("steps: 6", f"steps: {steps}"))
        done = CliRunner().invoke(app, ["train", str(tiny), "--data", str(data), "--run", str(tmp_path / "run"), "--as-is"])
        assert done.exit_code == 0, done.exception
        after = torch.load(tmp_path / "run" / "last.ckpt", map_location="cpu", weights_only=True)["global_step"]
        assert after == steps

    folder = bundle_run(read_experiment(tiny), tmp_path / "run", tmp_path / "tiny-model")
    loaded = bundle.load(folder)
    assert f"{after} steps" in loaded.metadata["crend"]["trained_on"]
    card = (folder / "README.md").read_text()
    assert "simulated" in card
    assert re.search(r"\| training took \| \d+\.\d minutes on CPU, \d+ threads? \|", card)


def test_a_bundle_of_two_runs_has_the_second_as_its_overview(tiny, tmp_path):
    from crend import networks
    from crend.bundle import bundle

    experiment = read_experiment(tiny)
    for run in ("close", "over"):
        torch.manual_seed(len(run))
        weights = networks.build(experiment.network, **experiment.arguments).state_dict()
        (tmp_path / run).mkdir()
        torch.save({"state_dict": {f"network.{k}": v for k, v in weights.items()}, "global_step": len(run)}, tmp_path / run / "last.ckpt")
    overview = Overview(experiment, tmp_path / "over", (0.75, 0.25))
    folder = bundle_run(experiment, tmp_path / "close", tmp_path / "two", overview=overview)
    loaded = bundle.load(folder)
    assert loaded.metadata["crend"]["overview"]["share"] == {"ovary": 0.75, "follicles": 0.25}
    assert "overview: 4 steps" in loaded.metadata["crend"]["trained_on"]
    assert "first look, at the whole volume" in (folder / "README.md").read_text()
    pairs = zip(loaded.network.state_dict().values(), loaded.overview.state_dict().values())
    assert not all(torch.equal(a, b) for a, b in pairs)

    figure = {"mean": 0.9, "sd": 0.1, "present": 2, "missing": 0}
    for name, simulator in (("own", "training"), ("other", "trial")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(
            json.dumps({"seeds": [0, 2], "simulator": simulator, "figures": {"ovary_dsc": figure}})
        )
    reports = [tmp_path / "own", tmp_path / "other"]
    more = {
        "reports": reports,
        "notes": ["## Peers\n\n| a peer | 0.1 |\n", "## Others"],
        "version": "0.2.0",
        "changes": "no overview any more",
    }
    bundle_run(experiment, tmp_path / "close", tmp_path / "two", **more)
    card = (tmp_path / "two" / "README.md").read_text()
    assert (
        card.index("| | training | trial |")
        < card.index("| ovary: Dice | 0.900 | 0.900 |")
        < card.index("--simulator trial")
        < card.index("## Peers\n\n| a peer | 0.1 |\n\n## Others\n\n## Limits")
    )
    later = bundle.load(tmp_path / "two")
    assert later.metadata["version"] == "0.2.0" and later.overview is None and "ovary_dsc" in later.metadata["eval_metrics"]
    assert later.metadata["changelog"] == {"0.1.0": "first bundle", "0.2.0": "no overview any more"}


def test_bundling_without_a_checkpoint_says_what_to_do(tiny, tmp_path):
    with pytest.raises(InputError, match="train first"):
        bundle_run(read_experiment(tiny), tmp_path / "nowhere", tmp_path / "model")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["config.yaml", "list.csv", "list.json"])
def test_a_pipe_is_no_configuration_and_no_list(tmp_path, name):
    from crend_training.data.lists import read_datalist

    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="a pipe or a device, no file"):
        (read_experiment if name.endswith(".yaml") else read_datalist)(tmp_path / name)


def test_an_empty_configuration_is_refused(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    with pytest.raises(InputError, match="holds no 'key: value' lines"):
        read_experiment(tmp_path / "empty.yaml")
