"""A cell with a number, in a table that sorts."""

import qt

WIDTH = 5


def numberItem(value, decimals):
    """A QTableWidgetItem; None and NaN are empty cells.

    Cells sort by their text: padded on the left to one width, numbers sort as numbers; what is missing comes first.
    """
    item = qt.QTableWidgetItem("" if value is None or value != value else f"{value:{WIDTH}.{decimals}f}")
    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item
