"""The extension configured, built and installed by CMake, with the stand-in for Slicer's macros, and used from where it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import catalogue
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
STAND_IN = ROOT / "Testing" / "slicer_cmake"
CMAKE = shutil.which("cmake", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])) or "cmake"
LOAD = """
import importlib, pkgutil, sys
from pathlib import Path
installed, testing = sys.argv[1:]
sys.path.insert(0, testing)
import host
host.MODULE_FOLDER = Path(installed)
host.install()
host.newScene()
widget = host.loadModule()
print("panel", widget.panel is not None, Path(widget.resourcePath("UI/CRendSegmentation.ui")).is_file())
import CRendSegmentationLib, crend
for package in (crend, CRendSegmentationLib):
    names = [info.name for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".") if not info.name.endswith("__main__")]
    for name in [package.__name__, *names]:
        print("module", name, Path(importlib.import_module(name).__file__).is_relative_to(installed))
"""


def configure(source, build):
    command = [CMAKE, "-S", source, "-B", build, "-G", "Unix Makefiles", f"-DSlicer_DIR={STAND_IN}", f"-DPython_EXECUTABLE={sys.executable}",
               f"-DCMAKE_TOOLCHAIN_FILE={STAND_IN / 'no_compiler.cmake'}"]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The extension's build folder, configured and built."""
    folder = tmp_path_factory.mktemp("build")
    done = configure(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run([CMAKE, "--build", folder, "--parallel", "2"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(build, tmp_path_factory):
    """Where Slicer would find the scripted modules of the installed extension."""
    prefix = tmp_path_factory.mktemp("installed")
    subprocess.run([CMAKE, "--install", build, "--prefix", prefix], check=True, capture_output=True)
    (folder,) = prefix.glob("lib/Slicer-*/qt-scripted-modules")
    return folder


def run_alone(installed, *words):
    """A Python process that sees the installed extension and none of the source tree."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, cwd=installed.parent)


def test_the_module_and_everything_it_is_made_of_load_from_the_installed_tree(installed):
    done = run_alone(installed, "-c", LOAD, str(installed), str(ROOT / "Testing"))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["panel", "True", "True"] in lines
    modules = {line[1]: line[2] for line in lines if line[0] == "module"}
    assert len(modules) > 80 and {name for name, found in modules.items() if found != "True"} == set()


def test_the_installed_command_finds_the_bundled_model(installed):
    done = run_alone(installed, "-m", "crend", "models", "--json")
    assert done.returncode == 0, done.stderr
    assert '"crend-sim"' in done.stdout and str(installed) in done.stdout


def test_the_installed_tree_is_the_packaged_tree(installed):
    there = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    module = ROOT / "CRendSegmentation"
    wanted = {path.relative_to(module).as_posix() for path in catalogue.tree(ROOT) if module in path.parents} - {"CMakeLists.txt"}
    assert there == wanted
    assert (installed / "crend" / "networks" / "__pycache__").is_dir()


def test_the_description_that_slicer_generates_is_that_of_the_repository(build):
    lines = (build / "CRend.s4ext").read_text(encoding="utf-8").splitlines()
    generated = dict(line.split(" ", 1) for line in lines)
    kept = catalogue.read_description(ROOT)
    assert generated == {field: value for field, value in kept.items() if not field.startswith("scm")}


def test_slicer_would_run_the_modules_own_test(build):
    ctest = Path(CMAKE).with_name("ctest")
    listed = subprocess.run([ctest, "-N"], cwd=build, capture_output=True, text=True, check=True).stdout
    assert "py_CRendSegmentation" in listed


@pytest.mark.parametrize(
    "scripts, said", [("Module.py Module/missing.py", "no file Module/missing.py"), ("Module.py py.typed", "no file py.typed.py")]
)
def test_a_list_that_slicer_could_not_install_is_refused(tmp_path, scripts, said):
    (tmp_path / "Module.py").write_text("")
    (tmp_path / "py.typed").write_text("")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16.3...3.28.0)\nproject(Module)\nfind_package(Slicer REQUIRED)\ninclude(${Slicer_USE_FILE})\n"
        f"slicerMacroBuildScriptedModule(NAME Module SCRIPTS {scripts})\n"
    )
    done = configure(tmp_path, tmp_path / "build")
    assert done.returncode != 0 and said in done.stderr
