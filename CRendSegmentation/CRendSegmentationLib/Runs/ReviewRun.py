"""A review on its way, polled from the main thread: surfaces and distances are made by a worker process of its own."""

import shutil
import sys
import time
from dataclasses import dataclass

import numpy as np
import slicer

from crend.comparison.distance_maps import FOLLICLES, OVARY
from crend.comparison.review import SIDES
from crend.errors import InputError
from crend.worker.client import WorkerClient
from crend.worker.review_files import write_request
from crend.worker.surface_files import read_surface, write_masks

from ..Scene.ReviewLabels import reviewInput
from ..Scene.ReviewNodes import ReviewResult, putReviewIntoScene
from ..Scene.SegmentMeasurements import maskOf, voxelState
from ..Scene.Surfaces import giveSurface, staleIDs
from ..Scene.VolumeImage import lpsPoint
from .Run import Waiting, progressWords
from .WorkerJobs import WorkerJob

_LABELMAP = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName
_STAGES = {
    "starting": "starting the comparison",
    "surfaces": "drawing the surfaces",
    "distances": "measuring distances",
    "figures": "comparing",
}


@dataclass(frozen=True)
class ReviewSettings:
    """structures: of "ovary", "follicles", those that get distance maps. sides: on whose surfaces: "reference" (from reference to
    compared), "compared" (from compared to reference). percentile: of the Hausdorff distance. signed: colours by signed distances,
    positive outside the other surface, else by absolute ones. top: mm, end of the colours' range, 0 for one that fits all maps of a
    structure."""

    structures: tuple = (OVARY, FOLLICLES)
    sides: tuple = SIDES
    percentile: float = 95.0
    signed: bool = False
    top: float = 0.0


class Reviewer:
    """Holds the worker process for reviews and surfaces (client); it loads no network, and a segmentation may run beside it."""

    def __init__(self, client=None):
        self.client = client or WorkerClient([shutil.which("PythonSlicer") or sys.executable])

    def start(self, referenceNode, comparedNode, settings=ReviewSettings()):
        """A ReviewRun. InputError at once for segmentations that cannot be compared."""
        return ReviewRun(self.client, referenceNode, comparedNode, settings)

    def close(self):
        """End the process; a later start starts it again."""
        self.client.close()


class ReviewRun(Waiting):
    """Two segmentations on their way to a Review. The scene is touched by the last poll only."""

    def __init__(self, client, referenceNode, comparedNode, settings):
        given = reviewInput(referenceNode, comparedNode)
        nodes = (referenceNode, comparedNode)
        self._names = [node.GetName() for node in nodes]
        self._states = [(node.GetID(), _state(node)) for node in nodes]
        self._segmentNames = given.names
        self._settings = settings
        self._began = time.monotonic()
        self._job = _ReviewJob(
            client,
            "review",
            lambda folder: {
                **write_request(folder, given.reference, given.compared, given.field),
                **write_masks(folder, _withoutSurfaces(nodes)),
            },
            names=self._names,
            structures=list(settings.structures),
            sides=list(settings.sides),
            percentile=settings.percentile,
        )

    def poll(self):
        """The Review, or None as long as it works. Raises InputError, Cancelled or PredictionFailed."""
        answer = self._job.poll()
        if answer is None:
            return None
        found, mapSurfaces, markSurfaces, segmentSurfaces = answer
        nodes = [slicer.mrmlScene.GetNodeByID(nodeID) for nodeID, _ in self._states]
        for name, node, (_, state) in zip(self._names, nodes, self._states):
            if node is None or _state(node) != state:
                raise InputError(f"{name}: was changed while it was compared; compute again.")
        for name, surface in segmentSurfaces.items():
            side, segmentID = name.split(" ", 1)
            giveSurface(nodes[int(side)].GetSegmentation().GetSegment(segmentID), surface)
        centres = [{int(number): lpsPoint(np.array(point)) for number, point in found["centres"][side].items()} for side in SIDES]
        result = ReviewResult({**found, "centres": centres}, mapSurfaces, markSurfaces, self._segmentNames)
        return putReviewIntoScene(result, *nodes, self._settings)

    @property
    def stage(self):
        """What is done now."""
        return _STAGES.get(self._job.stage, self._job.stage)

    def words(self):
        """ "Measuring distances, 42 %, 0:03"."""
        return progressWords(self.stage, self.fraction, time.monotonic() - self._began)


class _ReviewJob(WorkerJob):
    def read(self, event):
        """(the event, poly data of each map, {kind: poly data of a mark}, {"0 segment ID" or "1 segment ID": poly data of a segment of the
        reference or of the compared one}): the files are gone afterwards."""
        return (
            event,
            [read_surface(part["file"]) for part in event["maps"]],
            {kind: read_surface(path) for kind, path in event["marks"].items()},
            {name: read_surface(path) for name, path in event["surfaces"].items()},
        )


def _withoutSurfaces(nodes):
    """{"0 segment ID" or "1 segment ID": mask} of the segments that have no surface, which the views of a review show."""
    masks = {
        f"{side} {segmentID}": maskOf(node, segmentID)
        for side, node in enumerate(nodes)
        if node.GetSegmentation().ContainsRepresentation(_LABELMAP())
        for segmentID in staleIDs(node)
    }
    return {name: mask for name, mask in masks.items() if mask is not None}


def _state(segmentationNode):
    """What must not change meanwhile: the parent transform and the segments' voxels."""
    return segmentationNode.GetTransformNodeID(), voxelState(segmentationNode)
