"""One click into a view, as a point in the world."""

import qt
import slicer

from .SceneTransaction import removeWithBelongings


class SeedPlacing:
    """Between start() and stop() the next click into a slice or 3D view calls onPlaced((r, a, s) in the world)."""

    def __init__(self, onPlaced):
        self._onPlaced = onPlaced
        self._node = None
        self._tag = None

    def start(self):
        """Wait for a click."""
        self.stop()
        self._node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Follicle seed")
        self._node.SetSaveWithScene(False)
        self._node.CreateDefaultDisplayNodes()
        self._node.GetDisplayNode().SetPointLabelsVisibility(False)
        self._tag = self._node.AddObserver(slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent, self.onPointDefined)
        logic = slicer.modules.markups.logic()
        logic.SetActiveList(self._node)
        logic.StartPlaceMode(False)

    def stop(self):
        """Do not wait any more; nothing of it stays in the scene."""
        if self._node is None:
            return
        node, self._node = self._node, None
        node.RemoveObserver(self._tag)
        interaction = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        if interaction is not None:
            interaction.SwitchToViewTransformMode()
        removeWithBelongings(node)

    def onPointDefined(self, caller, event):
        """The click. The view that tells of it goes on with the node afterwards, so the node must not be removed before that is over."""
        node, point = self._node, [0.0, 0.0, 0.0]
        node.GetNthControlPointPositionWorld(0, point)
        qt.QTimer.singleShot(0, lambda: self._place(node, point))

    def _place(self, node, point):
        if node is self._node:
            self._onPlaced(point)
