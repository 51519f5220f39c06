"""Damaged cases, checkpoints and configurations end a training in one line, with exit code 2 and the cure, and never amid a run."""

import pickle
import resource
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_samples import ball_images, tiny, write_ball_cases

from crend.errors import InputError
from crend_training.cli.app import main
from crend_training.configuration.experiment import read_experiment
from crend_training.data.cases import case_names, write_case
from crend_training.training.checkpoints import read_checkpoint
from crend_training.training.running import KeepCheckpoints
from crend_training.training.starting import start_of
from crend_training.training.train import train


def line(error):
    text = str(error.value)
    assert "\n" not in text and len(text) < 1500
    return text


def rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))


CASES = {
    "image cut": lambda folder: rewrite(folder / "ball1.image.npy", lambda c: c[: len(c) // 2]),
    "image empty": lambda folder: rewrite(folder / "ball1.image.npy", lambda c: b""),
    "image of bytes": lambda folder: rewrite(folder / "ball1.image.npy", lambda c: b"\x93NUMPY\x01\x00v\x00{'a'" + c[20:]),
    "image 2D": lambda folder: np.save(folder / "ball1.image.npy", np.zeros((4, 4), np.float16)),
    "image of objects": lambda folder: np.save(folder / "ball1.image.npy", np.array([{}]), allow_pickle=True),
    "image of NaN": lambda folder: np.save(folder / "ball1.image.npy", np.full((40, 40, 40), np.nan, np.float16)),
    "image gone": lambda folder: (folder / "ball1.image.npy").unlink(),
    "image a folder": lambda folder: ((folder / "ball1.image.npy").unlink(), (folder / "ball1.image.npy").mkdir()),
    "labels cut": lambda folder: rewrite(folder / "ball1.labels.npy", lambda c: c[:300]),
    "labels of another shape": lambda folder: np.save(folder / "ball1.labels.npy", np.zeros((4, 4, 4), np.uint8)),
    "labels of another type": lambda folder: np.save(folder / "ball1.labels.npy", np.zeros((40, 40, 40), np.float32)),
    "labels too high": lambda folder: np.save(folder / "ball1.labels.npy", np.full((40, 40, 40), 9, np.uint8)),
    "facts cut": lambda folder: rewrite(folder / "ball1.json", lambda c: c[:9]),
    "facts empty": lambda folder: rewrite(folder / "ball1.json", lambda c: b""),
    "facts no UTF-8": lambda folder: rewrite(folder / "ball1.json", lambda c: b"\xff\xfe" + c),
    "facts a list": lambda folder: rewrite(folder / "ball1.json", lambda c: b"[1, 2]"),
    "facts deep": lambda folder: rewrite(folder / "ball1.json", lambda c: b"[" * 100_000),
    "facts without spacing": lambda folder: rewrite(folder / "ball1.json", lambda c: b'{"spacing_mm": [1, 0, 1]}'),
}


@pytest.mark.parametrize("damage", CASES)
def test_a_damaged_case_is_named_before_the_first_step(tmp_path, damage):
    data = write_ball_cases(tmp_path / "balls", count=2)
    name = sorted((data / "training").glob("*.json"))[-1].stem
    for file in (data / "training").glob(f"{name}.*"):
        file.rename(file.with_name(file.name.replace(name, "ball1")))
    CASES[damage](data / "training")
    with pytest.raises(InputError) as error:
        train(tiny("crend", steps=1), data, tmp_path / "run", progress=False)
    assert "ball1" in line(error) and "prepare it again" in line(error)


CHECKPOINTS = {
    "empty": b"",
    "text": b"not a checkpoint",
    "zip": b"PK\x03\x04" + bytes(200),
    "pickle of code": pickle.dumps(print),
    "pickle of a list": pickle.dumps([1, 2, 3]),
}


@pytest.mark.parametrize("junk", CHECKPOINTS)
def test_a_checkpoint_that_is_none_is_one_line(tmp_path, junk):
    path = tmp_path / "last.ckpt"
    path.write_bytes(CHECKPOINTS[junk])
    for read in (read_checkpoint, lambda path: start_of(tiny("crend"), path)):
        with pytest.raises(InputError) as error:
            read(path)
        assert str(path) in line(error)


@pytest.mark.parametrize(
    "state",
    [
        {"state_dict": {"network.a": torch.tensor([float("nan")])}, "global_step": 1},
        {"state_dict": [1], "global_step": 1},
        {"state_dict": {}, "global_step": "many"},
        {"state_dict": {}, "global_step": 1, "crend": {"step": 1}},
        {"state_dict": {}, "global_step": 1, "crend": {"step": 1, "phase": 0, "seed": 0, "best": None, "before": 7}},
        torch.zeros(3),
    ],
)
def test_a_checkpoint_without_what_it_needs_is_one_line(tmp_path, state):
    torch.save(state, tmp_path / "last.ckpt")
    with pytest.raises(InputError) as error:
        read_checkpoint(tmp_path / "last.ckpt")
    line(error)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"[" * 50_000,
        b"steps: " + b"[" * 2000,
        b"a: &a [*a]\n",
        b"steps: 2026-13-45\n",
        b"- 1\n",
        b"learning_rate: [1]\n",
        b"\x00\x01",
    ],
)
def test_a_configuration_that_is_none_is_one_line(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_experiment(path)
    assert str(path) in line(error)


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(InputError, match="is a directory|cannot be read"):
        read_experiment(tmp_path)


@pytest.mark.parametrize(
    "words, said",
    [
        ("finetune base list.csv --out x --rate 0_1", "Invalid value for '--rate': "),
        ("finetune base list.csv --out x --steps 1_0", "--steps: 1_0 is no number; give one such as 3"),
        ("finetune base list.csv --out x --share nan", "--share"),
        ("finetune base", "Missing argument 'data'; see crend-training finetune --help."),
        ("nonsense", "No such command 'nonsense'; see crend-training --help."),
    ],
)
def test_bad_arguments_are_one_line(words, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["crend-training", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    error = capsys.readouterr().err
    assert ended.value.code == 2 and error.startswith("error: ") and said in error and error.count("\n") == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit(1)], ids=["Ctrl-C", "Ctrl-C in Lightning"])
def test_a_command_that_is_stopped_says_that_it_can_go_on(stop, tmp_path, monkeypatch, capsys):
    def stopped(*_arguments, **_options):
        raise stop

    monkeypatch.setattr("crend_training.bundles.finetuning.finetune", stopped)
    monkeypatch.setattr("sys.argv", ["crend-training", "finetune", "base", "list.csv", "--out", str(tmp_path / "x")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130 and capsys.readouterr().err == "cancelled; what was done is kept, and the same command goes on\n"


def test_a_case_that_finds_no_room_is_said_and_leaves_nothing(tmp_path):
    volume, ovary, follicles = ball_images(0, 40)
    about = {"spacing_mm": (1.0, 1.0, 1.0), "normalisation": {"method": "zscore_nonzero"}}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(InputError) as error:
            write_case(tmp_path, "ball", volume, ovary, follicles, **about)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert line(error) == f"{tmp_path}/ball.image.npy: cannot be written (file too large); choose another place."
    assert list(tmp_path.iterdir()) == [] and case_names(tmp_path) == []
    write_case(tmp_path, "ball", volume, ovary, follicles, **about)
    (tmp_path / ".crend-abcdef-1-12345678.json").write_text("{}")  # of another process, on its way
    assert case_names(tmp_path) == ["ball"]


class Saving:
    """What `KeepCheckpoints` needs of a trainer, which saves as Lightning's does."""

    is_global_zero = True
    strategy = SimpleNamespace(barrier=lambda name: None)
    lightning_module = SimpleNamespace(check_finite=lambda: None)

    def save_checkpoint(self, path):
        torch.save({"weights": torch.zeros(1 << 16)}, path)


def test_a_disk_that_is_full_is_said_and_the_last_checkpoint_is_kept(tmp_path):
    keeper = KeepCheckpoints(tmp_path, None, None)
    keeper._save(Saving(), "last.ckpt")
    before, limits = (tmp_path / "last.ckpt").read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(InputError) as error:
            keeper._save(Saving(), "last.ckpt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert line(error) == f"{tmp_path}/last.ckpt: cannot be written (file too large); choose another place. The last checkpoint is kept."
    assert (tmp_path / "last.ckpt").read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
