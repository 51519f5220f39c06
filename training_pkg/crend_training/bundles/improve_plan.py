"""What is to be done so that a model learns from kept corrections, what that costs, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crend.bundle import bundle as bundles
from crend.errors import InputError

from ..data.folds import Fold
from ..data.subjects import Listed
from .finetuning import FineTuning
from .kept_folder import KeptFolder, rounds_of
from .timing import Costs, measure_costs

FOLDS = 3
SHOWN = 3  # volumes that are left out, whose names and reasons fit a question


@dataclass(frozen=True)
class Plan:
    """What is to be done: rounds of training and measuring and, where each volume is held out in its turn, one training on all at the end.

    base: folder of the bundle to begin with, which has not learned from any of the volumes. notes: what must be said of that.
    """

    base: Path
    kept: KeptFolder
    rounds: list[Fold]
    steps: int
    networks: tuple[str, ...]  # in the order they are trained: "first look", where the bundle has one, and "close look"
    notes: tuple[str, ...] = ()

    @property
    def measured(self) -> list[str]:
        """Names of the volumes that are measured on, in their order."""
        return [name for fold in self.rounds for name in fold.test]

    @property
    def trainings(self) -> int:
        return len(self.rounds) + (len(self.rounds) > 1)

    def seconds(self, costs: Costs) -> float:
        """How long all of it takes."""
        return self.trainings * self.steps * sum(costs.step[which] for which in self.networks) + 2 * len(self.measured) * costs.volume

    def words(self, costs: Costs) -> str:
        """What would be done, and how long it takes on this machine."""
        hours = self.seconds(costs) / 3600
        took = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"
        rounds = (
            f"{len(self.rounds)} rounds, in each of which other volumes are held out, and a last one on all"
            if len(self.rounds) > 1
            else f"one round, with {len(self.measured)} of them held out"
        )
        return (
            f"{len(self.kept.entries)} volumes of {self.kept.patients} patients; {rounds}; about {took} on this machine ({costs.device}), "
            f"at the lowest priority{self._left_out()}"
        )

    def _left_out(self) -> str:
        """Which volumes of the list are not used, and why."""
        unused = self.kept.unused
        more = f", and {len(unused) - SHOWN} more" if len(unused) > SHOWN else ""
        return f". Left out: {'; '.join(f'{each.name}, {each.text}' for each in unused[:SHOWN])}{more}" if unused else ""


def plan(kept: KeptFolder, base=None, *, steps: int = FineTuning.steps, folds: int = FOLDS) -> Plan:
    """The Plan for kept corrections. InputError where the bundle `base` will not do."""
    info = bundles.info(base)
    root = _unlearned(info, kept)
    notes = [str(finding) for finding in kept.findings]
    if root.folder != info.folder:
        notes.append(
            f"note   {info.name} has learned from some of these volumes: it begins with {root.name} again, which is also compared with"
        )
    networks = (*(["first look"] if "overview" in root.metadata["crend"] else []), "close look")
    return Plan(root.folder, kept, rounds_of(kept, folds), steps, networks, tuple(notes))


def _unlearned(info: bundles.BundleInfo, kept: KeptFolder) -> bundles.BundleInfo:
    """The bundle itself, or the one that it was made from, whichever has learned from none of the volumes: else none would be held out."""
    contents = None
    while info.metadata["crend"].get("learned_from"):
        contents = contents or {Listed(entry).content() for entry in kept.entries}
        learned = info.metadata["crend"]["learned_from"]
        if not contents & {*learned.get("training", ()), *learned.get("validation", ())}:
            break
        base = info.metadata["crend"].get("base", {})
        found = [each for each in bundles.available() if each.metadata["crend"].get("sha256") == base.get("sha256")]
        if not found:
            raise InputError(
                f"{info.folder}: has learned from some of these volumes, and {base.get('name')}, which it was made from, is not installed; "
                "give a bundle that has not with --model"
            )
        info = found[0]
    return info


def estimate(todo: Plan) -> Costs:
    """What steps and volumes cost on this machine, by doing two of each."""
    return measure_costs(todo.base, Listed(todo.kept.entries[0]))


class Steps:
    """Shares the run out by what its parts cost."""

    def __init__(self, todo: Plan, costs: Costs, progress):
        self._costs, self._progress, self._todo = costs, progress, todo
        self._total, self._before, self._now = todo.seconds(costs), 0.0, 0.0
        self._order = todo.networks

    def step(self, where: str, which: str, step: int) -> None:
        """A step of a network's training was done; those before it are done."""
        earlier = sum(self._costs.step[other] for other in self._order[: self._order.index(which)]) * self._todo.steps
        self._now = earlier + step * self._costs.step[which]
        self._progress(f"{where}, step {step} of {self._todo.steps}", self._fraction())

    def done(self, where: str) -> None:
        """A training is at its end."""
        self._before += self._todo.steps * sum(self._costs.step[which] for which in self._order)
        self._now = 0.0
        self._progress(where, self._fraction())

    def volume(self, where: str) -> None:
        """A volume was measured."""
        self._before += self._costs.volume
        self._progress(where, self._fraction())

    def _fraction(self) -> float:
        return min(0.999, (self._before + self._now) / self._total)
