"""Left and right ovary, and both together.

A segmentation of one ovary is of a side as a whole. Of several ovaries in one volume each has a side of its own, as a tag of its segment.
"""

import html

import slicer
from slicer.i18n import tr as _

from crend.clinic.study import side_of_name
from crend.structures import segments

from .Frames import framesOf
from .Results import SUMMARY_TABLE_ROLE, tableOf
from .ResultTables import COUNTS_OF_OVARY, findingWords, numberWords, readSummary
from .SegmentMeasurements import ovaryIDs
from .SegmentTags import setTag, tagOf

SIDES = ["not stated", "left", "right"]
#: What the panel and the report call them.
SIDE_WORDS = {"not stated": _("not stated"), "left": _("left"), "right": _("right")}
#: The second is that of scenes from before.
_ATTRIBUTE, _FORMER_ATTRIBUTE = "CRend.Side", "CRend.side"
#: Type modifiers of the ovary in Slicer's own list.
_MODIFIERS = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
#: Of the segment of one of several ovaries.
_TAG = "CRend.Side"
_SUMMED = ("Follicle count", "Antral follicle count (2-10 mm)")


def sideOf(segmentationNode):
    """One of SIDES; not stated for a segmentation of several ovaries, see ovarySides."""
    if segmentationNode is None or ovarySides(segmentationNode):
        return SIDES[0]
    side = segmentationNode.GetAttribute(_ATTRIBUTE) or segmentationNode.GetAttribute(_FORMER_ATTRIBUTE)
    return side if side in SIDES else SIDES[0]


def guessSide(segmentationNode):
    """State the side that the segmentation's name, or else its volume's, says; nothing where somebody stated one, or none, before."""
    if ovarySides(segmentationNode):
        return
    if (segmentationNode.GetAttribute(_ATTRIBUTE) or segmentationNode.GetAttribute(_FORMER_ATTRIBUTE)) is not None:
        return
    volume = segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    names = [node.GetName() or "" for node in (segmentationNode, volume) if node is not None]
    side = next(filter(None, map(side_of_name, names)), "")
    if side:
        setSide(segmentationNode, side)


def setSide(segmentationNode, side):
    """Say which ovary it is: kept with the scene, in every frame of a sequence, and in the terminology of the Ovary segment, if it is one."""
    for node in (*framesOf(segmentationNode), segmentationNode):
        node.SetAttribute(_ATTRIBUTE, side)
        ovaries = ovaryIDs(node.GetSegmentation())
        if len(ovaries) == 1:
            segment = node.GetSegmentation().GetSegment(ovaries[0])
            segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), _terminology(side))


def _terminology(side):
    parts = segments.OVARY_TERMINOLOGY.split("~")
    parts[3] = _MODIFIERS.get(side, "^^")
    return "~".join(parts)


def ovarySides(segmentationNode):
    """{segment ID of an ovary: one of SIDES} of a segmentation of several, as somebody stated it, or else as the segments' names say; {} of one ovary.

    Two ovaries whose names say the same side are of none.
    """
    segmentation = segmentationNode.GetSegmentation()
    ovaries = ovaryIDs(segmentation)
    if len(ovaries) < 2:
        return {}
    found = {}
    for segmentID in ovaries:
        segment = segmentation.GetSegment(segmentID)
        found[segmentID] = tagOf(segment, _TAG) or side_of_name(segment.GetName()) or SIDES[0]
    sides = list(found.values())
    return {segmentID: side if side in SIDES and sides.count(side) == 1 else SIDES[0] for segmentID, side in found.items()}


def setOvarySide(segmentationNode, segmentID, side):
    """Say which one of several ovaries is; kept in its segment, and in its terminology. Another one of that side is of none then."""
    segmentation = segmentationNode.GetSegmentation()
    for other, former in ovarySides(segmentationNode).items():
        stated = side if other == segmentID else SIDES[0] if former == side else former
        segment = segmentation.GetSegment(other)
        setTag(segment, _TAG, stated)
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), _terminology(stated))


def ovaryOf(segmentationNode, side):
    """The segment ID of the one of several ovaries that is of this side, or None."""
    sides = ovarySides(segmentationNode) if segmentationNode is not None else {}
    return next((segmentID for segmentID, each in sides.items() if each == side), None)


def bothOvariesText(chosen=None):
    """The sums over left and right ovary, or "" when there are not both sides.

    A side counts once: of several results of one side the chosen segmentation, else the last one, and it is said which.
    """
    found = {}
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if tableOf(node, SUMMARY_TABLE_ROLE) is None:
            continue
        for segmentID, side in (ovarySides(node) or {None: sideOf(node)}).items():
            if side != SIDES[0]:
                found.setdefault(side, {})[node] = segmentID
    if set(found) != {"left", "right"}:
        return ""
    counted = {side: chosen if chosen in nodes else list(nodes)[-1] for side, nodes in found.items()}
    counts = {side: _countsOf(node, found[side][node]) for side, node in counted.items()}
    lines = [f"<b>{html.escape(_('Both ovaries'))}</b>"]
    for finding in _SUMMED:
        left, right = (counts[side].get(finding, 0) for side in ("left", "right"))
        sides = _("left {left}, right {right}").format(left=numberWords(left), right=numberWords(right))
        lines.append(f"{html.escape(findingWords(finding))}: <b>{numberWords(left + right)}</b> ({sides})")
    for side, nodes in found.items():
        if len(nodes) > 1:
            said = _("{number} results are called {side}; {name} counts.")
            lines.append(html.escape(said.format(number=len(nodes), side=SIDE_WORDS[side], name=counted[side].GetName())))
    return "<br>".join(lines)


def _countsOf(segmentationNode, segmentID):
    """{finding of _SUMMED: its number} of a segmentation, or of one of its several ovaries."""
    summary = {finding: value for finding, value, unit in readSummary(tableOf(segmentationNode, SUMMARY_TABLE_ROLE))}
    if segmentID is None:
        return summary
    name = segmentationNode.GetSegmentation().GetSegment(segmentID).GetName()
    return {finding: summary.get(f"{name}: {own}", 0) for finding, own in zip(_SUMMED, COUNTS_OF_OVARY)}
