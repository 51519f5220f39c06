"""What came out: side, summary, follicle table, both ovaries together."""

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ..Scene.Display import centroidOf, highlight, rimOf
from ..Scene.Frames import browserOf, frameWords
from ..Scene.Histogram import histogramShown, showHistogram, updateHistogram
from ..Scene.PendingMeasurements import emptyFigures, isPending
from ..Scene.PlotLayout import hidePlot
from ..Scene.Results import FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE, tableOf, updateTables
from ..Scene.ResultTables import summaryText
from ..Scene.SegmentMeasurements import ovaryIDs, voxelState
from ..Scene.Sides import SIDE_WORDS, SIDES, bothOvariesText, setSide, sideOf
from ..Scene.Views import centreSlicesOn
from . import Messages
from .FollicleTable import FollicleTable

#: Until what is on its way is looked for again.
SETTLING_MS = 150
#: Without a stroke: then nobody paints any more.
PAINTING_MS = 500
FOLLOWED = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
)


class ResultView:
    """Shows one segmentation and follows its tables; selecting a row centres the slice views and highlights the segment.

    onSide(segmentation node) is called when the user said which ovary it is, onShown() when what is shown has changed. measured(segmentation
    node): whether it can be measured at once; if not, that is on its way, and its tables have no figures of what was changed meanwhile.
    """

    def __init__(self, ui, measured):
        self._ui = ui
        self._measured = measured
        self._node = None
        self._state = ()
        self._observations = []
        self._editorObservations = []
        self._highlighted = False
        self.onSide = lambda segmentationNode: None
        self.onShown = lambda: None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLING_MS)
        self._timer.timeout.connect(self.updateTables)
        self._emptying = qt.QTimer()  # once an edit is done: most are measured with it
        self._emptying.setSingleShot(True)
        self._emptying.setInterval(0)
        self._emptying.timeout.connect(self.emptyChanged)
        self.table = FollicleTable(ui.follicleTable, self.onRowsSelected)
        self._sideToolTip = ui.sideComboBox.toolTip
        for side in SIDES:
            ui.sideComboBox.addItem(SIDE_WORDS[side])
        ui.sideComboBox.currentIndexChanged.connect(self.onSideChosen)
        ui.histogramButton.clicked.connect(self.onHistogram)
        self.show(None)

    @property
    def segmentationNode(self):
        """The segmentation that is shown, or None."""
        return self._node

    @property
    def settled(self):
        """Whether the tables are up to the segments, so far as is known."""
        return not self._timer.isActive()

    @property
    def observed(self):
        """The nodes and segments that are followed now."""
        return [subject for subject, tag in (*self._observations, *self._editorObservations)]

    def show(self, segmentationNode):
        """Show this segmentation; None: nothing."""
        if self._emptying.isActive():
            self.emptyChanged()
        for subject, tag in self._observations:
            subject.RemoveObserver(tag)
        self._observations = []
        if self._node is not None and self._node is not segmentationNode:
            self._highlight([])
            self.table.select([])
        self._node = segmentationNode
        tables = [tableOf(segmentationNode, role) for role in (FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE)]
        self._observe([table for table in tables if table is not None], vtk.vtkCommand.ModifiedEvent, self.onTableModified)
        if segmentationNode is not None:
            for event in FOLLOWED:
                self._observe([segmentationNode.GetSegmentation()], event, self.onSegmentsChanged)
            self._observe([segmentationNode], slicer.vtkMRMLSegmentationNode.SegmentationChangedEvent, self.onOtherSegments)
            self._observe([segmentationNode], slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent, self.onDisplayModified)
        self._timer.stop()
        self._state = voxelState(segmentationNode) if segmentationNode is not None else ()
        if isPending(segmentationNode):
            self._timer.start(SETTLING_MS)
        self.refresh()
        self.followSegmentEditor()

    def followSegmentEditor(self):
        """Select the row of the segment that is selected in Segment Editor, now and from now on.

        To be called again when the module is entered: Slicer makes that editor when it is first opened.
        """
        for subject, tag in self._editorObservations:
            subject.RemoveObserver(tag)
        editor = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentEditorNode")
        self._editorObservations = []
        if editor is not None and self._node is not None:
            self._editorObservations = [(editor, editor.AddObserver(vtk.vtkCommand.ModifiedEvent, self.onSegmentEditorModified))]
            self.onSegmentEditorModified(editor, None)

    def refresh(self):
        """Show what the tables hold now."""
        follicles, summary = tableOf(self._node, FOLLICLE_TABLE_ROLE), tableOf(self._node, SUMMARY_TABLE_ROLE)
        shown = summary is not None
        self._ui.summaryLabel.text = self._summary(summary) if shown else _("No result yet.")
        several = shown and len(ovaryIDs(self._node.GetSegmentation())) > 1
        self._ui.sideComboBox.enabled = shown and not several
        self._ui.sideComboBox.toolTip = (
            _("This volume shows two ovaries: say in the section Study which is which.") if several else self._sideToolTip
        )
        self._ui.sideComboBox.currentIndex = SIDES.index(sideOf(self._node))
        Messages.enable(self._ui.histogramButton, follicles is not None and follicles.GetNumberOfRows() > 0)
        self._ui.histogramButton.checked = histogramShown(self._node)
        self.table.show(follicles, self._node)
        self._highlight(self.table.selected())
        both = bothOvariesText(self._node)
        self._ui.bothOvariesLabel.text = both
        self._ui.bothOvariesLabel.visible = bool(both)
        self.onShown()

    def _summary(self, tableNode):
        return summaryText(tableNode, self._node, frameWords(self._node), Messages.alertColour(self._ui.summaryLabel))

    def onSegmentsChanged(self, caller, event):
        """Somebody, here or in Segment Editor, changed a segment: measure again when nobody paints any more. Until then there is no figure of it."""
        self._timer.start(PAINTING_MS)
        if browserOf(self._node) is None:
            self._emptying.start()

    def onOtherSegments(self, caller, event):
        """The node was given other segments, as those of another frame: follow these."""
        self.show(self._node)
        self._timer.start(SETTLING_MS)

    def onDisplayModified(self, caller, event):
        """The segmentation was hidden or shown: so is what stands out in it."""
        display = self._node.GetDisplayNode()
        if self._highlighted and display is not None and bool(display.GetVisibility()) != (rimOf() is not None):
            self._highlight(self.table.selected())

    def updateTables(self):
        """Bring the tables up to the segments as they are now, or as soon as they are measured."""
        self._timer.stop()
        if self._node is None or tableOf(self._node, FOLLICLE_TABLE_ROLE) is None:
            return
        if not self._measured(self._node):
            self.emptyChanged()
            self._timer.start(SETTLING_MS)
            return
        self._measureNow()

    def settle(self):
        """Bring the tables up to the segments here and now, if they are not: somebody is about to write them."""
        if not self.settled and self._node is not None and tableOf(self._node, FOLLICLE_TABLE_ROLE) is not None:
            self._timer.stop()
            self._measureNow()

    def emptyChanged(self):
        """Take figures of what was changed since it was measured out of the tables."""
        self._emptying.stop()
        if self._node is None or self._node.GetScene() is None:
            return
        now, segmentation = voxelState(self._node), self._node.GetSegmentation()
        if now != self._state:
            same = set(now) & set(self._state)
            emptyFigures(self._node, {segmentation.GetSegment(segmentID).GetName() for segmentID, *_voxels in same})

    def _measureNow(self):
        updateTables(self._node)
        updateHistogram(self._node, tableOf(self._node, FOLLICLE_TABLE_ROLE))
        self._emptying.stop()
        self._state = voxelState(self._node)

    def onTableModified(self, caller, event):
        """The tables follow the segments, and the panel follows the tables."""
        if self._node is not None and not isPending(self._node):
            self._state = voxelState(self._node)  # they were measured, here or by a run
            self._emptying.stop()
        self.refresh()

    def onSegmentEditorModified(self, caller, event):
        """A segment was selected in Segment Editor: select its row."""
        if self._node is not None and caller.GetSegmentationNode() is self._node and caller.GetSelectedSegmentID():
            self.table.select([caller.GetSelectedSegmentID()])
            self._highlight(self.table.selected())

    def onRowsSelected(self, segmentIDs):
        """Rows were selected: show where the last of them is."""
        self._highlight(segmentIDs)
        if not segmentIDs:
            return
        segment = self._node.GetSegmentation().GetSegment(segmentIDs[-1])
        point = centroidOf(tableOf(self._node, FOLLICLE_TABLE_ROLE), segment.GetName()) if segment is not None else None
        if point is not None:
            centreSlicesOn(self._node, point)

    def onSideChosen(self):
        """The user said which ovary this is."""
        side = SIDES[self._ui.sideComboBox.currentIndex]
        if self._node is not None and side != sideOf(self._node):
            setSide(self._node, side)
            self.onSide(self._node)
            self.refresh()

    def onHistogram(self):
        """Show the sizes as a plot, or go back to the layout that was there before."""
        if self._ui.histogramButton.checked:
            showHistogram(self._node, tableOf(self._node, FOLLICLE_TABLE_ROLE))
        else:
            hidePlot()

    def _highlight(self, segmentIDs):
        if segmentIDs or self._highlighted:
            highlight(self._node, segmentIDs)
        self._highlighted = bool(segmentIDs)

    def _observe(self, subjects, event, callback):
        for subject in subjects:
            self._observations.append((subject, subject.AddObserver(event, callback)))
