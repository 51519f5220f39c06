"""Left and right ovary, and both together."""

import html

import slicer
from slicer.i18n import tr as _

from crend.clinic.study import side_of_name
from crend.structures import segments

from .Frames import framesOf
from .Results import SUMMARY_TABLE_ROLE, tableOf
from .ResultTables import findingWords, readSummary
from .SegmentMeasurements import ovaryIDs

SIDES = ["not stated", "left", "right"]
#: What the panel and the report call them.
SIDE_WORDS = {"not stated": _("not stated"), "left": _("left"), "right": _("right")}
#: The second is that of scenes from before.
_ATTRIBUTE, _FORMER_ATTRIBUTE = "CRend.Side", "CRend.side"
#: Type modifiers of the ovary in Slicer's own list.
_MODIFIERS = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
_SUMMED = ("Follicle count", "Antral follicle count (2-10 mm)")


def sideOf(segmentationNode):
    """One of SIDES."""
    if segmentationNode is None:
        return SIDES[0]
    side = segmentationNode.GetAttribute(_ATTRIBUTE) or segmentationNode.GetAttribute(_FORMER_ATTRIBUTE)
    return side if side in SIDES else SIDES[0]


def guessSide(segmentationNode):
    """State the side that the segmentation's name, or else its volume's, says; nothing where somebody stated one, or none, before."""
    if (segmentationNode.GetAttribute(_ATTRIBUTE) or segmentationNode.GetAttribute(_FORMER_ATTRIBUTE)) is not None:
        return
    volume = segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    names = [node.GetName() or "" for node in (segmentationNode, volume) if node is not None]
    side = next(filter(None, map(side_of_name, names)), "")
    if side:
        setSide(segmentationNode, side)


def setSide(segmentationNode, side):
    """Say which ovary it is: kept with the scene, in every frame of a sequence, and in the terminology of the Ovary segment, if it is one."""
    parts = segments.OVARY_TERMINOLOGY.split("~")
    parts[3] = _MODIFIERS.get(side, "^^")
    for node in (*framesOf(segmentationNode), segmentationNode):
        node.SetAttribute(_ATTRIBUTE, side)
        ovaries = ovaryIDs(node.GetSegmentation())
        if len(ovaries) == 1:
            segment = node.GetSegmentation().GetSegment(ovaries[0])
            segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), "~".join(parts))


def bothOvariesText(chosen=None):
    """The sums over left and right ovary, or "" when there are not both sides.

    A side counts once: of several results of one side the chosen segmentation, else the last one, and it is said which.
    """
    found = {}
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if tableOf(node, SUMMARY_TABLE_ROLE) is not None and sideOf(node) != SIDES[0]:
            found.setdefault(sideOf(node), []).append(node)
    if set(found) != {"left", "right"}:
        return ""
    counted = {side: chosen if chosen in nodes else nodes[-1] for side, nodes in found.items()}
    counts = {
        side: {finding: value for finding, value, unit in readSummary(tableOf(node, SUMMARY_TABLE_ROLE))} for side, node in counted.items()
    }
    lines = [f"<b>{html.escape(_('Both ovaries'))}</b>"]
    for finding in _SUMMED:
        left, right = (counts[side].get(finding, 0) for side in ("left", "right"))
        sides = _("left {left}, right {right}").format(left=f"{left:.0f}", right=f"{right:.0f}")
        lines.append(f"{html.escape(findingWords(finding))}: <b>{left + right:.0f}</b> ({sides})")
    for side, nodes in found.items():
        if len(nodes) > 1:
            said = _("{number} results are called {side}; {name} counts.")
            lines.append(html.escape(said.format(number=len(nodes), side=SIDE_WORDS[side], name=counted[side].GetName())))
    return "<br>".join(lines)
