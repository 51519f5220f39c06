"""Left and right ovary, and both together."""

import slicer

from crend.structures import segments

from .Frames import framesOf
from .Results import SUMMARY_TABLE_ROLE, tableOf
from .ResultTables import readSummary

SIDES = ["not stated", "left", "right"]
_ATTRIBUTE = "CRend.side"
#: Type modifiers of the ovary in Slicer's own list.
_MODIFIERS = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
_SUMMED = ("Follicle count", "Antral follicle count (2-10 mm)")


def sideOf(segmentationNode):
    """One of SIDES."""
    side = segmentationNode.GetAttribute(_ATTRIBUTE) if segmentationNode is not None else None
    return side if side in SIDES else SIDES[0]


def setSide(segmentationNode, side):
    """Say which ovary it is: kept with the scene, in every frame of a sequence, and in the terminology of the Ovary segment."""
    parts = segments.OVARY_TERMINOLOGY.split("~")
    parts[3] = _MODIFIERS.get(side, "^^")
    for node in (*framesOf(segmentationNode), segmentationNode):
        node.SetAttribute(_ATTRIBUTE, side)
        segment = node.GetSegmentation().GetSegment(segments.OVARY_ID)
        if segment is not None:
            segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), "~".join(parts))


def bothOvariesText():
    """The sums over all segmentations of the scene that have a side, or "" when there are not both sides."""
    counts = {}
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        table = tableOf(node, SUMMARY_TABLE_ROLE)
        if table is not None and sideOf(node) != SIDES[0]:
            counts.setdefault(sideOf(node), []).append({finding: value for finding, value, _ in readSummary(table)})
    if set(counts) != {"left", "right"}:
        return ""
    lines = []
    for finding in _SUMMED:
        left, right = (sum(found[finding] for found in counts[side]) for side in ("left", "right"))
        lines.append(f"{finding}: <b>{left + right:.0f}</b> (left {left:.0f}, right {right:.0f})")
    return "<b>Both ovaries</b><br>" + "<br>".join(lines)
