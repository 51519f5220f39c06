"""The Folder section: all volumes of a folder, one after the other; a row each; a double click loads one with its result."""

import types
from pathlib import Path

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from ..Scene.FolderResult import loadResult
from .NumberItem import numberItem
from .RunControl import RunControl

#: Columns of the panel's table: name in volumes.csv, header, decimals, tool tip.
SHOWN = (
    ("ovary_volume_ml", _("Ovary\nml"), 1, _("Volume of the ovary")),
    ("follicle_count", _("Foll."), 0, _("Follicles found")),
    ("leading_mean_diameter_mm", _("Lead.\nmm"), 1, _("Mean diameter of the largest follicle")),
)

NUMBER_WIDTH, WIDEST_NAME = 44, 110  # pixels


class FolderPanel:
    """section: the collapsible section of the panel that it fills. start(inputs, out, again) starts a FolderRun. onRunning(bool).
    onLoaded(nodes): a result was loaded into the scene, ResultNodes. surfaces(segmentation node) makes the surfaces that are missing."""

    def __init__(self, section, start, onRunning, onLoaded, surfaces):
        self._surfaces = surfaces
        self._start = start
        self._onRunning = onRunning
        self._onLoaded = onLoaded
        self._out = None
        self._rows = []
        widget = slicer.util.loadUI(str(Path(__file__).resolve().parents[2] / "Resources" / "UI" / "CRendFolder.ui"))
        section.layout().addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        parts = types.SimpleNamespace(
            applyButton=self.ui.folderButton,
            progressBar=self.ui.folderProgressBar,
            statusLabel=self.ui.folderStatusLabel,
            detailsText=self.ui.folderDetailsText,
            detailsSection=self.ui.folderDetailsSection,
        )
        self.run = RunControl(parts, self.onSegment, self.onFinished, self.onRunning, _("Segment folder"), self.onProgress)
        for edit in (self.ui.inputFolderEdit, self.ui.outputFolderEdit):
            edit.filters = ctk.ctkPathLineEdit.Dirs
            edit.currentPathChanged.connect(self.onFolderChanged)
        table = self.ui.folderTable
        table.setColumnCount(2 + len(SHOWN))
        table.setHorizontalHeaderLabels([_("Volume"), *(title for key, title, decimals, meaning in SHOWN), _("Doubts")])
        table.verticalHeader().setVisible(False)
        header = table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(24)
        header.setStyleSheet("QHeaderView::section { padding: 2px }")
        # The cause of a failure is a sentence: it goes on below itself, not out of the table.
        table.setWordWrap(True)
        for column, (_key, _title, _decimals, meaning) in enumerate(SHOWN, start=1):
            table.horizontalHeaderItem(column).setToolTip(meaning)
        table.itemDoubleClicked.connect(self.onDoubleClicked)
        self._show([])
        self.onFolderChanged("")

    def close(self):
        """End what is running; what is done stays in the folder."""
        self.run.cancel()

    def onFolderChanged(self, path):
        """Another folder was chosen."""
        if not self.ui.inputFolderEdit.currentPath.strip():
            self.run.setReady(False, _("Choose the folder with the volumes first."))
        elif not self.ui.outputFolderEdit.currentPath.strip():
            self.run.setReady(False, _("Choose a folder for the results."))
        else:
            self.run.setReady(True, _("Segment every volume in the folder and those below it; what is done already is not done again."))

    def onSegment(self):
        """Start, or go on where it was stopped."""
        self._out = self.ui.outputFolderEdit.currentPath.strip()
        self._show([])
        given = self.ui.inputFolderEdit.currentPath.strip()
        again = self.ui.againCheckBox.checked
        self.run.begin(lambda: self._start([given], self._out, again))

    def onProgress(self, run):
        """Show the volumes that are done by now."""
        rows = getattr(run, "rows", [])
        if len(rows) > len(self._rows):
            self._show(rows)

    def onFinished(self, nodes):
        """All volumes were tried."""
        self._show(nodes.rows)

    def onRunning(self, running):
        """Nothing is chosen while it works."""
        self.ui.folderInputFrame.enabled = not running
        self._onRunning(running)

    def onDoubleClicked(self, item):
        """Load the volume of this row and its result, and let the panel go on with them."""
        row = self._rows[self.ui.folderTable.item(item.row(), 0).data(qt.Qt.UserRole)]
        try:
            nodes = loadResult(row, self._out, self._surfaces)
        except Exception as error:
            self.run.sayError(error)
            return
        self.run.say(f"{nodes.message}.")
        self._onLoaded(nodes)

    def _show(self, rows):
        self._rows = rows
        table = self.ui.folderTable
        table.visible = bool(rows)
        table.setSortingEnabled(False)
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            name = qt.QTableWidgetItem(row["volume"])
            name.setData(qt.Qt.UserRole, number)
            name.setToolTip(row["input"])
            table.setItem(number, 0, name)
            for column, (key, _title, decimals, _meaning) in enumerate(SHOWN, start=1):
                table.setItem(number, column, numberItem(row[key], decimals))
            table.setItem(number, 1 + len(SHOWN), qt.QTableWidgetItem(_remark(row)))
            table.item(number, 1 + len(SHOWN)).setToolTip(row["reason"] or _remark(row))
        table.setSortingEnabled(True)
        table.resizeColumnToContents(0)
        if table.columnWidth(0) > WIDEST_NAME:
            table.setColumnWidth(0, WIDEST_NAME)
        for column in range(1, 1 + len(SHOWN)):
            table.setColumnWidth(column, NUMBER_WIDTH)  # what is doubtful needs the room
        table.resizeRowsToContents()


def _remark(row):
    """What is doubtful, or why there is no result: without the path and the cure, which the tool tips have."""
    if row["status"] == "done":
        return row["flags"].replace("_", " ")
    reason = row["reason"]
    cause = reason[len(row["input"]) :].lstrip(": ") if reason.startswith(row["input"]) else reason
    words = _("failed: {reason}") if row["status"] == "failed" else _("left out: {reason}")
    return words.format(reason=cause.split("; ")[0].rstrip("."))
