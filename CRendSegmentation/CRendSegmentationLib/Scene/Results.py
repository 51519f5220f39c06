"""A result in the scene: segmentation and tables, together, in the volume's study."""

import json
from typing import NamedTuple

import SimpleITK as sitk
import slicer

from crend.result import Segmentation
from crend.structures.measurements import measure

from .FollicleMarks import confirmedNames, dropOutdated
from .Frames import browserOf, volumeOf
from .KnownMeasurements import rememberResult
from .ResultTables import fillFollicleTable, fillSummaryTable
from .SceneTransaction import sceneTransaction
from .SegmentationWriter import dress, showSegmentation, writeSegmentation
from .SegmentMeasurements import SEGMENTS_ATTRIBUTE, follicleIDs, isGuide, manualNames, measureSegments, ovaryID, tagGuide
from .Surfaces import makeSurfaces
from .VolumeImage import PROBABILITY_ATTRIBUTE, ijkToRasMatrix, imageFromVolumeNode

#: Node references from the segmentation to its tables; they are saved with the scene.
FOLLICLE_TABLE_ROLE = "CRend.FollicleTable"
SUMMARY_TABLE_ROLE = "CRend.SummaryTable"
PROBABILITY_ROLES = ("CRend.OvaryProbability", "CRend.FollicleProbability")
NOTICE = "Research use only."  # where no model says more
#: In place of a model's name, where no model was asked.
DRAWN = "none, drawn by hand"


class ResultNodes(NamedTuple):
    """What a segmentation leaves in the scene. `message` says it in words: "1 ovary of 8.2 ml with 7 follicles"."""

    segmentationNode: "slicer.vtkMRMLSegmentationNode"
    follicleTableNode: "slicer.vtkMRMLTableNode"
    summaryTableNode: "slicer.vtkMRMLTableNode"
    message: str


def putResultIntoScene(result, volumeNode, segmentationNode=None, surfaces=()):
    """Write a crend Segmentation of `volumeNode` into the scene, into `segmentationNode` if there is one, else into a new one.

    A segmentation that was written before keeps its tables: they are overwritten. Either everything is written or nothing.
    surfaces: {segment ID: vtkPolyData}, where they are known already; the others Slicer makes.
    """
    tables = [tableOf(segmentationNode, role) for role in (FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE)]
    volumes = [tableOf(segmentationNode, role) for role in PROBABILITY_ROLES]
    with sceneTransaction(segmentationNode, *tables, *volumes):
        name = volumeNode.GetName()
        if segmentationNode is None:
            segmentationNode = _newNode("vtkMRMLSegmentationNode", f"{name} ovary")
        writeSegmentation(segmentationNode, volumeNode, result, surfaces)
        describe(segmentationNode, result)
        follicleTable, summaryTable = giveTables(segmentationNode, f"{name} follicles", f"{name} ovary summary")
        rememberResult(segmentationNode, result.measurements)
        fillFollicleTable(follicleTable, result.measurements)
        fillSummaryTable(summaryTable, result.measurements)
        kept = _writeProbabilities(segmentationNode, volumeNode, result)
        for node in (segmentationNode, follicleTable, summaryTable, *kept):
            placeBeside(volumeNode, node)
        showSegmentation(segmentationNode)
    return ResultNodes(segmentationNode, follicleTable, summaryTable, result.message)


def putEmptyResultIntoScene(volumeNode):
    """A new segmentation of a volume in which nothing is yet, with its tables, for somebody to draw into. Returns the node."""
    image = imageFromVolumeNode(volumeNode)
    ovary, follicles = sitk.Image(image.GetSize(), sitk.sitkUInt8), sitk.Image(image.GetSize(), sitk.sitkUInt16)
    for labels in (ovary, follicles):
        labels.CopyInformation(image)
    return putResultIntoScene(Segmentation(ovary, follicles, measure(ovary, follicles), {"bundle": DRAWN}), volumeNode).segmentationNode


def updateTables(segmentationNode):
    """Measure the segments as they are now and bring the segmentation's tables up to date. Returns the Measurements.

    Follicles that are not as the model drew them are marked as edited by hand; confirmed ones that were changed are not confirmed any more.
    """
    dropOutdated(segmentationNode)
    follicleTable, summaryTable = (tableOf(segmentationNode, role) for role in (FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE))
    measurements = measureSegments(segmentationNode)
    if follicleTable is not None:
        fillFollicleTable(follicleTable, measurements, manualNames(segmentationNode, measurements), confirmedNames(segmentationNode))
    if summaryTable is not None:
        fillSummaryTable(summaryTable, measurements)
    return measurements


