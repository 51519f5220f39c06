"""The scripts that set up, train and measure, with stand-ins for the interpreter: what they call, what they skip, what they refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INTERPRETER = """#!/usr/bin/env bash
echo "$0 $*" >> {log}
case "$*" in "-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;; esac
"""


def executable(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_sets_up_with_the_interpreter_that_the_user_names(tmp_path):
    checkout, log = tmp_path / "checkout", tmp_path / "log"
    (checkout / "tools").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/setup.sh"):
        shutil.copy(ROOT / name, checkout / name)
    mine = executable(tmp_path / "mine", INTERPRETER.format(log=log))
    # What `make test PYTEST=...` hands down to a make that its tests start is not the user's.
    settings = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "PYTEST")}
    settings |= {"PYTHON": str(mine), "CREND_NO_APT": "1"}
    answer = subprocess.run(["make", "test"], cwd=checkout, env=settings, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    calls = log.read_text().splitlines()
    assert f"{mine} -m venv .venv" in calls
    assert calls[-1].startswith(".venv/bin/python -m pytest -n ")


# As `python -m crend_training` and the plain phantoms' benchmark: leaves what the scripts look for, and a line for each call. Any other
# program is Python's own.
TRAINER = """#!{python}
import hashlib, json, os, sys
from pathlib import Path
if sys.argv[1:3] == ["-m", "crend_training"]:
    words = sys.argv[3:]
elif sys.argv[1] == "Testing/benchmarks/plain_phantoms.py":
    words = ["plain", *sys.argv[2:]]
else:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
given = dict(zip(words, words[1:]))
with open({log!r}, "a") as f:
    print(*words, file=f)
if words[0] == "train":
    Path(given["--run"]).mkdir(parents=True, exist_ok=True)
    Path(given["--run"], "last.ckpt").write_bytes(Path(words[1]).read_bytes())
if words[0] == "bundle":
    sha = hashlib.sha256(Path(given["--run"], "last.ckpt").read_bytes()).hexdigest()
    Path(given["--out"]).mkdir(exist_ok=True)
    Path(given["--out"], "metadata.json").write_text(json.dumps({{"crend": {{"sha256": {{"model.safetensors": sha}}}}}}))
if words[0] in ("evaluate", "plain"):
    first = int(given.get("--first-seed", 0))
    Path(given["--out"]).mkdir()
    Path(given["--out"], "looks.md").write_text("| look |")
    summary = {{"seeds": [first, first + int(given["--volumes"])]}}
    Path(given["--out"], "summary.json").write_text(json.dumps(summary, indent=2))
