"""Which volumes a bundle has learned from, and knowing them again: by their voxels, or as changed copies by a sketch of their details.

A bundle's "learned_from" is {"training": contents, "validation": contents, "sketches": {content: sketch}}, {} where nothing is known. A content is
`crend.io.kept.image_content`, a sketch that of `crend.io.image_copies`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import InputError
from ..io.image_copies import find_sketched, likeness_of, sketch_of
from ..io.kept import image_content
from .metadata_check import PARTS

NAMED = 5
MOST_SKETCHES = 200  # 0.5 MB of metadata


@dataclass(frozen=True)
class Learned:
    """What is known of some volumes: how many they are, the names of those that were trained on, what changed copies of such volumes are ({name:
    words}), and how many chose a checkpoint."""

    volumes: int
    trained: list[str]
    copies: dict[str, str]
    watched: int

    def check(self, where: str) -> None:
        """InputError, begun with `where`, for volumes that were trained on."""
        if self.trained:
            raise InputError(
                f"{where}: {len(self.trained)} of the {self.volumes} volumes ({_some(self.trained)}) were trained on; measure others, such as --split test"
            )

    def warnings(self) -> list[str]:
        """What to say of the others that are not new to the bundle."""
        said = [f"of the {self.volumes} volumes, {watched_words(self.watched)}"] if self.watched else []
        kinds = " or ".join(dict.fromkeys(self.copies.values()))
        return said + ([f"{_some(list(self.copies))}: {kinds} of a volume that was trained on; measure others"] if kinds else [])


def watched_words(count: int) -> str:
    """What to say of a number of volumes that the training was watched on."""
    return f"{count} {'was' if count == 1 else 'were'} used to watch the training"


def facts_of(image) -> dict[str, str]:
    """{"content", "sketch"} of a volume (SimpleITK)."""
    return {"content": image_content(image), "sketch": sketch_of(likeness_of(image))}


def learned_from(training: Iterable[dict], validation: Iterable[dict] = ()) -> dict:
    """The block of a bundle that was trained, and watched, on volumes of these facts; those that know no content are passed over."""
    parts = {part: [each for each in some if each.get("content")] for part, some in zip(PARTS, (training, validation))}
    sketches = {each["content"]: each["sketch"] for some in parts.values() for each in some if each.get("sketch")}
    return together({**{part: [each["content"] for each in some] for part, some in parts.items()}, "sketches": sketches})


def together(*known: dict) -> dict:
    """What several trainings, one after another, have learned from; {} where that is nothing. Sketches: of MOST_SKETCHES volumes at most."""
    trained = dict.fromkeys(content for each in known for content in each.get("training", ()))
    watched = dict.fromkeys(content for each in known for content in each.get("validation", ()) if content not in trained)
    sketches = {content: sketch for each in known for content, sketch in each.get("sketches", {}).items() if content in trained}
    found = {"training": list(trained), "validation": list(watched), "sketches": dict(list(sketches.items())[:MOST_SKETCHES])}
    return found if trained or watched else {}


def find_learned(volumes: Iterable[tuple], known: dict) -> Learned:
    """volumes: pairs of a name and a function that reads the image (SimpleITK); none is read where nothing is `known`."""
    volumes = list(volumes)
    found = Learned(len(volumes), [], {}, 0)
    if not known:
        return found
    trained, watched = (set(known.get(part, ())) for part in PARTS)
    sketches = [sketch for content, sketch in known.get("sketches", {}).items() if content in trained]
    watching = 0
    for name, read in volumes:
        try:
            image = read()
        except InputError:  # whoever measures on it says so
            continue
        content = image_content(image)
        if content in trained:
            found.trained.append(str(name))
        elif content in watched:
            watching += 1
        elif sketches:
            copy = find_sketched(likeness_of(image), sketches)
            found.copies.update({str(name): copy[1]} if copy else {})
    return Learned(found.volumes, found.trained, found.copies, watching)


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:NAMED])}{', ...' * (len(names) > NAMED)}"
