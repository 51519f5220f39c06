"""One volume on its way from node to result, polled from the main thread."""

import time

import numpy as np
import slicer

from crend.errors import InputError
from crend.image import check_image

from .Results import putResultIntoScene
from .VolumeImage import ijkToRas, imageFromVolumeNode

POLL_SECONDS = 0.02


class SegmentationRun:
    """Started when made; `poll` until it gives ResultNodes or raises. The scene is touched by the last poll only.

    Raises InputError at once for a volume that cannot be segmented.
    """

    def __init__(self, predictor, volumeNode, segmentationNode, settings):
        image = imageFromVolumeNode(volumeNode)
        self._name = volumeNode.GetName()
        check_image(image, self._name)
        self._volumeID = volumeNode.GetID()
        self._segmentationID = segmentationNode.GetID() if segmentationNode is not None else None
        self._ijkToRas = ijkToRas(volumeNode)
        self._began = time.monotonic()
        self.cancelling = False
        self._job = predictor.start(image, self._name, settings)

    def poll(self):
        """ResultNodes, or None as long as the network works. Raises InputError, Cancelled or PredictionFailed."""
        result = self._job.poll()
        if result is None:
            return None
        volumeNode = slicer.mrmlScene.GetNodeByID(self._volumeID)
        if volumeNode is None:
            raise InputError(f"{self._name}: was removed while it was segmented; load it and apply again.")
        if not np.array_equal(ijkToRas(volumeNode), self._ijkToRas):
            raise InputError(f"{self._name}: was moved while it was segmented; apply again.")
        segmentationNode = slicer.mrmlScene.GetNodeByID(self._segmentationID) if self._segmentationID else None
        return putResultIntoScene(result, volumeNode, segmentationNode)

    def cancel(self):
        """Stop; a poll within the next second raises Cancelled."""
        self.cancelling = True
        self._job.cancel()

    def wait(self, progress=None, cancelled=None):
        """Poll until the end and return the ResultNodes. progress(stage, fraction); cancelled() -> bool."""
        told = None
        while True:
            nodes = self.poll()
            if progress is not None and (self.stage, self.fraction) != told:
                told = (self.stage, self.fraction)
                progress(*told)
            if nodes is not None:
                return nodes
            if cancelled is not None and cancelled():
                self.cancel()
            time.sleep(POLL_SECONDS)

    @property
    def stage(self):
        """What is done now, as crend names it."""
        return self._job.stage

    @property
    def fraction(self):
        """How much is done, 0 to 1."""
        return self._job.fraction

    @property
    def elapsed(self):
        """Seconds since the start."""
        return time.monotonic() - self._began

    def words(self):
        """"Looking closely, 42 %, 0:31, about 0:43 left"."""
        return progressWords(self.stage, self.fraction, self.elapsed)


STAGE_WORDS = {
    "starting": "Starting the network", "loading": "Loading the model", "model grid": "Preparing the volume",
    "search": "Looking for the ovary", "windows": "Looking closely", "full resolution": "Drawing the outlines",
    "follicles": "Separating follicles", "measurements": "Measuring", "done": "Measuring",
}


def progressWords(stage, fraction, elapsed):
    """One line on a run: stage, percent, time taken and, once that can be said, time left. elapsed in seconds."""
    words = f"{STAGE_WORDS.get(stage, stage.capitalize())}, {100 * fraction:.0f} %, {_clock(elapsed)}"
    if fraction > 0.05 and elapsed > 1:
        words += f", about {_clock(elapsed * (1 - fraction) / fraction)} left"
    return words


def _clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
