"""The follicle table of the panel: a row a follicle, with its segment's colour."""

import qt
from slicer.i18n import tr as _

from ..Scene.ResultTables import COLUMN_WORDS
from .NumberItem import numberItem

#: Columns of the table node that the panel shows, with their decimals.
SHOWN = (("id", 0), ("dx_mm", 1), ("dy_mm", 1), ("dz_mm", 1), ("mean_diameter_mm", 1), ("dv_mm", 1), ("volume_ml", 3), ("confidence", 2))
#: So many rows are seen at once; more are scrolled to.
ROWS = 16
#: Boxes are text: those that Qt draws cannot be seen on a dark ground.
TICKED, NOT_TICKED = "\N{BALLOT BOX WITH CHECK}", "\N{BALLOT BOX}"
SWATCH, MARGIN = 12, 4  # pixels: of the colour, and beside a cell's text
DV_COLUMN = len(SHOWN) - 3
VOLUME_COLUMN, CONFIDENCE_COLUMN, NOTE_COLUMN, CONFIRMED_COLUMN = len(SHOWN) - 2, len(SHOWN) - 1, len(SHOWN), len(SHOWN) + 1
#: Shown where there are several.
OVARY_COLUMN = len(SHOWN) + 2
#: The others share what room is left.
FIXED_COLUMNS = (0, VOLUME_COLUMN, CONFIDENCE_COLUMN, NOTE_COLUMN, CONFIRMED_COLUMN, OVARY_COLUMN)


class FollicleTable:
    """Shows a follicle table node in a QTableWidget. onSelected(segmentIDs) is called when the user selects rows, onTicked(segmentID, ticked)
    when the user sets or takes away a tick, once the widget is done with the click."""

    def __init__(self, widget, onSelected):
        self._widget = widget
        self._onSelected = onSelected
        self.onTicked = lambda segmentID, ticked: None
        self._updating = self._fitting = False
        widget.setColumnCount(len(SHOWN) + 3)
        widget.setHorizontalHeaderLabels([_header(name) for name, decimals in SHOWN] + [_("Note"), _header("confirmed"), _header("ovary")])
        widget.verticalHeader().setVisible(False)
        widget.verticalHeader().defaultSectionSize = widget.fontMetrics().height() + 6
        header = widget.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.Stretch)
        # As wide as their contents; Qt would keep room for an arrow in each header.
        for column in FIXED_COLUMNS:
            header.setSectionResizeMode(column, qt.QHeaderView.Fixed)
        header.sectionResized.connect(self.onSectionResized)
        for column in (OVARY_COLUMN, CONFIRMED_COLUMN):
            header.moveSection(header.visualIndex(column), 1)  # beside the number
        header.setMinimumSectionSize(24)
        header.setHighlightSections(False)
        header.setStyleSheet("QHeaderView::section { padding: 2px }")
        for column, (name, _decimals) in enumerate(SHOWN):
            widget.horizontalHeaderItem(column).setToolTip(COLUMN_WORDS[name][2])
        widget.horizontalHeaderItem(OVARY_COLUMN).setToolTip(COLUMN_WORDS["ovary"][2])
        widget.horizontalHeaderItem(CONFIRMED_COLUMN).setToolTip(
            _("Confirmed: you looked at the follicle and it is right as it is. A change of its shape takes the tick away.")
        )
        widget.itemClicked.connect(self.onItemClicked)
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
                widget.setItem(row, column, numberItem(_valueIn(table, row, name), decimals, decimals + 3 if decimals else 2))
            widget.setItem(row, NOTE_COLUMN, qt.QTableWidgetItem(_note(table, row)))
            widget.setItem(row, CONFIRMED_COLUMN, _tick(_isSet(table, row, "confirmed")))
            widget.setItem(row, OVARY_COLUMN, numberItem(_valueIn(table, row, "ovary"), 0, 1))
            widget.item(row, 0).setData(qt.Qt.UserRole, segmentID)
            if segment is not None:
                widget.item(row, 0).setIcon(_swatch(segment.GetColor()))
                widget.item(row, 0).setToolTip(segment.GetName())
        for column in (CONFIDENCE_COLUMN, NOTE_COLUMN):
            widget.setColumnHidden(column, not any(widget.item(row, column).text() for row in range(widget.rowCount)))
        widget.setColumnHidden(OVARY_COLUMN, not any(widget.item(row, OVARY_COLUMN).text() > "1" for row in range(widget.rowCount)))
        widget.setSortingEnabled(True)
        self._updating = False
        self.select(selected)
        self._fitWidths()
        self._fitHeight()

    def shown(self):
        """IDs of all rows' segments, from top to bottom."""
        return [self._idIn(row) for row in range(self._widget.rowCount)]

    def ticked(self):
        """IDs of the segments that are confirmed, from top to bottom."""
        return [self._idIn(row) for row in range(self._widget.rowCount) if self._isTicked(row)]

    def selected(self):
        """IDs of the selected rows' segments, from top to bottom."""
        model = self._widget.selectionModel()
        rows = sorted({index.row() for index in model.selectedRows()}) if model is not None else []
        return [self._idIn(row) for row in rows if self._widget.item(row, 0) is not None]

    def select(self, segmentIDs):
        """Select the rows of these segments, without a call of onSelected."""
        if self.selected() == list(segmentIDs):
            return
        self._updating = True
        self._widget.clearSelection()
        for row in range(self._widget.rowCount):
            if self._idIn(row) in segmentIDs:
                # selectRow() would drop the rows before it.
                for column in range(self._widget.columnCount):
                    self._widget.item(row, column).setSelected(True)
        self._updating = False

    def onSectionResized(self):
        """The panel has another width, perhaps. Qt is still at it, and would be confused by other widths now."""
        if not self._updating and not self._fitting:
            self._fitting = True
            qt.QTimer.singleShot(0, self._fitWidths)

    def _fitWidths(self):
        """Give the columns their widths; where not all have room, d(V), which the volume says as well, makes place for the others."""
        widget = self._widget
        self._fitting = False
        left = widget.viewport().width
        self._updating = True
        for column in FIXED_COLUMNS:
            width = self._widthOf(column) + (SWATCH + 2 * MARGIN if column == 0 else 0)
            widget.setColumnWidth(column, width)
            left -= 0 if widget.isColumnHidden(column) else width
        sharing = range(1, VOLUME_COLUMN)
        widget.setColumnHidden(DV_COLUMN, left < sum(map(self._widthOf, sharing)))
        self._updating = False

    def _widthOf(self, column):
        """Of its longest text, with what Qt leaves free beside it, in pixels."""
        widget, metrics = self._widget, self._widget.fontMetrics()
        texts = [
            *widget.horizontalHeaderItem(column).text().split("\n"),
            *(widget.item(row, column).text() for row in range(widget.rowCount)),
        ]
        # Spaces before a number are a part of its width, which boundingRect leaves out.
        return max(metrics.boundingRect(text.replace(" ", ".")).width() for text in texts) + 2 * MARGIN

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

    def onItemClicked(self, item):
        """The user sets or takes away a tick. All rows are written anew for it, so that waits until Qt is done with this one."""
        if item.column() != CONFIRMED_COLUMN:
            return
        segmentID, ticked = self._idIn(item.row()), not self._isTicked(item.row())
        qt.QTimer.singleShot(0, lambda: self.onTicked(segmentID, ticked))

    def _idIn(self, row):
        return self._widget.item(row, 0).data(qt.Qt.UserRole)

    def _isTicked(self, row):
        return self._widget.item(row, CONFIRMED_COLUMN).text() == TICKED


