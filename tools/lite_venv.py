"""Makes .venv-lite/, or another folder: a Python that has exactly what `pip install crend` brings, and so no torch.

    .venv/bin/python tools/lite_venv.py [FOLDER]

Takes a second and no network: the packages are links into .venv/, those that crend's own list of dependencies leads to.
"""

import os
import shutil
import sys
import sysconfig
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
ABSENT = ("torch", "openvino", "monai")


def needed(requirements) -> dict:
    """Distributions by name that the requirements lead to, without extras. PackageNotFoundError when one is not installed here."""
    found, todo = {}, [Requirement(text) for text in requirements]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found[name] = metadata.distribution(name)
        todo += [Requirement(text) for text in found[name].requires or []]
    return found


def link(distribution, source: Path, target: Path) -> None:
    """Links to whatever a distribution put into site-packages."""
    for top in {path.parts[0] for path in distribution.files if path.parts[0] not in ("..", "__pycache__")}:
        if not (target / top).exists() and (source / top).exists():
            (target / top).symlink_to(source / top, target_is_directory=(source / top).is_dir())


def main() -> None:
    """Make the environment that the command line names."""
    import tomllib

    source = Path(sysconfig.get_path("purelib"))
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    packages = needed(asked)
    unwanted = set(ABSENT) & set(packages)
    if unwanted:
        sys.exit(f"lite: pip install crend would bring {', '.join(sorted(unwanted))}")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".venv-lite"
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=os.name == "posix")
    target = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
    for distribution in packages.values():
        link(distribution, source, target)
    (target / "crend.pth").write_text(f"{ROOT / 'CRendSegmentation'}\n", encoding="utf-8")
    print(f"lite: {len(packages)} packages in {folder}: {', '.join(sorted(packages))}")


if __name__ == "__main__":
    main()
