"""What the user has said in the Study section, kept in the scene beside the panel's other settings."""

from typing import Annotated, Union

import slicer
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from crend.clinic.study import CORPUS_LUTEUM, DAYS_OF, QUALITIES, ROUTES, SIDES, STATES, Study, read_cohorts, read_date


@parameterNodeWrapper
class StudyParameterNode:
    """studyDay: 0 for not stated. Texts are as the user typed them."""

    studyPatient: str
    studyPatientID: str
    studyDate: str
    studyDay: Annotated[int, WithinRange(0, 99)] = 0
    studyDayOf: Annotated[str, Choice(list(DAYS_OF))] = DAYS_OF[0]
    studyRoute: Annotated[str, Choice(list(ROUTES))] = ROUTES[0]
    studyQuality: Annotated[str, Choice(list(QUALITIES))] = QUALITIES[0]
    studyReadBy: str
    studyCohorts: str
    studyRight: Union[slicer.vtkMRMLSegmentationNode, None]
    studyLeft: Union[slicer.vtkMRMLSegmentationNode, None]
    studyRightState: Annotated[str, Choice(list(STATES))] = STATES[0]
    studyLeftState: Annotated[str, Choice(list(STATES))] = STATES[0]
    studyRightCorpusLuteum: Annotated[str, Choice(list(CORPUS_LUTEUM))] = CORPUS_LUTEUM[0]
    studyLeftCorpusLuteum: Annotated[str, Choice(list(CORPUS_LUTEUM))] = CORPUS_LUTEUM[0]


def studyOf(parameterNode):
    """The user's words as a crend Study. InputError for a date or cohorts that are none."""
    return Study(
        patient_name=parameterNode.studyPatient.strip(),
        patient_id=parameterNode.studyPatientID.strip(),
        date=read_date(parameterNode.studyDate),
        day=parameterNode.studyDay or None,
        day_of=parameterNode.studyDayOf,
        route=parameterNode.studyRoute,
        quality=parameterNode.studyQuality,
        read_by=parameterNode.studyReadBy.strip(),
        cohorts_mm=read_cohorts(parameterNode.studyCohorts),
    )


def segmentationsOf(parameterNode):
    """{side: segmentation node or None}."""
    return {side: getattr(parameterNode, f"study{side.capitalize()}") for side in SIDES}


def statedOf(parameterNode, side):
    """What the user says of one side: fields of a crend Side."""
    name = side.capitalize()
    return {"state": getattr(parameterNode, f"study{name}State"), "corpus_luteum": getattr(parameterNode, f"study{name}CorpusLuteum")}
