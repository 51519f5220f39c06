"""The repository as a whole: what imports what, and what is in a file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]
#: The modules of `crend` that are about networks; no other loads torch when it is imported.
OF_NETWORKS = ("crend.networks",)
IMPORT_ALL = f"""
import importlib, pkgutil, sys
sys.path.insert(0, {str(ROOT / "CRendSegmentation")!r})
import crend
names = [info.name for info in pkgutil.walk_packages(crend.__path__, "crend.") if not info.name.endswith("__main__")]
names.sort(key=lambda name: name.startswith({OF_NETWORKS!r}))
for name in names:
    importlib.import_module(name)
    loaded = [word for word in ("slicer", "qt", "ctk", "PySide6", "torch") if word in sys.modules]
    print(name, *loaded)
"""


def tracked():
    """Paths of the repository's files as git knows them, new ones included; without git all but what .gitignore names."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (FileNotFoundError, subprocess.CalledProcessError):
        ignored = re.compile(r"^(\.venv|\.git|\.setup\.lock|demo|runs|build|dist)$|\.egg-info$|__pycache__|\.pytest_cache")
        paths = [path for path in ROOT.rglob("*") if not any(map(ignored.search, path.relative_to(ROOT).parts))]
    else:
        paths = [ROOT / name for name in set(answer.split("\0")) if name]
    return sorted(path for path in paths if path.is_file())


def texts():
    """(path, bytes) of the tracked text files."""
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content[:8000]:
            yield path, content


def complaints(check):
    """`path: what` for each tracked text file of which `check(path, content)` says something."""
    return [f"{path.relative_to(ROOT)}: {said}" for path, content in texts() if (said := check(path, content))]


@pytest.fixture(scope="module")
def loaded():
    """{module of crend: what of slicer, qt, ctk, PySide6 and torch is loaded once it is imported}, networks last."""
    answer = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True)
    return {line.split()[0]: set(line.split()[1:]) for line in answer.stdout.splitlines()}


@pytest.mark.slow
def test_no_module_of_crend_imports_slicer_or_qt(loaded):
    assert len(loaded) > 15
    assert {name: words - {"torch"} for name, words in loaded.items() if words - {"torch"}} == {}


@pytest.mark.slow
def test_torch_is_loaded_by_modules_about_networks_only(loaded):
    others = [name for name, words in loaded.items() if "torch" in words and not name.startswith(OF_NETWORKS)]
    assert others == []


def test_every_text_file_ends_its_lines_with_lf():
    assert complaints(lambda path, content: b"\r" in content and "has a carriage return") == []
    assert complaints(lambda path, content: content and not content.endswith(b"\n") and "has no newline at its end") == []


def test_no_python_file_is_longer_than_one_idea():
    def too_long(path, content):
        limit = 450 if ROOT / "Testing" in path.parents else 330
        return path.suffix == ".py" and content.count(b"\n") > limit and f"is over {limit} lines"

    assert complaints(too_long) == []


def test_no_file_knows_the_machine_it_was_written_on():
    places = re.compile(rb"/" + rb"(work|root|home)" + rb"/")
    assert complaints(lambda path, content: (found := places.search(content)) and f"names {found.group().decode()}") == []


def test_the_tree_is_small_enough_for_the_catalogue():
    # A clone of the release has every file twice, once packed.
    sizes = {path: path.stat().st_size for path in tracked()}
    assert sum(sizes.values()) < 40e6
    for folder in (ROOT / "CRendSegmentation/Resources/Models").glob("*/"):
        assert sum(size for path, size in sizes.items() if folder in path.parents) < 20e6, folder.name


def test_every_package_is_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    listed = {name for name in settings["packages"] if name != "crend_models"}
    present = set()
    for base in (ROOT / "CRendSegmentation", ROOT / "training_pkg"):
        for top in ("crend", "crend_training"):
            present |= {".".join(path.parent.relative_to(base).parts) for path in (base / top).rglob("__init__.py")}
    assert listed == present


def test_every_requirement_has_a_pinned_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + sum(project["optional-dependencies"].values(), [])
    names = {re.match(r"[\w-]+", line).group().lower().replace("_", "-") for line in wanted}
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line)
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    assert names - set(pins) == set()
    assert pins["torch"] == "2.13.0"


def test_the_readme_points_at_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link and not link.startswith("#")]
    assert "Resources/Screenshots/overview.png" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_set_up_is_a_valid_script_and_executable():
    for script in ("tools/setup.sh", ".ci/run"):
        assert (ROOT / script).stat().st_mode & 0o111, script
        assert subprocess.run(["bash", "-n", ROOT / script]).returncode == 0


def test_the_readme_shows_what_the_commands_print():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    made = dict(re.findall(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL))
    assert set(made) == {"segment", "measured"}
    assert "$ crend segment" in made["segment"] and "follicles" in made["segment"]
    assert "Dice" in made["measured"] and len(made["measured"].strip().splitlines()) == 1
