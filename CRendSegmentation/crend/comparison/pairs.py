"""Many comparisons in one go: a row a case, a row a follicle, and what they say together."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cancelled, InputError, reason_of
from ..io.csv_list import path_in, read_list
from ..io.tables import write_json, write_rows
from .agreement import bland_altman, icc, spread

#: Columns of follicles.csv. kind: "matched", "missed" (only in the reference) or "false" (only in the prediction).
FOLLICLE_COLUMNS = (
    "case",
    "kind",
    "reference",
    "prediction",
    "dsc",
    "iou",
    "dv_reference_mm",
    "dv_prediction_mm",
    "diameter_difference_mm",
    "hd_mm",
    "asd_mm",
    "centre_distance_mm",
)


#: The files that a Batch writes.
FILES = ("cases.csv", "follicles.csv", "summary.json")


@dataclass(frozen=True)
class Batch:
    """cases: one dict a case, all with the same keys (status "ok" or "failed", reason, figures; None where missing); follicles: one dict a
    follicle with FOLLICLE_COLUMNS; summary: plain data for JSON."""

    cases: list
    follicles: list
    summary: dict

    def write(self, folder):
        """Write cases.csv, follicles.csv and summary.json into a folder, which is made if need be."""
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be made a folder ({error.strerror}); give another one.") from error
        write_rows(folder / "cases.csv", list(self.cases[0]), self.cases)
        write_rows(folder / "follicles.csv", FOLLICLE_COLUMNS, self.follicles)
        write_json(self.summary, folder / "summary.json")


def read_pairs(path):
    """[(case, reference path, prediction path)] from a CSV with the columns reference, prediction and, if wanted, case.

    Relative paths start at the CSV's folder. Commas, semicolons or tabs. A pair without a case is called by its reference's file name; where
    that repeats (p1/truth.nii, p2/truth.nii), by the reference as written, and if need be by both. InputError names what is missing, and a
    case that is given twice.
    """
    path = Path(path)
    columns, rows = read_list(path)
    if not {"reference", "prediction"} <= columns:
        raise InputError(f"{path}: the first line must name the columns reference, prediction and, if wanted, case.")
    given: dict[str, int] = {}
    for number, row in rows:
        if not row["reference"] or not row["prediction"]:
            raise InputError(f"{path}: line {number} lacks a reference or a prediction.")
        if row.get("case") and given.setdefault(row["case"], number) != number:
            raise InputError(
                f"{path}: line {number}: the case {row['case']} is that of line {given[row['case']]}, too; give each pair its own."
            )
    if not rows:
        raise InputError(f"{path}: no pairs below the first line.")
    rows = [row for _, row in rows]
    return [(case, *(path_in(path.parent, row[part]) for part in ("reference", "prediction"))) for case, row in zip(_cases(rows), rows)]


def _cases(rows):
    """The names of all pairs: as given, or as short as tells them apart."""
    cases = [row.get("case") or Path(row["reference"]).name for row in rows]
    for longer in (lambda row: row["reference"], lambda row: f"{row['reference']} and {row['prediction']}"):
        count = Counter(cases)
        cases = [longer(row) if count[case] > 1 and not row.get("case") else case for case, row in zip(cases, rows)]
    return cases


def compare_batch(pairs, *, percentiles=(95,), components=False, progress=None, cancelled=None):
    """Batch of all pairs [(case, reference path, prediction path)]; a case that fails is a row with its reason.

    components: every connected piece of a follicle's label is a follicle. progress(stage, fraction 0..1), cancelled() -> bool as in crend.predict.segment; raises Cancelled.
    """
    from ..io.labels import read_labels
    from .metrics import compare

    cases, follicles = [], []
    for done, (case, reference, prediction) in enumerate(pairs):
        if progress is not None:
            progress(str(case), done / len(pairs))
        if cancelled is not None and cancelled():
            raise Cancelled()
        row = {"case": case, "reference": str(reference), "prediction": str(prediction), "status": "ok", "reason": ""}
        try:
            result = compare(*(read_labels(path, components) for path in (reference, prediction)), percentiles=percentiles)
        except Exception as error:  # whatever is wrong with one case must not take the others with it
            row.update(status="failed", reason=reason_of(error))
        else:
            row.update(flat_figures(result), notes=" ".join(result["notes"]))
            follicles += follicle_rows(case, result)
        cases.append(row)
    if progress is not None:
        progress("done", 1.0)
    columns = list(dict.fromkeys(key for row in cases for key in row))
    cases = [{key: row.get(key) for key in columns} for row in cases]
    return Batch(cases, follicles, summarise(cases, follicles))


def summarise(cases, follicles):
    """What a batch says together, as plain data for JSON.

    cases, failed: numbers. figures: {figure: spread over cases}. pooled: fd and md over all follicles of all cases. agreement: Bland-Altman
    and ICC(A,1) of ovary volume, follicle volume, follicle count (over cases) and diameter of equal volume (over matched follicles).
    """
    good = [row for row in cases if row["status"] == "ok"]
    figures = [
        key for key in (good[0] if good else ()) if key not in ("case", "reference", "prediction", "status", "reason", "notes", "flags")
    ]
    matched = [row for row in follicles if row["kind"] == "matched"]
    paired = {
        "ovary_volume_ml": _columns(good, "ovary_volume_reference_ml", "ovary_volume_prediction_ml"),
        "follicle_volume_ml": _columns(good, "follicles_volume_reference_ml", "follicles_volume_prediction_ml"),
        "follicle_count": _columns(good, "count_reference", "count_prediction"),
        "follicle_diameter_mm": _columns(matched, "dv_reference_mm", "dv_prediction_mm"),
    }
    return {
        "cases": len(cases),
        "failed": len(cases) - len(good),
        "figures": {key: spread([row[key] for row in good]) for key in figures},
        "pooled": {"fd": _pooled(good, "fd", "count_prediction"), "md": _pooled(good, "md", "count_reference")},
        "agreement": {name: {**bland_altman(*values), "icc": icc(*values)} for name, values in paired.items()},
    }


def _columns(rows, *names):
    rows = [row for row in rows if None not in [row[name] for name in names]]
    return tuple([row[name] for row in rows] for name in names)


def _pooled(rows, percent, count):
    total = sum(row[count] for row in rows)
    return sum((row[percent] or 0) * row[count] for row in rows) / total if total else None


def flat_figures(result):
    """A comparison's single numbers, flat: ovary_dsc, ..., follicles_dsc, ..., fd, md, ..."""
    flat = {}
    for structure in ("ovary", "follicles"):
        for key, value in result[structure].items():
            if key.endswith("_directed"):
                there, back = value or (None, None)
                flat[f"{structure}_{key}_from_reference"], flat[f"{structure}_{key}_from_prediction"] = there, back
            else:
                flat[f"{structure}_{key}"] = value
    flat.update(result["detection"])
    flat["usova3d_mean_product_reference"] = result["usova3d"]["mean_product_reference"]
    flat["usova3d_mean_product_prediction"] = result["usova3d"]["mean_product_prediction"]
    return flat


def follicle_rows(case, result):
    """A row for each matched, missed and falsely detected follicle of one comparison, with FOLLICLE_COLUMNS."""
    kinds = (("matched", result["matches"]), ("missed", result["missed"]), ("false", result["false"]))
    return [{**dict.fromkeys(FOLLICLE_COLUMNS), "case": case, "kind": kind, **row} for kind, rows in kinds for row in rows]
