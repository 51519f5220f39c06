"""By how much the transform over a node changes lengths: what is measured in the node's own millimetres is not what rulers in the views show then."""

import numpy as np
import slicer
import vtk

#: A transform that changes lengths by less than this part is one that turns and moves.
LEAST = 0.01
_STEP_MM = 0.5


def stretchOf(node):
    """(smallest, largest) factor of lengths from a node's own coordinates to the world: at the middle of what it holds, and half-way to its corners."""
    if node.GetParentTransformNode() is None:
        return 1.0, 1.0
    toWorld, bounds = vtk.vtkGeneralTransform(), [0.0] * 6
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), None, toWorld)
    node.GetBounds(bounds)
    low, high = np.array(bounds[::2]), np.array(bounds[1::2])
    sides = np.maximum(high - low, 0)  # of nothing the bounds are the wrong way round
    factors = []
    for part in [(0, 0, 0), *(np.array(corner) - 0.5 for corner in np.ndindex(2, 2, 2))]:
        place = (low + high) / 2 + sides * part / 2
        ends = [[toWorld.TransformPoint(*(place + way * step)) for way in (1, -1)] for step in np.eye(3) * _STEP_MM]
        factors.append(np.linalg.svd([np.subtract(*pair) / (2 * _STEP_MM) for pair in ends], compute_uv=False))
    return round(float(np.min(factors)), 6), round(float(np.max(factors)), 6)
