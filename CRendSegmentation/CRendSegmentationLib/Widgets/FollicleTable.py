"""The follicle table of the panel: a row a follicle, with its segment's colour."""

import qt
from slicer.i18n import tr as _

from ..Scene.ResultTables import COLUMN_WORDS
from .NumberItem import numberItem

#: Columns of the table node that the panel shows, with their decimals.
SHOWN = (("id", 0), ("dx_mm", 1), ("dy_mm", 1), ("dz_mm", 1), ("mean_diameter_mm", 1), ("dv_mm", 1), ("volume_ml", 3), ("confidence", 2))
#: So many rows are seen at once; more are scrolled to.
ROWS = 16
VOLUME_COLUMN, CONFIDENCE_COLUMN, NOTE_COLUMN = len(SHOWN) - 2, len(SHOWN) - 1, len(SHOWN)


class FollicleTable:
    """Shows a follicle table node in a QTableWidget. onSelected(segmentIDs) is called when the user selects rows."""

    def __init__(self, widget, onSelected):
        self._widget = widget
        self._onSelected = onSelected
        self._updating = False
        widget.setColumnCount(len(SHOWN) + 1)
        widget.setHorizontalHeaderLabels([_header(name) for name, decimals in SHOWN] + [_("Note")])
        widget.verticalHeader().setVisible(False)
        widget.verticalHeader().defaultSectionSize = widget.fontMetrics().height() + 6
        header = widget.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.Stretch)
        for column in (0, VOLUME_COLUMN, NOTE_COLUMN):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        header.setMinimumSectionSize(24)
        header.setHighlightSections(False)
        header.setStyleSheet("QHeaderView::section { padding: 2px }")
        for column, (name, _decimals) in enumerate(SHOWN):
            widget.horizontalHeaderItem(column).setToolTip(COLUMN_WORDS[name][2])
        widget.itemSelectionChanged.connect(self.onItemSelectionChanged)

    def show(self, tableNode, segmentationNode):
        """Show the rows of `tableNode` (None: no rows), coloured as the segments of `segmentationNode`; keep the selection."""
        widget, selected = self._widget, self.selected()
        self._updating = True
        widget.setSortingEnabled(False)
        table = tableNode.GetTable() if tableNode is not None else None
        widget.setRowCount(table.GetNumberOfRows() if table else 0)
        for row in range(widget.rowCount):
            segmentID, segment = _segmentNamed(segmentationNode, table.GetValueByName(row, "segment").ToString())
            for column, (name, decimals) in enumerate(SHOWN):
                widget.setItem(row, column, numberItem(_valueIn(table, row, name), decimals))
            widget.setItem(row, NOTE_COLUMN, qt.QTableWidgetItem(_note(table, row)))
            widget.item(row, 0).setData(qt.Qt.UserRole, segmentID)
            if segment is not None:
                widget.item(row, 0).setIcon(_swatch(segment.GetColor()))
                widget.item(row, 0).setToolTip(segment.GetName())
        for column in (CONFIDENCE_COLUMN, NOTE_COLUMN):
            widget.setColumnHidden(column, not any(widget.item(row, column).text() for row in range(widget.rowCount)))
        widget.setSortingEnabled(True)
        self._updating = False
        self.select(selected)
        self._fitHeight()

    def selected(self):
        """IDs of the selected rows' segments, from top to bottom."""
        model = self._widget.selectionModel()
        rows = sorted({index.row() for index in model.selectedRows()}) if model is not None else []
        return [self._widget.item(row, 0).data(qt.Qt.UserRole) for row in rows if self._widget.item(row, 0) is not None]

    def select(self, segmentIDs):
        """Select the rows of these segments, without a call of onSelected."""
        if self.selected() == list(segmentIDs):
            return
        self._updating = True
        self._widget.clearSelection()
        for row in range(self._widget.rowCount):
            if self._widget.item(row, 0).data(qt.Qt.UserRole) in segmentIDs:
                # selectRow() would drop the rows before it.
                for column in range(self._widget.columnCount):
                    self._widget.item(row, column).setSelected(True)
        self._updating = False

    def _fitHeight(self):
        """As high as the rows, so that they are seen without scrolling in the panel, which scrolls itself."""
        widget = self._widget
        rows = min(max(widget.rowCount, 1), ROWS)
        header = widget.horizontalHeader().sizeHint.height()
        widget.setFixedHeight(header + rows * widget.verticalHeader().defaultSectionSize + 2 * widget.frameWidth)

    def onItemSelectionChanged(self):
        """The user selected rows."""
        if not self._updating:
            self._onSelected(self.selected())


def _valueIn(table, row, name):
    """A number of the table node; not a number where a table of an earlier version lacks the column."""
    return table.GetValueByName(row, name).ToDouble() if table.GetColumnByName(name) else float("nan")


def _header(name):
    unit, short, _meaning = COLUMN_WORDS[name]
    return f"{short}\n{unit}" if unit else short


def _note(table, row):
    notes = []
    if table.GetColumnByName("manual") and table.GetValueByName(row, "manual").ToInt():
        notes.append(_("edited"))
    if table.GetValueByName(row, "touches_border").ToInt():
        notes.append(_("cut off"))
    return ", ".join(notes)


def _segmentNamed(segmentationNode, name):
    """(segment ID, segment) or ("", None)."""
    if segmentationNode is None:
        return "", None
    segmentation = segmentationNode.GetSegmentation()
    segmentID = segmentation.GetSegmentIdBySegmentName(name)
    return segmentID, segmentation.GetSegment(segmentID) if segmentID else None


def _swatch(colour):
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor.fromRgbF(*colour))
    return qt.QIcon(pixmap)
