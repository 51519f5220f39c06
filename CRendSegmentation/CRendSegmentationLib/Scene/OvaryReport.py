"""What the report of both ovaries needs of the scene: of each side a segmentation, its pictures, and what was said of it."""

import slicer
from slicer.i18n import tr as _

from crend.clinic.study import ASSESSED, BOX, Side
from crend.pictures.planes import plane_pictures
from crend.pictures.solid import solid_picture

from .Export import labelImages, referenceVolume
from .FollicleMarks import dropOutdated
from .Frames import frameWords
from .ResultTables import flagsOf, notCounted
from .SegmentMeasurements import isGuide, isManual, isOvaryManual, measureWithIDs
from .SegmentTags import isConfirmed
from .VolumeImage import imageFromVolumeNode

_MODEL = ("bundle", "bundle_version", "notice", "acquisition_date")


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
    together = _("Two ovaries lie in this volume; they are counted as one here.") if measurements.ovaries else ""
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
        model={key: segmentationNode.GetAttribute(f"CRend.{key}") for key in _MODEL},
        remarks=tuple(filter(None, (frameWords(segmentationNode), notCounted(segmentationNode), together, missing))),
        **stated,
    )


def picturesOf(segmentationNode, side):
    """Three slices and the surfaces in 3D of a segmentation; none where it was not assessed, or its volume is not loaded."""
    if segmentationNode is None or side.state != ASSESSED or _volumeOf(segmentationNode) is None:
        return []
    ovary, follicles = labelImages(segmentationNode)
    pictures = plane_pictures(imageFromVolumeNode(referenceVolume(segmentationNode)), ovary, follicles, close_up=True)
    solid = solid_picture(ovary, follicles)
    return pictures if solid is None else [*pictures, (_("3D, from anterior"), solid)]


def _volumeOf(segmentationNode):
    return segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
