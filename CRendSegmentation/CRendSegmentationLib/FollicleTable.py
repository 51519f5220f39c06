"""The follicle table of the panel: a row a follicle, with its segment's colour."""

import qt

from .ResultTables import COLUMN_WORDS

#: Columns of the table node that the panel shows, with their decimals (None: text or a whole number).
SHOWN = (("id", None), ("segment", None), ("dx_mm", 1), ("dy_mm", 1), ("dz_mm", 1), ("mean_diameter_mm", 1), ("dv_mm", 1),
         ("volume_ml", 2))


class FollicleTable:
    """Shows a follicle table node in a QTableWidget."""

    def __init__(self, widget):
        self._widget = widget
        widget.setColumnCount(len(SHOWN))
        widget.setHorizontalHeaderLabels([_header(name) for name, _ in SHOWN])
        widget.verticalHeader().setVisible(False)
        header = widget.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setStretchLastSection(True)
        for column, (name, _) in enumerate(SHOWN):
            widget.horizontalHeaderItem(column).setToolTip(COLUMN_WORDS[name][2])

    def show(self, tableNode, segmentationNode):
        """Show the rows of `tableNode` (None: no rows), coloured as the segments of `segmentationNode`."""
        widget = self._widget
        widget.setSortingEnabled(False)
        table = tableNode.GetTable() if tableNode is not None else None
        widget.setRowCount(table.GetNumberOfRows() if table else 0)
        for row in range(widget.rowCount):
            for column, (name, decimals) in enumerate(SHOWN):
                widget.setItem(row, column, _item(table.GetValueByName(row, name), name, decimals))
            segment = _segmentNamed(segmentationNode, table.GetValueByName(row, "segment").ToString())
            if segment is not None:
                widget.item(row, 0).setIcon(_swatch(segment.GetColor()))
        widget.setSortingEnabled(True)


def _header(name):
    unit, short, _ = COLUMN_WORDS[name]
    return f"{short}\n{unit}" if unit else short


def _item(value, name, decimals):
    item = qt.QTableWidgetItem()
    if name == "segment":
        item.setText(value.ToString())
        return item
    number = value.ToInt() if decimals is None else round(value.ToDouble(), decimals)
    item.setData(qt.Qt.DisplayRole, number)
    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item


def _segmentNamed(segmentationNode, name):
    if segmentationNode is None:
        return None
    segmentation = segmentationNode.GetSegmentation()
    return segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(name))


def _swatch(colour):
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor.fromRgbF(*colour))
    return qt.QIcon(pixmap)
