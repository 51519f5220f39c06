"""How a segmentation looks, and where the slice views look."""

import slicer

from crend.structures import segments

DIMMED_3D = 0.25
DIMMED_FILL = 0.15
SELECTED_FILL = 0.7


def highlight(segmentationNode, segmentIDs):
    """Let these follicles stand out and dim the others; with none, all look as they did at first."""
    display = segmentationNode.GetDisplayNode()
    if display is None:
        return
    segmentation = segmentationNode.GetSegmentation()
    blocker = display.StartModify()
    for index in range(segmentation.GetNumberOfSegments()):
        segmentID = segmentation.GetNthSegmentID(index)
        if segmentID == segments.OVARY_ID:
            solid, fill = segments.OVARY_OPACITY_3D, segments.OVARY_OPACITY_2D_FILL
        elif not segmentIDs:
            solid, fill = segments.FOLLICLE_OPACITY_3D, segments.FOLLICLE_OPACITY_2D_FILL
        elif segmentID in segmentIDs:
            solid, fill = segments.FOLLICLE_OPACITY_3D, SELECTED_FILL
        else:
            solid, fill = DIMMED_3D, DIMMED_FILL
        display.SetSegmentOpacity3D(segmentID, solid)
        display.SetSegmentOpacity2DFill(segmentID, fill)
    display.EndModify(blocker)


def centreSlicesOn(segmentationNode, point):
    """Move all slice views to a point (r, a, s) of the segmentation's own coordinates, through its parent transform."""
    world = [0.0, 0.0, 0.0]
    segmentationNode.TransformPointToWorld(point, world)
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, slicer.vtkMRMLSliceNode.CenteredJumpSlice)


def centroidOf(follicleTableNode, segmentName):
    """(r, a, s) of a follicle as its table says, or None."""
    table = follicleTableNode.GetTable()
    for row in range(table.GetNumberOfRows()):
        if table.GetValueByName(row, "segment").ToString() == segmentName:
            return [table.GetValueByName(row, f"centroid_{axis}_mm").ToDouble() for axis in "ras"]
    return None
