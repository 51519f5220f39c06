"""Corrections that were kept become a bundle, and only where that is no worse on volumes that it did not learn from."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_finetuning import BLOCK
from training_samples import ball_images

from crend import networks
from crend.bundle import bundle
from crend.bundle.metadata import describe
from crend.errors import InputError
from crend.io.kept import LIST, Correction, keep, kept_rows
from crend.io.labels import Labels
from crend.io.locking import locked
from crend_training.bundles import improving
from crend_training.bundles.finetuning import FineTuning
from crend_training.bundles.improve_plan import plan
from crend_training.bundles.kept_folder import KeptFolder, read_kept_folder, rounds_of
from crend_training.bundles.maker import Maker
from crend_training.bundles.verdict import judge
from crend_training.data.volumes import Entry

QUICK = FineTuning(steps=6, rate=1e-2, share=1.0, workers=0)


def kept_balls(folder, count=5, patients=""):
    for seed in range(count):
        volume, ovary, follicles = ball_images(seed, 28)
        keep(
            folder,
            volume,
            Labels(ovary, follicles),
            Correction("A. B.", "2 follicles drawn", "crend-sim", "0.9.0", patients[seed : seed + 1]),
        )
    return folder


def network_of(ovary):
    """A C-Rend of width 2 whose coarse logits are `ovary` and -9 everywhere: it takes all for ovary, or nothing."""
    torch.manual_seed(0)
    network = networks.build("crend", width=2)
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.copy_(torch.tensor([ovary, -9.0]))
        network.head[-1].weight.zero_()
        network.head[-1].bias.copy_(torch.tensor([ovary, -9.0]))
    return network.eval()


def save_base(folder):
    """A bundle that finds nothing."""
    network = network_of(-9.0)
    about = describe(**BLOCK, version="0.3.0", changelog={}, description="", trained_on="noise", measured_on="noise", render_points=200)
    return bundle.save(folder, network, about, "# for tests\n")


@pytest.fixture(scope="module")
def corrections(tmp_path_factory):
    return kept_balls(tmp_path_factory.mktemp("kept") / "training")


@pytest.fixture
def folder(corrections, tmp_path):
    return shutil.copytree(corrections, tmp_path / "training")


def files_of(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


@pytest.mark.slow
def test_a_better_model_is_offered_says_how_it_was_measured_and_a_stopped_run_goes_on(folder, tmp_path, monkeypatch):
    # Six steps teach nothing: the run is real, what it learned is put in.
    monkeypatch.setattr("crend_training.bundles.finetuning.load_checkpoint", lambda experiment, checkpoint: (network_of(9.0), 6))
    base, before, told = save_base(tmp_path / "base"), files_of(folder), []
    todo = plan(read_kept_folder(folder), base, steps=QUICK.steps, folds=2)
    assert sorted(todo.measured) == sorted(row["name"] for row in kept_rows(folder)) and todo.trainings == 3

    class Stop(Exception):
        pass

    def stop(stage, fraction):
        told.append((stage, fraction))
        if stage.startswith("round 1 of 2: close look") and stage.endswith("step 3 of 6"):
            raise Stop

    settings = {"engine": "torch", "tell": lambda line: None}
    with pytest.raises(Stop):
        improving.improve(todo, QUICK, progress=stop, **settings)
    measured = {path: path.read_bytes() for path in folder.glob("improve/*/before/*.json")}
    found = improving.improve(todo, QUICK, progress=lambda stage, fraction: told.append((stage, fraction)), **settings)
    assert measured and all(path.read_bytes() == content for path, content in measured.items()), "the first half was done again"
    assert found.verdict.offered and found.bundle == folder / "models" / "improved-1", found.verdict.words()
    fractions = [fraction for _, fraction in told]
    assert told[-1] == ("done", 1.0) and all(0 <= fraction <= 1 for fraction in fractions)
    assert bundle.info(found.bundle).metadata["authors"] == "not stated"
    improving.improve(todo, QUICK, maker=Maker("Clinic A", "MIT"), **settings)  # as in the panel first, where nobody is named
    made = bundle.load(found.bundle)
    block = made.metadata["crend"]
    assert (
        "Identifier: MIT" in (found.bundle / "LICENSE").read_text() and "| made by | Clinic A |" in (found.bundle / "README.md").read_text()
    )
    assert made.metadata["authors"] == "Clinic A" and len(block["learned_from"]["training"]) == 5
    assert block["measured_on"] == "5 kept volumes: 2 models like this one, each on the volumes that it did not learn from"
    card = (found.bundle / "README.md").read_text()
    assert "| ovary_dsc | 5 | " in card and "Not since it was fine-tuned" not in card and "## Limits" in card
    result = json.loads((folder / "improve" / "result.json").read_text())
    assert result["offered"] and result["bundle"] == "models/improved-1" and "No worse on any structure" in result["words"]
    assert files_of(folder) == before, "the corrections themselves were touched"
    assert not list(folder.glob("improve/*/round-*/work")) and not list(folder.glob("models/.*"))
    with pytest.raises(
        InputError, match="improved-1: has learned from some of these volumes, and base, which it was made from, is not installed"
    ):
        plan(read_kept_folder(folder), found.bundle)


def report(folder, rows):
    folder.mkdir()
    names = [f"v{k}" for k in range(len(rows))]
    about = {"model": folder.name, "list": LIST, "volumes": names, "contents": dict.fromkeys(names, "x"), "figures": {}}
    (folder / "summary.json").write_text(json.dumps(about))
    with open(folder / "per_volume.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["volume", "ovary_dsc", "follicles_dsc", "count_error"])
        writer.writerows([name, *row] for name, row in zip(names, rows))
    return folder


@pytest.mark.parametrize(
    "after, offered, worse",
    [
        ([(0.9, 0.8, 1), (0.8, 0.8, 1)], True, ()),
        ([(0.95, 0.79, 1), (0.9, 0.8, 1)], False, ("follicles",)),
        ([(0.9, 0.9, 2), (0.9, 0.9, 1)], False, ("follicles",)),
        ([(0.79, 0.9, 0), (0.8, 0.9, 0)], False, ("ovary",)),
        ([(0.8, 0.8, 1), (0.8, 0.8, 1)], False, ()),
    ],
)
def test_a_model_is_offered_only_where_no_structure_is_worse_and_one_is_better(tmp_path, after, offered, worse):
    found = judge(report(tmp_path / "after", after), report(tmp_path / "before", [(0.8, 0.8, 1), (0.8, 0.8, 1)]))
    assert (found.offered, found.worse) == (offered, worse)
    assert ("is offered" in found.words()) == offered and "2 volumes that it did not learn from" in found.words()


def test_a_patients_volumes_are_never_learned_from_and_measured_on_in_one_round(tmp_path):
    kept = read_kept_folder(kept_balls(tmp_path / "kept", 6, "aabbcd"))
    assert kept.patients == 4
    patients = {entry.name: entry.patient for entry in kept.entries}
    rounds = rounds_of(kept, 3)
    assert sorted(name for fold in rounds for name in fold.test) == sorted(patients)
    for fold in rounds:
        assert not {patients[name] for name in fold.test} & {patients[name] for name in fold.training}


def test_of_many_volumes_a_fifth_is_held_out_unless_they_are_nearly_all_one_patients(tmp_path):
    def kept(patients):
        entries = [Entry(f"v{number:02d}", tmp_path / "v.nrrd", tmp_path / "l.nrrd", patient=code) for number, code in enumerate(patients)]
        return KeptFolder(tmp_path, tuple(entries), ())

    assert [len(fold.test) for fold in rounds_of(kept("abcde" * 4), 3)] == [4]
    (one, other) = rounds_of(kept("a" * 19 + "b"), 3)
    assert sorted([len(one.test), len(other.test)]) == [1, 19] and set(one.training) == set(other.test)


def test_one_process_at_a_time_improves_in_a_folder(folder, tmp_path):
    todo = plan(read_kept_folder(folder), save_base(tmp_path / "base"))
    (folder / "improve").mkdir()
    with locked(folder / "improve"), pytest.raises(InputError, match="improve: another process is at work here"):
        improving.improve(todo, QUICK, tell=lambda line: None)
    assert [path.name for path in (folder / "improve").iterdir()] == [".lock"], "nothing was begun"


def test_work_at_another_spacing_is_not_taken_for_done_and_stopped_work_keeps_its_bundles_name(folder, tmp_path):
    base, keys = bundle.load(save_base(tmp_path / "base")), []
    for spacing in ("", "0.5 0.5 0.5"):
        rows = [f"{row['name']},{row['image']},{row['label']},{spacing}" for row in kept_rows(folder)]
        (folder / LIST).write_text("\n".join(["name,image,label,spacing_mm", *rows]))
        keys.append(improving._key(plan(read_kept_folder(folder), base.folder), base, QUICK))
    assert keys[0] != keys[1]
    works = [folder / "improve" / key for key in keys]
    for work in works:
        work.mkdir(parents=True)
    assert [improving._out(work, folder / "models").name for work in works] == ["improved-1", "improved-2"]
    assert improving._out(works[0], folder / "models").name == "improved-1"


@pytest.mark.slow
def test_a_model_that_learned_nothing_is_not_offered(folder, tmp_path):
    todo = plan(read_kept_folder(folder), save_base(tmp_path / "base"), steps=1, folds=2)
    found = improving.improve(todo, FineTuning(steps=1, rate=1e-7, workers=0), engine="torch", tell=lambda line: None)
    assert found.bundle is None and not (folder / "models").exists() and "No better: the model stays as it is" in found.verdict.words()
    assert json.loads((folder / "improve" / "result.json").read_text())["bundle"] is None


@pytest.mark.parametrize("command", [["improve", "x"], ["finetune", "x", "y", "--out", "z"]])
def test_a_rate_that_is_no_number_is_refused_before_anything_learns_from_it(command, monkeypatch, capsys):
    from crend_training.cli.app import main

    monkeypatch.setattr(sys, "argv", ["crend-training", *command, "--rate", "nan"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "--rate" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_said_in_one_line_and_nothing_is_lost(folder, tmp_path, monkeypatch, capsys):
    from crend_training.cli import improving as command
    from crend_training.cli.app import main

    (folder / "improve").write_text("a file of the user's")
    before = files_of(folder)
    monkeypatch.setattr(command, "lowest_priority", lambda: None)
    monkeypatch.setattr(
        sys, "argv", ["crend-training", "improve", str(folder), "--model", str(save_base(tmp_path / "base")), "--folds", "2"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    *progress, said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and said.startswith(f"error: {folder / 'improve'}") and "cannot be read or written (" in said
    assert progress and all(line.startswith("  0.0 % looking at the kept volumes, ") for line in progress)
    assert files_of(folder) == before


@pytest.mark.slow
def test_the_command_says_what_it_would_do_and_how_long_that_takes_here(folder, tmp_path):
    words = ["improve", str(folder), "--model", str(save_base(tmp_path / "base")), "--estimate", "--folds", "2"]
    done = subprocess.run([sys.executable, "-m", "crend_training", *words], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "5 volumes of 5 patients; 2 rounds, in each of which other volumes are held out, and a last one on all; about "
    )
    assert "minutes on this machine (CPU" in done.stdout and "lowest priority" in done.stdout
    assert " 14.0 % looking at the kept volumes, 1 of 5\n" in done.stderr and " 70.0 % timing a few steps\n" in done.stderr
    assert not (folder / "improve").exists()
