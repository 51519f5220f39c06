"""A model against the two raters of USOVA3D, and the raters against each other: what a model can be asked for at most."""

from __future__ import annotations

from contextlib import nullcontext

from ..errors import Cancelled, InputError, reason_of
from .pairs import Batch, flat_figures, follicle_rows, summarise

#: name -> (reference, prediction)
PAIRS = {
    "model against rater 1": ("rater 1", "model"),
    "model against rater 2": ("rater 2", "model"),
    "rater 2 against rater 1": ("rater 1", "rater 2"),
}


def compare_with_raters(scans, segment, *, components=False, progress=None, cancelled=None, reading=nullcontext) -> dict[str, Batch]:
    """A Batch for each of PAIRS, over all scans of which both raters' labels are there.

    scans: of `crend.io.usova3d.find_scans`. segment(scan, progress) -> (Labels, flags of the volume). A scan that fails is a row with its reason.
    components: every connected piece of a rater's follicle is a follicle.
    Rows have "notes" on both labels, and "flags": their keys, of the model's segmentation; of rater against rater always "".
    progress(stage, fraction 0..1) and cancelled() as in `crend.predict.segment`. reading() is a context in which files are read, for what
    libraries say meanwhile. InputError when no scan has both raters' labels.
    """
    from ..io.usova3d import RATERS

    labelled = [scan for scan in scans if all(scan.has(rater) for rater in RATERS)]
    if not labelled:
        raise InputError(
            "no volume has the labels of both raters (vol<ID>_o_r1.vtk, _f_r1, _o_r2, _f_r2); give the folder that holds them."
        )
    cases: dict[str, list] = {name: [] for name in PAIRS}
    follicles: dict[str, list] = {name: [] for name in PAIRS}
    for done, scan in enumerate(labelled):
        if cancelled is not None and cancelled():
            raise Cancelled()

        def report(stage, fraction, scan=scan, done=done):
            if progress is not None:
                progress(scan.name, (done + fraction) / len(labelled))

        report("", 0.0)
        found, flags, reason = _compared(scan, segment, components, report, reading)
        for name in PAIRS:
            row = {"case": scan.name, "reference": PAIRS[name][0], "prediction": PAIRS[name][1]}
            row |= {"status": "failed" if reason else "ok", "reason": reason, "flags": flags if "model" in PAIRS[name] else ""}
            if not reason:
                row |= {**flat_figures(found[name]), "notes": " ".join(found[name]["notes"])}
                follicles[name] += follicle_rows(scan.name, found[name])
            cases[name].append(row)
    return {name: _batch(cases[name], follicles[name]) for name in PAIRS}


def _compared(scan, segment, components, report, reading):
    """({pair: comparison}, flags, "") or ({}, "", why not)."""
    from ..io.usova3d import RATERS, read_rater
    from .metrics import compare

    try:
        with reading():
            labels = {f"rater {rater}": read_rater(scan, rater, components) for rater in RATERS}
        labels["model"], flags = segment(scan, report)
        return (
            {name: compare(labels[first], labels[second]) for name, (first, second) in PAIRS.items()},
            " ".join(flag["key"] for flag in flags),
            "",
        )
    except Cancelled:
        raise
    except Exception as error:  # whatever is wrong with one scan must not take the others with it
        return {}, "", reason_of(error)


def _batch(cases, follicles) -> Batch:
    columns = list(dict.fromkeys(key for row in cases for key in row))
    cases = [{key: row.get(key) for key in columns} for row in cases]
    return Batch(cases, follicles, summarise(cases, follicles))
