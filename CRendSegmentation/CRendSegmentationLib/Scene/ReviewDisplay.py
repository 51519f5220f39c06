"""How a review's surfaces look: colours and legends of the distance maps, marks of missed and false follicles."""

import slicer
import vtk

from crend.comparison.distance_maps import ABSOLUTE, OVARY, SIGNED
from crend.pictures.colour_maps import diverging, sequential

#: Of missed and of false follicles: in neither colour map, and plain on grey ultrasound.
MARK_COLOURS = {"missed": (1.0, 0.0, 0.85), "false": (0.0, 0.95, 1.0)}
_COLOUR_ATTRIBUTE = "CRend.ColourMap"
_INK = (0.1, 0.1, 0.1)
_STRUCTURE_WORDS = {OVARY: "Ovary"}


def addDistanceMap(polyData, name, part, top, signed):
    """A model node of a distance map, hidden, its distance as the active scalar in the colours of 0 to `top` mm (signed: -top to top).

    part: {"structure", "side", "signed": [min, mean, max], "absolute"}; the legend shows minimum, mean and maximum.
    """
    node = _addModel(polyData, name)
    display = node.GetDisplayNode()
    array = SIGNED if signed else ABSOLUTE
    display.SetActiveScalar(array, vtk.vtkAssignAttribute.POINT_DATA)
    display.SetAndObserveColorNodeID(_colourNode(signed).GetID())
    display.SetScalarVisibility(True)
    display.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseManualScalarRange)
    display.SetScalarRange(-top if signed else 0.0, top)
    display.SetSliceIntersectionThickness(2)
    display.SetAmbient(0.25)
    display.SetDiffuse(0.75)
    display.SetSpecular(0.1)
    _addLegend(display, part, signed)
    return node


def addMark(polyData, name, kind):
    """A model node, hidden, around the "missed" or the "false" follicles: a shell over the follicle in 3D, an outline in the slices."""
    node = _addModel(polyData, name)
    display = node.GetDisplayNode()
    display.SetColor(*MARK_COLOURS[kind])
    display.SetSliceIntersectionThickness(3)
    return node


def legendOf(modelNode):
    """The legend of a distance map, or None."""
    return slicer.modules.colors.logic().GetColorLegendDisplayNode(modelNode)


def renewLegend(modelNode):
    """Take a map's legend out of the scene and put it in again: a view draws the legends that are added while it is there, not earlier ones."""
    legend, display = legendOf(modelNode), modelNode.GetDisplayNode()
    if legend is None:
        return
    slicer.mrmlScene.RemoveNode(legend)
    slicer.mrmlScene.AddNode(legend)
    legend.SetAndObservePrimaryDisplayNode(display)
    modelNode.AddAndObserveDisplayNodeID(legend.GetID())


def showOnlyIn(displayNode, viewIDs):
    """Let a display node be seen in these views alone; None: in all."""
    blocker = displayNode.StartModify()
    displayNode.RemoveAllViewNodeIDs()
    for viewID in viewIDs or ():
        displayNode.AddViewNodeID(viewID)
    displayNode.EndModify(blocker)


def _addModel(polyData, name):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", name)
    node.SetAndObservePolyData(polyData)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility(False)
    display.SetVisibility2D(True)
    display.SetVisibility3D(True)
    return node


def _addLegend(display, part, signed):
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(display)
    low, mean, high = (round(value, 2) + 0.0 for value in part["signed" if signed else "absolute"])  # + 0.0: never "-0.00"
    other = "compared" if part["side"] == "reference" else "reference"
    words = _STRUCTURE_WORDS.get(part["structure"], "Follicles")
    legend.SetTitleText(f"{words}, mm to {other}\nmin {low:.2f}\nmean {mean:.2f}\nmax {high:.2f}")
    legend.SetLabelFormat("%.1f")
    legend.SetNumberOfLabels(5)
    # The narrower, the smaller the letters; the title stands above it.
    legend.SetPosition(0.98, 0.3)
    legend.SetSize(0.08, 0.55)
    for style in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        style.SetColor(*_INK)
        style.ShadowOff()
        style.SetFontFamilyToArial()
    return legend


def _colourNode(signed):
    """The colour table of signed or of absolute distances; made once a scene."""
    kind = "signed" if signed else "absolute"
    for node in slicer.util.getNodesByClass("vtkMRMLColorTableNode"):
        if node.GetAttribute(_COLOUR_ATTRIBUTE) == kind:
            return node
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", f"CRend {kind} distance")
    node.SetTypeToUser()
    node.SetAttribute(_COLOUR_ATTRIBUTE, kind)
    colours = diverging() if signed else sequential()
    node.SetNumberOfColors(len(colours))
    for number, colour in enumerate(colours):
        node.SetColor(number, str(number), *(float(part) for part in colour))
    return node
