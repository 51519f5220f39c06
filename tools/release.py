"""Writes dist/SlicerCRend/: the committed tree as a repository of one commit, checked as Slicer's catalogue checks it. `make release`

What .gitattributes marks export-ignore (the data behind the training results) stays behind, and so does the history: the catalogue
counts both. The commit is the same for the same tree: its date is that of the commit it was made from.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import catalogue

ROOT = Path(__file__).resolve().parents[1]
AUTHOR = {"NAME": "CRend developers", "EMAIL": "noreply@crend.invalid"}


class ReleaseError(Exception):
    """What keeps the tree from being released, in lines for the terminal."""


def main(arguments: list[str] | None = None) -> int:
    """Release from the command line; returns the exit code: 0 done, 2 refused."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository to release (default: this one)")
    parser.add_argument("--out", type=Path, help="folder to write, replaced if it is there (default: dist/SlicerCRend of the repository)")
    options = parser.parse_args(arguments)
    out = options.out or options.root / "dist" / "SlicerCRend"
    try:
        said = release(options.root, out)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    print(said)
    return 0


def release(root: Path, out: Path) -> str:
    """Make and check the repository, then put it at `out`, in place of an earlier one. Returns what was made, in one line.

    Raises ReleaseError, and leaves `out` as it was, where the tree has uncommitted changes or the catalogue would object.
    """
    refuse_uncommitted(root)
    if out.exists() and not (out / ".git").is_dir():
        raise ReleaseError(f"{out} is there and is no repository: move it away, or choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".release-") as scratch:
        made, clone = Path(scratch) / "made", Path(scratch) / "clone"
        export(root, made)
        version = stamp(made, git(root, "show", "-s", "--format=%cs", "HEAD"))
        commit(made, f"CRend {version}", date=git(root, "show", "-s", "--format=%cI", "HEAD"))
        size = check(made, clone)
        if out.exists():
            shutil.rmtree(out)
        made.rename(out)
    return (
        f"wrote {out}: CRend {version}, {len(catalogue.tree(out))} files, {size / 1e6:.1f} MB as a clone, nothing the catalogue objects to"
    )


def refuse_uncommitted(root: Path) -> None:
    """Raise ReleaseError unless `root` is a git repository whose tracked files are all committed."""
    changed = git(root, "status", "--porcelain", "--untracked-files=no")
    if changed:
        raise ReleaseError(
            f"{len(changed.splitlines())} changed files are not committed; a release holds what is committed: git commit first"
        )


def export(root: Path, folder: Path) -> None:
    """The committed tree into a new folder, without what .gitattributes marks export-ignore."""
    with tempfile.TemporaryFile() as packed:
        words = ["git", "-C", str(root), "archive", "--format=tar", "HEAD"]
        if subprocess.run(words, stdout=packed, env=environment()).returncode:
            raise ReleaseError("git archive failed; the lines above say why")
        packed.seek(0)
        with tarfile.open(fileobj=packed) as archive:
            archive.extractall(folder, filter="data")


def stamp(folder: Path, date: str) -> str:
    """Write version and date of the release into CITATION.cff; returns the version, which the package alone knows."""
    package = (folder / "CRendSegmentation" / "crend" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', package, re.MULTILINE)
    if not found:
        raise ReleaseError("CRendSegmentation/crend/__init__.py has no __version__")
    citation = folder / "CITATION.cff"
    lines = [line for line in citation.read_text(encoding="utf-8").splitlines() if not line.startswith(("version:", "date-released:"))]
    at = next((number for number, line in enumerate(lines) if line.startswith("license:")), len(lines))
    lines[at:at] = [f"version: {found.group(1)}", f"date-released: {date}"]
    citation.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return found.group(1)


def commit(folder: Path, message: str, date: str) -> None:
    """Make the folder a repository with all its files in one commit on the branch that the catalogue takes, main."""
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in AUTHOR.items()}
    who |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    git(folder, "init", "--quiet", "--initial-branch=main")
    # Forced: a file that is tracked here may still match .gitignore.
    git(folder, "add", "--all", "--force")
    git(folder, "-c", "commit.gpgsign=false", "commit", "--quiet", "--no-verify", "--message", message, more=who)


def check(made: Path, clone: Path) -> int:
    """Clone the repository as the catalogue does and check the clone; returns its bytes, history included.

    Raises ReleaseError with all objections.
    """
    # By address and not by path, or git would copy the repository as it lies instead of packing it as a server does.
    git(made, "clone", "--quiet", made.resolve().as_uri(), str(clone))
    found = catalogue.complaints(clone)
    commits = git(clone, "rev-list", "--count", "--all")
    if commits != "1":
        found.append(f"{commits} commits instead of one")
    size = catalogue.size_bytes(clone)
    if size > catalogue.LIMIT_BYTES:
        found.append(f"a clone has {size / 1e6:.1f} MB, over the {catalogue.LIMIT_BYTES / 1e6:.0f} MB allowed")
    if found:
        raise ReleaseError("\n  ".join(["the catalogue would object:", *found]))
    return size


def git(folder: Path, *words: str, more: dict[str, str] | None = None) -> str:
    """What a git command prints in `folder`, stripped; `more` are environment variables. Raises ReleaseError where it fails."""
    try:
        answer = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, env={**environment(), **(more or {})})
    except FileNotFoundError:
        raise ReleaseError("git was not found: install git") from None
    if answer.returncode:
        raise ReleaseError(f"git {words[0]} failed in {folder}: {answer.stderr.strip()}")
    return answer.stdout.strip()


def environment() -> dict[str, str]:
    """The environment without git's own variables: where a hook runs this, they name another repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


if __name__ == "__main__":
    sys.exit(main())
