"""What the user has chosen in the Review section, kept in the scene beside the panel's other settings."""

from typing import Annotated, Union

import slicer
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from crend.comparison.distance_maps import FOLLICLES, OVARY
from crend.comparison.review import SIDES

from ..Runs.ReviewRun import ReviewSettings

STRUCTURES = {"ovary and follicles": (OVARY, FOLLICLES), "ovary": (OVARY,), "all follicles": (FOLLICLES,)}
DIRECTIONS = {"reference to compared": SIDES[:1], "compared to reference": SIDES[1:], "both directions": SIDES}
DISTANCES = {"absolute distance": False, "signed distance": True}


@parameterNodeWrapper
class ReviewParameterNode:
    """reviewTop: mm, end of the colours' range, 0 for automatic."""

    reviewReference: Union[slicer.vtkMRMLSegmentationNode, None]
    reviewCompared: Union[slicer.vtkMRMLSegmentationNode, None]
    reviewStructures: Annotated[str, Choice(list(STRUCTURES))] = "ovary and follicles"
    reviewDirection: Annotated[str, Choice(list(DIRECTIONS))] = "compared to reference"
    reviewPercentile: Annotated[float, WithinRange(1, 100)] = 95.0
    reviewDistance: Annotated[str, Choice(list(DISTANCES))] = "absolute distance"
    reviewTop: Annotated[float, WithinRange(0, 50)] = 0.0


def reviewSettingsOf(parameterNode):
    """The user's choices as ReviewSettings."""
    return ReviewSettings(
        STRUCTURES[parameterNode.reviewStructures],
        DIRECTIONS[parameterNode.reviewDirection],
        parameterNode.reviewPercentile,
        DISTANCES[parameterNode.reviewDistance],
        parameterNode.reviewTop,
    )
