"""Keeps the surfaces and measurements of segmentations up to their voxels while the window stays alive."""

import traceback

import qt

from crend.errors import Cancelled

from ..Runs.MeasureRun import MeasureRun
from ..Runs.SurfaceRun import SurfaceRun
from ..Scene.KnownMeasurements import unmeasured
from ..Scene.SegmentMeasurements import measureSegments
from ..Scene.Surfaces import makeSurfaces, markStale, staleIDs, staleVoxels, surfaceOf

INTERVAL_MS = 30
#: Of so many voxels, two follicles or three, the surfaces are made, and the voxels measured, at once: it takes less than a tenth of a second.
LIGHT_VOXELS = 200_000


class SurfaceKeeper:
    """client(): the WorkerClient that makes surfaces. `request` takes the place of Surfaces.makeSurfaces."""

    def __init__(self, client):
        self._client = client
        self._runs = {}
        self._measuring = {}
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.onTimer)

    def isBusy(self, segmentationNode):
        """Whether surfaces and measurements of a segmentation are on their way."""
        return segmentationNode in self._runs or segmentationNode in self._measuring

    def measured(self, segmentationNode):
        """Whether a segmentation can be measured without making the window wait; if not, see to it that it can be soon."""
        if self.isBusy(segmentationNode):
            return False
        masks = unmeasured(segmentationNode)
        if sum(mask.GetNumberOfPixels() for mask in masks) <= LIGHT_VOXELS:
            return True
        try:
            self._measuring[segmentationNode] = MeasureRun(self._client(), masks)
        except Exception:
            traceback.print_exc()
            return True
        self._timer.start()
        return False

    def request(self, segmentationNode):
        """Let the missing and stale surfaces of a segmentation be made; a segment without one has an empty one meanwhile."""
        if segmentationNode not in self._runs and staleVoxels(segmentationNode) <= LIGHT_VOXELS:
            makeSurfaces(segmentationNode)
            return
        segmentation = segmentationNode.GetSegmentation()
        stale = staleIDs(segmentationNode)
        # Told of the first one, a 3D view would make all others at once.
        blocker = segmentationNode.StartModify()
        for segmentID in stale:
            if surfaceOf(segmentation.GetSegment(segmentID)) is None:
                markStale(segmentation.GetSegment(segmentID))
        segmentationNode.EndModify(blocker)
        # A run that is on does not know of this change; when it has ended, what is stale still is asked for once more.
        if stale and segmentationNode not in self._runs:
            self._start(segmentationNode)

    def close(self):
        """Nothing is waited for any more."""
        self._timer.stop()
        for run in (*self._runs.values(), *self._measuring.values()):
            run.cancel()
        self._runs, self._measuring = {}, {}

    def onTimer(self):
        """Look how the runs are."""
        for node, run in list(self._runs.items()):
            if _hasEnded(run, makeSurfaces, node):
                del self._runs[node]
                if node.GetScene() is not None and staleIDs(node):
                    self._start(node)
        for node, run in list(self._measuring.items()):
            if _hasEnded(run, measureSegments, node):
                del self._measuring[node]
        if not self._runs and not self._measuring:
            self._timer.stop()

    def _start(self, segmentationNode):
        try:
            self._runs[segmentationNode] = SurfaceRun(self._client(), segmentationNode)
        except Exception:
            traceback.print_exc()
            makeSurfaces(segmentationNode)
            return
        self._timer.start()


def _hasEnded(run, doHere, node):
    """Whether a run has ended. Where it failed doHere(node): the window waits, but what it shows is right."""
    try:
        return run.poll() is not None
    except Cancelled:
        pass
    except Exception:
        traceback.print_exc()  # into Slicer's log
        doHere(node)
    return True
