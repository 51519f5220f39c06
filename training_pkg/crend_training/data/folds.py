"""Disjoint test sets: the paper tests on two of 18 volumes each, of 86, and trains each time on the other 68."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crend.errors import InputError


@dataclass(frozen=True)
class Fold:
    """Names of the volumes that a run is trained on, watched on and tested on; no volume and no patient is in two of them."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def make_folds(entries, folds: int, test: int, validation: int = 0, seed: int = 0) -> list[Fold]:
    """`folds` folds with disjoint test sets of `test` volumes each (0: all volumes divided among them).

    Volumes of one patient stay together; test sets may then be a few volumes larger or smaller than asked for.
    InputError when there are too few volumes.
    """
    groups: dict[str, list[str]] = {}
    for entry in entries:
        groups.setdefault(f"patient {entry.patient}" if entry.patient else f"volume {entry.name}", []).append(entry.name)
    count = sum(map(len, groups.values()))
    wanted = [test] * folds if test else [count // folds + (i < count % folds) for i in range(folds)]
    if folds < 1 or min(wanted) < 1 or sum(wanted) > count or (count - wanted[0] <= validation):
        raise InputError(
            f"crossval: {folds} test sets of {test or 'all'} volumes do not fit {count} volumes with {validation} for validation"
        )
    order = [groups[key] for key in np.random.default_rng((seed, 77)).permutation(sorted(groups))]
    tests: list[list[str]] = []
    for size in wanted:
        chosen: list[str] = []
        for group in list(order):
            # A group that would overshoot waits for the next set, unless it alone is larger than a set.
            if len(chosen) + len(group) <= size or (not chosen and len(group) > size):
                chosen += group
                order.remove(group)
            if len(chosen) >= size:
                break
        if not chosen:
            raise InputError(f"crossval: the patients' volumes cannot be divided into {folds} test sets of {size}")
        tests.append(chosen)
    return [_fold(groups, chosen, validation, (seed, 78, number)) for number, chosen in enumerate(tests)]


def _fold(groups, test, validation, seed) -> Fold:
    rest = [group for group in groups.values() if group[0] not in test]
    held: list[str] = []
    for index in np.random.default_rng(seed).permutation(len(rest)):
        if len(held) < validation and len(held) + len(rest[index]) <= validation:
            held += rest[index]
    training = [name for group in rest for name in group if name not in held]
    return Fold(tuple(sorted(training)), tuple(sorted(held)), tuple(sorted(test)))
