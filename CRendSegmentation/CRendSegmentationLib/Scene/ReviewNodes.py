"""A review in the scene: tables, distance maps and marks, together in a folder beside the reference. One review a pair."""

from typing import NamedTuple

import slicer

from .ReviewDisplay import addDistanceMap, addMark
from .ReviewLabels import outlinesDigest
from .ReviewTables import fillMatchTable, fillMetricsTable
from .SceneTransaction import removeWithBelongings, sceneTransaction

_ATTRIBUTE = "CRend.Review"
_REFERENCE, _COMPARED, _MATCHES = "CRend.Review.Reference", "CRend.Review.Compared", "CRend.Review.Matches"
_MAPS, _MARKS = "CRend.Review.Maps", {"missed": "CRend.Review.Missed", "false": "CRend.Review.False"}


class Review:
    """What a review left in the scene, found again by node references that are saved with it. metricsTableNode holds them."""

    def __init__(self, metricsTableNode):
        self.metricsTableNode = metricsTableNode

    referenceNode = property(
        lambda self: self.metricsTableNode.GetNodeReference(_REFERENCE), doc="The segmentation that was the reference, or None."
    )
    comparedNode = property(
        lambda self: self.metricsTableNode.GetNodeReference(_COMPARED), doc="The segmentation that was compared, or None."
    )
    matchTableNode = property(lambda self: self.metricsTableNode.GetNodeReference(_MATCHES), doc="One row a follicle.")
    notes = property(
        lambda self: self.metricsTableNode.GetAttribute("CRend.notes").split("\n"), doc="What must be known beside the figures."
    )
    message = property(lambda self: self.notes[0].rstrip(".") or "Compared", doc="What came out, in words.")

    @property
    def outdated(self):
        """Whether the outlines of either segmentation have changed since they were compared."""
        noted = (self.metricsTableNode.GetAttribute("CRend.outlines") or "").split()
        nodes = (self.referenceNode, self.comparedNode)
        return any(node is not None and outlinesDigest(node) != text for node, text in zip(nodes, noted))

    @property
    def maps(self):
        """{(structure, side): model node}, in the order of their views."""
        node = self.metricsTableNode
        found = [node.GetNthNodeReference(_MAPS, index) for index in range(node.GetNumberOfNodeReferences(_MAPS))]
        return {(model.GetAttribute("CRend.structure"), model.GetAttribute("CRend.side")): model for model in found if model is not None}

    @property
    def marks(self):
        """{"missed": model node, "false": model node}, as far as there are any."""
        found = {kind: self.metricsTableNode.GetNodeReference(role) for kind, role in _MARKS.items()}
        return {kind: model for kind, model in found.items() if model is not None}

    @property
    def sides(self):
        """Which directions were asked for: from "reference", from "compared", or both."""
        return tuple(self.metricsTableNode.GetAttribute("CRend.sides").split())

    @property
    def percentile(self):
        """Of the Hausdorff distance."""
        return float(self.metricsTableNode.GetAttribute("CRend.percentile"))

    def nodes(self):
        """Every node of it."""
        return [
            node for node in (*self.maps.values(), *self.marks.values(), self.matchTableNode, self.metricsTableNode) if node is not None
        ]


class ReviewResult(NamedTuple):
    """What the worker found. figures, maps, tops, centres, notes: as crend.worker.review_files.answer says; polyData of each map and mark; names."""

    found: dict
    mapSurfaces: list
    markSurfaces: dict
    names: tuple


def reviews():
    """Every review in the scene."""
    return [Review(node) for node in slicer.util.getNodesByClass("vtkMRMLTableNode") if node.GetAttribute(_ATTRIBUTE)]


def reviewOf(referenceNode, comparedNode):
    """The review of this pair, or None."""
    if referenceNode is None or comparedNode is None:
        return None
    return next((each for each in reviews() if each.referenceNode is referenceNode and each.comparedNode is comparedNode), None)


def putReviewIntoScene(result, referenceNode, comparedNode, settings):
    """Write a ReviewResult into the scene in place of the pair's former review. Either everything is written or nothing. Returns Review."""
    former = reviewOf(referenceNode, comparedNode)
    with sceneTransaction():
        title = f"{comparedNode.GetName()} against {referenceNode.GetName()}"
        metrics = _newTable(f"{title}: figures")
        matches = _newTable(f"{title}: follicles")
        fillMetricsTable(metrics, result.found["figures"], settings.percentile)
        fillMatchTable(matches, result.found["figures"], result.names, result.found["centres"])
        metrics.SetAttribute(_ATTRIBUTE, "1")
        for key, text in (
            ("notes", "\n".join(result.found["notes"])),
            ("sides", " ".join(settings.sides)),
            ("percentile", str(settings.percentile)),
            ("outlines", " ".join(map(outlinesDigest, (referenceNode, comparedNode)))),
        ):
            metrics.SetAttribute(f"CRend.{key}", text)
        for role, node in ((_REFERENCE, referenceNode), (_COMPARED, comparedNode), (_MATCHES, matches)):
            metrics.SetNodeReferenceID(role, node.GetID())
        models = []
        for part, surface in zip(result.found["maps"], result.mapSurfaces):
            whose = referenceNode if part["side"] == "reference" else comparedNode
            model = addDistanceMap(
                surface,
                f"{whose.GetName()}: {part['structure']} distance",
                part,
                settings.top or result.found["tops"][part["structure"]],
                settings.signed,
            )
            model.SetAttribute("CRend.structure", part["structure"])
            model.SetAttribute("CRend.side", part["side"])
            metrics.AddNodeReferenceID(_MAPS, model.GetID())
            models.append(model)
        for kind, surface in result.markSurfaces.items():
            models.append(addMark(surface, f"{title}: {kind} follicles", kind))
            metrics.SetNodeReferenceID(_MARKS[kind], models[-1].GetID())
        for model in models:
            model.SetAndObserveTransformNodeID(referenceNode.GetTransformNodeID())
        _placeInFolder(f"{title}: review", referenceNode, [metrics, matches, *models], former)
    if former is not None:
        removeReview(former)
    return Review(metrics)


def removeReview(review):
    """Take all of a review out of the scene."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(review.metricsTableNode)
    folder = hierarchy.GetItemParent(item) if item else 0
    for node in review.nodes():
        removeWithBelongings(node)
    ours = folder and folder != hierarchy.GetSceneItemID() and hierarchy.GetItemDataNode(folder) is None
    if ours and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def _newTable(name):
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", name)


def _placeInFolder(name, referenceNode, nodes, former):
    """Into a folder in the study, or folder, of the reference; the former review's, if there is one."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(referenceNode)
    folder = 0
    if former is not None:
        folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(former.metricsTableNode))
    if not folder or folder == hierarchy.GetSceneItemID():
        folder = hierarchy.CreateFolderItem(hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID(), name)
    for node in nodes:
        hierarchy.CreateItem(folder, node)
