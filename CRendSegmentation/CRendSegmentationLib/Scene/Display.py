"""How a segmentation looks while follicles are selected."""

import slicer

from crend.structures import segments

from .SegmentMeasurements import follicleIDs, ovaryIDs

DIMMED_3D = 0.25
DIMMED_FILL = 0.15
SELECTED_FILL = 0.7
_HIGHLIGHTED = "CRend.highlighted"


def highlight(segmentationNode, segmentIDs):
    """Let these follicles stand out and dim the others; with none, all look as they did at first."""
    display = segmentationNode.GetDisplayNode()
    if display is None:
        return
    segmentation = segmentationNode.GetSegmentation()
    ovaries, follicles = ovaryIDs(segmentation), follicleIDs(segmentation)
    blocker = display.StartModify()
    for index in range(segmentation.GetNumberOfSegments()):
        segmentID = segmentation.GetNthSegmentID(index)
        if segmentID in ovaries:
            solid, fill = segments.OVARY_OPACITY_3D, segments.OVARY_OPACITY_2D_FILL
        elif segmentID not in follicles:
            continue  # what it looks like is its maker's business
        elif not segmentIDs:
            solid, fill = segments.FOLLICLE_OPACITY_3D, segments.FOLLICLE_OPACITY_2D_FILL
        elif segmentID in segmentIDs:
            solid, fill = segments.FOLLICLE_OPACITY_3D, SELECTED_FILL
        else:
            solid, fill = DIMMED_3D, DIMMED_FILL
        display.SetSegmentOpacity3D(segmentID, solid)
        display.SetSegmentOpacity2DFill(segmentID, fill)
    display.EndModify(blocker)
    if segmentIDs:
        segmentationNode.SetAttribute(_HIGHLIGHTED, "1")
    else:
        segmentationNode.RemoveAttribute(_HIGHLIGHTED)


def plainLooks():
    """Let no follicle stand out any more: after the opening of a scene that Slicer saved while some did."""
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetAttribute(_HIGHLIGHTED):
            highlight(node, [])


def centroidOf(follicleTableNode, segmentName):
    """(r, a, s) of a follicle as its table says, or None."""
    table = follicleTableNode.GetTable()
    for row in range(table.GetNumberOfRows()):
        if table.GetValueByName(row, "segment").ToString() == segmentName:
            return [table.GetValueByName(row, f"centroid_{axis}_mm").ToDouble() for axis in "ras"]
    return None
