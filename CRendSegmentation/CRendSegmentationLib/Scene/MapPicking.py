"""What distance a map shows under the cursor of a 3D view."""

from typing import NamedTuple

import slicer
import vtk
from slicer.i18n import tr as _

from crend.comparison.distance_maps import OVARY, SIGNED

#: The picture's depth says where the cursor is to about a tenth of this; what is further from the map lies on something else.
_NEAR_MM = 1.0
_NOTHING = 0.999999  # depth of the background, as vtkWorldPointPicker has it


class MapPoint(NamedTuple):
    """A place on a distance map: its (r, a, s) in the world, the distance there in mm, and that in words."""

    world: tuple
    distance_mm: float
    words: str


class MapPicker:
    """model: the model node of a distance map (see ReviewDisplay); its search tree is made when it is first asked."""

    def __init__(self, model):
        self._model = model
        self._picker = vtk.vtkWorldPointPicker()
        self._locator = None

    def at(self, renderer, x, y):
        """The MapPoint at the pixel (x, y), counted from the lower left, of a renderer's window as it was drawn last; None beside the map."""
        if renderer.GetZ(int(x), int(y)) >= _NOTHING:
            return None
        self._picker.Pick(x, y, 0, renderer)
        world = self._picker.GetPickPosition()
        local = [0.0, 0.0, 0.0]
        self._model.TransformPointFromWorld(world, local)
        found = self._nearest(local)
        if found is None:
            return None
        place, distance = found
        onMap = [0.0, 0.0, 0.0]
        self._model.TransformPointToWorld(place, onMap)
        return MapPoint(tuple(onMap), distance, self._words(distance))

    def _nearest(self, point):
        """(nearest place of the surface, distance there, interpolated between its corners), or None where that is too far away."""
        mesh = self._model.GetPolyData()
        if self._locator is None:
            self._locator = vtk.vtkStaticCellLocator()
            self._locator.SetDataSet(mesh)
            self._locator.BuildLocator()
        place, cellID, part, away = [0.0, 0.0, 0.0], vtk.reference(0), vtk.reference(0), vtk.reference(0.0)
        self._locator.FindClosestPoint(point, place, cellID, part, away)
        if int(cellID) < 0 or float(away) > _NEAR_MM**2:
            return None
        cell = mesh.GetCell(int(cellID))
        coordinates, weights = [0.0, 0.0, 0.0], [0.0] * cell.GetNumberOfPoints()
        cell.EvaluatePosition(place, [0.0, 0.0, 0.0], part, coordinates, away, weights)
        values = mesh.GetPointData().GetArray(self._model.GetDisplayNode().GetActiveScalarName())
        return place, sum(weight * values.GetValue(cell.GetPointId(k)) for k, weight in enumerate(weights))

    def _words(self, distance):
        other = _("compared") if self._model.GetAttribute("CRend.side") == "reference" else _("reference")
        structure = _("Ovary") if self._model.GetAttribute("CRend.structure") == OVARY else _("Follicles")
        distance = round(distance, 2) + 0.0  # never "-0.00"
        if self._model.GetDisplayNode().GetActiveScalarName() != SIGNED:
            return _("{structure}: {distance} mm to {other}").format(structure=structure, distance=f"{distance:.2f}", other=other)
        beyond = _("outside {other}") if distance > 0 else _("inside {other}") if distance < 0 else _("on {other}")
        return f"{structure}: {abs(distance):.2f} mm {beyond.format(other=other)}"


def viewsOf(model):
    """IDs of the 3D views that a map is shown in."""
    return [viewID for viewID in model.GetDisplayNode().GetViewNodeIDs() if slicer.mrmlScene.GetNodeByID(viewID).IsA("vtkMRMLViewNode")]


def jumpTo(world):
    """Let every slice view show a point (r, a, s) of the world in its middle."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
