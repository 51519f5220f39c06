"""What a model is measured on: simulated volumes by their seed, or labelled volumes of a list by their name."""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass, field
from typing import Any

from crend.errors import InputError
from crend.io.kept import image_content
from crend.io.volumes import read_image

from .checking import check_entries, usable
from .simulators import simulate
from .sources import entries_at
from .volumes import Entry, read_volume


@dataclass(frozen=True)
class Truth:
    """A volume and its labels (SimpleITK, one grid), as a `phantom.Phantom` has them; parameters: what is known of it beside."""

    volume: Any
    ovary: Any
    follicles: Any
    parameters: dict


@dataclass(frozen=True)
class Simulated:
    """The simulator's volume of a seed. column: what heads its name in tables."""

    simulator: str
    seed: int
    column = "seed"

    @property
    def name(self) -> int:
        return self.seed

    def read(self):
        return simulate(self.simulator, self.seed)


@dataclass(frozen=True)
class Remembered(Simulated):
    """As Simulated, for a process that reads it many times: simulated once, then kept compressed in memory."""

    kept: dict = field(default_factory=dict, compare=False, repr=False)

    def read(self):
        if not self.kept:
            self.kept["volume"] = zlib.compress(pickle.dumps(super().read()), 1)
        return pickle.loads(zlib.decompress(self.kept["volume"]))


@dataclass(frozen=True)
class OfSeveral:
    """As Simulated, among volumes of several simulators, or among some without an ovary: its name says which."""

    simulator: str
    seed: int
    empty: bool = False
    column = "volume"

    @property
    def name(self) -> str:
        return f"{self.simulator} {self.seed}{' empty' if self.empty else ''}"

    def read(self):
        return simulate(self.simulator, self.seed, empty=self.empty)


@dataclass(frozen=True)
class Listed:
    """A labelled volume of a list, or of a folder of USOVA3D."""

    entry: Entry
    column = "volume"

    @property
    def name(self) -> str:
        return self.entry.name

    def content(self) -> str:
        return image_content(read_image(self.entry.image))

    def read(self) -> Truth:
        image, labels = read_volume(self.entry)
        return Truth(image, labels.ovary, labels.follicles, {})


def listed(path, split: str = "all") -> list[Listed]:
    """The labelled volumes of the list at `path` that are of this split, or "all". InputError where one is wrong (`checking`), or none is left."""
    entries = [entry for entry in entries_at(path) if entry.labelled and split in ("all", entry.split)]
    if not entries:
        which = "labelled volume" if split == "all" else f"labelled volume of split '{split}'"
        raise InputError(f"{path}: lists no {which}; rows need an image and a label")
    return [Listed(entry) for entry in usable(entries, check_entries(entries, splits=False), "refuse")]


def refuse_learned(subjects, known: dict, where: str) -> int:
    """How many of `subjects` (Listed) are volumes that a fine-tuning was watched on. InputError, begun with `where`, when it learned from one.

    known: a bundle's "learned_from", {"training": contents, "validation": contents}; one that does not say has {}.
    """
    if not known:
        return 0
    contents = {subject.name: subject.content() for subject in subjects}
    learned = [name for name, content in contents.items() if content in known.get("training", ())]
    if learned:
        raise InputError(
            f"{where}: {len(learned)} of the {len(contents)} volumes ({', '.join(learned[:5])}{', ...' * (len(learned) > 5)}) were trained on; "
            "measure others, such as --split test"
        )
    return sum(content in known.get("validation", ()) for content in contents.values())
