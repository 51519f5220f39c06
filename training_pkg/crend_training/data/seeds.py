"""Which simulated volumes a model was trained and watched on, and whether those that it is measured on are others."""

from __future__ import annotations

from crend.errors import InputError


def seeds_of(*experiments) -> dict:
    """{"training": [[first, stop], ...], "validation": ...} of the Experiments that simulate their volumes; {} when none does.

    Volumes learned from without their labels count as trained on.
    """
    found: dict[str, set] = {"training": set(), "validation": set()}
    for experiment in experiments:
        data = experiment.data
        if data.kind != "simulated":
            continue
        found["training"] |= {(data.first_seed, data.last_seed), (data.plain_first_seed, data.plain_last_seed)}
        if experiment.semi_weight:
            found["training"].add((data.unlabelled_first_seed, data.unlabelled_last_seed))
        found["validation"].add((data.validation_first_seed, data.validation_last_seed))
    ranges = {part: [list(pair) for pair in sorted(pairs) if pair[0] < pair[1]] for part, pairs in found.items()}
    return {part: pairs for part, pairs in ranges.items() if pairs}


def all_seeds(*known) -> dict:
    """What several models learned from together; each as `seeds_of` gives it."""
    parts = dict.fromkeys(part for each in known for part in each)
    return {part: [list(pair) for pair in sorted({tuple(pair) for each in known for pair in each.get(part, ())})] for part in parts}


def watched_among(seeds, simulator: str, known: dict, where: str) -> int:
    """How many of `seeds` (a range) are volumes that the training was watched on. InputError, begun with `where`, when one was trained on.

    known: as `seeds_of` gives them; a bundle that does not say has {}. Only the training simulator's volumes are ever learned from.
    """
    if not simulator.startswith("training"):
        return 0
    learned = _shared(seeds, known.get("training", []))
    if learned:
        raise InputError(
            f"{where}: {len(learned)} of the {len(seeds)} volumes (seeds {min(learned)} to {max(learned)}) were trained on; "
            "measure others (--first-seed)"
        )
    return len(_shared(seeds, known.get("validation", [])))


def _shared(seeds, ranges) -> set:
    return {seed for seed in seeds if any(first <= seed < stop for first, stop in ranges)}
