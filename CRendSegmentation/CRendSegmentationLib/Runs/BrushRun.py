"""A click on its way to another outline: the probabilities near it are asked for, then the outline is moved."""

from crend.errors import Cancelled, InputError

from ..Scene.BrushEditing import Click
from ..Scene.Results import ResultNodes, updateTables
from ..Scene.SegmentMeasurements import isGuide, voxelState
from ..Scene.Surfaces import staleIDs
from .Run import Run, extensionWords, imageToClickIn, referenceVolume
from .WorkerJobs import PredictionFailed


class BrushRun(Run):
    """A click that grows or shrinks a segment. editing: FollicleEditing. segmentID: a follicle, None: the ovary. point: (r, a, s) in the
    segmentation's own coordinates. Where the network cannot be run, the image alone decides, and the message says so.

    Raises InputError at once for a click at which nothing can be changed.
    """

    def __init__(self, predictor, editing, segmentID, point, grow, radiusMm, settings):
        self._editing, self._without = editing, ""
        node = editing.segmentationNode
        volumeNode = volumeToClickIn(node)
        image = imageToClickIn(volumeNode, editing)
        self._clickAgain = lambda: Click(node, segmentID, image, point, grow, radiusMm, volumeNode.GetName())
        self._click, self._state = self._clickAgain(), voxelState(node)
        start = lambda: predictor.startOutline(image, volumeNode.GetName(), self._click.point, radiusMm, settings)  # noqa: E731
        self._start(volumeNode, lambda: _OrWithout(start))

    def finish(self, result, volumeNode):
        """Move the outline and measure. Returns ResultNodes."""
        probabilities, why = result
        if voxelState(self._editing.segmentationNode) != self._state:  # somebody painted meanwhile: that stays
            self._click = self._clickAgain()
        probability = probabilities[0 if self._click.isOvary else 1] if probabilities else None
        mask, change = self._click.changed(probability)
        self._editing.change(self._click.segmentID, mask)
        node = self._editing.segmentationNode
        if not staleIDs(node):  # else the panel waits for surfaces and measurements
            updateTables(node)
        words = f"{self._click.name} {'grown' if change >= 0 else 'shrunk'} by {abs(change):.3f} ml"
        extension = extensionWords(self._editing)
        if extension:
            words += f". {extension}"
        if self._click.isOvary and isGuide(node):
            words += ". It is still the box's outline and not measured; draw it from contours for that"
        if why:
            words += f". By the image alone, since the network could not be asked: {why.rstrip('.')}"
        return ResultNodes(node, None, None, words)


class _OrWithout:
    """A predictor's job that ends with (its result, ""), or where it fails with (None, why)."""

    def __init__(self, start):
        self._job, self._why = None, ""
        try:
            self._job = start()
        except (PredictionFailed, InputError) as error:
            self._why = str(error)

    stage = property(lambda self: self._job.stage if self._job else "starting")
    fraction = property(lambda self: self._job.fraction if self._job else 0.0)

    def poll(self):
        if self._job is None:
            return None, self._why
        try:
            result = self._job.poll()
        except Cancelled:
            raise
        except (PredictionFailed, InputError) as error:
            return None, str(error)
        return None if result is None else (result, "")

    def cancel(self):
        if self._job is not None:
            self._job.cancel()


def volumeToClickIn(segmentationNode):
    """The volume that a segmentation was made from. InputError when it is not loaded."""
    volumeNode = referenceVolume(segmentationNode)
    if volumeNode is None:
        raise InputError(f"{segmentationNode.GetName()}: the volume that it was made from is not loaded; load it first.")
    return volumeNode


def prepare(predictor, editing, settings):
    """Let the worker make the volume ready while the user moves the mouse to the place. Returns the job, or None where that cannot be."""
    try:
        volumeNode = volumeToClickIn(editing.segmentationNode)
        return predictor.prepareOutline(imageToClickIn(volumeNode, editing), volumeNode.GetName(), settings)
    except (InputError, PredictionFailed):
        return None  # the click says why
