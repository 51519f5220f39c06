"""What the user has chosen in the panel, kept in the scene."""

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper


@parameterNodeWrapper
class CRendSegmentationParameterNode:
    """inputVolume: the ultrasound. segmentation: where the result goes, None for a new one. model: a bundle's name or folder,
    empty for the default."""

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    model: str
