"""The documentation as a reader meets it: it builds without a warning, and its examples do what they say."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from host.bundles import ultrasoundLike, writeBundle

from crend.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNNABLE = re.compile(r"^<!-- runnable: (\w+) -->\n```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page, kind):
    """The texts of a page's fenced blocks that are marked runnable."""
    return [text for found, text in RUNNABLE.findall(page.read_text(encoding="utf-8")) if found == kind]


def pages_with(kind):
    return [pytest.param(page, id=page.stem) for page in PAGES if blocks(page, kind)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the examples find: a volume with its truth, a folder of volumes, a list of pairs, and a tiny model, so that they take no minutes."""
    place = tmp_path_factory.mktemp("examples")
    (place / "scans").mkdir()
    volume = sitk.GetImageFromArray(ultrasoundLike((32, 40, 48)))
    volume.SetSpacing((0.8, 0.8, 0.8))
    for name in ("volume.nrrd", "scans/first.nrrd"):
        sitk.WriteImage(volume, str(place / name))
    truth = np.zeros((32, 40, 48), np.uint8)
    truth[6:26, 8:32, 10:38] = 1
    truth[12:18, 14:22, 16:24] = 2
    labels = sitk.GetImageFromArray(truth)
    labels.CopyInformation(volume)
    sitk.WriteImage(labels, str(place / "truth.nrrd"))
    (place / "pairs.csv").write_text("reference,prediction\ntruth.nrrd,truth.nrrd\n")
    (place / "models").mkdir()
    writeBundle(place / "models" / "crend-sim")
    return place


@pytest.fixture
def there(folder, monkeypatch):
    """The examples' folder as the current one, its model as the default one."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("crend.bundle.bundle.search_folders", lambda: [folder / "models"])
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_documentation_builds_without_a_warning(tmp_path):
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        "-d",
        tmp_path / "trees",
        ROOT / "docs",
        tmp_path / "html",
    ]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    commands = (tmp_path / "html" / "commands.html").read_text(encoding="utf-8")
    assert "--everywhere" in commands and "crend-training finetune" in commands
    assert "InputError" in "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "html" / "api").glob("*.html"))


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("console"))
def test_console_examples_work(page, there, capsys):
    lines = [line[2:] for text in blocks(page, "console") for line in text.splitlines() if line.startswith("$ ")]
    for line in lines:
        program, *words = shlex.split(line.partition("#")[0])
        assert program == "crend"
        code = main(words)
        assert code == 0, f"{line}: {capsys.readouterr().err}"
    for line in lines:
        for name in re.findall(r"\S+\.(?:csv|json|seg\.nrrd|nii\.gz|png)\b", line):
            assert (there / name).exists(), f"{line}: {name} was not written"


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("python"))
def test_python_examples_work(page, there, capsys):
    """All blocks of a page in one go, as somebody would type them."""
    names = {}
    for text in blocks(page, "python"):
        exec(compile(text, page.name, "exec"), names)
    assert "1 ovary" in capsys.readouterr().out


def test_every_runnable_block_is_of_a_kind_that_is_run():
    kinds = {kind for page in PAGES for kind, _ in RUNNABLE.findall(page.read_text(encoding="utf-8"))}
    assert kinds == {"console", "python", "slicer"}
    marks = sum(page.read_text(encoding="utf-8").count("<!-- runnable: ") for page in PAGES)
    assert marks == sum(len(blocks(page, kind)) for page in PAGES for kind in kinds), "a mark stands before no block"
