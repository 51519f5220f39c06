"""Grow here, Shrink here: clicks into a view that move the outline of the ovary, or of the selected follicle."""

from slicer.i18n import tr as _

from ..Scene.Stretch import stretchOf
from . import Messages
from .SeedPlacing import SeedPlacing


class BrushTools:
    """As long as a button is down each click calls onClick(editing, segment ID or None for the ovary, point, grow, radius in mm); the point is in
    the segmentation's own coordinates. onReady(editing) is called when a button goes down: what can be done before the click. edit: EditTools."""

    def __init__(self, ui, table, edit, onClick, onReady):
        self._ui = ui
        self._table = table
        self._edit = edit
        self._onClick = onClick
        self._onReady = onReady
        self._busy = False
        self._again = None
        self._placing = SeedPlacing(self.onPlaced, self.stop)
        self._buttons = (ui.growButton, ui.shrinkButton)
        ui.growButton.toggled.connect(lambda checked: self.onToggled(ui.growButton, checked))
        ui.shrinkButton.toggled.connect(lambda checked: self.onToggled(ui.shrinkButton, checked))
        self._others = (ui.addButton, ui.diameterButton)
        for button in self._others:
            button.toggled.connect(self.onOtherToggled)
        ui.brushSpinBox.valueChanged.connect(self.onBrushChanged)

    def stop(self):
        """Wait for no click any more."""
        self._again = None
        for button in self._buttons:
            button.checked = False

    def allow(self, allowed):
        """Whether the network is free to say what lies near a click."""
        if not allowed:
            self.stop()
        for button in self._buttons:
            Messages.enable(button, allowed)

    def setEnabled(self, enabled):
        """A run begins or has ended: after one that a click began the next click is waited for, with the same button."""
        self._busy = not enabled
        if not enabled:
            again = self._again
            self.stop()
            self._again = again
        else:
            self._goOn()

    def onToggled(self, button, checked):
        """The next clicks grow, or shrink; or not any more."""
        if not checked:
            self._placing.stop()
            self._edit.say("")
            return
        for other in (*self._buttons, *self._others):
            if other is not button:
                other.checked = False
        self._placing.start(self._radiusShown())
        self._onReady(self._edit.editing)
        self._edit.say(self._hint(button))

    def onOtherToggled(self, checked):
        """Add, or Add by diameter, waits for a click: then these do not."""
        if checked:
            self.stop()

    def onBrushChanged(self):
        """Another brush: the circle at the mouse shows it."""
        self._placing.setRadius(self._radiusShown())

    def onPlaced(self, worldPoint):
        """The user clicked into a view."""
        button = next((button for button in self._buttons if button.checked), None)
        selected = self._table.selected()
        editing = self._edit.editing
        self._placing.stop()
        if button is None or editing is None:
            return
        self._again = button
        if len(selected) > 1:
            self._edit.say(_("select one follicle in the table, or none for the ovary."), failed=True)
        else:
            local = [0.0, 0.0, 0.0]
            editing.segmentationNode.TransformPointFromWorld(worldPoint, local)
            grow = button is self._ui.growButton
            self._onClick(editing, selected[0] if selected else None, local, grow, self._ui.brushSpinBox.value)
        if not self._busy:
            self._goOn()

    def _goOn(self):
        button, self._again = self._again, None
        if button is None or not self._ui.editSection.enabled:
            return
        button.blockSignals(True)
        button.checked = True
        button.blockSignals(False)
        self._placing.start(self._radiusShown())

    def _radiusShown(self):
        """The brush is one of the volume's own millimetres; the circle in the views, of the world's, is at least as large."""
        editing = self._edit.editing
        return self._ui.brushSpinBox.value * (stretchOf(editing.segmentationNode)[1] if editing is not None else 1.0)

    def _hint(self, button):
        names = self._edit.namesOf(self._table.selected())
        what = names[0] if names else _("the ovary")
        if button is self._ui.growButton:
            return _("Click where {name} should reach. Right click or Escape: end.").format(name=what)
        return _("Click what should be no part of {name}. Right click or Escape: end.").format(name=what)
