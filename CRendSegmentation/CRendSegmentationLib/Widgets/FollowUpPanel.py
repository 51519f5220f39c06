"""The Follow-up section: several scans of one patient, their dates and sides, the sizes by day."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from crend.clinic.followup import VISIT_COLUMNS, parse_side
from crend.errors import InputError
from crend.io.tables import write_rows

from ..Scene import Sides, StudyFacts
from ..Scene.FollowUpNodes import chartOf, followUpOf, followUpTable, followUpText, isLeftOut, leaveOut, scans, showFollowUp
from ..Scene.PlotLayout import hidePlot, plotShown
from . import Messages
from .Folders import keepFolder, lastFolder

NAME, DATE, CYCLE_DAY, SIDE = range(4)
_ROW, _FRAME, _MOST_ROWS = 24, 4, 8  # pixels, pixels, rows
_WIDTHS = {DATE: 86, CYCLE_DAY: 44, SIDE: 48}


class FollowUpPanel:
    """section: the collapsible section of the panel that it fills. onSided(segmentation): its side was stated."""

    def __init__(self, section, onSided):
        self._section = section
        self._onSided = onSided
        self._chosen = None
        self._nodes = []
        self._rows = []  # (segmentation, the one of its several ovaries or None)
        self._filling = False
        widget = slicer.util.loadUI(str(Path(__file__).resolve().parents[2] / "Resources" / "UI" / "CRendFollowUp.ui"))
        section.layout().addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        table = self.ui.followUpTable
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Segmentation"), _("Date"), _("Cycle\nday"), _("Side")])
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(_ROW)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(24)
        header.setStyleSheet("QHeaderView::section { padding: 2px }")
        header.setSectionResizeMode(NAME, qt.QHeaderView.Stretch)
        for column, width in _WIDTHS.items():
            table.setColumnWidth(column, width)
        table.itemChanged.connect(self.onItemChanged)
        self.ui.followUpPlotButton.clicked.connect(self.onPlot)
        self.ui.followUpExportButton.clicked.connect(self.onExport)
        section.contentsCollapsed.connect(self.onCollapsed)
        self.show(None)

    def show(self, segmentationNode):
        """Show the scans of the patient of this segmentation; None: those of nobody in particular."""
        self._chosen = segmentationNode
        self.say("")
        self.refresh()

    def refresh(self):
        """Show what the scene holds by now. Nothing while the section is folded: every follicle is measured for it."""
        if self._section.collapsed:
            return
        self._nodes = scans(self._chosen)
        self._fill()
        self._showSizes()

    def say(self, text, failed=False):
        """Put `text` below the buttons."""
        Messages.sayBelow(self.ui.followUpStatusLabel, f"{text[:1].upper()}{text[1:]}", failed)

    def onCollapsed(self, collapsed):
        """The section was folded or opened."""
        self.refresh()

    def onItemChanged(self, item):
        """The user has typed into a cell, or ticked one."""
        if self._filling:
            return
        node, text = self._rows[item.row()][0], item.text()
        self.say("")
        try:
            if item.column() == NAME:
                leaveOut(node, item.checkState() != qt.Qt.Checked)
            elif item.column() == DATE:
                StudyFacts.setStudyDate(node, text)
            elif item.column() == CYCLE_DAY:
                StudyFacts.setCycleDay(node, text)
            elif item.column() == SIDE:
                self._stateSide(node, self._rows[item.row()][1], parse_side(text))
                self._onSided(node)
        except InputError as error:
            self.say(str(error), failed=True)
        self._fill()
        self._showSizes()

    def onPlot(self):
        """Show table and plot, or go back to the views as they were."""
        if not self.ui.followUpPlotButton.checked:
            hidePlot()
            return
        try:
            showFollowUp(followUpOf(self._nodes), self._nodes[0])
        except InputError as error:
            self.say(str(error), failed=True)
        self._showSizes()

    def onExport(self):
        """followup.csv"""
        path = self.askForFile()
        if not path:
            return
        path = path if path.lower().endswith(".csv") else f"{path}.csv"
        keepFolder("Export", Path(path).parent)
        try:
            write_rows(path, VISIT_COLUMNS, followUpOf(self._nodes).rows())
        except (InputError, OSError) as error:
            self.say(str(error), failed=True)
        else:
            self.say(_("Written to {where}").format(where=path))

    def askForFile(self):
        """A file name from the user, or an empty text."""
        return qt.QFileDialog.getSaveFileName(None, _("Export"), str(Path(lastFolder("Export")) / "followup.csv"), _("Table (*.csv)"))

    def _fill(self):
        table = self.ui.followUpTable
        self._filling = True
        self._rows = [(node, ovary) for node in self._nodes for ovary in (Sides.ovarySides(node) or [None])]
        table.setRowCount(len(self._rows))
        for row, (node, ovary) in enumerate(self._rows):
            date, day = StudyFacts.studyDate(node), StudyFacts.cycleDay(node)
            said, called = StudyFacts.sideOrNothing(node), node.GetName()
            if ovary is not None:
                said = Sides.ovarySides(node)[ovary].replace(Sides.SIDES[0], "")
                called += f", {node.GetSegmentation().GetSegment(ovary).GetName()}"
            texts = (called, date.isoformat() if date else "", str(day or ""), said)
            for column, text in enumerate(texts):
                table.setItem(row, column, qt.QTableWidgetItem(text))
            name = table.item(row, NAME)
            name.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable)
            name.setCheckState(qt.Qt.Unchecked if isLeftOut(node) else qt.Qt.Checked)
            name.setToolTip(called)
        height = table.horizontalHeader().sizeHint.height() + _ROW * min(len(self._rows), _MOST_ROWS) + _FRAME
        table.setFixedHeight(height)
        table.visible = bool(self._nodes)
        self._filling = False

    def _stateSide(self, node, ovary, side):
        if ovary is None:
            StudyFacts.stateSide(node, side)
        else:
            Sides.setOvarySide(node, ovary, side or Sides.SIDES[0])

    def _showSizes(self):
        """The sizes by day, or why there are none."""
        undated = [node.GetName() for node in self._nodes if StudyFacts.studyDate(node) is None and not isLeftOut(node)]
        try:
            followUp = followUpOf(self._nodes)
            self.ui.followUpLabel.text = followUpText(followUp, undated)
        except InputError as error:
            followUp, self.ui.followUpLabel.text = None, ""
            hint = str(error)
        else:
            hint = _("Follicles are not followed from scan to scan: the largest of each day need not be the same one.")
        if not self._nodes:
            hint = _("No segmentation with an ovary or follicles yet.")
        self.ui.followUpHintLabel.text = Messages.breakable(f"{hint[:1].upper()}{hint[1:]}")
        self.ui.followUpLabel.visible = followUp is not None
        for button in (self.ui.followUpPlotButton, self.ui.followUpExportButton):
            Messages.enable(button, followUp is not None)
        chart = chartOf(followUpTable(StudyFacts.patientItem(self._nodes[0]))) if self._nodes else None
        self.ui.followUpPlotButton.checked = plotShown(chart)
        if followUp is not None and plotShown(chart):
            showFollowUp(followUp, self._nodes[0])
