"""From a volume node to the SimpleITK image that `crend` works on."""

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from crend.errors import InputError
from crend.io.acquisition import BETWEEN, DATE, NOTES, describe, warn_of_header
from crend.io.volumes import check_geometry

from .VolumeFile import headerWarnings

#: Of volumes that hold a model's probabilities.
PROBABILITY_ATTRIBUTE = "CRend.probability"
_RAS_LPS = np.diag([-1.0, -1.0, 1.0])


def imageFromVolumeNode(volumeNode):
    """The volume as a SimpleITK image (LPS), a copy, in the volume's own coordinates: its parent transform is not applied.

    Date of the scan and notes on how it was read, attributes of the node, are in the image's metadata, and what must be known of its file's header.
    Raises InputError, in one line that names the volume and the cure, for anything but a scalar volume with orthogonal axes,
    and where the file that it was loaded from states no spacing, or another one.
    """
    if volumeNode is None:
        raise InputError("no volume is selected; choose a 3D ultrasound volume.")
    name = volumeNode.GetName()
    if not volumeNode.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(f"{name}: not a volume of grey values; choose a 3D ultrasound volume.")
    if volumeNode.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(f"{name}: a label map; choose the ultrasound volume that it was made from.")
    if volumeNode.GetAttribute(PROBABILITY_ATTRIBUTE):
        raise InputError(f"{name}: a model's probabilities, no ultrasound; choose the volume that they were made from.")
    data = volumeNode.GetImageData()
    if data is None or data.GetNumberOfPoints() == 0 or data.GetPointData().GetScalars() is None:
        raise InputError(f"{name}: holds no voxels; load the volume again.")
    components = data.GetNumberOfScalarComponents()
    if components != 1:
        raise InputError(f"{name}: {components} values per voxel (colour?); convert it with the Vector to Scalar Volume module.")
    image = sitk.GetImageFromArray(slicer.util.arrayFromVolume(volumeNode))
    setGeometry(image, ijkToRas(volumeNode), name)
    notes = volumeNode.GetAttribute(NOTES)
    describe(image, volumeNode.GetAttribute(DATE), notes.split(BETWEEN) if notes else ())
    return warn_of_header(image, headerWarnings(volumeNode))


def ijkToRas(volumeNode):
    """The 4 x 4 array that takes voxel indices (i, j, k) to the volume's own RAS millimetres."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def ijkToRasMatrix(image):
    """The vtkMatrix4x4 that takes voxel indices of a SimpleITK image (LPS) to RAS: the way back."""
    array = np.eye(4)
    array[:3, :3] = _RAS_LPS @ np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing())
    array[:3, 3] = _RAS_LPS @ image.GetOrigin()
    return slicer.util.vtkMatrixFromArray(array)


def lpsPoint(ras):
    """A point (r, a, s) as SimpleITK has it."""
    return [float(value) for value in _RAS_LPS @ ras]


def setGeometry(image, matrix, name):
    """Give a SimpleITK image the place that a 4 x 4 IJK-to-RAS array says; InputError, which begins with `name`, if that cannot be."""
    columns = _RAS_LPS @ matrix[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    origin = _RAS_LPS @ matrix[:3, 3]
    with np.errstate(all="ignore"):
        direction = columns / spacing
    check_geometry(spacing, origin, direction, name)
    image.SetSpacing([float(value) for value in spacing])
    image.SetDirection([float(value) for value in direction.ravel()])
    image.SetOrigin([float(value) for value in origin])
