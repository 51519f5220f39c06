"""The buttons that change follicles: add, delete, split, merge, undo, Segment Editor."""

import slicer
from slicer.i18n import tr as _

from crend.errors import InputError

from ..Scene.FollicleEditing import FollicleEditing
from ..Scene.Frames import browserOf
from .SeedPlacing import SeedPlacing


class EditTools:
    """onEdited() is called after the segments changed; onAdd(editing, point) when the user clicked at a follicle to be added,
    the point in the segmentation's own coordinates; onProblem(text) when something cannot be done."""

    def __init__(self, ui, table, onEdited, onAdd, onProblem):
        self._ui = ui
        self._table = table
        self._onEdited = onEdited
        self._onAdd = onAdd
        self._onProblem = onProblem
        self._node = None
        self._editing = None
        self._placing = SeedPlacing(self.onSeedPlaced, self.stopAdding)
        ui.addButton.toggled.connect(self.onAddToggled)
        ui.deleteButton.clicked.connect(self.onDelete)
        ui.splitButton.clicked.connect(self.onSplit)
        ui.mergeButton.clicked.connect(self.onMerge)
        ui.undoButton.clicked.connect(self.onUndo)
        ui.segmentEditorButton.clicked.connect(self.onSegmentEditor)
        self.show(None)

    def show(self, segmentationNode):
        """Edit this segmentation; None: none."""
        if segmentationNode is not self._node:
            self._node = segmentationNode
            self._editing = FollicleEditing(segmentationNode) if segmentationNode is not None else None
        self.stopAdding()
        self.setEnabled(True)
        self._showUndo()

    def forget(self):
        """A run has written the segments anew: no former edit can be taken back in them."""
        self._editing = FollicleEditing(self._node) if self._node is not None else None
        self._showUndo()

    def setEnabled(self, enabled):
        """Whether anything can be edited now; never without a segmentation, nor in a frame of a sequence, whose edits the next frame would undo."""
        frame = browserOf(self._node) is not None
        if not enabled:
            self.stopAdding()
        self._ui.editSection.enabled = enabled and self._node is not None and not frame
        self._ui.editSection.toolTip = _("The frames of a sequence cannot be edited here.") if frame else ""

    def allowAdding(self, allowed):
        """Whether the network is free to add a follicle; the other edits do not need it."""
        self.stopAdding()
        self._ui.addButton.enabled = allowed

    def stopAdding(self):
        """Wait for no click any more."""
        self._ui.addButton.checked = False

    def onAddToggled(self, checked):
        """The next click into a view is at a follicle; or not any more."""
        if checked:
            self._placing.start()
        else:
            self._placing.stop()

    def onSeedPlaced(self, worldPoint):
        """The user clicked into a view."""
        self.stopAdding()
        local = [0.0, 0.0, 0.0]
        self._node.TransformPointFromWorld(worldPoint, local)
        self._onAdd(self._editing, local)

    def onDelete(self):
        """Remove the selected follicles."""
        self._edit(lambda: self._editing.delete(self._table.selected()))

    def onMerge(self):
        """Make one of the selected follicles."""
        self._edit(lambda: self._editing.merge(self._table.selected()))

    def onSplit(self):
        """Divide the selected follicle."""
        selected = self._table.selected()
        if len(selected) != 1:
            self._onProblem(_("select one follicle in the table to split."))
            return
        self._edit(lambda: self._editing.split(selected[0]))

    def onUndo(self):
        """Take the last edit back."""
        self._edit(self._editing.undo)

    def onSegmentEditor(self):
        """Open Segment Editor with this segmentation."""
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.SegmentEditorWidget.editor
        editor.setSegmentationNode(self._node)

    def _edit(self, action):
        try:
            action()
        except InputError as error:
            self._onProblem(str(error))
            return
        self._onEdited()
        self._showUndo()

    def _showUndo(self):
        self._ui.undoButton.enabled = self._editing is not None and self._editing.canUndo
