"""A side of the report from the JSON that `crend segment --json` and `crend batch` write, with pictures where the other files are still there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

from ..errors import InputError
from ..io.tables import SCHEMA_VERSION
from ..io.text_files import read_text
from ..structures.measurements import Measurements
from .study import BOX, Side

LABELS = ".seg.nrrd"
_MISSING = ("d1_mm", "d2_mm", "d3_mm", "confidence", "ovary")  # in reports of earlier versions, or of what nobody knows
_NO_FIGURES = ("segment", "touches_border")
_UP_TO_1 = ("sphericity", "confidence")


class _Later(Exception):
    """A report of another layout."""


def read_side(path: Path, **stated) -> tuple[Side, dict]:
    """(Side, report as read) of a segment report; nothing in it is confirmed. stated: further fields of the Side, such as corpus_luteum.

    InputError for a file that is none.
    """
    try:
        facts = json.loads(read_text(path))
        if facts.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
            raise _Later
        measurements, how = Measurements.from_dict(facts), facts["provenance"]
        flags = tuple({"key": flag["key"], "text": flag["text"]} for flag in facts["flags"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); give the JSON of crend segment.") from error
    except _Later:
        # A key may mean something else there.
        raise InputError(
            f"{path}: has schema_version {facts['schema_version']}, not {SCHEMA_VERSION}; use the CRend that wrote it."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is no report of crend segment; write one with crend segment --json.") from error
    _check_numbers(path, measurements)
    together = (how.get("ovaries") or 1) > 1 and not measurements.ovaries
    remarks = ("Two ovaries lie in this volume; they are counted as one here.",) if together else ()
    name = PureWindowsPath(str(how.get("input") or path)).name  # as a name it takes both kinds of slashes
    source = BOX if how.get("ovary_source") == BOX else ""
    return Side(
        name=name,
        measurements=measurements,
        ovary_source=source,
        ovaries=max(how.get("ovaries") or 1, 1),
        flags=flags,
        model=how,
        remarks=remarks,
        **stated,
    ), facts


def _check_numbers(path, measurements: Measurements) -> None:
    """InputError for a figure that is none, as after an edit by hand."""
    for each in filter(None, (measurements.ovary, *measurements.ovaries, *measurements.follicles)):
        for name, value in vars(each).items():
            if name in _NO_FIGURES or (value is None and name in _MISSING):
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or (value < 0 and not name.startswith("centroid")) or (value > 1 and name in _UP_TO_1):
                raise InputError(f"{path}: says {name} {value} of {each.segment}; write the report anew with crend segment --json.")


def pictures_of(path: Path, facts: Mapping, side: Side) -> list:
    """Three slices and the surfaces in 3D of a side, where the volume and `NAME.seg.nrrd` beside `NAME.json` are still there; else none."""
    from ..io.labels import read_labels, with_labels
    from ..io.seg_nrrd import read_segment
    from ..io.volumes import read_image
    from ..pictures.planes import plane_pictures
    from ..pictures.solid import solid_picture

    labels_path, volume_path = Path(str(path)[: -len(Path(path).suffix)] + LABELS), facts["provenance"].get("input")
    if not labels_path.is_file() or not volume_path or not Path(volume_path).exists():
        return []
    options = facts.get("options") or {}
    image = read_image(volume_path, frame=options.get("frame"), spacing=options.get("spacing"))
    labels = read_labels(labels_path)
    if image.GetSize() != labels.ovary.GetSize():
        return []
    ovary, follicles = labels.ovary, labels.follicles
    if side.ovary and side.measurements is not None:
        ovary = read_segment(labels_path, side.ovary)
        follicles = with_labels(follicles, [follicle.id for follicle in side.measurements.follicles])
    if ovary is None:
        return []
    pictures = plane_pictures(image, ovary, follicles, close_up=True)
    solid = solid_picture(ovary, follicles)
    return pictures if solid is None else [*pictures, ("3D, from anterior", solid)]
