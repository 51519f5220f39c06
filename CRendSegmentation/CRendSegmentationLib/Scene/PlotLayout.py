"""A plot in Slicer's layout, and the way back to the layout that was there before."""

import slicer

_BEFORE = "CRend.Plot.LayoutBefore"


def showPlot(chart):
    """Show a vtkMRMLPlotChartNode, where the application has a layout with plot views; hidePlot leads back."""
    node = _layoutNode()
    if node is None:
        return
    current = node.GetViewArrangement()
    withPlot = slicer.modules.plots.logic().GetLayoutWithPlot(current)
    if withPlot != current:
        node.SetAttribute(_BEFORE, str(current))
        node.SetViewArrangement(withPlot)
    slicer.app.applicationLogic().GetSelectionNode().SetReferenceActivePlotChartID(chart.GetID())
    slicer.app.applicationLogic().PropagatePlotChartSelection()


def plotShown(chart):
    """Whether the layout is the one that showPlot set, and shows this chart."""
    if chart is None or not _isOurs():
        return False
    return slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID() == chart.GetID()


def hidePlot():
    """Back to the layout that was there before; nothing when the user has chosen another one meanwhile."""
    if _isOurs():
        _layoutNode().SetViewArrangement(int(_layoutNode().GetAttribute(_BEFORE)))


def _isOurs():
    node = _layoutNode()
    before = node.GetAttribute(_BEFORE) if node is not None else None
    return before is not None and node.GetViewArrangement() == slicer.modules.plots.logic().GetLayoutWithPlot(int(before))


def _layoutNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
