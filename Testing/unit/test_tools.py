"""The scripts that set up, train and measure, with stand-ins for the interpreter: what they call, what they skip, what they refuse."""

import os
import shutil
import subprocess
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
    assert calls[-1] == ".venv/bin/python -m pytest"
