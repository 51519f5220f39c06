"""A run goes on only as the experiment that it began as, and what it leaves can be gone on from."""

import dataclasses
import json
import shutil

import pytest
import torch
from training_samples import tiny, write_ball_cases

from crend.errors import InputError
from crend_training.data.cases import Cases, TrainingCases
from crend_training.training.loop import Training
from crend_training.training.train import load_checkpoint, train


@pytest.fixture
def data(tmp_path):
    return write_ball_cases(tmp_path / "balls", count=3)


def chosen(data, training, validation=("ball0",)):
    return TrainingCases(Cases(data / "training", training), Cases(data / "validation", validation), Cases(data / "unlabelled", ()))


def edit_source(folder, name, source):
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "source": source}))


def test_settings_that_decide_the_result_are_compared_and_the_first_that_differs_is_named(data, tmp_path):
    train(tiny("unet", steps=2), data, tmp_path / "run", progress=False)
    for changes, message in (
        ({"learning_rate": 1e-5}, "trained with learning_rate 0.003, not 1e-05; give another folder .*, or delete .*run$"),
        ({"steps": 9, "dice_weight": 1.0}, "trained with dice_weight 0.0, not 1.0"),
        ({"patch": (16, 32, 16)}, r"trained with patch \[32, 16, 16\], not \[16, 32, 16\]"),
    ):
        with pytest.raises(InputError, match=f"last.ckpt: {message}"):
            train(tiny("unet", **{"steps": 2, **changes}), data, tmp_path / "run", progress=False)


def test_a_schedule_may_change_on_the_way_and_the_history_tells(data, tmp_path):
    train(tiny("unet", steps=2), data, tmp_path / "run", progress=False)
    longer = tiny("unet", steps=4, warmup_steps=1, log_every=2, validate_every=3, name="other")
    train(longer, data, tmp_path / "run", progress=False)
    train(longer, data, tmp_path / "run", progress=False)
    first, second = map(json.loads, (tmp_path / "run" / "history.jsonl").read_text().splitlines())
    assert (first["step"], first["steps"], first["warmup_steps"]) == (0, 2, 2)
    assert (second["step"], second["steps"], second["warmup_steps"], second["learning_rate"]) == (2, 4, 1, 0.003)


def test_other_cases_are_another_experiment(data, tmp_path):
    experiment = tiny("unet", steps=2)
    edit_source(data / "training", "ball0", "one")
    train(experiment, data, tmp_path / "run", cases=chosen(data, ("ball0", "ball1")), progress=False)
    for cases, message in (
        (chosen(data, ("ball1", "ball2")), "its training cases hold 'ball0', which is not among them now"),
        (chosen(data, ("ball0", "ball1", "ball2")), "its training cases do not hold 'ball2', which is among them now"),
        (chosen(data, ("ball0", "ball1"), ("ball1",)), "its validation cases hold 'ball0'"),
    ):
        with pytest.raises(InputError, match=f"last.ckpt: {message}"):
            train(experiment, data, tmp_path / "run", cases=cases, progress=False)
    edit_source(data / "training", "ball0", "two")
    with pytest.raises(InputError, match="its training case 'ball0' was of another image or other labels"):
        train(experiment, data, tmp_path / "run", cases=chosen(data, ("ball0", "ball1")), progress=False)


def test_cases_that_appear_in_a_folder_taken_as_it_is_may_be_trained_on_later(data, tmp_path):
    for ending in ("image.npy", "labels.npy", "json"):
        shutil.move(data / "training" / f"ball2.{ending}", tmp_path)
    train(tiny("unet", steps=2), data, tmp_path / "run", progress=False)
    for ending in ("image.npy", "labels.npy", "json"):
        shutil.move(tmp_path / f"ball2.{ending}", data / "training")
    train(tiny("unet", steps=3), data, tmp_path / "run", progress=False)
    assert load_checkpoint(tiny("unet"), tmp_path / "run" / "last.ckpt")[1] == 3
    train(
        tiny("unet", steps=4),
        data,
        tmp_path / "run",
        cases=chosen(data, ("ball0", "ball1", "ball2"), ("ball0", "ball1", "ball2")),
        progress=False,
    )
    (data / "training" / "ball1.json").unlink()
    with pytest.raises(InputError, match="its training cases hold 'ball1', which is not among them now"):
        train(tiny("unet", steps=5), data, tmp_path / "run", progress=False)


def test_a_checkpoint_that_does_not_say_what_it_is_of_is_gone_on_from(data, tmp_path):
    train(tiny("unet", steps=2), data, tmp_path / "run", progress=False)
    path = tmp_path / "run" / "last.ckpt"
    state = torch.load(path, weights_only=True)
    del state["crend"]["identity"]
    torch.save(state, path)
    other = tiny("unet", steps=3, learning_rate=1e-5)
    train(other, data, tmp_path / "run", progress=False)
    assert load_checkpoint(other, path)[1] == 3
    with pytest.raises(InputError, match="trained with learning_rate 1e-05, not 0.003"):
        train(tiny("unet", steps=4), data, tmp_path / "run", progress=False)


@pytest.mark.parametrize("what", ["loss", "weights"])
def test_a_run_that_diverges_between_two_looks_at_its_loss_keeps_its_sound_checkpoint(data, tmp_path, monkeypatch, what):
    experiment = tiny("unet", steps=20, checkpoint_every=2, log_every=20, validate_every=20)
    step = Training.training_step

    def diverging(self, batch, index):
        step(self, batch, index)
        if self.step == 4:
            if what == "weights":
                next(self.network.parameters()).data.fill_(float("nan"))
            else:
                self.told["loss"].fill_(float("inf"))

    with monkeypatch.context() as patched:
        patched.setattr(Training, "training_step", diverging)
        with pytest.raises(ArithmeticError, match=f"the {what} (is|are) not finite at step 4: train with precision 32-true"):
            train(experiment, data, tmp_path / "run", progress=False)
    network, steps = load_checkpoint(experiment, tmp_path / "run" / "last.ckpt")
    assert steps == 2 and all(value.isfinite().all() for value in network.state_dict().values())
    train(dataclasses.replace(experiment, steps=3), data, tmp_path / "run", progress=False)
