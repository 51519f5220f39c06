"""What a model is measured on: simulated volumes by their seed, or labelled volumes of a list by their name."""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass, field
from typing import Any

from crend.bundle.learned import Learned, find_learned
from crend.errors import InputError
from crend.io.kept import image_content, label_content
from crend.io.volumes import format_sizes, read_image

from ..configuration.experiment import Data
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

    def read_image(self):
        return read_image(self.entry.image)

    def content(self) -> str:
        return image_content(self.read_image())

    def state(self) -> str:
        """Digest of voxels, labels and spacing: what was found out about the volume holds as long as it is the same."""
        image, labels = read_volume(self.entry)
        return f"{image_content(image)} {truth_content(labels) if labels else ''}"

    def read(self) -> Truth:
        image, labels = read_volume(self.entry)
        return Truth(image, labels.ovary, labels.follicles, {})


def listed(path, split: str = "all", *, components: bool = False, tell=None) -> list[Listed]:
    """The labelled volumes of the list at `path` that are of this split, or "all". components: as `Entry` has it. tell: is told what `checking` notes;
    a bar then says on stderr how far it is, since it reads every file.

    InputError where a volume is wrong, or none is left.
    """
    from tqdm import tqdm

    data = Data(follicles="components" if components else "labelled")
    found = entries_at(path, data)
    bare = sum(not (entry.labelled or entry.labels_lost) for entry in found)
    entries = [entry for entry in found if (entry.labelled or entry.labels_lost) and split in ("all", entry.split)]
    if not entries:
        which = "labelled volume" if split == "all" else f"labelled volume of split '{split}'"
        raise InputError(f"{path}: lists no {which}; rows need an image and a label")
    with tqdm(total=len(entries), desc="checking the list", unit="volume", disable=tell is None) as bar:
        findings = check_entries(entries, splits=False, progress=bar.update)
    kept = usable(entries, findings, "refuse")
    for finding in findings if tell else ():
        tell(str(finding))
    if bare and tell:
        tell(
            f"note: {bare} of {len(found)} volumes in {path} {'has' if bare == 1 else 'have'} no labels, and {'is' if bare == 1 else 'are'} left out"
        )
    return [Listed(entry) for entry in kept]


def truth_content(labels) -> str:
    """Digest of Labels and their spacing."""
    return f"{label_content(labels)} {format_sizes(labels.ovary.GetSpacing())}"


def refuse_learned(subjects, known: dict, where: str) -> Learned:
    """What of `subjects` (Listed) a bundle whose "learned_from" is `known` was watched on, and what are copies of volumes that it was trained on.

    InputError, begun with `where`, when it was trained on one of them.
    """
    found = find_learned([(subject.name, subject.read_image) for subject in subjects], known)
    found.check(where)
    return found
