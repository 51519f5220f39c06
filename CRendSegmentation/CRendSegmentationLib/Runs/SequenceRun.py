"""A sequence of volumes on its way, frame by frame, to a sequence of segmentations."""

import time
from typing import NamedTuple

import slicer
import vtk

from crend.confidence.plausibility import short_words
from crend.errors import InputError
from crend.io.volumes import check_image

from ..Scene.Results import describe, giveTables, placeBeside, updateTables
from ..Scene.ResultTables import fillFollicleTable, fillSummaryTable
from ..Scene.SceneTransaction import removeWithBelongings, sceneTransaction
from ..Scene.SegmentationWriter import showSegmentation, writeSegmentation
from ..Scene.VolumeImage import imageFromVolumeNode
from .Run import Waiting, progressWords


class SequenceNodes(NamedTuple):
    """What a segmented sequence leaves in the scene. segmentationNode: the one that shows the browser's frame; it has tables of
    its own, which follow it. follicleTableNode, summaryTableNode: the rows of every frame, with the columns `frame` and `index`."""

    segmentationSequenceNode: "slicer.vtkMRMLSequenceNode"
    segmentationNode: "slicer.vtkMRMLSegmentationNode"
    follicleTableNode: "slicer.vtkMRMLTableNode"
    summaryTableNode: "slicer.vtkMRMLTableNode"
    message: str


class SequenceRun(Waiting):
    """Polled as a SegmentationRun. The scene is touched by the last poll only. Raises InputError at once for an empty sequence."""

    def __init__(self, predictor, sequenceNode, settings):
        self._count = sequenceNode.GetNumberOfDataNodes()
        self._name = sequenceNode.GetName()
        if self._count == 0:
            raise InputError(f"{self._name}: the sequence has no frames; choose another one.")
        self._predictor = predictor
        self._settings = settings
        self._sequenceID = sequenceNode.GetID()
        self._results, self._surfaces = [], []
        self._began = time.monotonic()
        self._startFrame(sequenceNode)

    def poll(self):
        """SequenceNodes, or None as long as the network works. Raises InputError, Cancelled or PredictionFailed."""
        result = self._job.poll()
        if result is None:
            return None
        sequenceNode = slicer.mrmlScene.GetNodeByID(self._sequenceID)
        if sequenceNode is None or sequenceNode.GetNumberOfDataNodes() != self._count:
            raise InputError(f"{self._name}: was changed while it was segmented; apply again.")
        self._results.append(result)
        self._surfaces.append(getattr(self._job, "surfaces", {}))
        if len(self._results) < self._count:
            self._startFrame(sequenceNode)
            return None
        return putSequenceIntoScene(self._results, sequenceNode, self._surfaces)

    @property
    def fraction(self):
        """How much of all frames is done, 0 to 1."""
        return min((len(self._results) + self._job.fraction) / self._count, 1.0)

    def words(self):
        """As those of one volume, with the frame before them."""
        frame = min(len(self._results) + 1, self._count)
        return f"Frame {frame} of {self._count}: {progressWords(self.stage, self.fraction, time.monotonic() - self._began)}"

    def _startFrame(self, sequenceNode):
        number = len(self._results)
        name = f"{self._name}, frame {number + 1}"
        frame = sequenceNode.GetNthDataNode(number)
        if not frame.IsA("vtkMRMLScalarVolumeNode"):
            raise InputError(f"{name}: not a volume; choose a sequence of 3D ultrasound volumes.")
        image = imageFromVolumeNode(frame)
        check_image(image, name)
        self._job = self._predictor.start(image, name, self._settings)


def putSequenceIntoScene(results, sequenceNode, surfaces=()):
    """Write one crend Segmentation a frame into the scene: all of it, or nothing."""
    with sceneTransaction():
        name = f"{sequenceNode.GetName()} ovary"
        output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", slicer.mrmlScene.GenerateUniqueName(name))
        output.SetIndexName(sequenceNode.GetIndexName())
        output.SetIndexUnit(sequenceNode.GetIndexUnit())
        output.SetIndexType(sequenceNode.GetIndexType())
        # Data nodes are copied by the sequence; one node in the scene serves for all of them.
        carrier = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        for number, result in enumerate(results):
            writeSegmentation(carrier, sequenceNode.GetNthDataNode(number), result, surfaces[number] if surfaces else {})
            describe(carrier, result)
            showSegmentation(carrier)
            output.SetDataNodeAtValue(carrier, sequenceNode.GetNthIndexValue(number))
        removeWithBelongings(carrier)
        follicles = _perFrame(results, sequenceNode, fillFollicleTable, f"{name} follicles")
        summary = _perFrame(results, sequenceNode, fillSummaryTable, f"{name} summary")
        proxy = _showInBrowser(sequenceNode, output)
    found = sum(result.measurements.ovary is not None for result in results)
    doubtful = sum(bool(short_words(result.flags)) for result in results)
    guides = sum(result.ovary_source == "box" for result in results)
    doubts = f", outlined by the box in {guides}" if guides else ""
    doubts += f"; {doubtful} doubtful" if doubtful else ""
    return SequenceNodes(output, proxy, follicles, summary, f"an ovary in {found} of {len(results)} frames{doubts}")


def _perFrame(results, sequenceNode, fill, name):
    """A table node with the rows of every frame, one after the other."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(name))
    frames, indices, merged = vtk.vtkIntArray(), vtk.vtkStringArray(), None
    frames.SetName("frame")
    indices.SetName("index")
    for number, result in enumerate(results):
        fill(node, result.measurements)
        table = node.GetTable()
        for _ in range(table.GetNumberOfRows()):
            frames.InsertNextValue(number + 1)
            indices.InsertNextValue(sequenceNode.GetNthIndexValue(number))
        if merged is None:
            merged = vtk.vtkTable()
            merged.DeepCopy(table)
        else:
            for row in range(table.GetNumberOfRows()):
                merged.InsertNextRow(table.GetRow(row))
    merged.AddColumn(frames)
    merged.AddColumn(indices)
    node.SetAndObserveTable(merged)
    return node


def _showInBrowser(sequenceNode, output):
    """Play the segmentations with the volumes, in the browser that plays these or a new one. Returns the segmentation node that is shown."""
    logic = slicer.modules.sequences.logic()
    browser = logic.GetFirstBrowserNodeForSequenceNode(sequenceNode)
    if browser is None:
        browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{sequenceNode.GetName()} browser")
        browser.SetAndObserveMasterSequenceNodeID(sequenceNode.GetID())
    browser.AddSynchronizedSequenceNode(output)
    if browser.GetSelectedItemNumber() < 0:
        browser.SetSelectedItemNumber(0)
    logic.UpdateProxyNodesFromSequences(browser)
    proxy, volume = browser.GetProxyNode(output), browser.GetProxyNode(sequenceNode)
    showSegmentation(proxy)
    proxy.SetNodeReferenceID(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole(), volume.GetID())
    proxy.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    name = output.GetName()
    for node in (proxy, *giveTables(proxy, f"{name} follicles of the frame", f"{name} summary of the frame")):
        placeBeside(volume, node)
    updateTables(proxy)
    return proxy
