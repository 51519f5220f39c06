"""The Slicer scene: the sample segmented by the module's own logic, arranged as a user would, saved as a bundle.

Slicer's scene, nodes and views are real; the Qt side that the module asks for comes from Testing/host.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Testing"))

import host
import slicer
import vtk

from .stage import SLICES, THREE_D, Stage, log_to

#: From which side the 3D view looks, RAS, and how much of its height the ovary fills.
LOOK_FROM = (-0.84, 0.48, 0.25)
FILL = 0.84


def make_scene(folder, predictor=None):
    """Segment volume.nrrd of `folder` in a new scene, arrange the views and save everything as scene.mrb beside it.

    predictor: replaces the module's own (see CRendSegmentationLib.Runs.Predictors). Returns the nodes of the result.
    Raises RuntimeError when a file cannot be read or written.
    """
    log, bundle = folder / "slicer.log", folder / "scene.mrb"
    log_to(log)
    host.install()
    scene = host.newScene()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    stage = Stage(scene, slicer.app.applicationLogic())
    logic = host.loadModule().logic
    logic.predictor = predictor or logic.predictor
    volume = load_volume(folder / "volume.nrrd")
    nodes = logic.segment(volume)
    logic.close()
    show_in_slices(stage, volume, nodes.segmentationNode)
    show_in_3d(stage, nodes.segmentationNode)
    show_table(scene, volume, nodes.follicleTableNode)
    scene.SetRootDirectory(str(folder.resolve()))
    if not scene.WriteToMRB(str(bundle.resolve())):
        raise RuntimeError(f"{bundle} could not be written: see {log}")
    stage.close()
    print(nodes.message)
    return nodes


def load_volume(path):
    """A scalar volume node of an image file, with its storage and display nodes, as Slicer's own reader makes it."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path.stem)
    node.AddDefaultStorageNode(str(path))
    if not node.GetStorageNode().ReadData(node):
        raise RuntimeError(f"{path} could not be read")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display.AutoWindowLevelOff()
    display.SetWindowLevel(210, 105)
    return node


def show_in_slices(stage, volume, segmentation):
    """Each slice through the place where most of the follicles show, fitted, with a ruler; outlines smooth, fill faint."""
    display = segmentation.GetDisplayNode()
    display.SetSliceIntersectionThickness(2)
    display.SetOpacity2DFill(0.3)
    surface = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    display.SetPreferredDisplayRepresentationName2D(surface)
    where = best_place(segmentation, volume)
    for tag in SLICES:
        view = stage.views[tag]
        stage.resize(tag, 640, 520)
        view.set_background_volume_id(volume.GetID())
        view.fit_view_to_content()
        node = stage.node(tag)
        node.JumpSliceByOffsetting(*where)
        node.SetRulerType(slicer.vtkMRMLAbstractViewNode.RulerTypeThin)


def best_place(segmentation, volume):
    """A point (R, A, S): along each axis where most follicles are cut, and cut widely. For a volume along R, A and S."""
    labels = follicle_labels(segmentation, volume)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    place = np.zeros(3)
    for array_axis in range(3):
        others = tuple(axis for axis in range(3) if axis != array_axis)
        areas = [(labels == number).sum(axis=others) for number in np.unique(labels[labels > 0])]
        best = int(np.argmax(np.sum(np.sqrt(areas), axis=0))) if areas else labels.shape[array_axis] // 2
        column = 2 - array_axis
        direction = np.array([matrix.GetElement(row, column) for row in range(3)])
        ras_axis = int(np.argmax(np.abs(direction)))
        place[ras_axis] = matrix.GetElement(ras_axis, 3) + best * direction[ras_axis]
    return place


def follicle_labels(segmentation, volume):
    """uint16 (D, H, W): k at the voxels of the segment "Follicle k", 0 elsewhere."""
    labels = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint16)
    segments = segmentation.GetSegmentation()
    for index in range(segments.GetNumberOfSegments()):
        name = segments.GetNthSegment(index).GetName()
        if name.startswith("Follicle "):
            mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segments.GetNthSegmentID(index), volume)
            labels[mask > 0] = int(name.split()[1])
    return labels


def show_in_3d(stage, segmentation):
    """The camera on the ovary, from a little to the side and above."""
    node = stage.node(THREE_D)
    node.SetBoxVisible(False)
    node.SetAxisLabelsVisible(False)
    bounds = np.zeros(6)
    segmentation.GetRASBounds(bounds)
    if bounds[0] > bounds[1]:
        return
    centre, extent = (bounds[0::2] + bounds[1::2]) / 2, bounds[1::2] - bounds[0::2]
    camera = stage.views[THREE_D].get_camera_node()
    camera.SetViewAngle(25)
    distance = extent.max() / 2 / FILL / np.tan(np.radians(camera.GetViewAngle() / 2))
    camera.SetFocalPoint(*centre)
    camera.SetPosition(*(centre + distance * np.array(LOOK_FROM) / np.linalg.norm(LOOK_FROM)))
    camera.SetViewUp(0, 0, 1)
    camera.ResetClippingRange()


def show_table(scene, volume, table):
    """Slicer's four-up layout with a table below it; the volume and the table are the active ones."""
    layouts = slicer.vtkMRMLLayoutLogic()
    layouts.SetMRMLScene(scene)
    layouts.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    scene.GetFirstNodeByClass("vtkMRMLTableViewNode").SetTableNodeID(table.GetID())
    selection = slicer.app.applicationLogic().GetSelectionNode()
    selection.SetActiveVolumeID(volume.GetID())
    selection.SetActiveTableID(table.GetID())
