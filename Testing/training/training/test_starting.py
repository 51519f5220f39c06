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
    assert all(torch.equal(start.weights[name], value) for name, value in expected.items())


def test_a_bundle_without_such_a_network_is_refused():
    with pytest.raises(InputError, match="crend-sim: has no network like that of the configuration"):
        start_of(tiny("crend"), "crend-sim")
