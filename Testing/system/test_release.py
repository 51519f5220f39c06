"""`make release`: one commit of what the catalogue needs, checked, and nothing written where it would be refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import catalogue
import pytest
import release

ROOT = Path(__file__).resolve().parents[2]
RESULT = "training_pkg/results/small/table.csv"
KEPT = (
    *catalogue.FILES,
    ".gitattributes",
    "Resources/CRend.png",
    "Resources/Screenshots/overview.png",
    "CRendSegmentation/crend/__init__.py",
)


def git(folder, *words):
    return release.git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", *words)


@pytest.fixture
def repository(tmp_path):
    """A repository of two commits with the files that the catalogue reads, a result and an executable script."""
    folder = tmp_path / "repository"
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    readme = folder / "README.md"
    readme.write_text("# CRend\n\n![What it shows](Resources/CRend.png) Apache 2.0, https://arxiv.org/abs/2010.04928\n")
    (folder / RESULT).parent.mkdir(parents=True)
    (folder / RESULT).write_text("a,b\n1,2\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for message in ("first", "second"):
        readme.write_text(readme.read_text() + f"\n{message}\n")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", message)
    return folder


def make(repository):
    """The release script in its own process."""
    command = [sys.executable, str(ROOT / "tools" / "release.py"), "--root", str(repository)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_release_is_one_commit_without_history_and_results(repository):
    done = make(repository)
    assert done.returncode == 0, done.stderr
    out = repository / "dist" / "SlicerCRend"
    assert "nothing the catalogue objects to" in done.stdout and str(out) in done.stdout
    assert release.git(out, "rev-list", "--count", "--all") == "1"
    assert release.git(out, "branch", "--show-current") == "main" and release.git(out, "status", "--porcelain") == ""
    assert {path.relative_to(out).as_posix() for path in catalogue.tree(out)} == {*KEPT, "run"}
    assert (out / "run").stat().st_mode & 0o100
    assert catalogue.complaints(out) == []


def test_a_release_carries_the_version_and_the_date_in_its_citation(repository):
    assert make(repository).returncode == 0
    citation = catalogue.read_citation(repository / "dist" / "SlicerCRend")
    assert f'"{citation["version"]}"' in (repository / "CRendSegmentation/crend/__init__.py").read_text()
    assert citation["date-released"] == git(repository, "show", "-s", "--format=%cs", "HEAD")
    assert "version" not in catalogue.read_citation(repository)


def test_releasing_the_same_tree_again_gives_the_same_commit(repository):
    commits = []
    for _ in range(2):
        assert make(repository).returncode == 0
        commits.append(release.git(repository / "dist" / "SlicerCRend", "rev-parse", "HEAD"))
    assert commits[0] == commits[1]


def test_uncommitted_changes_are_refused(repository):
    (repository / "README.md").write_text("# CRend\n")
    done = make(repository)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "release: 1 changed files are not committed; a release holds what is committed: git commit first\n"
    assert not (repository / "dist").exists()


def test_what_the_catalogue_objects_to_is_said_and_the_former_release_stays(repository):
    assert make(repository).returncode == 0
    out = repository / "dist" / "SlicerCRend"
    before = release.git(out, "rev-parse", "HEAD")
    shutil.copyfile(repository / "Resources/Screenshots/overview.png", repository / "Resources/CRend.png")
    git(repository, "commit", "--quiet", "--all", "--message", "an icon of another size")
    done = make(repository)
    assert done.returncode == 2
    assert "the icon must be 128 x 128" in done.stderr and "Traceback" not in done.stderr
    assert release.git(out, "rev-parse", "HEAD") == before
    assert [path.name for path in out.parent.iterdir()] == ["SlicerCRend"]


def test_a_clone_that_is_too_large_is_refused(repository, monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "LIMIT_BYTES", 100_000)
    assert release.main(["--root", str(repository)]) == 2
    assert "MB, over the 0 MB allowed" in capsys.readouterr().err


def test_a_folder_that_is_no_repository_is_never_replaced(repository, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept")
    assert release.main(["--root", str(repository), "--out", str(tmp_path / "mine")]) == 2
    assert "is no repository" in capsys.readouterr().err and (tmp_path / "mine" / "notes.txt").read_text() == "kept"


@pytest.mark.slow
def test_the_committed_tree_of_this_repository_can_be_released(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("a copy without git: nothing is committed here")
    made = tmp_path / "made"
    release.export(ROOT, made)
    version = release.stamp(made, "2026-01-01")
    release.commit(made, f"CRend {version}", date="2026-01-01T12:00:00+00:00")
    assert release.check(made, tmp_path / "clone") < catalogue.LIMIT_BYTES
    assert list((made / "training_pkg").rglob("*.csv")) == []
