"""What the report of both ovaries needs of the scene: of each side a segmentation, its pictures, and what was said of it."""

from dataclasses import replace

import slicer
from slicer.i18n import tr as _

from crend.clinic.several import ovary_sides, unstated, what_to_say
from crend.clinic.study import ASSESSED, BOX, Side
from crend.io.labels import with_labels
from crend.pictures.planes import plane_pictures
from crend.pictures.solid import solid_picture

from .Export import labelImages, referenceVolume
from .FollicleMarks import dropOutdated
from .Frames import frameWords
from .Masks import like, on
from .ResultTables import flagsOf, notCounted
from .SegmentMeasurements import isGuide, isManual, isOvaryManual, maskOf, measureWithIDs, ovaryID, ovaryIDs, withLabelmaps
from .SegmentTags import isConfirmed
from .Sides import SIDES, ovaryOf, ovarySides
from .StudyFacts import studyDate
from .VolumeImage import imageFromVolumeNode

_MODEL = ("bundle", "bundle_version", "notice")


def sideFrom(segmentationNode, **stated):
    """The crend Side of a segmentation as it is now, without its hidden follicles and confirmations of another shape; of None one without a result.

    stated: further fields of the Side: state, corpus_luteum.
    """
    if segmentationNode is None:
        return Side(**stated)
    dropOutdated(segmentationNode)  # the tables do so a moment later
    segmentation = segmentationNode.GetSegmentation()
    measurements, segmentIDs = measureWithIDs(segmentationNode)
    found = [(follicle, segmentation.GetSegment(segmentID)) for follicle, segmentID in zip(measurements.follicles, segmentIDs)]
    missing = "" if _volumeOf(segmentationNode) is not None else _("Its volume is not loaded, so there are no pictures of it.")
    return Side(
        name=segmentationNode.GetName(),
        measurements=measurements,
        confirmed=frozenset(follicle.id for follicle, segment in found if isConfirmed(segment)),
        edited=frozenset(follicle.id for follicle, segment in found if isManual(segment, follicle)),
        ovary_edited=isOvaryManual(segmentationNode, measurements),
        ovary_source=BOX if isGuide(segmentationNode) else "",
        ovaries=max(len(measurements.ovaries), 1),
        flags=tuple(flagsOf(segmentationNode)),
        model={**{key: segmentationNode.GetAttribute(f"CRend.{key}") for key in _MODEL}, "acquisition_date": _dateOf(segmentationNode)},
        remarks=tuple(filter(None, (frameWords(segmentationNode), notCounted(segmentationNode), missing))),
        **stated,
    )


def ovarySidesFrom(segmentationNode, **stated):
    """{segment ID: crend Side} of the ovaries of a segmentation that has several; {} of one. stated: as for sideFrom."""
    whole, segmentIDs = sideFrom(segmentationNode, **stated), _measuredOvaryIDs(segmentationNode)
    parts, segmentation = ovary_sides(whole), segmentationNode.GetSegmentation()
    if not parts:
        return dict.fromkeys(segmentIDs, whole)  # the other one is empty
    return {
        segmentID: replace(part, ovary_edited=isManual(segmentation.GetSegment(segmentID), part.measurements.ovary))
        for segmentID, part in zip(segmentIDs, parts.values())
    }


def reportSides(nodes, stated, shown):
    """({side: crend Side}, {side: segmentation node or None}, notes) of a report. Nobody's side is guessed: where it has to be said, a note says so.

    nodes: {side: segmentation node or None} as the user chose them. stated: {side: further fields of its Side}. shown: the segmentation that
    the report is of where nothing is chosen or stated: of a side that is not stated, or each of its ovaries by itself.
    """
    if not any(nodes.values()) and all(each["state"] == ASSESSED for each in stated.values()):
        if shown is None or not ovarySides(shown):
            return {SIDES[0]: sideFrom(shown)}, {SIDES[0]: shown}, []
        parts = {unstated(number): part for number, part in enumerate(ovarySidesFrom(shown).values(), start=1)}
        return parts, dict.fromkeys(parts, shown), _unsaid([shown])
    sides, used = {}, {}
    for side, node in nodes.items():
        if node is None or not ovarySides(node):
            sides[side], used[side] = sideFrom(node, **stated[side]), node
            continue
        found = ovarySidesFrom(node, **stated[side]).get(ovaryOf(node, side))
        sides[side], used[side] = found or sideFrom(None, **stated[side]), node if found else None
    asked = {node.GetID(): node for node in (*nodes.values(), shown) if node is not None}
    return sides, used, _unsaid(asked.values())


def _unsaid(nodes):
    """A sentence for each segmentation with ovaries whose side nobody stated."""
    found = []
    for node in nodes:
        unsaid = [segmentID for segmentID, side in ovarySides(node).items() if side == SIDES[0]]
        names = [node.GetSegmentation().GetSegment(segmentID).GetName() for segmentID in unsaid]
        if names:
            found.append(what_to_say(node.GetName(), names, _("Say it in the section Study.")))
    return found


def picturesOf(segmentationNode, side):
    """Three slices and the surfaces in 3D of a side, made of a segmentation; none where it was not assessed, or its volume is not loaded."""
    if segmentationNode is None or side.state != ASSESSED or _volumeOf(segmentationNode) is None:
        return []
    ovary, follicles = labelImages(segmentationNode)
    if side.ovary:
        segmentation = segmentationNode.GetSegmentation()
        mask = maskOf(withLabelmaps(segmentationNode), segmentation.GetSegmentIdBySegmentName(side.ovary))
        own = [follicle.id for follicle in side.measurements.follicles]
        ovary = like(ovary, on(ovary, mask))
        follicles = with_labels(follicles, own)
    pictures = plane_pictures(imageFromVolumeNode(referenceVolume(segmentationNode)), ovary, follicles, close_up=True)
    solid = solid_picture(ovary, follicles)
    return pictures if solid is None else [*pictures, (_("3D, from anterior"), solid)]


def _measuredOvaryIDs(segmentationNode):
    """IDs of the ovaries that have voxels and are no guide, in the order in which they are measured."""
    node = withLabelmaps(segmentationNode)
    segmentIDs, guide = ovaryIDs(node.GetSegmentation()), ovaryID(node.GetSegmentation()) if isGuide(node) else None
    return [segmentID for segmentID in segmentIDs if segmentID != guide and maskOf(node, segmentID) is not None]


def _dateOf(segmentationNode):
    """yyyymmdd, "" where nobody said it."""
    date = studyDate(segmentationNode)
    return date.strftime("%Y%m%d") if date is not None else ""


def _volumeOf(segmentationNode):
    return segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
