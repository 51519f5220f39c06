"""The findings of both ovaries as plain data: what the page, the table, the JSON and the DICOM report all say."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from ..structures.callipers import volume_ml
from ..structures.measurements import ANTRAL, whole_mm
from . import criterion
from .doubts import report_doubts, scanned_on
from .study import ASSESSED, BOX, SIDES, Side, Study

SCHEMA_VERSION = 1
SMALL = (2, 9)  # mm: the follicles of the polycystic criterion
NO_RESULT = "no result"
NOTICE = "Research use only. Not for diagnosis."
#: Of a follicle in the report.
FOLLICLE_KEYS = ("id", "segment", "mean_diameter_mm", "dx_mm", "dy_mm", "dz_mm", "dv_mm", "volume_ml", "confidence", "touches_border")


def findings_of(study: Study, sides: Mapping[str, Side], notes: Sequence[str] = ()) -> dict:
    """Everything that the report says, as plain data for JSON; None for what cannot be said.

    sides: by "left" and "right"; or one ovary by "not stated", or those of one volume by "ovary 1" and "ovary 2". notes: sentences on the whole.
    Sizes are mean diameters rounded to whole millimetres, halves up.
    """
    order = [side for side in (*SIDES, *sides) if side in sides]
    found = {side: side_findings(sides[side], study.cohorts_mm) for side in dict.fromkeys(order)}
    judged = {side: criterion.judge(each, study.route) for side, each in found.items()}
    counts = [each["antral_count"] for each in found.values()]
    both = set(found) == set(SIDES) and None not in counts
    patient = {"name": study.patient_name, "id": study.patient_id} if study.patient_name or study.patient_id else None
    return {
        "schema_version": SCHEMA_VERSION,
        "study": {
            "patient": patient,
            "date": study.date or _scanned(sides.values()),
            "day": study.day,
            "day_of": study.day_of if study.day is not None else None,
            "route": study.route,
            "quality": study.quality,
            "read_by": study.read_by,
        },
        "cohorts_mm": list(study.cohorts_mm),
        "sides": found,
        "total_antral_count": sum(counts) if both else None,
        "total_antral_count_confirmed": both and all(each["confirmed"] for each in found.values()),
        "polycystic_criterion": {
            "guideline": criterion.GUIDELINE,
            "least_follicles_2_9_mm": criterion.LEAST_FOLLICLES,
            "least_volume_ml": criterion.LEAST_VOLUME_ML,
            "verdict": criterion.overall({side: each["verdict"] for side, each in judged.items()}),
            "sides": judged,
        },
        "notes": [*notes, *report_doubts(study, sides)],
        "report_date": datetime.date.today().isoformat(),
        "crend": _version(),
        "notice": NOTICE,
    }


def side_findings(side: Side, cohorts_mm: Sequence[int]) -> dict:
    """The findings of one ovary; every figure None where it was not assessed, those of the ovary's size also where a box stands for it."""
    measured = side.measurements if side.state == ASSESSED else None
    state = NO_RESULT if side.state == ASSESSED and measured is None else side.state
    ovary = measured.ovary if measured is not None and side.ovary_source != BOX and side.ovaries < 2 else None
    known = measured is not None
    follicles = measured.follicles if measured is not None else ()
    sizes = [whole_mm(follicle.mean_diameter_mm) for follicle in follicles]
    rows = [
        {
            **{key: getattr(follicle, key) for key in FOLLICLE_KEYS},
            "size_mm": size,
            "confirmed": follicle.id in side.confirmed,
            "edited": follicle.id in side.edited,
        }
        for follicle, size in zip(follicles, sizes)
    ]
    doubtful = side.flags or side.ovaries > 1 or side.follicles_in_no_ovary
    rows.sort(key=lambda row: -row["mean_diameter_mm"])
    return {
        "state": state,
        "segmentation": side.name,
        "ovary_segment": side.ovary or None,
        "ovary_source": side.ovary_source or None,
        "ovary_edited": side.ovary_edited,
        "ovaries": side.ovaries if known else None,
        **{name: getattr(ovary, name, None) for name in ("d1_mm", "d2_mm", "d3_mm", "volume_ml")},
        "volume_0523_ml": volume_ml(ovary.d1_mm, ovary.d2_mm, ovary.d3_mm) if ovary is not None else None,
        "cut_off": bool(measured.ovary.touches_border) if measured is not None and measured.ovary is not None else None,
        "follicle_count": len(rows) if known else None,
        "follicles_2_9_mm": _between(sizes, *SMALL) if known else None,
        "antral_count": _between(sizes, *ANTRAL) if known else None,
        "cohorts": {str(least): sum(size >= least for size in sizes) if known else None for least in cohorts_mm},
        "leading": {key: rows[0][key] for key in ("id", "mean_diameter_mm", "dx_mm", "dy_mm", "dz_mm")} if rows else None,
        "follicles_above_10_mm": [row["id"] for row in rows if row["size_mm"] > ANTRAL[1]],
        "confirmed_count": sum(row["confirmed"] for row in rows) if known else None,
        "follicles_in_no_ovary": side.follicles_in_no_ovary if known else None,
        "confirmed": bool(rows) and all(row["confirmed"] for row in rows) and not doubtful,
        "edited": sorted(row["id"] for row in rows if row["edited"]),
        "corpus_luteum": side.corpus_luteum,
        "flags": [dict(flag) for flag in side.flags] if known else [],
        "remarks": list(side.remarks),
        "model": side.model.get("bundle"),
        "model_version": side.model.get("bundle_version"),
        "model_notice": side.model.get("notice"),
        "follicles": rows,
    }


def counts_by_mm(side: Mapping) -> dict[int, int]:
    """{whole mm: follicles of that size} of a side's findings."""
    sizes = [row["size_mm"] for row in side["follicles"]]
    return {size: sizes.count(size) for size in sorted(set(sizes))}


def _between(sizes, low, high) -> int:
    return sum(low <= size <= high for size in sizes)


def _scanned(sides) -> str:
    """The date of the scan (ISO), where the volumes of all sides that have one agree on it; "" where they do not, or none has one."""
    known = {scanned_on(side) for side in sides} - {""}
    return known.pop() if len(known) == 1 else ""


def _version() -> str:
    from .. import __version__

    return __version__
