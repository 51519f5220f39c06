"""Closed surfaces of masks, finer than the voxels, and how far each of their points lies from another surface."""

from dataclasses import dataclass

import numpy as np

from .boxes import union_box
from .subvoxel import smooth_field

_MOST_PARTS = 2000


@dataclass(frozen=True)
class Surface:
    """A closed triangle mesh in mm, LPS: points (n, 3), outward normals (n, 3), triangles (m, 3) of point indices."""

    points: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray

    def area(self):
        """mm^2."""
        a, b, c = (self.points[self.triangles[:, k]] for k in range(3))
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    def volume(self):
        """mm^3, by the divergence theorem."""
        a, b, c = (self.points[self.triangles[:, k]] - self.points[0] for k in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def surface_of(image):
    """Surface of everything non-zero in a SimpleITK image, or None when it is empty.

    Each connected part (by faces) is a closed surface of its own; of more than 2,000 parts, which is noise, only the largest are taken.
    """
    import SimpleITK as sitk
    from scipy import ndimage

    array = sitk.GetArrayViewFromImage(image)
    box = union_box(array)
    mask = array[box] != 0
    if not mask.any():
        return None
    parts, count = ndimage.label(mask)
    places = list(enumerate(ndimage.find_objects(parts), start=1))
    if count > _MOST_PARTS:
        largest = np.argsort(-np.bincount(parts[mask])[1:], kind="stable")[:_MOST_PARTS]
        places = [places[k] for k in sorted(largest)]
    corner = [s.start for s in box]
    found = [_contour(parts[place] == k, [c + s.start for c, s in zip(corner, place)], image.GetSpacing()[::-1]) for k, place in places]
    offsets = np.cumsum([0] + [len(points) for points, _, _ in found])
    points, normals = (np.concatenate([f[k] for f in found]) for k in (0, 1))
    triangles = np.concatenate([f[2] + offset for f, offset in zip(found, offsets)])

    # Indices x y z to LPS; normals by the inverse transpose.
    spacing = np.asarray(image.GetSpacing())
    direction = np.asarray(image.GetDirection()).reshape(3, 3)
    points = points @ (direction * spacing).T + image.GetOrigin()
    normals = normals @ (direction / spacing).T
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    if np.linalg.det(direction) < 0:
        triangles = triangles[:, ::-1]
    return Surface(points, normals, triangles)


def _contour(mask, corner, spacing):
    """(points, outward normals, triangles) of one part (d, h, w) whose first voxel has the index `corner` (z y x): all in index space, x y z."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    field, margin = smooth_field(mask, spacing)
    grid = vtk.vtkImageData()
    grid.SetDimensions(*field.shape[::-1])
    grid.GetPointData().SetScalars(numpy_to_vtk(field.ravel()))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(grid)
    contour.SetValue(0, 0.0)
    contour.ComputeNormalsOn()
    contour.ComputeScalarsOff()
    contour.Update()
    mesh = contour.GetOutput()
    points = vtk_to_numpy(mesh.GetPoints().GetData()).astype(float) + np.asarray(corner)[::-1] - margin
    normals = vtk_to_numpy(mesh.GetPointData().GetNormals()).astype(float)
    triangles = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    return points, normals, triangles


def signed_distances(points, surface):
    """Distance in mm of each point (n, 3) to a Surface: positive outside, negative inside.

    The foot of the perpendicular lies in the tangent plane of the nearest vertex: the vertices are less than a voxel apart and the surface
    is smooth at that scale, so this is exact to a hundredth of a voxel, where the distance to the vertex alone is not.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(surface.points, balanced_tree=False, compact_nodes=False)
    direct, nearest = tree.query(points, workers=-1)
    plane = np.einsum("ij,ij->i", points - surface.points[nearest], surface.normals[nearest])
    # Beyond the vertex's own neighbourhood its plane says nothing; so far away the vertex itself is as good.
    edge = np.linalg.norm(surface.points[surface.triangles[:, 0]] - surface.points[surface.triangles[:, 1]], axis=1).max()
    beside = np.sqrt(np.maximum(direct**2 - plane**2, 0)) > 2 * edge
    return np.where(beside, np.copysign(direct, plane), plane)


def polydata(surface, coordinates="LPS", **arrays):
    """vtkPolyData of a Surface, in "LPS" or "RAS", with a point array (n,) for each keyword; the first one is the active scalar."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

    flip = np.array([-1, -1, 1] if coordinates == "RAS" else [1, 1, 1])
    mesh = vtk.vtkPolyData()
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.points * flip, dtype=np.float32), deep=True))
    mesh.SetPoints(points)
    cells = vtk.vtkCellArray()
    offsets = np.arange(0, 3 * len(surface.triangles) + 1, 3, dtype=np.int64)
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(np.ascontiguousarray(surface.triangles).ravel(), deep=True)
    )
    mesh.SetPolys(cells)
    normals = numpy_to_vtk(np.ascontiguousarray(surface.normals * flip, dtype=np.float32), deep=True)
    normals.SetName("Normals")
    mesh.GetPointData().SetNormals(normals)
    for name, values in arrays.items():
        values = np.asarray(values)
        array = numpy_to_vtk(np.ascontiguousarray(values, dtype=np.float32 if values.dtype.kind == "f" else values.dtype), deep=True)
        array.SetName(name)
        mesh.GetPointData().AddArray(array)
    if arrays:
        mesh.GetPointData().SetActiveScalars(next(iter(arrays)))
    # What Slicer looks for when it reads the file.
    space = vtk.vtkStringArray()
    space.SetName("SPACE")
    space.InsertNextValue(coordinates)
    mesh.GetFieldData().AddArray(space)
    return mesh
