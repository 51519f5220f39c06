"""Work on its way, polled from the main thread: a volume to be segmented, or one follicle to be found."""

import time

import numpy as np
import slicer

from crend.errors import InputError
from crend.io.volumes import check_image

from ..Scene.Frames import browserOf
from ..Scene.Results import ResultNodes, putResultIntoScene, updateTables
from ..Scene.SegmentMeasurements import voxelState
from ..Scene.Surfaces import staleIDs
from ..Scene.VolumeImage import ijkToRas, imageFromVolumeNode, lpsPoint

POLL_SECONDS = 0.02


class Waiting:
    """What every run has beside `poll`: it blocks where a panel would poll, and passes on what its job (self._job) says."""

    cancelling = False

    def wait(self, progress=None, cancelled=None):
        """Poll until the end and return what poll returns. progress(stage, fraction); cancelled() -> bool."""
        told = None
        while True:
            found = self.poll()
            if progress is not None and (self.stage, self.fraction) != told:
                told = (self.stage, self.fraction)
                progress(*told)
            if found is not None:
                return found
            if cancelled is not None and cancelled():
                self.cancel()
            time.sleep(POLL_SECONDS)

    def cancel(self):
        """Stop; a poll within the next second raises Cancelled."""
        self.cancelling = True
        self._job.cancel()

    @property
    def stage(self):
        """What is done now, as crend names it."""
        return self._job.stage

    @property
    def fraction(self):
        """How much is done, 0 to 1."""
        return self._job.fraction


class Run(Waiting):
    """A job on one volume. Raises InputError at once for a volume that cannot be used."""

    def __init__(self, volumeNode, startJob):
        image = imageFromVolumeNode(volumeNode)
        self._name = volumeNode.GetName()
        check_image(image, self._name)
        self._start(volumeNode, lambda: startJob(image, self._name))

    def _start(self, volumeNode, startJob):
        self._name = volumeNode.GetName()
        self._volumeID = volumeNode.GetID()
        self._ijkToRas = ijkToRas(volumeNode)
        self._began = time.monotonic()
        self._job = startJob()

    def poll(self):
        """What `finish` makes of the result, or None as long as the network works. Raises InputError, Cancelled or PredictionFailed."""
        result = self._job.poll()
        if result is None:
            return None
        volumeNode = slicer.mrmlScene.GetNodeByID(self._volumeID)
        if volumeNode is None:
            raise InputError(f"{self._name}: was removed while it was segmented; load it and apply again.")
        if not np.array_equal(ijkToRas(volumeNode), self._ijkToRas):
            raise InputError(f"{self._name}: was moved while it was segmented; apply again.")
        return self.finish(result, volumeNode)

    def words(self):
        """ "Looking closely, 42 %, 0:31, about 0:43 left"."""
        return progressWords(self.stage, self.fraction, time.monotonic() - self._began)


class SegmentationRun(Run):
    """A volume on its way to ResultNodes. The scene is touched by the last poll only."""

    def __init__(self, predictor, volumeNode, segmentationNode, settings):
        if browserOf(segmentationNode) is not None:
            raise InputError(f"{segmentationNode.GetName()}: shows the frames of a sequence; let the result go to a new segmentation.")
        self._segmentationID = segmentationNode.GetID() if segmentationNode is not None else None
        self._state = voxelState(segmentationNode) if segmentationNode is not None else None
        super().__init__(volumeNode, lambda image, name: predictor.start(image, name, settings))

    def finish(self, result, volumeNode):
        """Write the result into the scene: into a new segmentation if somebody changed the given one meanwhile."""
        segmentationNode = slicer.mrmlScene.GetNodeByID(self._segmentationID) if self._segmentationID else None
        if segmentationNode is not None and voxelState(segmentationNode) != self._state:
            segmentationNode = None
        return putResultIntoScene(result, volumeNode, segmentationNode, getattr(self._job, "surfaces", {}))


class FollicleRun(Run):
    """A point on its way to a follicle of an existing segmentation.

    editing: FollicleEditing of the segmentation. point: (r, a, s) in the segmentation's own coordinates.
    """

    def __init__(self, predictor, editing, point, settings):
        self._editing = editing
        segmentationNode = editing.segmentationNode
        volumeNode = referenceVolume(segmentationNode)
        if volumeNode is None:
            raise InputError(f"{segmentationNode.GetName()}: the volume that it was made from is not loaded; load it first.")
        image = imageToClickIn(volumeNode, editing)
        self._start(volumeNode, lambda: predictor.startFollicle(image, volumeNode.GetName(), lpsPoint(point), settings))

    def finish(self, result, volumeNode):
        """Add the follicle and measure it. Returns ResultNodes."""
        segmentID = self._editing.add(result)
        node = self._editing.segmentationNode
        if not staleIDs(node):  # else the panel waits for surfaces and measurements
            updateTables(node)
        extension = extensionWords(self._editing)
        added = f"{node.GetSegmentation().GetSegment(segmentID).GetName()} added"
        return ResultNodes(node, None, None, f"{added}. {extension}" if extension else added)


def imageToClickIn(volumeNode, editing):
    """The checked image of a volume node, kept with what is edited as long as the node holds the same voxels in the same place."""
    data = volumeNode.GetImageData()
    state = (volumeNode.GetID(), data and data.GetMTime(), ijkToRas(volumeNode).tobytes())
    kept = editing.imageOfVolume
    if kept[0] != state:
        image = imageFromVolumeNode(volumeNode)
        check_image(image, volumeNode.GetName())
        editing.imageOfVolume = kept = (state, image)
    return kept[1]


def extensionWords(editing):
    """ "The ovary was extended by 0.013 ml" if the last edit did so, else ""."""
    return f"The ovary was extended by {editing.extendedMl:.3f} ml" if editing.extendedMl else ""


def referenceVolume(segmentationNode):
    """The volume that a segmentation was made from, or None."""
    return segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())


STAGE_WORDS = {
    "starting": "Starting the network",
    "loading": "Loading the model",
    "model grid": "Preparing the volume",
    "search": "Looking for the ovary",
    "windows": "Looking closely",
    "full resolution": "Drawing the outlines",
    "follicles": "Separating follicles",
    "measurements": "Measuring",
    "done": "Measuring",
}


def progressWords(stage, fraction, elapsed):
    """One line on a run: stage, percent, time taken and, once that can be said, time left. elapsed in seconds."""
    return timeWords(STAGE_WORDS.get(stage, stage.capitalize()), fraction, elapsed)


def timeWords(what, fraction, elapsed):
    """As `progressWords`, of anything that is under way."""
    words = f"{what}, {100 * fraction:.0f} %, {_clock(elapsed)}"
    if fraction > 0.05 and elapsed > 1:
        words += f", about {_clock(elapsed * (1 - fraction) / fraction)} left"
    return words


def _clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
