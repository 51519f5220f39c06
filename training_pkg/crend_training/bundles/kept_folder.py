"""A folder of kept corrections as a training set: what may be learned from, and which volumes a model is measured on that did not learn from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from crend.errors import InputError
from crend.io.kept import LIST

from ..data.checking import check_entries
from ..data.findings import Finding
from ..data.folds import Fold, make_folds
from ..data.lists import read_datalist
from ..data.volumes import Entry

FEWEST = 5  # volumes
MANY = 20  # volumes, from which on a fifth is held out once, instead of each in its turn


@dataclass(frozen=True)
class KeptFolder:
    """entries: the volumes that may be used; findings: what is wrong with others, and notes. patients: how many the entries are of."""

    folder: Path
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]

    @property
    def patients(self) -> int:
        return len(set(map(_patient, self.entries)))

    @property
    def unused(self) -> list[Finding]:
        """Why volumes are left out, one of each."""
        return list({finding.name: finding for finding in reversed(self.findings) if finding.unused}.values())[::-1]


def read_kept_folder(folder, progress: Callable[[int, int], None] = lambda number, of: None) -> KeptFolder:
    """InputError where there is no list, and where fewer than FEWEST volumes, or those of one patient alone, can be used.

    progress(number, of): so many volumes were looked at.
    """
    folder = Path(folder)
    path = folder / LIST
    if not path.is_file():
        raise InputError(f"{path}: no such list; give the folder into which corrections were kept")
    entries = [entry for entry in read_datalist(path) if entry.labelled or entry.labels_lost]
    findings = _incomplete(entries)
    bad = {finding.name for finding in findings}
    there, seen = [entry for entry in entries if entry.name not in bad], count(1)
    found = check_entries(there, splits=False, progress=lambda: progress(next(seen), len(there)))
    findings += [_stricter(finding) for finding in found]
    unused = {finding.name for finding in findings if finding.unused}
    kept = KeptFolder(folder, tuple(entry for entry in entries if entry.name not in unused), tuple(findings))
    if len(kept.entries) < FEWEST or kept.patients < 2:
        what = f"{len(kept.entries)} of {len(entries)} volumes can be used, of {kept.patients} patient{'s' * (kept.patients != 1)}"
        why = next((f"; {finding.name}: {finding.text}" for finding in findings if finding.unused), "")
        raise InputError(f"{path}: {what}{why}. Keep at least {FEWEST} volumes, of two patients or more")
    return kept


def rounds_of(kept: KeptFolder, folds: int) -> list[Fold]:
    """Which volumes are learned from and which measured on, in each round: of MANY volumes a fifth once, of fewer each in one of `folds` rounds.

    A patient's volumes are never in both; where one has more than a fifth of them, each is measured on in its turn, too.
    """
    fifth = len(kept.entries) // 5
    if len(kept.entries) >= MANY and max(Counter(_patient(entry) for entry in kept.entries).values()) <= fifth:
        return make_folds(kept.entries, 1, fifth)
    return make_folds(kept.entries, min(folds, kept.patients), 0)


def _patient(entry: Entry) -> str:
    """What tells patients apart: a volume without a code counts as one of her own."""
    return entry.patient or f"volume {entry.name}"


def _incomplete(entries) -> list[Finding]:
    """Volumes whose files are missing."""
    found = []
    for entry in entries:
        missing = next((path for path in entry.files() if not path.exists()), None)
        if missing is not None:
            found.append(Finding(entry.name, str(missing), "no such file; copy it back, or take its row out of the list", True))
    return found


def _stricter(finding: Finding) -> Finding:
    """Labels that look like another patient's are only noted by `check`; nobody looks at that here, so they are left out."""
    strange = "no darker than the ovary" in finding.text
    return replace(finding, wrong=True) if strange else finding