"""


@pytest.fixture
def script(tmp_path):
    """Runs a script of tools/ with the stand-in: (exit code, its errors, the calls it made)."""
    log = tmp_path / "log"
    trainer = executable(tmp_path / "trainer", TRAINER.format(python=sys.executable, log=str(log)))

    def run(name, *words):
        log.write_text("")
        command = ["bash", ROOT / "tools" / name, *map(str, words)]
        answer = subprocess.run(command, env={**os.environ, "PYTHON": str(trainer)}, capture_output=True, text=True)
        return answer.returncode, answer.stderr, log.read_text().splitlines()

    return run


def calls_of(calls, command):
    return [line for line in calls if line.startswith(command)]


@pytest.mark.slow
def test_the_ablation_measures_once_and_again_for_other_volumes(script, tmp_path):
    code, errors, calls = script("ablation.sh", tmp_path / "a", 20, 4)
    assert code == 0, errors
    assert len(calls_of(calls, "train")) == 4 and len(calls_of(calls, "evaluate")) == 14
    assert calls_of(script("ablation.sh", tmp_path / "a", 20, 4)[2], "evaluate") == []
    again = calls_of(script("ablation.sh", tmp_path / "a", 20, 40)[2], "evaluate")
    assert len(again) == 14 and all("--volumes 40 " in line for line in again)


@pytest.mark.slow
def test_the_systems_of_the_ablation_differ_in_what_is_asked_and_nothing_else(script, tmp_path):
    script("ablation.sh", tmp_path / "a", 20, 4)
    lines = {path.stem: set(path.read_text().splitlines()) for path in (tmp_path / "a").glob("*.yaml")}
    assert sorted(lines) == ["crend", "crend-detail", "rend-detail", "unet"]
    assert lines["crend-detail"] - lines["crend"] == {
        "name: crend-detail",
        "arguments: {width: 12, detail: true}",
        "point_dice_weight: 1.0",
    }
    assert lines["crend-detail"] - lines["rend-detail"] == {"name: crend-detail", "network: crend"}
    assert lines["crend"] - lines["unet"] == {"name: crend", "network: crend"}


@pytest.mark.slow
def test_the_ablation_leaves_out_systems_that_are_not_asked_for(script, tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTEMS", "unet crend-detail")
    code, errors, calls = script("ablation.sh", tmp_path / "a", 20, 4)
    assert code == 0, errors
    assert len(calls_of(calls, "train")) == 2 and len(calls_of(calls, "evaluate")) == 6
    assert [line.split(f"{tmp_path}/a/")[1:] for line in calls_of(calls, "difference")][:2] == [
        ["crend-detail-training ", "unet-training"],
        ["crend-detail-training ", "crend-detail-not-rendered-training"],
    ]


@pytest.mark.slow
def test_the_ablation_goes_on_with_no_run_of_other_steps(script, tmp_path):
    script("ablation.sh", tmp_path / "a", 20, 4)
    code, errors, calls = script("ablation.sh", tmp_path / "a", 10000, 4)
    assert code == 2 and calls == []
    assert f"error: {tmp_path}/a/unet was trained with other settings (<) than asked for now (>); give another folder" in errors
    assert "< steps: 20\n" in errors and "> steps: 10000\n" in errors
    assert "steps: 20\n" in (tmp_path / "a" / "unet.yaml").read_text()


@pytest.mark.slow
def test_the_ablation_finds_runs_whose_configuration_differs_in_remarks_alone(script, tmp_path):
    script("ablation.sh", tmp_path / "a", 20, 4)
    for path in (tmp_path / "a").glob("*.yaml"):
        path.write_text("# another remark\n" + path.read_text())
    assert script("ablation.sh", tmp_path / "a", 20, 4)[0] == 0


@pytest.mark.slow
def test_making_the_model_measures_volumes_of_its_own_seeds_once_for_the_same_weights(script, tmp_path):
    folder = tmp_path / "model"
    code, errors, calls = script("make_model.sh", folder)
    assert code == 0, errors
    kinds = ("training", "trial", "training-mixed", "trial-crowded")
    assert [line.split(f"--out {folder}/")[1] for line in calls_of(calls, "evaluate")] == [
        *(f"{kind} --first-seed 480 --volumes 40 --simulator {kind}" for kind in kinds),
        *(f"{kind}-empty --first-seed 600 --volumes 100 --simulator {kind} --empty" for kind in kinds[:2]),
        "trial-not-rendered --first-seed 480 --volumes 40 --simulator trial --no-render",
    ]
    reports = " ".join(f"--report {folder}/{name}" for name in (*kinds, "training-empty", "trial-empty"))
    notes = f"--note {folder}/plain.md --note {folder}/rendering.md"
    assert f" {reports} {notes}" in calls[-2] and " --start crend-sim " in calls[-2] and calls[-1].startswith("calibrate")
    assert " --empty 8 " in calls[-1] and all(f"--simulator {kind} " in calls[-1] for kind in kinds)
    assert (folder / "plain.md").read_text().startswith("## Plain phantoms\n\n") and (folder / "plain.md").read_text().endswith(
        "\n\n| look |"
    )
    assert [line.split(f"--out {folder}/")[1] for line in calls_of(calls, "plain")] == ["plain --volumes 5 --first-seed 5"]
    assert [line.strip() for line in calls_of(calls, "difference")] == [f"difference {folder}/trial {folder}/trial-not-rendered"]
    guide, (first, close) = calls_of(calls, "guide")[0], calls_of(calls, "train")
    assert calls.index(first) < calls.index(guide) < calls.index(close) and " --start crend-sim" in first and " --start crend-sim" in close
    assert "close look: " in (folder / "seconds.txt").read_text()
    code, errors, calls = script("make_model.sh", folder)
    assert code == 0 and calls_of(calls, "evaluate") + calls_of(calls, "plain") == [] and calls[-1].startswith("calibrate"), errors


@pytest.mark.slow
def test_making_the_model_can_be_tried_with_other_configurations_and_fewer_volumes(script, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "training_pkg/crend_training/configs/mixed", tmp_path / "configs")
    monkeypatch.setenv("CONFIGS", str(tmp_path / "configs"))
    monkeypatch.setenv("VOLUMES", "2")
    code, errors, calls = script("make_model.sh", tmp_path / "model")
    assert code == 0, errors
    measured = calls_of(calls, "evaluate") + calls_of(calls, "calibrate")
    assert len(measured) == 9 and all(" --volumes 2 " in f"{line} " for line in measured)
    assert [line.split()[1] for line in calls_of(calls, "train")] == [
        f"{tmp_path}/configs/crend_sim_overview.yaml",
        f"{tmp_path}/configs/crend_sim.yaml",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["trial.of", "trial/summary.json"])
def test_a_report_that_was_cut_short_is_measured_again(script, tmp_path, lost):
    script("make_model.sh", tmp_path / "model")
    (tmp_path / "model" / lost).unlink()
    (again,) = calls_of(script("make_model.sh", tmp_path / "model")[2], "evaluate")
    assert again.endswith("trial --first-seed 480 --volumes 40 --simulator trial")


@pytest.mark.slow
def test_other_weights_are_measured_again(script, tmp_path):
    folder = tmp_path / "model"
    script("make_model.sh", folder)
    for mark in folder.glob("*.of"):
        mark.write_text(mark.read_text().replace('"model.safetensors": "', '"model.safetensors": "0'))
    assert len(calls_of(script("make_model.sh", folder)[2], "evaluate")) == 7
