"""Pictures of surfaces without a screen: panels rendered by VTK, put side by side, written as PNG."""

import os
import sys
from dataclasses import dataclass

import numpy as np

from ..comparison.surfaces import polydata
from ..io.atomic import replacing
from .colour_maps import sequential

BACKGROUND = (1.0, 1.0, 1.0)
INK = (0.1, 0.1, 0.1)


@dataclass(frozen=True)
class View:
    """Where a parallel camera looks: at `centre` (LPS mm), `right` and `up` unit vectors in the picture, `radius` mm visible up and down."""

    centre: np.ndarray
    right: np.ndarray
    up: np.ndarray
    radius: float


def view_of(surface, slack=1.12):
    """View of a Surface with its longest axis across the picture and the next one upright; it fits in a square."""
    centre = (surface.points.min(axis=0) + surface.points.max(axis=0)) / 2
    spread = surface.points - surface.points.mean(axis=0)
    axes = np.linalg.eigh(np.einsum("ni,nj->ij", spread, spread))[1].T[::-1]
    # The sign of an axis is arbitrary: towards the patient's left, and towards the head.
    right = axes[0] * (1 if axes[0][np.abs(axes[0]).argmax()] > 0 else -1)
    up = axes[1] * (1 if axes[1][np.abs(axes[1]).argmax()] > 0 else -1)
    extent = [np.abs((surface.points - centre) @ axis).max() for axis in (right, up)]
    return View(centre, right, up, slack * float(max(extent)))


def anterior_view(surface, slack=1.12):
    """View of a Surface from anterior, its left to the right, the head up, as 3D Slicer shows it first; it fits in a square."""
    centre = (surface.points.min(axis=0) + surface.points.max(axis=0)) / 2
    right, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    extent = [np.abs((surface.points - centre) @ axis).max() for axis in (right, up)]
    return View(centre, right, up, slack * float(max(extent)))


class Studio:
    """Renders panels of one size, (width, height) pixels, one after the other; use it in a `with` statement, which ends its window."""

    def __init__(self, size):
        self.size = size
        self._window = _window()
        self._window.SetOffScreenRendering(True)
        self._window.SetMultiSamples(0)
        self._window.SetAlphaBitPlanes(True)
        self._window.SetSize(*size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._window.Finalize()

    def render(self, props, view, background=BACKGROUND):
        """RGB picture (height, width, 3) uint8 of VTK props, 3D and 2D, in a View."""
        import vtk
        from vtk.util.numpy_support import vtk_to_numpy

        renderer = vtk.vtkRenderer()
        renderer.SetBackground(*background)
        renderer.SetUseDepthPeeling(True)
        renderer.SetMaximumNumberOfPeels(8)
        renderer.SetUseFXAA(True)
        for prop in props:
            renderer.AddViewProp(prop)
        camera = renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*view.centre)
        camera.SetPosition(*(view.centre + np.cross(view.right, view.up) * 10 * view.radius))
        camera.SetViewUp(*view.up)
        camera.SetParallelScale(view.radius)
        renderer.ResetCameraClippingRange()
        self._window.AddRenderer(renderer)
        self._window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ReadFrontBufferOff()
        grab.Update()
        picture = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
        self._window.RemoveRenderer(renderer)
        return picture.reshape(self.size[1], self.size[0], -1)[::-1, :, :3].copy()


def mesh(surface, colour, opacity=1.0):
    """Prop of a Surface in one colour."""
    actor = _actor(polydata(surface))
    actor.GetMapper().ScalarVisibilityOff()
    actor.GetProperty().SetColor(*colour)
    actor.GetProperty().SetOpacity(opacity)
    return actor


def distance_mesh(surface, distance, top):
    """Prop of a Surface coloured by the absolute distance (n,) of its points, 0 to `top` mm."""
    actor = _actor(polydata(surface, Distance=np.abs(distance)))
    actor.GetMapper().SetLookupTable(colours(top))
    actor.GetMapper().SetUseLookupTableScalarRange(True)
    return actor