def adopt(segmentationNode, surfaces=makeSurfaces):
    """Give a segmentation that comes from elsewhere, a file or somebody's hand, what a result has: tables, and its looks.

    Nothing for one without an ovary or follicles, for one that has its tables, and for the frame of a sequence.
    surfaces(segmentationNode) makes the surfaces that are missing.
    """
    if tableOf(segmentationNode, FOLLICLE_TABLE_ROLE) is not None or browserOf(segmentationNode) is not None:
        return
    segmentation = segmentationNode.GetSegmentation()
    if ovaryID(segmentation) is None and not follicleIDs(segmentation):
        return
    dress(segmentationNode, surfaces)
    if isGuide(segmentationNode):  # of a file that was painted on it is an ovary by now
        tagGuide(segmentationNode)
    name = segmentationNode.GetName()
    for table in giveTables(segmentationNode, f"{name} follicles", f"{name} summary"):
        placeBeside(segmentationNode, table)
    updateTables(segmentationNode)


def giveTables(segmentationNode, follicleName, summaryName):
    """The follicle table and the summary table of a segmentation, made under these names where it has none yet."""
    tables = []
    for role, name in ((FOLLICLE_TABLE_ROLE, follicleName), (SUMMARY_TABLE_ROLE, summaryName)):
        table = tableOf(segmentationNode, role) or _newNode("vtkMRMLTableNode", name)
        segmentationNode.SetNodeReferenceID(role, table.GetID())
        tables.append(table)
    return tuple(tables)


def tableOf(segmentationNode, role):
    """The table that belongs to a segmentation, or None."""
    return segmentationNode.GetNodeReference(role) if segmentationNode is not None else None


def resultOf(inputNode, chosen=None):
    """The segmentation into which the next result of a volume, or of a sequence, may go: `chosen` if that was made from it, else the last
    one that a run made from it, or None."""
    volumeNode = volumeOf(inputNode)
    if volumeNode is None:
        return None
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    if chosen is not None and chosen.GetNodeReference(role) is volumeNode:
        return chosen
    # What the user drew on this volume is no result: a run must not overwrite it unasked.
    made = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if node.GetNodeReference(role) is volumeNode and tableOf(node, FOLLICLE_TABLE_ROLE) is not None
    ]
    return made[-1] if made else None


def showResultsOf(volumeNode):
    """Show the results of this volume, and hide those of others: of an earlier patient they would lie over it."""
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if tableOf(node, FOLLICLE_TABLE_ROLE) is not None and node.GetDisplayNode() is not None and node.GetNodeReference(role) is not None:
            node.GetDisplayNode().SetVisibility(node.GetNodeReference(role) is volumeNode)


def _writeProbabilities(segmentationNode, volumeNode, result):
    """One volume node a channel, under the volume's parent transform, if the result has probabilities. Returns the nodes."""
    nodes = []
    for role, words, image in zip(PROBABILITY_ROLES, ("ovary probability", "follicle probability"), result.probabilities or ()):
        node = segmentationNode.GetNodeReference(role) or _newNode("vtkMRMLScalarVolumeNode", f"{volumeNode.GetName()} {words}")
        slicer.util.updateVolumeFromArray(node, sitk.GetArrayFromImage(image))
        node.SetIJKToRASMatrix(ijkToRasMatrix(image))
        node.SetAttribute(PROBABILITY_ATTRIBUTE, "1")
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        segmentationNode.SetNodeReferenceID(role, node.GetID())
        nodes.append(node)
    return nodes


def _newNode(className, name):
    return slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))


def describe(segmentationNode, result):
    """Where the segmentation comes from, as attributes that are saved with the scene."""
    for key, value in {"message": result.message, "notice": NOTICE, **result.provenance}.items():
        text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
        segmentationNode.SetAttribute(f"CRend.{key}", text)
    segmentationNode.SetAttribute(SEGMENTS_ATTRIBUTE, str(segmentationNode.GetSegmentation().GetNumberOfSegments()))


def placeBeside(volumeNode, node):
    """Put `node` into the subject hierarchy's study (or folder) that holds the volume."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    volumeItem = hierarchy.GetItemByDataNode(volumeNode)
    hierarchy.CreateItem(hierarchy.GetItemParent(volumeItem) if volumeItem else hierarchy.GetSceneItemID(), node)
