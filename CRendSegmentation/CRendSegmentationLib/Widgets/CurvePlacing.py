"""Clicks into a view as the points of a curve, until the user ends it."""

import qt
import slicer


class CurvePlacing:
    """Between start(curve) and stop() every click sets a point of a markups node; onEnded() is called when the user ends that: a right click, a
    double click, Escape, another mouse mode. It is called when the view is done with its event."""

    def __init__(self, onEnded):
        self._onEnded = onEnded
        self._node = None
        self._observation = None

    def start(self, node):
        """Let clicks set the points of `node`."""
        self.stop()
        self._node = node
        selection = slicer.app.applicationLogic().GetSelectionNode()
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetActivePlaceNodeID(node.GetID())
        interaction = _interactionNode()
        # Not persistent: then a right click ends this curve, and begins no other.
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.Place)
        tag = interaction.AddObserver(slicer.vtkMRMLInteractionNode.InteractionModeChangedEvent, self.onModeChanged)
        self._observation = (interaction, tag)

    def stop(self):
        """Clicks set no points any more. Returns the node, or None."""
        node, self._node = self._node, None
        if self._observation is not None:
            self._observation[0].RemoveObserver(self._observation[1])
            self._observation = None
        if node is not None and _isPlacing():
            _interactionNode().SwitchToViewTransformMode()
        return node

    def onModeChanged(self, caller, event):
        """The mouse places no more."""
        node = self._node
        qt.QTimer.singleShot(0, lambda: self._settle(node))

    def _settle(self, node):
        if node is not None and node is self._node and not _isPlacing():
            self._onEnded()


def _interactionNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")


def _isPlacing():
    node = _interactionNode()
    return node is not None and node.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