def line(points, segments_, colour, width):
    """Prop of line segments: points (n, 3), segments (m, 2) of point indices."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

    data = vtk.vtkPolyData()
    coordinates = vtk.vtkPoints()
    coordinates.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float32), deep=True))
    data.SetPoints(coordinates)
    cells = vtk.vtkCellArray()
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.arange(0, 2 * len(segments_) + 1, 2), deep=True),
        numpy_to_vtkIdTypeArray(np.ascontiguousarray(segments_, dtype=np.int64).ravel(), deep=True),
    )
    data.SetLines(cells)
    actor = _actor(data)
    actor.GetProperty().SetColor(*colour)
    actor.GetProperty().SetLineWidth(width)
    actor.GetProperty().LightingOff()
    return actor


def colours(top):
    """vtkLookupTable from 0 to `top`."""
    import vtk

    table = vtk.vtkLookupTable()
    table.SetNumberOfTableValues(256)
    table.SetRange(0, top)
    for k, colour in enumerate(sequential(256)):
        table.SetTableValue(k, *colour, 1)
    table.Build()
    return table


def text(words, x, y, size, colour=INK, *, bold=False, centred=False):
    """2D prop: words at x, y pixels from the lower left."""
    import vtk

    actor = vtk.vtkTextActor()
    actor.SetInput(words)
    style = actor.GetTextProperty()
    style.SetFontSize(size)
    style.SetColor(*colour)
    style.SetBold(bold)
    style.SetVerticalJustificationToCentered()
    if centred:
        style.SetJustificationToCentered()
    actor.SetPosition(x, y)
    return actor


def colour_bar(values, top, size):
    """2D props: a bar from 0 to `top` mm at the right of a panel of `size` pixels, with marks at the minimum, mean and maximum of `values`."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    width, height = size
    letters = min(max(11, height // 26), 18)
    left, right = width - 7 * letters, width - 6 * letters
    low, high = int(0.14 * height), int(0.86 * height)
    grid = vtk.vtkPlaneSource()
    grid.SetOrigin(left, low, 0)
    grid.SetPoint1(right, low, 0)
    grid.SetPoint2(left, high, 0)
    grid.SetResolution(1, 255)
    grid.Update()
    bar = grid.GetOutput()
    bar.GetPointData().SetScalars(numpy_to_vtk(np.repeat(np.linspace(0, top, 256, dtype=np.float32), 2), deep=True))
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(bar)
    mapper.SetLookupTable(colours(top))
    mapper.SetUseLookupTableScalarRange(True)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    marks = {"min": float(values.min()), "mean": float(values.mean()), "max": float(values.max())}
    places = [low + (high - low) * min(value / top, 1) for value in marks.values()]
    # Labels that would lie on each other make room: the middle one goes up, then the top one.
    for k in (1, 2):
        places[k] = max(places[k], places[k - 1] + 1.3 * letters)
    labels = [text(f"{name} {value:.2f}", right + 4, place, letters) for (name, value), place in zip(marks.items(), places)]
    return [actor, *labels, text(f"{top:.1f} mm", left, high + 1.4 * letters, letters)]


def beside(rows):
    """One picture (H, W, 3) of rows of panels (h, w, 3), all of one size."""
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)


def write_png(picture, path):
    """Write an RGB picture (H, W, 3) uint8."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image = vtk.vtkImageData()
    image.SetDimensions(picture.shape[1], picture.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture[::-1]).reshape(-1, 3), deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetInputData(image)
    with replacing(path) as temporary:
        writer.SetFileName(str(temporary))
        writer.Write()


def _actor(data):
    import vtk

    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(data)
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    style = actor.GetProperty()
    style.SetAmbient(0.25)
    style.SetDiffuse(0.75)
    style.SetSpecular(0.15)
    return actor


def _window():
    """A render window that needs no screen: on Linux without a display VTK's own choice would try X first and complain."""
    import vtk

    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and hasattr(vtk, "vtkEGLRenderWindow"):
        return vtk.vtkEGLRenderWindow()
    return vtk.vtkRenderWindow()
