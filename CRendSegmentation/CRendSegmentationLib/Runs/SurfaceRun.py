"""Surfaces and measurements of segments on their way: made by a worker process, put into the scene by the last poll."""

import slicer
import vtk

from crend.structures.measurements import Ovary
from crend.worker.surface_files import read_surface, write_masks

from ..Scene.KnownMeasurements import rememberMeasured
from ..Scene.SegmentMeasurements import maskOf
from ..Scene.Surfaces import giveSurface, staleIDs
from .Run import Waiting
from .WorkerJobs import WorkerJob


class SurfaceRun(Waiting):
    """The missing and stale surfaces of one segmentation, and what these segments measure. client: a WorkerClient; it loads no network for this."""

    def __init__(self, client, segmentationNode):
        self._nodeID = segmentationNode.GetID()
        masks = {segmentID: maskOf(segmentationNode, segmentID) for segmentID in staleIDs(segmentationNode)}
        self._states = {segmentID: _state(segmentationNode, segmentID) for segmentID in masks}
        self._masks = {segmentID: mask for segmentID, mask in masks.items() if mask is not None}
        self._job = _SurfaceJob(client, "surfaces", lambda folder: write_masks(folder, self._masks), measure=True)

    def poll(self):
        """IDs of the segments that have their surface now, or None as long as it works. Raises Cancelled or PredictionFailed.

        A segment that was changed meanwhile is left as it is.
        """
        answer = self._job.poll()
        if answer is None:
            return None
        surfaces, measured = answer
        for segmentID, fields in measured.items():
            rememberMeasured(self._masks[segmentID], Ovary(**fields))
        node = slicer.mrmlScene.GetNodeByID(self._nodeID)
        if node is None:
            return []
        done = [segmentID for segmentID, state in self._states.items() if _state(node, segmentID) == state]
        for segmentID in done:
            giveSurface(node.GetSegmentation().GetSegment(segmentID), surfaces.get(segmentID) or vtk.vtkPolyData())
        return done


class _SurfaceJob(WorkerJob):
    def read(self, event):
        """({segment ID: vtkPolyData}, {segment ID: measurements}): the files are gone afterwards."""
        return {segmentID: read_surface(path) for segmentID, path in event["surfaces"].items()}, event["measured"]


def _state(segmentationNode, segmentID):
    """What differs after the voxels of a segment were changed; None when it is gone."""
    segmentation = segmentationNode.GetSegmentation()
    segment = segmentation.GetSegment(segmentID)
    voxels = segment.GetRepresentation(segmentation.GetSourceRepresentationName()) if segment is not None else None
    return voxels and (voxels.GetMTime(), segment.GetLabelValue())
