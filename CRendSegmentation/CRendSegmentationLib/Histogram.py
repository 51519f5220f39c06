"""Sizes of the follicles as a Slicer plot."""

import slicer
import vtk

from crend.measurements import SIZE_CLASSES

_TABLE_ROLE = "CRend.HistogramTable"
_CHART_ROLE = "CRend.HistogramChart"
_SERIES_ROLE = "CRend.HistogramSeries"


def showHistogram(segmentationNode, follicleTableNode):
    """Bars: how many follicles there are in each size class. Made once a segmentation, then brought up to date; returns the chart node.

    The plot is shown when the application has a layout with plot views.
    """
    table = _nodeOf(segmentationNode, _TABLE_ROLE, "vtkMRMLTableNode", "follicle sizes")
    _fill(table, histogram(follicleTableNode))
    series = _nodeOf(segmentationNode, _SERIES_ROLE, "vtkMRMLPlotSeriesNode", "Follicles")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeBar)
    series.SetLabelColumnName("size")
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
    """[(name of the size class, number of follicles)]: the summary's classes, of mean diameters rounded to whole millimetres."""
    table = follicleTableNode.GetTable()
    sizes = [int(table.GetValueByName(row, "mean_diameter_mm").ToDouble() + 0.5) for row in range(table.GetNumberOfRows())]
    return [("<2", sum(size < 2 for size in sizes))] + [
        (name, sum(low <= size <= high for size in sizes)) for name, low, high in SIZE_CLASSES]


def _fill(tableNode, bars):
    table = vtk.vtkTable()
    names, counts = vtk.vtkStringArray(), vtk.vtkIntArray()
    names.SetName("size")
    counts.SetName("follicles")
    for name, count in bars:
        names.InsertNextValue(name)
        counts.InsertNextValue(count)
    table.AddColumn(names)
    table.AddColumn(counts)
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
