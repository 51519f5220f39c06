"""One click into a view as a point in the world, or two as the ends of a line."""

import qt
import slicer

from ..Scene.SceneTransaction import removeWithBelongings

CIRCLE_OPACITY = 0.3


class SeedPlacing:
    """Between start() and stop() the next click into a slice or 3D view calls onPlaced((r, a, s) in the world); with line the next two clicks
    do, with both points, and the line between them is shown with its length.

    onEnded() is called when something else ends the waiting: a right click, Escape, another mouse mode. Both are called when the view
    is done with its event: it goes on with the seed's node after the event, so that must not be removed earlier.
    """

    def __init__(self, onPlaced, onEnded, line=False):
        self._onPlaced = onPlaced
        self._onEnded = onEnded
        self._kind = ("vtkMRMLMarkupsLineNode", "Diameter", 2) if line else ("vtkMRMLMarkupsFiducialNode", "Follicle seed", 1)
        self._node = None
        self._points = []
        self._observations = []

    def start(self, radiusMm=None):
        """Wait for a click. radiusMm: show a circle of this radius at the mouse."""
        self.stop()
        self._points = []
        self._node = slicer.mrmlScene.AddNewNodeByClass(*self._kind[:2])
        self._node.SetSaveWithScene(False)
        self._node.CreateDefaultDisplayNodes()
        self._node.GetDisplayNode().SetPointLabelsVisibility(False)
        if radiusMm is not None:
            self.setRadius(radiusMm)
        logic = slicer.modules.markups.logic()
        logic.SetActiveList(self._node)
        logic.StartPlaceMode(False)
        self._observe(self._node, slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent, self.onPointDefined)
        if _interactionNode() is not None:
            self._observe(_interactionNode(), slicer.vtkMRMLInteractionNode.InteractionModeChangedEvent, self.onModeChanged)

    def setRadius(self, radiusMm):
        """Show the seed that follows the mouse as a translucent circle of this radius in mm; in 3D as a ball."""
        if self._node is None:
            return
        display = self._node.GetDisplayNode()
        display.SetGlyphType(slicer.vtkMRMLMarkupsDisplayNode.Sphere3D)
        display.SetUseGlyphScale(False)
        display.SetGlyphSize(2 * radiusMm)
        display.SetOpacity(CIRCLE_OPACITY)

    def stop(self):
        """Do not wait any more; nothing of it stays in the scene."""
        if self._node is None:
            return
        for subject, tag in self._observations:
            subject.RemoveObserver(tag)
        self._observations = []
        node, self._node = self._node, None
        if _isPlacing():
            _interactionNode().SwitchToViewTransformMode()
        removeWithBelongings(node)

    def onPointDefined(self, caller, event):
        """A click."""
        if caller.GetNumberOfDefinedControlPoints() < self._kind[2]:
            return
        self._points = [[0.0, 0.0, 0.0] for _ in range(self._kind[2])]
        for index, point in enumerate(self._points):
            caller.GetNthControlPointPositionWorld(index, point)
        self._settleLater()

    def onModeChanged(self, caller, event):
        """The mouse places no more: after the last click, or instead of it."""
        self._settleLater()

    def _settleLater(self):
        node = self._node
        qt.QTimer.singleShot(0, lambda: self._settle(node))

    def _settle(self, node):
        if node is None or node is not self._node:
            return
        if self._points:
            self._onPlaced(*self._points)
        elif not _isPlacing():
            self._onEnded()

    def _observe(self, subject, event, callback):
        self._observations.append((subject, subject.AddObserver(event, callback)))


def _interactionNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")


def _isPlacing():
    node = _interactionNode()
    return node is not None and node.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
