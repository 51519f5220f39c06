"""USOVA3D as training entries: one rater's labels, or what both agree on. Where the files lie, `crend.io.usova3d` knows."""

from __future__ import annotations

from crend.errors import InputError
from crend.io.usova3d import RATERS, Scan, find_scans

from .volumes import Entry


def find_usova3d(folder, *, rater: str = "agreement", components: bool = False) -> list[Entry]:
    """Entries of every vol<ID>.vtk in `folder` or below, in order of ID; the set's own test volumes have the split "test".

    rater: "1", "2", or "agreement" (an ovary or follicle voxel is one that both raters marked; a follicle keeps rater 1's number).
    Volumes without any label files are unlabelled; InputError where some of a volume's label files are missing. Placeholder spacings,
    which `crend.io.usova3d.find_scans` tells of, are wrong for `check` until spacings.csv corrects them.
    """
    if rater not in ("agreement", *RATERS):
        raise ValueError(f"rater must be 'agreement', '1' or '2', not {rater!r}")
    return [_entry(scan, rater, components) for scan in find_scans(folder)]


def _entry(scan: Scan, rater: str, components: bool) -> Entry:
    raters = RATERS if rater == "agreement" else (rater,)
    ovaries, follicles = zip(*(scan.labels(r) for r in raters))
    missing = [path for path in (*ovaries, *follicles) if not path.is_file()]
    labelled = len(missing) < 2 * len(raters)
    if labelled and missing:
        raise InputError(f"{missing[0]}: no such file; {scan.image.name} has labels, but not all that rater '{rater}' needs")
    return Entry(
        name=scan.name,
        image=scan.image,
        ovaries=ovaries if labelled else (),
        follicles=follicles if labelled else (),
        split="unlabelled" if not labelled else "test" if scan.test else "training",
        spacing_mm=scan.spacing_mm,
        components=components,
    )
