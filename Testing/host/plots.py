"""What Slicer's plot view draws of a chart node, without its Qt side: VTK's own chart, set up from the nodes as qMRMLPlotView does it."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def seriesOf(chart):
    """[(legend, x, y)] of the series of a chart node."""
    found = []
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        node = chart.GetNthPlotSeriesNode(index)
        table = node.GetTableNode().GetTable()
        x, y = (vtk_to_numpy(table.GetColumnByName(name)).tolist() for name in (node.GetXColumnName(), node.GetYColumnName()))
        found.append((node.GetName(), x, y))
    return found


def draw(chart, width, height):
    """The chart as an RGB picture (height, width, 3), uint8."""
    view = vtk.vtkContextView()
    view.GetRenderWindow().SetOffScreenRendering(True)
    view.GetRenderWindow().SetSize(width, height)
    view.GetRenderWindow().SetMultiSamples(0)
    view.GetRenderer().SetBackground(1, 1, 1)
    drawn = vtk.vtkChartXY()
    view.GetScene().AddItem(drawn)
    drawn.SetTitle(chart.GetTitle())
    drawn.SetShowLegend(chart.GetLegendVisibility())
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        _add(drawn, chart.GetNthPlotSeriesNode(index))
    for axis, title, extent, automatic in (
        (vtk.vtkAxis.BOTTOM, chart.GetXAxisTitle(), chart.GetXAxisRange(), chart.GetXAxisRangeAuto()),
        (vtk.vtkAxis.LEFT, chart.GetYAxisTitle(), chart.GetYAxisRange(), chart.GetYAxisRangeAuto()),
    ):
        drawn.GetAxis(axis).SetTitle(title)
        drawn.GetAxis(axis).SetGridVisible(chart.GetGridVisibility())
        if not automatic:
            drawn.GetAxis(axis).SetBehavior(vtk.vtkAxis.FIXED)
            drawn.GetAxis(axis).SetRange(*extent)
    view.GetRenderWindow().Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(view.GetRenderWindow())
    grab.ReadFrontBufferOff()
    grab.Update()
    pixels = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3]
    return np.ascontiguousarray(pixels)


def near(picture, colour, within=12):
    """How many pixels have about this colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) <= within).sum())


def _add(drawn, node):
    styles = slicer.vtkMRMLPlotSeriesNode
    bars = node.GetPlotType() in (styles.PlotTypeBar, styles.PlotTypeScatterBar)
    plot = drawn.AddPlot(vtk.vtkChart.BAR if bars else vtk.vtkChart.LINE)
    plot.SetInputData(node.GetTableNode().GetTable(), node.GetXColumnName(), node.GetYColumnName())
    plot.SetWidth(node.GetLineWidth())
    plot.SetColorF(*node.GetColor())
    plot.SetLabel(node.GetName())
    if not bars:
        # In both lists the styles have the same order.
        plot.GetPen().SetLineType(node.GetLineStyle())
        plot.SetMarkerStyle(node.GetMarkerStyle())
        plot.SetMarkerSize(node.GetMarkerSize())
