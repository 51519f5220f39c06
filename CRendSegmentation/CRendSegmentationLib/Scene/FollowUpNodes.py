"""Several scans of one patient in the scene: which segmentations they are, and a table and a plot of the sizes by day."""

import html
import math

import slicer
import vtk
from slicer.i18n import tr as _

from crend.clinic.followup import VISIT_COLUMNS, FollowUp, Visit

from .Frames import browserOf
from .OvaryReport import ovarySidesFrom, sideFrom
from .PlotLayout import showPlot
from .SegmentMeasurements import follicleIDs, ovaryID
from .Sides import SIDES, ovarySides
from .StudyFacts import cycleDay, patientItem, sideOrNothing, studyDate
from .TableColumns import addColumn

#: Of a segmentation that the user has left out, and of the table in which a follow-up is found again.
_LEFT_OUT, _ATTRIBUTE = "CRend.FollowUp.LeftOut", "CRend.FollowUp"
_CHART, _DATA, _SERIES = "CRend.FollowUp.Chart", "CRend.FollowUp.Data", "CRend.FollowUp.Series"
_COLOURS = {"left": (0.10, 0.45, 0.75), "right": (0.85, 0.37, 0.00), "": (0.40, 0.40, 0.40)}
#: Shorter axes Slicer divides in halves, and there is no half day.
_LEAST_DAYS, _LEAST_MM = 10, 10
_TITLES = {
    "date": ("", _("Date")),
    "day": ("", _("Days since the first scan")),
    "cycle_day": ("", _("Day of the cycle")),
    "side": ("", _("Side")),
    "ovary_volume_ml": ("ml", _("Ovary volume")),
    "follicle_count": ("", _("Follicles")),
    "antral_count": ("", _("Follicles of 2 to 10 mm")),
    "leading_mean_diameter_mm": ("mm", _("Largest mean diameter")),
    "mean_diameters_mm": ("mm", _("Mean diameters, largest first")),
    "touching_border": ("", _("Follicles cut by the border of the volume")),
    "flags": ("", _("Warnings")),
    "source": ("", _("Segmentation")),
}
_WORDS = ("date", "side", "mean_diameters_mm", "flags", "source")


def scans(chosenNode):
    """The segmentations in the scene with an ovary or follicles, of the patient of `chosenNode`; None: of nobody in the subject hierarchy.

    Not those that show the frames of a sequence.
    """
    patient = patientItem(chosenNode) if chosenNode is not None else 0
    return [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if patientItem(node) == patient
        and browserOf(node) is None
        and (ovaryID(node.GetSegmentation()) is not None or follicleIDs(node.GetSegmentation()))
    ]


def isLeftOut(segmentationNode):
    """Whether the user has left a segmentation out."""
    return bool(segmentationNode.GetAttribute(_LEFT_OUT))


def leaveOut(segmentationNode, out):
    """Leave a segmentation out of the follow-up, or not any more."""
    if out:
        segmentationNode.SetAttribute(_LEFT_OUT, "1")
    else:
        segmentationNode.RemoveAttribute(_LEFT_OUT)


def followUpOf(segmentationNodes):
    """The FollowUp of those that have a date and are not left out. InputError, in one line, where nothing can be said."""
    counted = [node for node in segmentationNodes if not isLeftOut(node) and studyDate(node) is not None]
    return FollowUp([visit for node in counted for visit in _visitsOf(node)])


def _visitsOf(segmentationNode):
    """A Visit of a segmentation, or of each of its ovaries once the side of one of them is stated."""
    ovaries = ovarySides(segmentationNode)
    if not any(side != SIDES[0] for side in ovaries.values()):
        return [_visitOf(segmentationNode, sideFrom(segmentationNode), sideOrNothing(segmentationNode))]
    found = ovarySidesFrom(segmentationNode)
    return [_visitOf(segmentationNode, each, "" if ovaries[key] == SIDES[0] else ovaries[key]) for key, each in found.items()]


def _visitOf(segmentationNode, side, which):
    return Visit(
        studyDate(segmentationNode),
        which,
        side.measurements,
        f"{side.name}, {side.ovary}" if side.ovary else side.name,
        cycleDay(segmentationNode),
        tuple(flag["key"] for flag in side.flags),
        ovaries=side.ovaries,
        ovary_source=side.ovary_source,
        name="" if side.ovary else side.name,
    )


def showFollowUp(followUp, beside):
    """Write table and plot of a FollowUp into the scene, into those of the same patient where they are already, and show the plot.

    beside: a segmentation of the patient. Returns (table node, chart node).
    """
    patient = patientItem(beside)
    table = followUpTable(patient)
    if table is None:
        table = _newNode("vtkMRMLTableNode", _("Follow-up"), patient)
        table.SetAttribute(_ATTRIBUTE, "1")
        chart = _newNode("vtkMRMLPlotChartNode", _("Follow-up"), patient)
        table.SetNodeReferenceID(_CHART, chart.GetID())
    _fillTable(table, followUp)
    chart = table.GetNodeReference(_CHART)
    _fillChart(chart, table, followUp)
    showPlot(chart)
    return table, chart


def followUpTable(patient):
    """The table of a patient's follow-up (an item of the subject hierarchy, 0: none), or None."""
    for node in slicer.util.getNodesByClass("vtkMRMLTableNode"):
        if node.GetAttribute(_ATTRIBUTE) and patientItem(node) == patient and node.GetNodeReference(_CHART) is not None:
            return node
    return None


