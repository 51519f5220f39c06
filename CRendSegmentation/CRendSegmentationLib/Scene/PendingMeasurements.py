"""Figures that are not those of the present voxels: they leave the tables, until these are measured."""

from .Results import FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE, tableOf, updateTables
from .ResultTables import readSummary

#: Of a follicle's row: what is known without measuring.
_KEPT = ("id", "segment", "ovary", "manual", "confirmed")
#: A number in every summary but one that was emptied.
_ALWAYS_KNOWN = "Total follicle volume"


def emptyFigures(segmentationNode, but=()):
    """Take the figures of all follicles but those of these names, and the whole summary, out of a segmentation's tables."""
    follicles, summary = (tableOf(segmentationNode, role) for role in (FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE))
    if summary is not None:  # first: by it the other table's observers know
        _empty(summary, ["value"], range(summary.GetTable().GetNumberOfRows()))
    if follicles is not None:
        table = follicles.GetTable()
        columns = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
        rows = [row for row in range(table.GetNumberOfRows()) if table.GetValueByName(row, "segment").ToString() not in but]
        _empty(follicles, [column for column in columns if column not in _KEPT], rows)


def isPending(segmentationNode):
    """Whether a segmentation has a summary whose figures were taken out and that nobody has measured since; so it may have been saved."""
    summary = tableOf(segmentationNode, SUMMARY_TABLE_ROLE)
    return summary is not None and any(finding == _ALWAYS_KNOWN and value != value for finding, value, _unit in readSummary(summary))


def measurePending(segmentationNodes):
    """Measure those of the segmentations that wait for it, here and now."""
    for node in segmentationNodes:
        if isPending(node):
            updateTables(node)


def _empty(tableNode, columns, rows):
    table, changed = tableNode.GetTable(), False
    for name in columns:
        array = table.GetColumnByName(name)
        nothing = float("nan") if array.IsA("vtkDoubleArray") else 0
        for row in rows:
            if array.GetValue(row) == array.GetValue(row) and array.GetValue(row) != nothing:
                array.SetValue(row, nothing)
                changed = True
    if changed:
        table.Modified()
        tableNode.Modified()
