"""What the user has chosen in the panel, kept in the scene."""

from typing import Annotated, Union

import slicer
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from ..Runs.Predictors import Settings
from .RegionTools import REGIONS


@parameterNodeWrapper
class CRendSegmentationParameterNode:
    """inputVolume: the ultrasound, one volume or a sequence. segmentation: where the result goes, None for a new one.
    region: the whole volume, or a box. model: a bundle's name or folder, empty for the default. smallestFollicle: mm, 0 for what the model says."""

    inputVolume: Union[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSequenceNode, None]
    segmentation: Union[slicer.vtkMRMLSegmentationNode, None]
    region: Annotated[str, Choice(REGIONS)] = REGIONS[0]
    box: Union[slicer.vtkMRMLMarkupsROINode, None]
    model: str
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "auto"
    smallestFollicle: Annotated[float, WithinRange(0, 20)] = 0.0
    search: bool = True
    split: bool = True
    keepProbabilities: bool = False


def settingsOf(parameterNode):
    """The user's choices as Settings for a predictor."""
    return Settings(
        model=parameterNode.model or None,
        device=parameterNode.device,
        search=parameterNode.search,
        smallestFollicleMm=parameterNode.smallestFollicle or None,
        split=parameterNode.split,
        keepProbabilities=parameterNode.keepProbabilities,
    )
