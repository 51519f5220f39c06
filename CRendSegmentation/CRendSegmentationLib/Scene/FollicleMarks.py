"""What a reader notes on follicles: which are hidden, below a confidence, and which are confirmed."""

import numpy as np

from .SegmentMeasurements import isManual, measureWithIDs
from .SegmentTags import CONFIRMED_TAG, HIDDEN_TAG, isConfirmed, isHidden, isMarked, numbersOf, segmentsOf, setTag, tagOf

#: Of a segmentation: follicles of a lower confidence (0 to 1) are hidden.
LEAST_ATTRIBUTE = "CRend.LeastConfidence"
#: Of a confirmed follicle: what it measured then.
_SHAPE_TAG = "CRend.ConfirmedShape"
_TAGS = (HIDDEN_TAG, CONFIRMED_TAG, _SHAPE_TAG)
_TOLERANCE = 1e-5  # of numbers written with six decimals


def leastConfidence(segmentationNode):
    """The confidence below which follicles are hidden; 0 where none are."""
    try:
        return float(segmentationNode.GetAttribute(LEAST_ATTRIBUTE) or 0)
    except ValueError:
        return 0.0  # somebody wrote into the attribute


def hasConfidences(segmentationNode):
    """Whether there is a follicle, hidden or not, of which the model said how sure it was."""
    return any(follicle.confidence is not None for follicle in _all(segmentationNode)[0])


def hideBelow(segmentationNode, least):
    """Hide the follicles of a lower confidence than `least` (0 to 1), and show the others again; 0 shows all.

    Those that are confirmed, drawn or changed by hand stay. Returns how many are hidden.
    """
    segmentation = segmentationNode.GetSegmentation()
    count = 0
    for follicle, segmentID in zip(*_all(segmentationNode)):
        hidden = follicle.confidence is not None and follicle.confidence < least and not isConfirmed(segmentation.GetSegment(segmentID))
        _setHidden(segmentationNode, segmentID, hidden)
        count += hidden
    if least > 0:
        segmentationNode.SetAttribute(LEAST_ATTRIBUTE, f"{least:.2f}")
    else:
        segmentationNode.RemoveAttribute(LEAST_ATTRIBUTE)
    return count


def confirm(segmentationNode, segmentIDs, confirmed=True):
    """Note that somebody looked at these follicles and confirms them as they are now; or that nobody does any more."""
    segmentation = segmentationNode.GetSegmentation()
    for follicle, segmentID in zip(*_all(segmentationNode)):
        if segmentID in segmentIDs:
            segment = segmentation.GetSegment(segmentID)
            setTag(segment, _SHAPE_TAG, _shapeText(follicle) if confirmed else "")
            setTag(segment, CONFIRMED_TAG, "1" if confirmed else "")


def confirmedNames(segmentationNode):
    """Names of the follicles that are confirmed."""
    return {segment.GetName() for _, segment in segmentsOf(segmentationNode.GetSegmentation()) if isConfirmed(segment)}


def dropOutdated(segmentationNode):
    """Take marks away that were made of another shape: a confirmed follicle that was changed since is not confirmed, a hidden one that
    was changed by hand is shown."""
    segmentation = segmentationNode.GetSegmentation()
    if not isMarked(segmentation):
        return
    for follicle, segmentID in zip(*_all(segmentationNode)):
        segment = segmentation.GetSegment(segmentID)
        if isConfirmed(segment) and not tagOf(segment, _SHAPE_TAG):
            setTag(segment, _SHAPE_TAG, _shapeText(follicle))  # a script has set the tag
        elif isConfirmed(segment) and not _isShape(follicle, numbersOf(segment, _SHAPE_TAG)):
            setTag(segment, CONFIRMED_TAG, "")
            setTag(segment, _SHAPE_TAG, "")
        if isHidden(segment) and isManual(segment, follicle):
            _setHidden(segmentationNode, segmentID, False)


def marksOf(segmentationNode):
    """All marks, to be given back by `restoreMarks`."""
    found = segmentsOf(segmentationNode.GetSegmentation())
    tags = {segmentID: [tagOf(segment, name) for name in _TAGS] for segmentID, segment in found}
    return segmentationNode.GetAttribute(LEAST_ATTRIBUTE), tags


def restoreMarks(segmentationNode, marks):
    """Give the segments that are there the marks that they had at `marksOf`."""
    least, tags = marks
    segmentation = segmentationNode.GetSegmentation()
    for segmentID, texts in tags.items():
        segment = segmentation.GetSegment(segmentID)
        if segment is not None:
            _setHidden(segmentationNode, segmentID, texts[0] == "1")
            for name, text in zip(_TAGS[1:], texts[1:]):
                setTag(segment, name, text)
    segmentationNode.SetAttribute(LEAST_ATTRIBUTE, least)


def _all(segmentationNode):
    """(follicles, segment IDs), the hidden ones as well."""
    measurements, segmentIDs = measureWithIDs(segmentationNode, hidden=True)
    return measurements.follicles, segmentIDs


def _setHidden(segmentationNode, segmentID, hidden):
    changed = setTag(segmentationNode.GetSegmentation().GetSegment(segmentID), HIDDEN_TAG, "1" if hidden else "")
    # Only then: what the user hides in Segmentations is another matter.
    if changed and segmentationNode.GetDisplayNode() is not None:
        segmentationNode.GetDisplayNode().SetSegmentVisibility(segmentID, not hidden)


def _shape(follicle):
    return (follicle.volume_ml, *follicle.centroid_ras, follicle.dx_mm, follicle.dy_mm, follicle.dz_mm)


def _shapeText(follicle):
    return " ".join(f"{value:.6f}" for value in _shape(follicle))


def _isShape(follicle, noted):
    return len(noted) == len(_shape(follicle)) and bool(np.allclose(noted, _shape(follicle), rtol=0, atol=_TOLERANCE))
