"""Tags of segments: what is noted on one, and saved with the segmentation."""

import slicer
import vtk

from crend.numerals import number_in

#: "1" on a follicle that is left out of counts, tables, reports and exports.
HIDDEN_TAG = "CRend.Hidden"
#: "1" on a follicle that somebody looked at and confirmed, as it is now.
CONFIRMED_TAG = "CRend.Confirmed"


def tagOf(segment, name):
    """The text of a tag, "" where a segment has none of this name."""
    text = vtk.reference("")
    return str(text) if segment.GetTag(name, text) else ""


def numbersOf(segment, name):
    """The numbers in a tag; [] where there is none, or somebody wrote something else into it."""
    try:
        return [number_in(word) for word in tagOf(segment, name).split()]
    except ValueError:
        return []


def setTag(segment, name, text):
    """Give a segment a tag; "" takes it away. Returns whether that changed anything."""
    if tagOf(segment, name) == text:
        return False
    if text:
        segment.SetTag(name, text)
    else:
        segment.RemoveTag(name)
    return True


def terminologyOf(segment):
    """A segment's terminology entry as Slicer writes it, "" when it has none."""
    return tagOf(segment, slicer.vtkSegment.GetTerminologyEntryTagName())


def isHidden(segment):
    """Whether a follicle is left out of what is counted and written."""
    return tagOf(segment, HIDDEN_TAG) == "1"


def isConfirmed(segment):
    """Whether somebody confirmed a follicle. Marks of shapes that were changed since are taken away by FollicleMarks.dropOutdated."""
    return tagOf(segment, CONFIRMED_TAG) == "1"


def isMarked(segmentation):
    """Whether any segment is hidden or confirmed."""
    return any(isHidden(segment) or isConfirmed(segment) for _, segment in segmentsOf(segmentation))


def segmentsOf(segmentation):
    """[(segment ID, segment)] in their order."""
    every = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return [(segmentID, segmentation.GetSegment(segmentID)) for segmentID in every]


def hiddenIDs(segmentation):
    """IDs of the follicles that are left out."""
    return [segmentID for segmentID, segment in segmentsOf(segmentation) if isHidden(segment)]
