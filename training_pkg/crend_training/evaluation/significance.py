"""Whether one system is better than the others: Wilcoxon's signed-rank test on the volumes that both were measured on, after Holm."""

from __future__ import annotations

import numpy as np

HIGHER_IS_BETTER = ("dsc", "jc")


def compare_systems(results, names, reference: str = "crend", others=None) -> list[dict]:
    """One row for each figure of `names` and each other system.

    pairs: volumes with a value for both; difference: mean of reference - other; p: two-sided Wilcoxon signed-rank (None below 6
    pairs, 1 where nothing differs); p_holm: corrected for the number of other systems compared on this figure; better: the system
    with the better sum of ranks where p_holm < 0.05, else "".
    """
    others = [system for system in (others or results.systems()) if system != reference]
    rows = []
    for name in names:
        family = [_compare(results, name, reference, other) for other in others]
        for row, corrected in zip(family, holm([row["p"] for row in family])):
            row["p_holm"] = corrected
            row["better"] = ""
            if corrected is not None and corrected < 0.05:
                row["better"] = reference if (row["ranks"] > 0) == name.endswith(HIGHER_IS_BETTER) else row["other"]
            del row["ranks"]
        rows += family
    return rows


def holm(ps) -> list:
    """Holm's step-down correction; None stays None and does not count. holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]."""
    present = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    corrected, largest = [None] * len(ps), 0.0
    for rank, (p, i) in enumerate(present):
        largest = max(largest, min(1.0, (len(present) - rank) * p))
        corrected[i] = largest
    return corrected


def wilcoxon(differences) -> tuple[float | None, float]:
    """(two-sided p, sum of ranks of rises minus that of falls) of paired differences, zeros left out."""
    from scipy import stats

    differences = np.asarray(differences, float)
    if len(differences) < 6:
        return None, 0.0
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0, 0.0
    ranks = stats.rankdata(np.abs(moved))
    return float(stats.wilcoxon(moved).pvalue), float((np.sign(moved) * ranks).sum())


def _compare(results, name, reference, other) -> dict:
    one, two = results.values(reference, name), results.values(other, name)
    pairs = [(one[v], two[v]) for v in one if v in two and one[v] is not None and two[v] is not None]
    differences = [a - b for a, b in pairs]
    p, ranks = wilcoxon(differences)
    return {
        "figure": name,
        "system": reference,
        "other": other,
        "pairs": len(pairs),
        "difference": float(np.mean(differences)) if pairs else None,
        "p": p,
        "ranks": ranks,
    }
