"""The buttons that make an ovary of a few contours: draw, turn the view, delete, compute."""

import slicer
from slicer.i18n import tr as _

from crend.errors import InputError
from crend.structures.contour_check import FEWEST_POINTS

from ..Scene.Contours import PLANES, STEP_DEGREES, contoursOf, newContour, ovaryFromContours, turnSlice
from ..Scene.SceneTransaction import removeWithBelongings
from . import Messages
from .CurvePlacing import CurvePlacing


class ContourTools:
    """onOvary(mask, volumeNode, number of contours, mm from all of them or None) is called with the ovary that they give; what it returns is said below the
    buttons."""

    def __init__(self, ui, onOvary):
        self._ui = ui
        self._onOvary = onOvary
        self._volumeNode = None
        self._segmentationNode = None
        self._turnedID = ""
        self._placing = CurvePlacing(self.stopDrawing)
        ui.drawContourButton.toggled.connect(self.onDrawToggled)
        ui.turnButton.clicked.connect(self.onTurn)
        ui.deleteContourButton.clicked.connect(self.onDelete)
        ui.contoursButton.clicked.connect(self.onContours)
        self.show(None, None)

    def show(self, volumeNode, segmentationNode):
        """Draw on this volume, whose ovary goes into this segmentation; None: on none, into a new one."""
        if volumeNode is not self._volumeNode:
            self.stopDrawing()
            self.say("")
            self._turnedID = ""
        self._volumeNode, self._segmentationNode = volumeNode, segmentationNode
        self.setEnabled(True)

    def setEnabled(self, enabled):
        """Whether anything can be drawn now; never without a volume, nor in a frame of a sequence."""
        if not enabled:
            self.stopDrawing()
        self._ui.contourSection.enabled = bool(enabled) and self._volumeNode is not None
        self._ui.contourSection.toolTip = (
            "" if self._volumeNode is not None else _("Choose one ultrasound volume, not a sequence or its frame, first.")
        )

    def say(self, text, failed=False):
        """Put `text` below the buttons."""
        Messages.sayBelow(self._ui.contourStatusLabel, f"{text[:1].upper()}{text[1:]}", failed)

    def stopDrawing(self):
        """Clicks set no points any more."""
        self._ui.drawContourButton.checked = False

    def onDrawToggled(self, checked):
        """The next clicks into a slice view are points of a new contour; or not any more."""
        if checked:
            node = newContour(self._volumeNode)
            self._placing.start(node)
            self.say(
                _("Click round the ovary in one slice view, {number} points or more; right click ends {name}.").format(
                    number=FEWEST_POINTS + 2, name=node.GetName()
                )
            )
            return
        node = self._placing.stop()
        if node is None or node.GetScene() is None:
            return
        if node.GetNumberOfDefinedControlPoints() == 0:
            removeWithBelongings(node)
            self.say(self._countWords())
        elif node.GetNumberOfDefinedControlPoints() < FEWEST_POINTS:
            words = _("{name} has fewer than {number} points; delete it and draw it again.")
            self.say(words.format(name=node.GetName(), number=FEWEST_POINTS), failed=True)
        else:
            self.say(self._countWords())

    def onTurn(self):
        """Turn a slice view to the next plane through the long axis."""
        self.stopDrawing()
        turned = turnSlice(self._volumeNode, self._segmentationNode, slicer.mrmlScene.GetNodeByID(self._turnedID))
        if turned is None:
            self.say(_("no slice view is shown; choose a layout with one."), failed=True)
            return
        words = _("{view}: plane {number} of {planes} through the long axis, at {degrees} degrees.")
        degrees, view = turned
        self._turnedID = view.GetID()
        self.say(words.format(view=view.GetName(), number=degrees // STEP_DEGREES + 1, planes=PLANES, degrees=degrees))

    def onDelete(self):
        """Remove the contour that was drawn last."""
        self.stopDrawing()
        nodes = contoursOf(self._volumeNode)
        if not nodes:
            self.say(_("there is no contour to delete."), failed=True)
            return
        removeWithBelongings(nodes[-1])
        self.say(self._countWords())

    def onContours(self):
        """Make the ovary of the contours."""
        self.stopDrawing()
        try:
            with slicer.util.WaitCursor(True):
                mask, number, unseen = ovaryFromContours(self._volumeNode)
                words = self._onOvary(mask, self._volumeNode, number, unseen)
        except InputError as error:
            self.say(str(error), failed=True)
            return
        self.say(words)

    def _countWords(self):
        number = len(contoursOf(self._volumeNode))
        if number == 0:
            return ""
        return (
            _("{number} contour. Turn the view and draw the next one.").format(number=number)
            if number == 1
            else _("{number} contours. Draw another one, or press Ovary from contours.").format(number=number)
        )
