"""Reading the follicles one after the other: next and previous by keys, a tick for each that is confirmed, doubtful ones hidden by a slider."""

import qt
import slicer
from slicer.i18n import tr as _

from ..Scene.FollicleMarks import confirm, hasConfidences, hideBelow, leastConfidence
from ..Scene.Frames import browserOf
from ..Scene.PendingMeasurements import isPending
from ..Scene.SegmentTags import hiddenIDs

#: Keys that neither Slicer's windows nor its views know, whatever has the focus in the module; in a line of text they write.
NEXT_KEY, PREVIOUS_KEY = "N", "Shift+N"
#: In the table.
CONFIRM_KEY = "Space"
STEPS = 100  # of the slider
_HIDDEN, _CONFIRMED = "hidden", "confirmed"  # kinds of edits


class FollicleReading:
    """result: the ResultView whose rows are gone through. edit: the EditTools by which it is marked, so that it can be taken back."""

    def __init__(self, ui, result, edit):
        self._ui = ui
        self._result = result
        self._edit = edit
        self._showing = False
        self._drawing = False
        ui.confidenceSlider.maximum = STEPS
        ui.confidenceSlider.valueChanged.connect(self.onSlider)
        ui.confidenceSlider.sliderReleased.connect(self.onSliderReleased)
        ui.nextButton.clicked.connect(self.onNext)
        ui.previousButton.clicked.connect(self.onPrevious)
        for button, key, words in (
            (ui.nextButton, NEXT_KEY, _("Next follicle ({key})")),
            (ui.previousButton, PREVIOUS_KEY, _("Previous follicle ({key})")),
        ):
            button.setToolTip(words.format(key=key))
        ui.follicleTable.setContextMenuPolicy(qt.Qt.CustomContextMenu)
        ui.follicleTable.customContextMenuRequested.connect(self.onContextMenu)
        ui.follicleTable.setToolTip(
            _("Next and previous follicle: {next}, {previous}. Confirm the selected ones: {confirm}. More with a right click.").format(
                next=NEXT_KEY, previous=PREVIOUS_KEY, confirm=CONFIRM_KEY
            )
        )
        window = slicer.util.mainWindow() or ui.follicleTable.window()
        self._keys = [_shortcut(window, key, action) for key, action in ((NEXT_KEY, self.onNext), (PREVIOUS_KEY, self.onPrevious))]
        self._confirmKey = _shortcut(ui.follicleTable, CONFIRM_KEY, self.onConfirmSelected)
        self._confirmKey.setContext(qt.Qt.WidgetShortcut)
        result.table.onTicked = self.onTicked
        result.onShown = self.show
        self.listen(False)
        self.show()

    def listen(self, listening):
        """Whether the keys are heard: in this module only, whose widget may be hidden behind another one's."""
        for key in self._keys:
            key.setEnabled(bool(listening))

    def close(self):
        """Let go of the main window."""
        self.listen(False)
        for key in self._keys:
            key.deleteLater()
        self._keys = []

    def show(self):
        """Show what is hidden of the segmentation that is shown."""
        ui, node = self._ui, self._result.segmentationNode
        editable = node is not None and browserOf(node) is None
        if not editable or not isPending(node):
            ui.confidenceFrame.visible = editable and hasConfidences(node)
        least = leastConfidence(node) if node is not None else 0.0
        if not self._drawing:
            self._showing = True
            ui.confidenceSlider.value = round(least * STEPS)
            self._showing = False
        hidden = len(hiddenIDs(node.GetSegmentation())) if node is not None else 0
        ui.confidenceLabel.text = _("{least}, {number} hidden").format(least=f"{least:.2f}", number=hidden) if least else _("none")
        several = ui.follicleTable.rowCount > 0
        ui.nextButton.enabled = several
        ui.previousButton.enabled = several

    def onNext(self):
        """Select the row below the selected ones, or the first; the slices go there."""
        self._step(1)

    def onPrevious(self):
        """Select the row above, or the last."""
        self._step(-1)

    def onSlider(self, value):
        """The slider was moved: while it is drawn that is one edit."""
        if self._showing:
            return
        node, down = self._result.segmentationNode, bool(self._ui.confidenceSlider.sliderDown)
        goOn, self._drawing = self._drawing, down
        self._edit.mark(lambda marked: hideBelow(marked, value / STEPS), _HIDDEN, self._hiddenWords, goOn)
        if node is None or round(leastConfidence(node) * STEPS) != value:
            self._drawing = False
            self.show()  # it cannot be edited now

    def onSliderReleased(self):
        """The next move is another edit."""
        self._drawing = False

    def onTicked(self, segmentID, ticked):
        """A tick was set or taken away."""
        self._confirm([segmentID], ticked)

    def onConfirmSelected(self):
        """Confirm the selected follicles, or, where all are, take that back."""
        selected = self._result.table.selected()
        if selected:
            self._confirm(selected, not set(selected) <= set(self._result.table.ticked()))

    def onContextMenu(self, position):
        """What can be done with many follicles at once."""
        menu = self.contextMenu()
        menu.setAttribute(qt.Qt.WA_DeleteOnClose)
        menu.popup(self._ui.follicleTable.viewport().mapToGlobal(position))

    def contextMenu(self):
        """The menu of the table, as it is now."""
        table, menu = self._result.table, qt.QMenu(self._ui.follicleTable)
        every, selected, ticked = table.shown(), table.selected(), table.ticked()
        for words, segmentIDs, ticks in (
            (_("Confirm all"), every, True),
            (_("Confirm the selected ones"), selected, True),
            (_("Confirm none"), ticked, False),
        ):
            action = menu.addAction(words)
            action.setEnabled(bool(segmentIDs) and bool(self._ui.editSection.enabled))
            action.triggered.connect(lambda segmentIDs=segmentIDs, ticks=ticks: self._confirm(segmentIDs, ticks))
        return menu

    def _confirm(self, segmentIDs, ticked):
        def words(nothing):
            if not ticked:
                return _("{number} not confirmed any more.").format(number=len(segmentIDs))
            return _("{number} confirmed.").format(number=len(segmentIDs))

        self._edit.mark(lambda marked: confirm(marked, segmentIDs, ticked), _CONFIRMED, words)
        self._result.refresh()

    def _hiddenWords(self, number):
        return _("{number} hidden, which no count, report or export has.").format(number=number) if number else _("All are shown.")

    def _step(self, by):
        rows, selected = self._result.table.shown(), self._result.table.selected()
        if not rows:
            return
        if selected:
            place = rows.index(selected[-1 if by > 0 else 0]) + by
        else:
            place = 0 if by > 0 else -1
        segmentIDs = [rows[place % len(rows)]]
        self._result.table.select(segmentIDs)
        self._result.onRowsSelected(segmentIDs)


def _shortcut(widget, keys, action):
    shortcut = qt.QShortcut(qt.QKeySequence(keys), widget)
    shortcut.activated.connect(action)
    return shortcut
