"""Whether a model that learned from corrections may take the place of the one before: paired figures of volumes that it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..evaluation.difference import difference

#: {structure: [(figure, whether more is better)]}: it is worse on a structure where any of these is worse in the mean.
RULE = {"ovary": [("ovary_dsc", True)], "follicles": [("follicles_dsc", True), ("count_error", False)]}
NOISE = 1e-9  # of sums of floats
NAMES = {"ovary_dsc": "Dice of the ovary", "follicles_dsc": "Dice of the follicles", "count_error": "count error"}


@dataclass(frozen=True)
class Verdict:
    """rows: as of `evaluation.difference`, new minus old. worse: structures on which the new model is worse in the mean; better: some figure is."""

    rows: tuple
    worse: tuple[str, ...]
    better: bool

    @property
    def offered(self) -> bool:
        """No worse on any structure, and better on one."""
        return not self.worse and self.better

    def words(self) -> str:
        """The figures of RULE in a line, and what follows."""
        found = {row["figure"]: row for row in self.rows}
        parts = [
            f"{NAMES[name]} {found[name]['second']:.3f} before, {found[name]['first']:.3f} after"
            for figures in RULE.values()
            for name, _ in figures
            if name in found
        ]
        if self.offered:
            end = "no worse on any structure: the new model is offered"
        elif self.worse:
            end = f"worse on {' and '.join(self.worse)}: the model stays as it is"
        else:
            end = "no better: the model stays as it is"
        return f"{'; '.join(parts)} ({self.rows[0]['pairs']} volumes that it did not learn from). {end[:1].upper()}{end[1:]}"


def judge(after: Path, before: Path) -> Verdict:
    """The Verdict on two reports of the same volumes."""
    rows = difference(after, before)
    gains = {row["figure"]: row["difference"] for row in rows}
    signed = {structure: [gains.get(name, 0.0) * (1 if more else -1) for name, more in figures] for structure, figures in RULE.items()}
    worse = tuple(structure for structure, values in signed.items() if min(values) < -NOISE)
    return Verdict(tuple(rows), worse, max(max(values) for values in signed.values()) > NOISE)
