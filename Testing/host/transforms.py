"""Parent transforms of a volume, linear and not, for tests of where its segments lie."""

import numpy as np
import slicer
import vtk


def linear(scene):
    turn = vtk.vtkTransform()
    turn.Translate(30, -10, 5)
    turn.RotateY(33)
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Linear")
    node.SetMatrixTransformToParent(turn.GetMatrix())
    return node


def thinPlate(scene):
    spline = vtk.vtkThinPlateSplineTransform()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in np.ndindex(2, 2, 2):
        source.InsertNextPoint(*(np.array(corner) * 60 - 20))
        target.InsertNextPoint(*(np.array(corner) * 60 - 20 + 4 * np.sin(np.array(corner) * 5 + 1)))
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    spline.SetBasisToR()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "ThinPlate")
    node.SetAndObserveTransformToParent(spline)
    return node


def grid(scene):
    displacement = vtk.vtkImageData()
    displacement.SetDimensions(5, 5, 5)
    displacement.SetSpacing(30, 30, 30)
    displacement.SetOrigin(-50, -80, -20)
    displacement.AllocateScalars(vtk.VTK_DOUBLE, 3)
    vectors = 5 * np.sin(np.arange(5**3 * 3))
    for index in range(5**3):
        displacement.GetPointData().GetScalars().SetTuple3(index, *vectors[3 * index : 3 * index + 3])
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(displacement)
    transform.SetInterpolationModeToCubic()
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Grid")
    node.SetAndObserveTransformFromParent(transform)
    return node


def nested(scene):
    inner, outer = thinPlate(scene), linear(scene)
    inner.SetAndObserveTransformNodeID(outer.GetID())
    return inner


PARENTS = {"no transform": lambda scene: None, "linear": linear, "thin plate": thinPlate, "grid": grid, "nested": nested}
