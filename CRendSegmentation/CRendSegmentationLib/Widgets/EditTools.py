"""The buttons that change follicles: add, add by diameter, delete, split, merge, undo, redo, Segment Editor."""

import qt
import slicer
from slicer.i18n import tr as _

from crend.errors import InputError

from ..Runs.Run import extensionWords, referenceVolume
from ..Scene.FollicleEditing import FollicleEditing
from ..Scene.Frames import browserOf
from ..Scene.SegmentMeasurements import voxelState
from . import Messages
from .SeedPlacing import SeedPlacing


class EditTools:
    """onEdited() is called after the segments changed; onAdd(editing, point) when the user clicked at a follicle to be added,
    the point in the segmentation's own coordinates. surfaces: see FollicleEditing. What was done, or cannot be, is said below the buttons."""

    def __init__(self, ui, table, onEdited, onAdd, surfaces):
        self._ui = ui
        self._table = table
        self._onEdited = onEdited
        self._onAdd = onAdd
        self._surfaces = surfaces
        self._node = None
        self._editing = None
        self._left = None
        self._others = []
        self._placing = SeedPlacing(self.onSeedPlaced, self.stopAdding)
        self._measuring = SeedPlacing(self.onMeasured, self.stopAdding, line=True)
        ui.addButton.toggled.connect(self.onAddToggled)
        ui.diameterButton.toggled.connect(self.onDiameterToggled)
        ui.deleteButton.clicked.connect(self.onDelete)
        ui.splitButton.clicked.connect(self.onSplit)
        ui.mergeButton.clicked.connect(self.onMerge)
        ui.undoButton.clicked.connect(self.onUndo)
        ui.redoButton.clicked.connect(self.onRedo)
        ui.segmentEditorButton.clicked.connect(self.onSegmentEditor)
        self._shortcuts = [
            _shortcut(widget, keys, action)
            for widget in (ui.follicleTable, ui.editSection)
            for keys, action in (
                ("Del", self.onDelete),
                ("Ctrl+Z", self.onUndo),
                ("Ctrl+Y", self.onRedo),
                ("Ctrl+Shift+Z", self.onRedo),
                ("Esc", self.onEscape),
            )
        ]
        self.show(None)

    @property
    def editing(self):
        """FollicleEditing of the segmentation that is shown, or None."""
        return self._editing

    def show(self, segmentationNode):
        """Edit this segmentation; None: none."""
        if segmentationNode is not self._node:
            self._putAside()
            self._node = segmentationNode
            self._editing = self._editingOf(segmentationNode)
            self._left = None
            self.say("")
        self.stopAdding()
        self.setEnabled(True)
        self._showUndo()

    def _putAside(self):
        """Keep the edits of the segmentation that was shown, so that they can be taken back when it is shown again."""
        self._others = [(editing, state) for editing, state in self._others if editing.segmentationNode.GetScene() is not None]
        if self._editing is not None and (self._editing.canUndo or self._editing.canRedo) and self._node.GetScene() is not None:
            self._editing.imageOfVolume = (None, None)  # large
            self._others.append((self._editing, voxelState(self._node)))

    def _editingOf(self, segmentationNode):
        """FollicleEditing of a segmentation: with its former edits, unless something else has changed its segments since."""
        if segmentationNode is None:
            return None
        found = [each for each in self._others if each[0].segmentationNode is segmentationNode]
        self._others = [each for each in self._others if each not in found]
        known = [editing for editing, state in found if state == voxelState(segmentationNode)]
        return known[0] if known else FollicleEditing(segmentationNode, self._surfaces)

    def forget(self):
        """A run has written the segments anew: no former edit can be taken back in them."""
        self._editing = FollicleEditing(self._node, self._surfaces) if self._node is not None else None
        self._left = None
        self.say("")
        self._showUndo()

    def say(self, text, failed=False):
        """Put `text` below the buttons."""
        Messages.sayBelow(self._ui.editStatusLabel, f"{text[:1].upper()}{text[1:]}", failed)

    def leave(self):
        """The user opens another module, where the segments may be changed."""
        self.stopAdding()
        self._left = (self._node, voxelState(self._node)) if self._node is not None else None

    def comeBack(self):
        """The user is here again: what was painted meanwhile is measured, and the ovary holds all follicles."""
        node, state = self._left or (None, None)
        self._left = None
        if node is None or node is not self._node or browserOf(node) is not None or voxelState(node) == state:
            return
        self._surfaces(node)  # before another edit: with it Slicer would make all that painting has dropped
        names = self._editing.extendOvary()
        self._onEdited()
        self._showUndo()
        if names:
            self.say(
                _("{extension}, since {names} reached out of it. Undo takes that back.").format(
                    extension=extensionWords(self._editing), names=", ".join(names)
                )
            )

    def setEnabled(self, enabled):
        """Whether anything can be edited now; never without a segmentation, nor in a frame of a sequence, whose edits the next frame would undo."""
        frame = browserOf(self._node) is not None
        if not enabled:
            self.stopAdding()
        self._ui.editSection.enabled = bool(enabled) and self._node is not None and not frame
        self._ui.editSection.toolTip = _("The frames of a sequence cannot be edited here.") if frame else ""

    def allowAdding(self, allowed):
        """Whether the network is free to add a follicle; the other edits do not need it."""
        self.stopAdding()
        Messages.enable(self._ui.addButton, allowed)

    def stopAdding(self):
        """Wait for no click any more."""
        self._ui.addButton.checked = False
        self._ui.diameterButton.checked = False

    def onAddToggled(self, checked):
        """The next click into a view is at a follicle; or not any more."""
        words = _("Click into the follicle, in a slice view. Right click or Escape: none.")
        self._waitForClicks(checked, self._placing, self._ui.diameterButton, words)

    def onSeedPlaced(self, worldPoint):
        """The user clicked into a view."""
        self.stopAdding()
        self._onAdd(self._editing, self._local(worldPoint))

    def onDiameterToggled(self, checked):
        """The next two clicks into a view are at opposite sides of a follicle; or not any more."""
        words = _("Click at two opposite sides of the follicle, in a slice view. Right click or Escape: none.")
        self._waitForClicks(checked, self._measuring, self._ui.addButton, words)

    def _waitForClicks(self, checked, placing, otherButton, words):
        if checked:
            otherButton.checked = False
            placing.start()
        else:
            placing.stop()
        self.say(words if checked else "")

    def onMeasured(self, *worldPoints):
        """The user clicked at both sides of a follicle."""
        self.stopAdding()
        ends = [self._local(point) for point in worldPoints]
        self._edit(lambda: self._editing.addBall(*ends), self._ballWords)

    def _local(self, worldPoint):
        local = [0.0, 0.0, 0.0]
        self._node.TransformPointFromWorld(worldPoint, local)
        return local

    def _ballWords(self, segmentID):
        words = _("{name} added as a ball; Grow here and Shrink here move its outline.").format(name=self.namesOf([segmentID])[0])
        extension = extensionWords(self._editing)
        return words + (f" {extension}." if extension else "")

    def namesOf(self, segmentIDs):
        """Names of segments."""
        segmentation = self._node.GetSegmentation()
        return [segmentation.GetSegment(segmentID).GetName() for segmentID in segmentIDs]

    def onDelete(self):
        """Remove the selected follicles."""
        self._edit(lambda: self._editing.delete(self._table.selected()), lambda gone: _("Deleted."))

    def onMerge(self):
        """Make one of the selected follicles."""
        self._edit(lambda: self._editing.merge(self._table.selected()), self._mergedWords)

    def _mergedWords(self, segmentID):
        name = self._node.GetSegmentation().GetSegment(segmentID).GetName()
        extension = extensionWords(self._editing)
        return _("Merged into {name}.").format(name=name) + (f" {extension}." if extension else "")

    def onSplit(self):
        """Divide the selected follicle."""
        selected = self._table.selected()
        if len(selected) != 1:
            self.say(_("select one follicle in the table to split."), failed=True)
            return
        self._edit(lambda: self._editing.split(selected[0]), lambda made: _("Split in {number}.").format(number=len(made)))

    def change(self, action):
        """Do action(editing), an edit that was begun elsewhere in the panel, and show what came of it. Returns what the action does."""
        done = action(self._editing)
        self._onEdited()
        self._showUndo()
        return done

    def mark(self, change, kind, words, goOn=False):
        """Hide or confirm follicles by change(segmentation node), which can be taken back; words(what it returned) is said. See FollicleEditing.mark."""
        self._edit(lambda: self._editing.mark(change, kind, goOn), words)

    def onUndo(self):
        """Take the last edit back."""
        if self._editing is not None and self._editing.canUndo:
            self._edit(self._editing.undo, lambda nothing: _("Taken back."))

    def onRedo(self):
        """Bring back the edit that was taken back last."""
        if self._editing is not None and self._editing.canRedo:
            self._edit(self._editing.redo, lambda nothing: _("Brought back."))

    def onEscape(self):
        """Wait for no click after all, or select no follicle."""
        waiting = [button for button in self._waitingButtons() if button.checked]
        for button in waiting:
            button.checked = False
        if not waiting:
            self._ui.follicleTable.clearSelection()

    def _waitingButtons(self):
        return (self._ui.addButton, self._ui.diameterButton, self._ui.growButton, self._ui.shrinkButton)

    def onSegmentEditor(self):
        """Open Segment Editor with this segmentation, the selected follicle and the volume; what is painted takes nothing from other segments."""
        selected = self._table.selected()
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.SegmentEditorWidget.editor
        editor.setSegmentationNode(self._node)
        if referenceVolume(self._node) is not None:
            editor.setSourceVolumeNode(referenceVolume(self._node))
        # A follicle is a part of the ovary: as Slicer has it at first, painting the one would take voxels out of the other.
        settings = editor.mrmlSegmentEditorNode()
        settings.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
        if selected:
            editor.setCurrentSegmentID(selected[-1])

    def _edit(self, action, words):
        if not self._ui.editSection.enabled:
            return  # by a key
        try:
            done = self.change(lambda editing: action())
        except InputError as error:
            self.say(str(error), failed=True)
            return
        self.say(words(done))

    def _showUndo(self):
        Messages.enable(self._ui.undoButton, self._editing is not None and self._editing.canUndo)
        Messages.enable(self._ui.redoButton, self._editing is not None and self._editing.canRedo)


def _shortcut(widget, keys, action):
    """A key that works while the focus is in a widget."""
    shortcut = qt.QShortcut(qt.QKeySequence(keys), widget)
    shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
    shortcut.activated.connect(action)
    return shortcut
