"""Tags of segments: what is noted on one, and saved with the segmentation."""

import vtk

#: "1" on a follicle that is left out of counts, tables, reports and exports.
HIDDEN_TAG = "CRend.Hidden"
#: "1" on a follicle that somebody looked at and confirmed, as it is now.
CONFIRMED_TAG = "CRend.Confirmed"


def tagOf(segment, name):
    """The text of a tag, "" where a segment has none of this name."""
    text = vtk.reference("")
    return str(text) if segment.GetTag(name, text) else ""


def isHidden(segment):
    """Whether a follicle is left out of what is counted and written."""
    return tagOf(segment, HIDDEN_TAG) == "1"


def isConfirmed(segment):
    """Whether somebody confirmed a follicle."""
    return tagOf(segment, CONFIRMED_TAG) == "1"
