"""A cell with a number, in a table that sorts."""

import qt

WIDTH = 5


def numberItem(value, decimals, width=WIDTH):
    """A QTableWidgetItem; None and NaN are empty cells.

    Cells sort by their text: padded on the left to one width in a column, numbers sort as numbers; what is missing comes first.
    """
    # + 0.0: a little below zero is not "-0.0".
    item = qt.QTableWidgetItem("" if value is None or value != value else f"{round(value, decimals) + 0.0:{width}.{decimals}f}")
    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item
