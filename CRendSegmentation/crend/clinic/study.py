"""What goes into the report of both ovaries: the study, and of each side what was seen, measured and confirmed."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import InputError
from ..structures.measurements import Measurements

#: In the order of a page: the patient's right is at the reader's left.
SIDES = ("right", "left")
NOT_STATED = "not stated"
ASSESSED, NOT_SEEN, NOT_ASSESSABLE = STATES = ("assessed", "not seen", "not assessable")
ABSENT, PRESENT = "none", "present"
#: Whether there is a corpus luteum or a cyst, which only a reader can say.
CORPUS_LUTEUM = (NOT_STATED, ABSENT, PRESENT)
TRANSVAGINAL = "transvaginal"
ROUTES = (NOT_STATED, TRANSVAGINAL, "transabdominal", "transrectal")
QUALITIES = (NOT_STATED, "good", "moderate", "poor")
DAYS_OF = ("cycle", "stimulation")
#: mm: follicles of at least this mean diameter are counted together.
COHORTS_MM = (10, 12, 14, 16, 18)
LARGEST_COHORT_MM = 60
FIRST_YEAR = 1970  # no volume was scanned before
#: Of an ovary that somebody outlined by a box: it has a place and no size.
BOX = "box"
_SIDE_WORDS = {
    "left": ("left", "lt", "sin", "sinister", "sinistra", "links", "linke", "linker", "gauche", "izquierdo", "izquierda"),
    "right": ("right", "rt", "dex", "dexter", "dextra", "rechts", "rechte", "rechter", "droite", "droit", "derecho", "derecha"),
}


@dataclass(frozen=True)
class Study:
    """patient_name, patient_id: "" where they are not to be written. date: ISO, of the scan. day: of the cycle or of stimulation, None not stated."""

    patient_name: str = ""
    patient_id: str = ""
    date: str = ""
    day: int | None = None
    day_of: str = DAYS_OF[0]
    route: str = NOT_STATED
    quality: str = NOT_STATED
    read_by: str = ""
    cohorts_mm: tuple[int, ...] = COHORTS_MM


@dataclass(frozen=True)
class Side:
    """One ovary.

    state: one of STATES. name: of the segmentation. measurements: None where there is no segmentation; hidden follicles are left out.
    ovary: the segment of it that is this one, "" where it has one only. ovaries: how many are counted as this one; of two no size is said, and
    nothing is confirmed or judged. follicles_in_no_ovary: how many of the volume's follicles count for none of its several ovaries.
    confirmed, edited: ids of the follicles that a reader ticked, and of those drawn or changed by hand. ovary_source: BOX, or "" for outlined
    ones. flags: what makes the result doubtful, as `confidence.plausibility` has it. corpus_luteum: one of CORPUS_LUTEUM. model: keys bundle,
    bundle_version, notice and acquisition_date of the provenance. remarks: further sentences.
    """

    state: str = ASSESSED
    name: str = ""
    measurements: Measurements | None = None
    confirmed: frozenset[int] = frozenset()
    edited: frozenset[int] = frozenset()
    ovary_edited: bool = False
    ovary_source: str = ""
    ovary: str = ""
    ovaries: int = 1
    follicles_in_no_ovary: int = 0
    flags: tuple[dict, ...] = ()
    corpus_luteum: str = NOT_STATED
    model: Mapping = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_cohorts(text: str) -> tuple[int, ...]:
    """Thresholds in mm, ascending, from "10, 12, 14"; the usual ones from an empty text. InputError for anything else."""
    words = re.split(r"[\s,;]+", text.strip()) if text.strip() else []
    if not all(word.isascii() and word.isdigit() and 1 <= int(word) <= LARGEST_COHORT_MM for word in words):
        raise InputError(f"cohorts are whole millimetres up to {LARGEST_COHORT_MM}, such as 10, 12, 14; not {text.strip()}.")
    return tuple(sorted({int(word) for word in words})) or COHORTS_MM


def read_date(text: str) -> str:
    """A date as ISO (2026-01-31), from that or from a DICOM date (20260131); "" from an empty text. InputError for anything else."""
    plain = text.strip()
    if not plain:
        return ""
    try:
        parts = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)|(\d{4})(\d\d)(\d\d)", plain, re.ASCII)
        if parts is None:
            raise ValueError
        found = datetime.date(*(int(part) for part in parts.groups() if part))
        if found.year < FIRST_YEAR:
            raise ValueError
        return found.isoformat()
    except ValueError:
        raise InputError(f"a date is written 2026-01-31, not {plain}.") from None


def plain_name(dicom: str) -> str:
    """A DICOM person name (Doe^Jane^^Dr) as people write it: Doe, Jane."""
    family, *given = dicom.split("=")[0].split("^")
    first = " ".join(part.strip() for part in given[:2] if part.strip())
    return ", ".join(filter(None, (family.strip(), first)))


def side_of_name(name: str) -> str:
    """ "left", "right" or "" as the words of a name say; "" where they say both."""
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))
    found = [side for side, known in _SIDE_WORDS.items() if words.intersection(known)]
    return found[0] if len(found) == 1 else ""