def _valueIn(table, row, name):
    """A number of the table node; not a number where a table of an earlier version lacks the column."""
    return table.GetValueByName(row, name).ToDouble() if table.GetColumnByName(name) else float("nan")


def _header(name):
    unit, short, _meaning = COLUMN_WORDS[name]
    return f"{short}\n{unit}" if unit else short


def _note(table, row):
    notes = []
    if _isSet(table, row, "manual"):
        notes.append(_("edited"))
    if table.GetValueByName(row, "touches_border").ToInt():
        notes.append(_("cut off"))
    return ", ".join(notes)


def _isSet(table, row, name):
    """Whether a column of 0 and 1 says 1; a table of an earlier version may lack it."""
    return bool(table.GetColumnByName(name)) and table.GetValueByName(row, name).ToInt() == 1


def _tick(ticked):
    item = qt.QTableWidgetItem(TICKED if ticked else NOT_TICKED)
    item.setTextAlignment(qt.Qt.AlignCenter)
    return item


def _segmentNamed(segmentationNode, name):
    """(segment ID, segment) or ("", None)."""
    if segmentationNode is None:
        return "", None
    segmentation = segmentationNode.GetSegmentation()
    segmentID = segmentation.GetSegmentIdBySegmentName(name)
    return segmentID, segmentation.GetSegment(segmentID) if segmentID else None


def _swatch(colour):
    pixmap = qt.QPixmap(SWATCH, SWATCH)
    pixmap.fill(qt.QColor.fromRgbF(*colour))
    return qt.QIcon(pixmap)
