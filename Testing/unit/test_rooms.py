"""The rooms of the house: which folder may import which, and that no two of them need each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: {package: {room: what it may import of its own package}}. A room is a folder, or a file beside the folders. `errors` and the
#: package's own name are open to all.
MAY_IMPORT = {
    ("CRendSegmentation", "crend"): {
        "errors": "",
        "numerals": "",
        "networks": "",
        "inference": "networks",
        "structures": "inference numerals",
        "confidence": "structures inference",
        "io": "structures numerals",
        "bundle": "io confidence structures inference networks",
        "comparison": "io",
        "pictures": "comparison structures io",
        "clinic": "pictures structures io numerals",
        "result": "structures confidence io",
        "predict": "result bundle io confidence structures inference",
        "library": "cluster worker batch predict result comparison bundle io structures",
        "editing": "bundle io structures inference",
        "results": "pictures confidence io structures",
        "batch": "results predict io",
        "cluster": "batch results bundle io inference numerals",
        "doctor": "bundle inference",
        "worker": "batch results predict editing comparison bundle io inference structures",
        "cli": "cluster worker batch predict doctor clinic pictures comparison bundle io inference numerals",
        "__main__": "cli",
    },
    ("training_pkg", "crend_training"): {
        "phantom": "",
        "trial_phantom": "phantom",
        "configuration": "",
        "data": "configuration phantom trial_phantom",
        "objectives": "",
        "training": "objectives data configuration",
        "evaluation": "objectives data",
        "bundles": "evaluation training data configuration",
        "study": "bundles evaluation training data configuration",
        "cli": "study bundles evaluation training data configuration phantom trial_phantom",
        "__main__": "cli",
    },
    ("CRendSegmentation", "CRendSegmentationLib"): {"Scene": "", "Runs": "Scene", "Widgets": "Runs Scene", "SelfTest": "Runs Scene"},
}
PACKAGES = pytest.mark.parametrize("place", MAY_IMPORT, ids=lambda place: place[1])
OPEN = {"errors", "__init__"}


def room_of(base, parts):
    """The room of a module, given as its path within the package."""
    return parts[0] if parts else "__init__"


def arrows(base):
    """{(room, room it imports): files that do}, of a package's folder, imports within functions included."""
    found = {}
    for path in base.rglob("*.py"):
        inside = path.relative_to(base).with_suffix("").parts
        here = room_of(base, inside[:-1] if inside[-1] == "__init__" else inside)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in imported(base, inside[:-1], node):
                if target != here and target not in OPEN:
                    found.setdefault((here, target), []).append("/".join(inside))
    return found


def imported(base, folder, node):
    """Rooms of the package that an import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name.split(".") for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        start = [base.name, *folder[: len(folder) - node.level + 1]] if node.level else []
        full = start + (node.module.split(".") if node.module else [])
        names = [[*full, alias.name] for alias in node.names]
    else:
        return
    for first, *rest in names:
        if first == base.name:
            there = [
                part
                for k, part in enumerate(rest)
                if (base / "/".join(rest[: k + 1])).is_dir() or (base / "/".join(rest[: k + 1])).with_suffix(".py").is_file()
            ]
            yield room_of(base, there)


@pytest.mark.slow
@PACKAGES
def test_each_room_imports_only_what_it_may(place):
    base, allowed = ROOT / place[0] / place[1], MAY_IMPORT[place]
    wrong = {
        f"{here} -> {there}": files
        for (here, there), files in arrows(base).items()
        if here != "__init__" and there not in allowed.get(here, "").split()
    }
    assert wrong == {}


@pytest.mark.slow
@PACKAGES
def test_every_room_stands_in_the_table_and_every_permission_is_used(place):
    base, allowed = ROOT / place[0] / place[1], MAY_IMPORT[place]
    present = {path.stem for path in base.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()} - {"__init__"}
    assert present == set(allowed)
    used = set(arrows(base))
    assert {f"{here} -> {there}" for here, words in allowed.items() for there in words.split() if (here, there) not in used} == set()


@PACKAGES
def test_no_two_rooms_need_each_other(place):
    order = list(MAY_IMPORT[place])
    for _k, (room, words) in enumerate(MAY_IMPORT[place].items()):
        assert set(words.split()) <= set(order) - {room}, room
    done, left = set(), dict(MAY_IMPORT[place])
    while left:
        free = [room for room, words in left.items() if set(words.split()) <= done]
        assert free, f"a circle among {', '.join(left)}"
        done.update(free)
        for room in free:
            del left[room]
