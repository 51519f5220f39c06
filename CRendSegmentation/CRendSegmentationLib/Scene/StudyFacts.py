"""When a scan was made, on which day of the cycle, and of which side: kept as attributes of its segmentation node, saved with the scene."""

import slicer

from crend.clinic.followup import parse_cycle_day, parse_date
from crend.errors import InputError
from crend.io.acquisition import DATE

from .Sides import SIDES, setSide, sideOf

DATE_ATTRIBUTE, CYCLE_DAY_ATTRIBUTE = "CRend.StudyDate", "CRend.CycleDay"
#: What the section Study says of the segmentations that are chosen there: where nothing better is known.
_IN_STUDY = {"date": "CRend.Study.Date", "day": "CRend.Study.CycleDay"}


def studyDate(segmentationNode):
    """The date of the scan, or None: as somebody stated it of this one, else the run's, the volume's, that of its study in the subject hierarchy, or
    what stands in the section Study."""
    return next((date for _which, date in _dates(segmentationNode)), None)


def isDateFromStudy(segmentationNode):
    """Whether its date is only what stands in the section Study."""
    return next((which for which, _date in _dates(segmentationNode)), "") == _IN_STUDY["date"]


def setStudyDate(segmentationNode, text):
    """State the date: year-month-day; an empty text takes the statement back. InputError for anything else."""
    _set(segmentationNode, DATE_ATTRIBUTE, parse_date(text))


def cycleDay(segmentationNode):
    """The day of the cycle, counted from 1, or None: as somebody stated it of this scan, else as the section Study has it."""
    said = segmentationNode.GetAttribute(CYCLE_DAY_ATTRIBUTE) or segmentationNode.GetAttribute(_IN_STUDY["day"])
    try:
        return parse_cycle_day(said or "")
    except InputError:
        return None


def setCycleDay(segmentationNode, text):
    """State the day of the cycle; an empty text takes the statement back. InputError for what is no whole number."""
    _set(segmentationNode, CYCLE_DAY_ATTRIBUTE, parse_cycle_day(text))


def sayInStudy(segmentationNode, date, cycleDay):
    """Note what the section Study says of a segmentation: an ISO date and a day of the cycle; "" and None for nothing."""
    _set(segmentationNode, _IN_STUDY["date"], date or None)
    _set(segmentationNode, _IN_STUDY["day"], cycleDay)


def sideOrNothing(segmentationNode):
    """ "left", "right" or ""."""
    side = sideOf(segmentationNode)
    return "" if side == SIDES[0] else side


def stateSide(segmentationNode, side):
    """ "left" or "right"; "" for not stated."""
    setSide(segmentationNode, side or SIDES[0])


def patientItem(node):
    """Item of the patient in the subject hierarchy that a node belongs to; 0 for none."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelPatient()
    return hierarchy.GetItemAncestorAtLevel(item, level) if item else 0


def _dates(segmentationNode):
    """[(where it stands, date)], the best first."""
    volume = segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    said = (
        (DATE_ATTRIBUTE, segmentationNode.GetAttribute(DATE_ATTRIBUTE)),
        ("run", segmentationNode.GetAttribute("CRend.acquisition_date")),
        ("volume", volume.GetAttribute(DATE) if volume is not None else None),
        ("hierarchy", _ofStudy(segmentationNode)),
        ("hierarchy", _ofStudy(volume) if volume is not None else None),
        (_IN_STUDY["date"], segmentationNode.GetAttribute(_IN_STUDY["date"])),
    )
    for which, text in said:
        try:
            date = parse_date(text or "")
        except InputError:
            continue  # "None", or what somebody else wrote there
        if date is not None:
            yield which, date


def _ofStudy(node):
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    study = hierarchy.GetItemAncestorAtLevel(item, constants.GetDICOMLevelStudy()) if item else 0
    return hierarchy.GetItemAttribute(study, constants.GetDICOMStudyDateAttributeName()) if study else None


def _set(segmentationNode, name, value):
    if value is None:
        segmentationNode.RemoveAttribute(name)
    else:
        segmentationNode.SetAttribute(name, str(value))
