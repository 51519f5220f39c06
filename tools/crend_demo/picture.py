"""overview.png: the saved scene, opened again and drawn by Slicer's own views."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from trame_slicer.core.slicer_app import SlicerApp
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkPlane, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkCutter

from .sheet import compose
from .stage import SLICES, THREE_D, Stage, log_to  # chooses the render window before vtk is loaded

PLANES = {"Red": ("Axial", (243, 74, 51)), "Green": ("Coronal", (110, 176, 75)), "Yellow": ("Sagittal", (237, 213, 76))}
SLICE_SIZE = (512, 430)
SPACE_SIZE = (1030, 640)
FINE = 2
SMALLEST_LABELLED = 4.0  # mm across, in a slice


@dataclass(frozen=True)
class Panel:
    """One view on the sheet. labels: (x, y, text) in pixels from the upper left; millimetre: its length in pixels, or None."""

    title: str
    colour: tuple
    picture: Image.Image
    labels: list
    millimetre: float | None = None


@dataclass(frozen=True, eq=False)
class Follicle:
    """One row of the table that the scene holds."""

    number: int
    name: str
    colour: tuple
    diameter: float
    volume: float
    centre: np.ndarray


def make_overview(folder):
    """Draw overview.png of scene.mrb in `folder`."""
    stage = open_scene(folder / "scene.mrb", folder / "slicer.log")
    panels, follicles, message, notice = draw(stage)
    compose(panels, follicles, message, f"Simulated ultrasound. {notice}").save(folder / "overview.png", optimize=True)
    stage.close()


def open_scene(bundle_path, log):
    """A Stage with the scene of a .mrb file, opened as Slicer does; raises RuntimeError when something is missing."""
    app = SlicerApp()
    log_to(log)  # after SlicerApp, which sends messages to the console
    stage = Stage(app.scene, app.app_logic)
    stage.app = app  # type: ignore[attr-defined]  # holds the logics that observe the scene
    if not app.scene.ReadFromMRB(str(bundle_path), False):
        raise RuntimeError(f"{bundle_path} could not be opened: see {log}")
    return stage


def draw(stage):
    """(panels, follicles, message, notice) of an opened scene: everything that the sheet shows."""
    segmentation = stage.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateClosedSurfaceRepresentation()
    display = segmentation.GetDisplayNode()
    display.SetSliceIntersectionThickness(FINE * display.GetSliceIntersectionThickness())
    follicles = read_follicles(segmentation)
    panels = [_slice_panel(stage, tag, segmentation, follicles) for tag in SLICES] + [_space_panel(stage, follicles)]
    return panels, follicles, segmentation.GetAttribute("CRend.message"), segmentation.GetAttribute("CRend.notice")


def read_follicles(segmentation):
    """The rows of the segmentation's follicle table, with the colours of the segments."""
    table = segmentation.GetNodeReference("CRend.FollicleTable").GetTable()
    follicles = []
    for row in range(table.GetNumberOfRows()):
        cell = lambda name: table.GetValueByName(row, name).ToDouble()  # noqa: B023, E731
        name = table.GetValueByName(row, "segment").ToString()
        segments = segmentation.GetSegmentation()
        segment = segments.GetSegment(segments.GetSegmentIdBySegmentName(name))
        colour = tuple(round(255 * part) for part in segment.GetColor())
        centre = np.array([cell(f"centroid_{axis}_mm") for axis in "ras"])
        follicles.append(Follicle(int(cell("id")), name, colour, cell("dv_mm"), cell("volume_ml"), centre))
    return follicles


def _slice_panel(stage, tag, segmentation, follicles):
    width, height = SLICE_SIZE
    title, colour = PLANES[tag]
    node = stage.node(tag)
    node.SetRulerType(node.RulerTypeNone)  # too fine to read here: the sheet has a scale of its own
    picture = stage.photograph(tag, width, height, FINE)
    columns, rows, _ = node.GetDimensions()
    to_slice = np.linalg.inv(_array(node.GetXYToRAS()))
    labels = []
    for follicle in follicles:
        outline = _cut(segmentation, follicle.name, node)
        if len(outline) and np.ptp(outline, axis=0).max() > SMALLEST_LABELLED:
            x, y = (to_slice @ [*outline.mean(axis=0), 1])[:2]
            labels.append((x * width / columns, height - y * height / rows, str(follicle.number)))
    return Panel(title, colour, picture, labels, width / node.GetFieldOfView()[0])


def _cut(segmentation, name, node):
    """(n, 3) RAS points where a slice cuts the surface of a segment."""
    surface = vtkPolyData()
    segments = segmentation.GetSegmentation()
    segmentation.GetClosedSurfaceRepresentation(segments.GetSegmentIdBySegmentName(name), surface)
    to_ras = _array(node.GetSliceToRAS())
    plane = vtkPlane()
    plane.SetOrigin(*to_ras[:3, 3])
    plane.SetNormal(*to_ras[:3, 2])
    cutter = vtkCutter()
    cutter.SetCutFunction(plane)
    cutter.SetInputData(surface)
    cutter.Update()
    points = cutter.GetOutput().GetPoints()
    return vtk_to_numpy(points.GetData()) if points and points.GetNumberOfPoints() else np.zeros((0, 3))


def _space_panel(stage, follicles):
    width, height = SPACE_SIZE
    picture = stage.photograph(THREE_D, width, height, FINE)
    renderer = stage.views[THREE_D].renderer()
    camera = renderer.GetActiveCamera()
    eye, scale = np.array(camera.GetPosition()), renderer.GetSize()[0] / width
    discs = {}  # follicle: place of its centre and radius on the picture, distance from the eye
    for follicle in follicles:
        renderer.SetWorldPoint(*follicle.centre, 1)
        renderer.WorldToDisplay()
        x, y, _ = renderer.GetDisplayPoint()
        away = float(np.linalg.norm(follicle.centre - eye))
        pixels = height / (2 * away * np.tan(np.radians(camera.GetViewAngle() / 2)))
        discs[follicle] = (np.array([x / scale, height - y / scale]), follicle.diameter / 2 * pixels, away)
    labels = []
    for follicle, disc in discs.items():
        place, room = _most_visible(disc, [other for other in discs.values() if other[2] < disc[2]])
        if room > 11:
            labels.append((*place, str(follicle.number)))
    return Panel("3D", (116, 131, 233), picture, labels)


def _most_visible(disc, nearer):
    """The place on a disc that is farthest from its edge and from every nearer disc, and how far."""
    centre, radius, _ = disc
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, 25)]), axis=-1).reshape(-1, 2)
    places = centre + radius * grid[np.argsort(np.linalg.norm(grid, axis=1), kind="stable")]
    room = radius - np.linalg.norm(places - centre, axis=1)
    for other, reach, _ in nearer:
        room = np.minimum(room, np.linalg.norm(places - other, axis=1) - reach)
    best = int(np.argmax(room))
    return places[best], float(room[best])


def _array(matrix):
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
