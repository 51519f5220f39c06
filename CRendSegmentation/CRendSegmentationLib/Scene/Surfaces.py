"""The closed surfaces of segments, and which of them are not those of the present voxels.

Slicer's 3D view makes the surface of a segment that has none, on the main thread, as soon as it looks: a large ovary takes it a second. So a
segment whose voxels were changed keeps its former surface, marked as stale, until a new one is put in its place; a new segment has an empty one.
"""

import slicer
import vtk

_STALE = "CRendStale"
_SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName


def surfaceOf(segment):
    """The closed surface (vtkPolyData) of a vtkSegment, or None."""
    return segment.GetRepresentation(_SURFACE())


def giveSurface(segment, polyData):
    """Put a closed surface, in the segmentation's own coordinates, in place of the one that a vtkSegment has."""
    segment.AddRepresentation(_SURFACE(), polyData)


def markStale(segment, shown=None):
    """Note that a vtkSegment's surface is no longer, or not yet, that of its voxels. shown: a vtkPolyData to be seen meanwhile, else the former
    surface, or nothing where there is none."""
    surface, former = emptySurface(), shown or surfaceOf(segment)
    if former is not None:
        surface.ShallowCopy(former)
        # Of its own: the former surface, which undo may bring back, is not stale.
        own = vtk.vtkFieldData()
        own.ShallowCopy(former.GetFieldData())
        own.AddArray(_mark())
        surface.SetFieldData(own)
    giveSurface(segment, surface)


def emptySurface():
    """A stale surface (vtkPolyData) with nothing to be seen."""
    surface = vtk.vtkPolyData()
    surface.GetFieldData().AddArray(_mark())
    return surface


def staleIDs(segmentationNode):
    """IDs of the segments without a surface, or with a stale one."""
    segmentation = segmentationNode.GetSegmentation()
    every = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return [segmentID for segmentID in every if _isStale(surfaceOf(segmentation.GetSegment(segmentID)))]


def staleVoxels(segmentationNode):
    """How many voxels the boxes of the segments without a surface, or with a stale one, hold: what making them costs."""
    segmentation = segmentationNode.GetSegmentation()
    count = 0
    for segmentID in staleIDs(segmentationNode):
        voxels = segmentation.GetSegment(segmentID).GetRepresentation(segmentation.GetSourceRepresentationName())
        count += voxels.GetNumberOfPoints() if voxels is not None else 0
    return count


def makeSurfaces(segmentationNode):
    """Let Slicer make the surfaces that are missing or stale, here and now. What does the same without making the window wait: SurfaceRun."""
    segmentation = segmentationNode.GetSegmentation()
    for segmentID in staleIDs(segmentationNode):
        segmentation.GetSegment(segmentID).RemoveRepresentation(_SURFACE())
    segmentationNode.CreateClosedSurfaceRepresentation()


def united(segments):
    """One vtkPolyData of the surfaces of several vtkSegments."""
    append = vtk.vtkAppendPolyData()
    for segment in segments:
        if surfaceOf(segment) is not None:
            append.AddInputData(surfaceOf(segment))
    append.Update()
    return append.GetOutput()


def _mark():
    mark = vtk.vtkStringArray()
    mark.SetName(_STALE)
    return mark


def _isStale(surface):
    return surface is None or bool(surface.GetFieldData().HasArray(_STALE))
