"""A run that is cut off, by a kill or an error, goes on as if it had not been: same losses, same weights."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from training_samples import tiny, write_ball_cases

from crend.errors import InputError
from crend.io.locking import locked
from crend_training.configuration.experiment import Contrastive
from crend_training.training.curves import Curves, read_curve
from crend_training.training.plan import Plan, learning_rate, step_seed
from crend_training.training.train import load_checkpoint, precision_here, time_and_device, train


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_ball_cases(tmp_path_factory.mktemp("balls"), ("training", "validation", "unlabelled"))


class CutOff(Exception):
    pass


def train_with_a_cut(experiment, data, run, step, monkeypatch):
    """Trains, is stopped by an error in step `step`, and is started again."""
    add = Curves.add

    def stop(self, which, at, values):
        if which == "train" and at == step:
            raise CutOff
        add(self, which, at, values)

    with monkeypatch.context() as patched:
        patched.setattr(Curves, "add", stop)
        with pytest.raises(CutOff):
            train(experiment, data, run, progress=False)
    train(experiment, data, run, progress=False)


def seconds(run):
    return torch.load(run / "last.ckpt", weights_only=True)["crend"]["seconds"]


def assert_same_run(first, second):
    for name in ("train.csv", "validation.csv"):
        assert (first / name).read_text() == (second / name).read_text()
    one, other = (torch.load(run / "last.ckpt", weights_only=True) for run in (first, second))
    for key in ("state_dict", "current_model_state"):
        assert one[key].keys() == other[key].keys()
        assert all(torch.equal(one[key][name], other[key][name]) for name in one[key])


@pytest.mark.parametrize(
    "system, changes, cut",
    [
        ("context", {}, 7),
        ("context", {}, 11),
        ("crend", {"semi_weight": 1.0, "semi_ramp_steps": 4}, 5),
        ("crend", {"optimizer": "muon", "precision": "auto"}, 5),
        ("crend", {"contrastive": Contrastive(confident=40, background=True, prototypes=0.9, ramp_steps=4)}, 5),
    ],
)
def test_a_run_that_was_cut_off_mid_way_ends_as_an_uninterrupted_one(system, changes, cut, data, tmp_path, monkeypatch):
    experiment = tiny(system, **changes)
    train(experiment, data, tmp_path / "whole", progress=False)
    train_with_a_cut(experiment, data, tmp_path / "cut", cut, monkeypatch)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")
    rows = read_curve(tmp_path / "whole" / "train.csv")
    assert [row["step"] for row in rows] == list(range(1, 13 if system == "context" else 7))


@pytest.mark.timeout(300)
def test_a_run_killed_between_checkpoints_has_the_loss_curve_of_an_uninterrupted_one(data, tmp_path):
    experiment = tiny("entropy", steps=40, checkpoint_every=5, validate_every=20, workers=1)
    config = tmp_path / "entropy.yaml"
    config.write_text(yaml.safe_dump(json.loads(json.dumps(dataclasses.asdict(experiment)))))
    command = [sys.executable, "-m", "crend_training", "train", config, "--data", data, "--run", tmp_path / "cut", "--as-is"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    curve, until = tmp_path / "cut" / "train.csv", time.time() + 200
    while time.time() < until and process.poll() is None:
        if curve.is_file() and curve.read_text().count("\n") > 7:
            break
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with locked(tmp_path / "cut", wait=10):  # Its loader's worker, which was killed with it, may hold the lock a moment longer.
        pass
    stopped_at = len(read_curve(curve))
    assert 7 <= stopped_at < 40
    assert torch.load(tmp_path / "cut" / "last.ckpt", weights_only=True)["global_step"] % 5 == 0

    experiment = dataclasses.replace(experiment, workers=0)
    train(experiment, data, tmp_path / "cut", progress=False)
    train(experiment, data, tmp_path / "whole", progress=False)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_a_finished_run_is_not_trained_again(data, tmp_path):
    experiment = tiny("unet", steps=2)
    before = train(experiment, data, tmp_path, progress=False).read_bytes()
    assert train(experiment, data, tmp_path, progress=False).read_bytes() == before
    network, steps = load_checkpoint(experiment, tmp_path / "best.ckpt")
    assert steps == 2 and not network.training
    with pytest.raises(InputError, match="last.ckpt: trained with seed 0, not 1"):
        train(tiny("unet", steps=4, seed=1), data, tmp_path, progress=False)
    with pytest.raises(InputError, match="last.ckpt: trained with arguments {'width': 2}, not {'width': 3}"):
        train(tiny("unet", steps=4, arguments={"width": 3}), data, tmp_path, progress=False)


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    with locked(tmp_path), pytest.raises(InputError, match="another process is at work here"), locked(tmp_path):
        pass


def test_bad_beginnings_are_refused_with_a_reason(data, tmp_path):
    with pytest.raises(InputError, match="no cases to train on"):
        train(tiny(), tmp_path / "nothing", tmp_path / "run")
    with pytest.raises(InputError, match="prepared at 1 x 1 x 1 mm, the configuration says 0.5 x 0.5 x 0.5 mm"):
        train(tiny(spacing_mm=(0.5, 0.5, 0.5)), data, tmp_path / "run")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="precision '16-mixed' needs a CUDA device"):
            train(tiny(precision="16-mixed"), data, tmp_path / "run")


def test_precision_auto_is_bfloat16_only_on_a_card_for_on_a_processor_no_two_runs_would_be_the_same(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    assert precision_here("auto") == "32-true"
    with pytest.raises(InputError, match="bfloat16 instructions"):
        precision_here("bf16-mixed")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert precision_here("bf16-mixed") == "bf16-mixed"
    assert precision_here("auto") == precision_here("32-true") == "32-true"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert precision_here("auto") == "bf16-mixed"


def test_the_plan_is_a_function_of_the_step():
    plan = Plan(steps=10, phases=2, validate_every=4)
    assert plan.total == 20
    assert plan.boundaries_after(8) == [10, 12, 16, 20]
    assert [plan.phase(step) for step in (0, 9, 10, 19, 20)] == [0, 0, 1, 1, 1]
    settings = tiny(learning_rate=1.0, final_learning_rate=0.0, warmup_steps=2)
    assert learning_rate(settings, 0, 100) == pytest.approx(0.5)
    assert learning_rate(settings, 50, 100) == pytest.approx(0.5)
    assert learning_rate(settings, 100, 100) == pytest.approx(0.0)
    assert len({step_seed(seed, step, rank) for seed in range(3) for step in range(100) for rank in range(4)}) == 1200


def test_discriminators_learn_at_a_rate_of_their_own_that_falls_with_the_networks(data, tmp_path):
    experiment = tiny("entropy", learning_rate=2e-3, discriminator_learning_rate=5e-5)
    train(experiment, data, tmp_path / "run", progress=False)
    players = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["optimizer_states"]
    network, discriminators = (player["param_groups"][0]["lr"] for player in players)
    assert network < experiment.learning_rate
    assert discriminators / network == pytest.approx(5e-5 / 2e-3)


def test_the_time_of_a_resumed_run_counts_from_its_first_start(data, tmp_path):
    experiment = tiny("crend", steps=3)
    train(experiment, data, tmp_path / "run", progress=False)
    first = seconds(tmp_path / "run")
    train(dataclasses.replace(experiment, steps=6), data, tmp_path / "run", progress=False)
    assert 0 < first < seconds(tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    state["crend"]["seconds"] = 7200.0
    torch.save(state, tmp_path / "run" / "last.ckpt")
    assert time_and_device(tmp_path / "run").startswith("2.0 hours on CPU")
    train(dataclasses.replace(experiment, steps=7), data, tmp_path / "run", progress=False)
    assert seconds(tmp_path / "run") > 7200
    assert time_and_device(tmp_path / "nowhere") is None


def test_a_run_whose_first_hours_nobody_timed_claims_no_time(data, tmp_path):
    experiment = tiny("crend", steps=3)
    train(experiment, data, tmp_path / "run", progress=False)
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    del state["crend"]["seconds"]
    torch.save(state, tmp_path / "run" / "last.ckpt")
    train(dataclasses.replace(experiment, steps=6), data, tmp_path / "run", progress=False)
    assert seconds(tmp_path / "run") is None and time_and_device(tmp_path / "run") is None
