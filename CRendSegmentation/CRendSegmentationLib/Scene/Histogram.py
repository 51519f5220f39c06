"""Sizes of the follicles as a Slicer plot."""

import slicer
import vtk

_TABLE_ROLE = "CRend.HistogramTable"
_CHART_ROLE = "CRend.HistogramChart"
_SERIES_ROLE = "CRend.HistogramSeries"


def showHistogram(segmentationNode, follicleTableNode):
    """Bars: how many follicles there are of each whole millimetre. Made once a segmentation, then brought up to date; returns the chart node.

    The plot is shown when the application has a layout with plot views.
    """
    table = _nodeOf(segmentationNode, _TABLE_ROLE, "vtkMRMLTableNode", "follicle sizes")
    _fill(table, histogram(follicleTableNode))
    series = _nodeOf(segmentationNode, _SERIES_ROLE, "vtkMRMLPlotSeriesNode", "Follicles")
    series.SetAndObserveTableNodeID(table.GetID())
    # Slicer writes numbers, never words, along an axis: so the bars stand at their millimetre.
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatterBar)
    series.SetXColumnName("diameter_mm")
    series.SetYColumnName("follicles")
    series.SetColor(0.10, 0.45, 0.75)
    chart = _nodeOf(segmentationNode, _CHART_ROLE, "vtkMRMLPlotChartNode", "follicle sizes")
    chart.RemoveAllPlotSeriesNodeIDs()
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle("Follicles by mean diameter")
    chart.SetXAxisTitle("Mean diameter (mm)")
    chart.SetYAxisTitle("Follicles")
    chart.SetLegendVisibility(False)
    _showInLayout(chart)
    return chart


def histogram(follicleTableNode):
    """[(diameter, number of follicles)] for every whole millimetre from 1 to one above the largest mean diameter, rounded half up."""
    table = follicleTableNode.GetTable()
    sizes = [int(table.GetValueByName(row, "mean_diameter_mm").ToDouble() + 0.5) for row in range(table.GetNumberOfRows())]
    return [(size, sizes.count(size)) for size in range(1, max(sizes, default=1) + 2)]


def _fill(tableNode, bars):
    table = vtk.vtkTable()
    for name, values in zip(("diameter_mm", "follicles"), zip(*bars)):
        column = vtk.vtkIntArray()
        column.SetName(name)
        for value in values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    tableNode.SetAndObserveTable(table)


def _nodeOf(segmentationNode, role, className, name):
    node = segmentationNode.GetNodeReference(role)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass(className, f"{segmentationNode.GetName()} {name}")
        segmentationNode.SetNodeReferenceID(role, node.GetID())
    return node


def _showInLayout(chart):
    layoutManager = slicer.app.layoutManager()
    if layoutManager is None:
        return
    current = layoutManager.layout
    withPlot = slicer.modules.plots.logic().GetLayoutWithPlot(current)
    if withPlot != current:
        layoutManager.setLayout(withPlot)
    slicer.app.applicationLogic().GetSelectionNode().SetReferenceActivePlotChartID(chart.GetID())
    slicer.app.applicationLogic().PropagatePlotChartSelection()
