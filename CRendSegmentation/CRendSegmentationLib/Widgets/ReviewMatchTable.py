"""The matched follicles in the Review section: a row a pair, missed and false ones in the colours of their marks."""

import qt

from ..Scene.ReviewDisplay import MARK_COLOURS
from ..Scene.ReviewTables import MATCH_COLUMNS, readRows
from .NumberItem import numberItem

#: Columns that the panel shows: name, header, decimals.
SHOWN = (
    ("dv_reference_mm", "dV\nmm", 1),
    ("diameter_difference_mm", "Diff.\nmm", 1),
    ("dsc", "Dice", 2),
    ("hd_mm", "HD\nmm", 1),
    ("asd_mm", "ASD\nmm", 2),
)
FIRST_NUMBER = 2


class ReviewMatchTable:
    """Shows a match table node in a QTableWidget. onSelected((r, a, s)) is called when the user selects a row."""

    def __init__(self, widget, onSelected):
        self._widget = widget
        self._onSelected = onSelected
        self._updating = False
        self._centres = []
        widget.setColumnCount(FIRST_NUMBER + len(SHOWN))
        widget.setHorizontalHeaderLabels(["Ref.", "Comp.", *(title for _, title, _ in SHOWN)])
        widget.verticalHeader().setVisible(False)
        header = widget.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.Stretch)
        for column in range(FIRST_NUMBER):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        header.setMinimumSectionSize(24)
        header.setHighlightSections(False)
        header.setStyleSheet("QHeaderView::section { padding: 2px }")
        meanings = {name: meaning for name, _, _, _, meaning in MATCH_COLUMNS}
        meanings["dv_reference_mm"] += ": the reference's, or that of a false follicle"
        for column, name in enumerate(("reference", "compared", *(name for name, _, _ in SHOWN))):
            widget.horizontalHeaderItem(column).setToolTip(meanings[name])
        widget.itemSelectionChanged.connect(self.onItemSelectionChanged)

    def show(self, tableNode):
        """Show the rows of a match table node; None: none."""
        widget, rows = self._widget, readRows(tableNode) if tableNode is not None else []
        self._updating = True
        widget.setSortingEnabled(False)
        widget.setRowCount(len(rows))
        self._centres = [[row[f"{axis}_mm"] for axis in "ras"] for row in rows]
        for number, row in enumerate(rows):
            for column, name in enumerate(("reference", "compared")):
                item = qt.QTableWidgetItem(row[name] or row["kind"])
                item.setData(qt.Qt.UserRole, number)
                if not row[name]:
                    item.setBackground(qt.QBrush(qt.QColor.fromRgbF(*MARK_COLOURS[row["kind"]])))
                    item.setForeground(qt.QBrush(qt.QColor.fromRgbF(0.0, 0.0, 0.0)))
                widget.setItem(number, column, item)
            for column, (name, _, decimals) in enumerate(SHOWN, start=FIRST_NUMBER):
                value = row["dv_compared_mm"] if name == "dv_reference_mm" and row[name] is None else row[name]
                widget.setItem(number, column, numberItem(value, decimals))
        widget.setSortingEnabled(True)
        self._updating = False

    def onItemSelectionChanged(self):
        """The user selected a row."""
        model = self._widget.selectionModel()
        rows = sorted({index.row() for index in model.selectedRows()}) if model is not None else []
        if rows and not self._updating:
            self._onSelected(self._centres[self._widget.item(rows[-1], 0).data(qt.Qt.UserRole)])