def followUpText(followUp, undated):
    """The sizes by day as rich text: one row a date (with the day of the cycle) and side, then what must be known of them. undated: names of segmentations without a date."""
    head = "".join(
        f"<th align='{align}'>{html.escape(word)}&nbsp;&nbsp;</th>"
        for word, align in (
            (_("Date"), "left"),
            (_("Day"), "right"),
            (_("Side"), "left"),
            (_("n"), "right"),
            (_("Mean diameters (mm)"), "left"),
        )
    )
    rows = ""
    for row in followUp.rows():
        largest, *others = row["mean_diameters_mm"].split() or ["\N{EN DASH}"]
        side, day = {"left": _("left"), "right": _("right")}.get(row["side"], ""), row["cycle_day"] or ""
        cells = ((row["date"], "left"), (day, "right"), (side, "left"), (row["follicle_count"], "right"))
        rows += "<tr>" + "".join(f"<td align='{align}'>{cell}&nbsp;&nbsp;</td>" for cell, align in cells)
        rows += f"<td><b>{largest}</b> {' '.join(others)}</td></tr>"
    notes = [*followUp.notes, *([_("Without a date: {names}.").format(names=", ".join(undated))] if undated else [])]
    return f"<table><tr>{head}</tr>{rows}</table>" + "".join(f"<p>{html.escape(note)}</p>" for note in notes)


def chartOf(tableNode):
    """The plot that belongs to the table of a follow-up, or None."""
    return tableNode.GetNodeReference(_CHART) if tableNode is not None else None


def _fillTable(tableNode, followUp):
    rows = followUp.rows()
    table = vtk.vtkTable()
    for name in VISIT_COLUMNS:
        if name in _WORDS:
            addColumn(table, name, vtk.vtkStringArray, [row[name] for row in rows])
        else:
            # A table of Slicer's has no empty cells: a missing number is not a number.
            addColumn(table, name, vtk.vtkDoubleArray, [math.nan if row[name] is None else float(row[name]) for row in rows])
    tableNode.SetAndObserveTable(table)
    tableNode.SetUseColumnTitleAsColumnHeader(True)
    tableNode.SetLocked(True)
    for name in VISIT_COLUMNS:
        unit, title = _TITLES.get(name) or ("", _("Follicles from {size} mm").format(size=name.split("_")[1]))
        tableNode.SetColumnTitle(name, title)
        tableNode.SetColumnUnitLabel(name, unit)


def _fillChart(chart, tableNode, followUp):
    """Dots for all follicles of a side, a dashed line for the leading one of each day."""
    chart.RemoveAllPlotSeriesNodeIDs()
    styles = slicer.vtkMRMLPlotSeriesNode
    used = 0
    for series in followUp.series():
        side = _("{side}: ").format(side={"left": _("left"), "right": _("right")}[series.side]) if series.side else ""
        for words, x, y, line in (
            (_("{side}follicles"), series.x, series.diameters_mm, False),
            (_("{side}largest of each day"), series.leading_x, series.leading_mm, True),
        ):
            node = _nthNode(tableNode, _SERIES, used, "vtkMRMLPlotSeriesNode")
            data = _nthNode(tableNode, _DATA, used, "vtkMRMLTableNode")
            used += 1
            _fillData(data, x, y)
            node.SetName(words.format(side=side))
            node.SetAndObserveTableNodeID(data.GetID())
            node.SetPlotType(styles.PlotTypeScatter)
            node.SetXColumnName("day")
            node.SetYColumnName("mean_diameter_mm")
            node.SetLineStyle(styles.LineStyleDash if line else styles.LineStyleNone)
            round_ = series.side != "right"
            node.SetMarkerStyle(styles.MarkerStyleNone if line else styles.MarkerStyleCircle if round_ else styles.MarkerStyleSquare)
            # A small square on a large dot: two sizes of one day and diameter are both seen.
            node.SetMarkerSize(13 if round_ else 7)
            node.SetLineWidth(2)
            node.SetColor(*_COLOURS[series.side])
            chart.AddAndObservePlotSeriesNodeID(node.GetID())
    chart.SetTitle(_("Follicles by day"))
    chart.SetXAxisTitle(_("Day of the cycle") if followUp.by_cycle else _("Days since the first scan"))
    chart.SetYAxisTitle(_("Mean diameter (mm)"))
    chart.SetLegendVisibility(True)
    chart.SetGridVisibility(True)
    days = [x for series in followUp.series() for x in series.x] or [0.0]
    sizes = [size for series in followUp.series() for size in series.diameters_mm] or [0.0]
    first = min(days) - 1
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(first, max(max(days) + 1, first + _LEAST_DAYS))
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0, max(math.ceil(max(sizes)) + 2, _LEAST_MM))


def _fillData(tableNode, x, y):
    table = vtk.vtkTable()
    addColumn(table, "day", vtk.vtkDoubleArray, x)
    addColumn(table, "mean_diameter_mm", vtk.vtkDoubleArray, y)
    tableNode.SetAndObserveTable(table)


def _nthNode(tableNode, role, number, className):
    """The node of a role, made where it is missing; of no interest to the user, who sees the plot."""
    node = tableNode.GetNthNodeReference(role, number)
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass(className)
        node.UnRegister(None)
        node.SetName(_("Follow-up"))
        node.SetHideFromEditors(True)
        slicer.mrmlScene.AddNode(node)
        tableNode.SetNthNodeReferenceID(role, number, node.GetID())
    return node


def _newNode(className, name, patient):
    node = slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.CreateItem(patient or hierarchy.GetSceneItemID(), node)
    return node
