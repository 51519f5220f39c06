"""Sizes of the follicles as a Slicer plot."""

import slicer
import vtk

from .PlotLayout import plotShown, showPlot

_TABLE_ROLE = "CRend.HistogramTable"
_CHART_ROLE = "CRend.HistogramChart"
_SERIES_ROLE = "CRend.HistogramSeries"
#: Shorter axes Slicer divides in halves, and there is no half follicle.
_LEAST_TOP = 10


def showHistogram(segmentationNode, follicleTableNode):
    """Bars: how many follicles there are of each whole millimetre. Made once a segmentation, then brought up to date; returns the chart node.

    The plot is shown when the application has a layout with plot views; PlotLayout.hidePlot leads back to the one before.
    """
    table = _nodeOf(segmentationNode, _TABLE_ROLE, "vtkMRMLTableNode", "follicle sizes")
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
    updateHistogram(segmentationNode, follicleTableNode)
    showPlot(chart)
    return chart


def updateHistogram(segmentationNode, follicleTableNode):
    """Let the histogram that was made of a segmentation, if one was, follow its follicles."""
    table, chart = (segmentationNode.GetNodeReference(role) for role in (_TABLE_ROLE, _CHART_ROLE))
    if table is None or chart is None:
        return
    bars = histogram(follicleTableNode)
    _fill(table, bars)
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(0, max(bars[-1][0] + 1, _LEAST_TOP))
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0, max(*(count + 1 for _, count in bars), _LEAST_TOP))


def histogramShown(segmentationNode):
    """Whether the histogram of a segmentation is what the plot view shows."""
    return plotShown(segmentationNode.GetNodeReference(_CHART_ROLE) if segmentationNode is not None else None)


def histogram(follicleTableNode):
    """[(diameter, number of follicles)] for every whole millimetre from 1 to one above the largest mean diameter, rounded half up."""
    table = follicleTableNode.GetTable()
    diameters = [table.GetValueByName(row, "mean_diameter_mm").ToDouble() for row in range(table.GetNumberOfRows())]
    sizes = [int(diameter + 0.5) for diameter in diameters if diameter == diameter]
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
