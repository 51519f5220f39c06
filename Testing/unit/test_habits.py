"""What keeps the code in order is configured once, and the same everywhere it runs."""

import importlib
import re
from pathlib import Path

import pytest
import tomllib
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def recipe(target):
    """The commands of a target of the Makefile."""
    found = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]+\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return [line.strip() for line in found.group(1).splitlines()]


def test_github_runs_what_the_local_ci_runs():
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]["ci"]
    assert job["steps"][-1]["run"] == ".ci/run"
    # A step that may fail, or one that is left out on some branches, would make the two differ.
    assert not any("continue-on-error" in step or "if" in step for step in job["steps"])
    assert job["container"] == "debian:12" and "Debian 12" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_lints_before_it_tests():
    made = re.findall(r"make (\w+)", (ROOT / ".ci/run").read_text(encoding="utf-8").split("set -euo pipefail")[1])
    assert made == ["lint", "test"]
    assert [Path(line.split()[0]).name for line in recipe("lint")] == ["ruff", "ruff", "mypy"]


def test_hooks_before_a_commit_are_local_and_run_what_lint_runs():
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    entries = [hook["entry"] for hook in hooks]
    for tool in (".venv/bin/ruff check", ".venv/bin/ruff format", ".venv/bin/mypy"):
        assert any(entry.startswith(tool) for entry in entries), tool


def test_tools_are_configured_in_pyproject_alone():
    assert {"ruff", "mypy", "pytest"} <= set(PROJECT["tool"])
    others = (
        "ruff.toml",
        ".ruff.toml",
        "mypy.ini",
        ".mypy.ini",
        "setup.cfg",
        "tox.ini",
        "pytest.ini",
        "pyrightconfig.json",
        ".flake8",
        ".pylintrc",
    )
    assert [name for name in others if (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", sorted(PROJECT["project"]["scripts"]))
def test_a_console_script_names_a_function_that_is_there(name):
    module, _, function = PROJECT["project"]["scripts"][name].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_both_packages_say_that_they_are_typed():
    for package, folder in (("crend", "CRendSegmentation/crend"), ("crend_training", "training_pkg/crend_training")):
        assert (ROOT / folder / "py.typed").is_file()
        assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"][package]
