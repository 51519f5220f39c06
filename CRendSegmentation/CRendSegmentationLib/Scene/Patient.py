"""Who a volume is of, as DICOM or the scanner's file says. Asked only when the user asks for it."""

from contextlib import suppress

import slicer

from crend.clinic.study import plain_name, read_date
from crend.errors import InputError
from crend.io.acquisition import DATE
from crend.io.scanner_files import patient_of

_WORDS = slicer.vtkMRMLSubjectHierarchyConstants


def patientOf(volumeNode):
    """{"name", "id", "date"} of a volume: from its patient and study in the subject hierarchy, else from the file that it was read from.

    "" for what they do not say; the date is ISO.
    """
    found = {"name": "", "id": "", "date": volumeNode.GetAttribute(DATE) or ""}
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volumeNode)
    levels = (
        (
            _WORDS.GetDICOMLevelPatient(),
            (("name", _WORDS.GetDICOMPatientNameAttributeName()), ("id", _WORDS.GetDICOMPatientIDAttributeName())),
        ),
        (_WORDS.GetDICOMLevelStudy(), (("date", _WORDS.GetDICOMStudyDateAttributeName()),)),
    )
    for level, attributes in levels:
        above = hierarchy.GetItemAncestorAtLevel(item, level) if item else 0
        for key, name in attributes:
            found[key] = (hierarchy.GetItemAttribute(above, name) if above else "") or found[key]
    storage = volumeNode.GetStorageNode()
    if not (found["name"] or found["id"]) and storage is not None and storage.GetFileName():
        with suppress(OSError, InputError):  # the file is gone, or none that names anybody
            found.update({key: value for key, value in patient_of(storage.GetFileName()).items() if value})
    try:
        date = read_date(found["date"])
    except InputError:
        date = ""
    return {"name": plain_name(found["name"]), "id": found["id"].strip(), "date": date}
