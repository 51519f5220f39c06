"""What both programs say of themselves, of a package that is missing, and on the way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import crend
from crend import cli
from crend.cli import console
from crend.cli.commands import missing_package
from crend_training.cli.app import app as training

PROGRAMS = {"crend": cli.app, "crend-training": training}
COMMANDS = [(name, command) for name, app in PROGRAMS.items() for command in typer.main.get_command(app).commands]


def command_of(program, name):
    return typer.main.get_command(PROGRAMS[program]).commands[name]


@pytest.mark.parametrize("program, name", COMMANDS)
def test_every_option_and_argument_is_explained(program, name):
    command = command_of(program, name)
    assert command.help and not [param.name for param in command.params if not getattr(param, "help", None)]


@pytest.mark.slow
@pytest.mark.parametrize("program, name", COMMANDS)
def test_flags_stand_without_a_column_of_values(program, name):
    command = command_of(program, name)
    flags = [
        param for param in command.get_params(command.make_context(name, [], resilient_parsing=True)) if getattr(param, "is_flag", False)
    ]
    assert flags and all(param.metavar == "" for param in flags)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["crend", "crend_training"])
def test_version_and_short_help_answer_in_a_real_process(module):
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(crend.__file__).parents[1]), *sys.path])}
    run = [subprocess.run([sys.executable, "-m", module, word], capture_output=True, text=True, env=paths) for word in ("--version", "-h")]
    assert [done.returncode for done in run] == [0, 0]
    assert run[0].stdout.split() == [module.replace("_", "-"), crend.__version__] and "Usage: " + run[0].stdout.split()[0] in run[1].stdout


@pytest.mark.parametrize(
    "module, training, said",
    [("yaml", True, 'PyYAML, which is not installed; install it: pip install "crend[training]"'), ("highdicom.seg", False, "crend[dicom]")],
)
def test_a_missing_package_is_named_with_its_extra(module, training, said):
    assert said in missing_package(ImportError(name=module), training)


def test_a_module_of_our_own_that_is_missing_is_no_missing_package():
    assert missing_package(ImportError(name="crend.nothing")) is None and missing_package(ImportError("no name")) is None


@pytest.mark.slow
def test_training_without_its_packages_ends_in_one_line(tmp_path):
    (tmp_path / "yaml.py").write_text("raise ModuleNotFoundError(\"No module named 'yaml'\", name='yaml')")
    (tmp_path / "c.yaml").write_text("network: crend")
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "crend_training", "train", "c.yaml", "--data", "d", "--run", "r"]
    done = subprocess.run(command, capture_output=True, text=True, env=paths, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == 'error: this needs PyYAML, which is not installed; install it: pip install "crend[training]"\n'


def test_without_a_terminal_progress_is_a_line_every_tenth(capsys):
    with console.progress_bar() as progress:
        for k in range(1001):
            progress("windows", k / 1000)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{percent:3d} % windows" for percent in range(10, 101, 10)]


def test_quiet_leaves_warnings_and_errors_alone(capsys):
    try:
        assert cli.main(["--quiet", "models"]) == 0
        assert capsys.readouterr() == ("", "")
        assert cli.main(["segment", "no such.nrrd", "out.nrrd", "-q"]) == 2
        assert "no such.nrrd" in capsys.readouterr().err
    finally:
        console.SILENT = False
