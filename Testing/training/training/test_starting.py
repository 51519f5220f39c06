"""A run that begins with the weights of another one: the same predictions at first, an account of both at the end."""

import dataclasses
from pathlib import Path

import pytest
import torch
from training_samples import tiny, write_ball_cases
from typer.testing import CliRunner

import crend_training
from crend import networks
from crend.bundle.bundle import load
from crend.errors import InputError
from crend.networks.points import render
from crend_training.configuration.experiment import read_experiment
from crend_training.data.cases import Cases, open_case
from crend_training.data.guides import read_guide, write_guides
from crend_training.training.starting import start_of
from crend_training.training.train import load_checkpoint, time_and_device, train

CONFIGS = Path(crend_training.__file__).parent / "configs"


@pytest.fixture
def data(tmp_path):
    return write_ball_cases(tmp_path / "balls", count=2)


@pytest.fixture
def before(data, tmp_path):
    train(tiny("crend", steps=3), data, tmp_path / "before", progress=False)
    return tmp_path / "before" / "last.ckpt"


def with_detail(**changes):
    experiment = tiny("crend", **changes)
    return dataclasses.replace(experiment, arguments={**experiment.arguments, "detail": True})


def test_a_head_that_is_given_detail_begins_with_the_same_predictions(before):
    old, _ = load_checkpoint(tiny("crend"), before)
    start = start_of(with_detail(), before)
    new = networks.build("crend", **with_detail().arguments).eval()
    new.load_state_dict(start.weights)
    patch = torch.randn(1, 1, 32, 32, 32)
    with torch.inference_mode():
        first, second = (render(network, *network.trunk(patch), 4000) for network in (old, new))
    assert torch.allclose(first, second, atol=1e-5)


def test_a_run_that_began_with_another_counts_its_steps_and_hours_too(data, before, tmp_path):
    state = torch.load(before, weights_only=True)
    state["crend"]["seconds"] = 7200.0
    torch.save(state, before)
    experiment, run = with_detail(steps=4), tmp_path / "after"
    train(experiment, data, run, start=start_of(experiment, before), progress=False)
    assert torch.load(run / "last.ckpt", weights_only=True)["global_step"] == 4
    longer = dataclasses.replace(experiment, steps=5)
    train(longer, data, run, start=start_of(longer, before), progress=False)
    assert load_checkpoint(longer, run / "last.ckpt")[1] == 8
    assert time_and_device(run).startswith("2.0 hours on CPU")
    third = start_of(longer, run / "last.ckpt")
    assert third.steps == 8 and third.seconds > 7200


def test_where_the_hours_of_the_other_run_are_not_known_none_are_claimed(data, before, tmp_path):
    state = torch.load(before, weights_only=True)
    del state["crend"]["seconds"]
    torch.save(state, before)
    experiment = with_detail(steps=2)
    train(experiment, data, tmp_path / "after", start=start_of(experiment, before), progress=False)
    assert time_and_device(tmp_path / "after") is None


def test_a_run_does_not_go_on_with_another_start(data, before, tmp_path):
    experiment = tiny("crend", steps=2)
    train(experiment, data, tmp_path / "after", start=start_of(experiment, before), progress=False)
    with pytest.raises(InputError, match="began with weights of sha256 .*, not random weights"):
        train(dataclasses.replace(experiment, steps=3), data, tmp_path / "after", progress=False)


@pytest.mark.parametrize("system", ["unet", "crend"])
def test_a_start_of_another_network_is_refused(before, system):
    experiment = tiny(system)
    wider = dataclasses.replace(experiment, arguments={"width": experiment.arguments["width"] + 1})
    with pytest.raises(InputError, match=f"last.ckpt: not of {system} .*; begin with a run of the same network"):
        start_of(wider, before)


def test_a_missing_start_is_said_before_anything_is_prepared(tmp_path):
    from crend_training.cli.app import app

    config = tmp_path / "config.yaml"
    config.write_text("network: crend\npatch: [32, 32, 32]\n")
    options = ["--data", str(tmp_path / "data"), "--run", str(tmp_path / "run"), "--start", str(tmp_path / "none.ckpt")]
    result = CliRunner().invoke(app, ["train", str(config), *options])
    assert isinstance(result.exception, InputError) and "none.ckpt: no checkpoint there" in str(result.exception)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("config", ["mixed/crend_sim.yaml", "mixed/crend_sim_overview.yaml"])
def test_a_run_can_begin_with_a_bundle_s_network_of_the_same_grid(config):
    loaded = load("crend-sim")
    start = start_of(read_experiment(CONFIGS / config), "crend-sim")
    expected = (loaded.overview if "overview" in config else loaded.network).state_dict()
    assert start.weights.keys() == expected.keys()
    for name, value in expected.items():
        began = start.weights[name]
        # A guided network begins with no eyes for its guide.
        assert torch.equal(began, value) or (torch.equal(began[:, :1], value) and not began[:, 1:].any()), name


def test_a_bundle_without_such_a_network_is_refused():
    with pytest.raises(InputError, match="crend-sim: has no network like that of the configuration"):
        start_of(tiny("crend"), "crend-sim")


def test_a_guided_run_begins_with_what_the_unguided_network_predicts_learns_from_the_maps_and_is_bundled(data, before, tmp_path):
    """The whole way: an overview, the guides of its cases, a guided close look that begins with an unguided one."""
    overview, close = tiny("unet", steps=2), tiny("crend", steps=3, arguments={"width": 2, "guided": True})
    train(overview, data, tmp_path / "overview", progress=False)
    network, _ = load_checkpoint(overview, tmp_path / "overview" / "last.ckpt")
    start = start_of(close, before)
    patch, maps = torch.randn(1, 1, 32, 32, 32), torch.rand(1, 2, 32, 32, 32)
    old, new = load_checkpoint(tiny("crend"), before)[0], networks.build("crend", width=2, guided=True).eval()
    new.load_state_dict(start.weights)
    with torch.inference_mode():
        assert torch.allclose(old.trunk(patch)[0], new.trunk(torch.cat([patch, maps], 1))[0], atol=1e-5)
    with pytest.raises(InputError, match="ball0.guide.npy: missing or damaged"):
        train(close, data, tmp_path / "close", start=start, progress=False)
    for split in ("training", "validation"):
        write_guides(network, overview.patch, Cases(data / split), Cases(data / split))
    with torch.inference_mode():
        image = torch.from_numpy(open_case(data / "training", "ball0")[0].astype("float32"))
        seen = torch.sigmoid(network.trunk(image[None, None, 4:36, 12:28, 12:28])[0])[0, 0]
    guide = torch.from_numpy(read_guide(data / "training", "ball0").astype("float32"))
    assert guide.shape == (2, *image.shape) and (guide[0, 20, 20, 20] - seen[16, 8, 8]).abs() < 0.2
    train(close, data, tmp_path / "close", start=start, progress=False)
    trained, _ = load_checkpoint(close, tmp_path / "close" / "last.ckpt")
    assert trained.encoder.stem[0].weight[:, 1:].abs().max() > 0
