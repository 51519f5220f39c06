"""A side of the report from the JSON that `crend segment --json` and `crend batch` write, with pictures where the other files are still there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from ..io.text_files import read_text
from ..structures.measurements import Measurements
from .study import BOX, Side

LABELS = ".seg.nrrd"


def read_side(path: Path, **stated) -> tuple[Side, dict]:
    """(Side, report as read) of a segment report; nothing in it is confirmed. stated: further fields of the Side, such as corpus_luteum.

    InputError for a file that is none.
    """
    try:
        facts = json.loads(read_text(path))
        measurements, how = Measurements.from_dict(facts), facts["provenance"]
        flags = tuple({"key": flag["key"], "text": flag["text"]} for flag in facts["flags"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); give the JSON of crend segment.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is no report of crend segment; write one with crend segment --json.") from error
    together = (how.get("ovaries") or 1) > 1 and not measurements.ovaries
    remarks = ("Two ovaries lie in this volume; they are counted as one here.",) if together else ()
    name = Path(str(how.get("input") or path)).name
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
