"""A corrected segmentation and its volume into a folder to train on: without names, with who corrected what."""

import hashlib
import hmac
import re

import slicer
import vtk
from slicer.i18n import tr as _

from crend.errors import InputError
from crend.io.kept import Correction, keep, kept_before
from crend.io.labels import Labels

from .Export import referenceVolume, wholeLabelImages
from .Results import DRAWN
from .SegmentMeasurements import MODELS_TAG, SEGMENTS_ATTRIBUTE, follicleIDs, isGuide, isManual, isOvaryManual, measureWithIDs, ovaryID
from .VolumeImage import imageFromVolumeNode

_CODE = 8  # characters of a patient's code
_ATTRIBUTES = slicer.vtkMRMLSubjectHierarchyConstants


def keepForTraining(segmentationNode, folder, correctedBy="", patient=""):
    """Write the volume and the segments as they are now into the folder; returns a `KeptVolume`, whose name says nothing of the patient.

    patient: a code that is no name, "" where the volumes of one need not be known. InputError as `crend.io.kept.keep`, when the volume is not loaded,
    when the code names the patient, when a follicle would be lost, and when the ovary is only the ellipsoid of a box, which would teach a model to draw boxes.
    """
    if isGuide(segmentationNode):
        raise InputError(_("the ovary's outline is only that of the box; draw the ovary first, from a few contours say. Nothing was kept."))
    if _namesPatient(segmentationNode, patient):
        words = _("{text}: is the patient's name or ID; type a code that says nothing of her. Nothing was kept.")
        raise InputError(words.format(text=patient.strip()))
    correction = Correction(
        correctedBy.strip(),
        correctionWords(segmentationNode),
        segmentationNode.GetAttribute("CRend.bundle") or "",
        segmentationNode.GetAttribute("CRend.bundle_version") or "",
        patient.strip(),
    )
    return keep(folder, imageFromVolumeNode(referenceVolume(segmentationNode)), Labels(*wholeLabelImages(segmentationNode)), correction)


def keptBefore(segmentationNode, folder):
    """The row of the folder's list that `keepForTraining` would replace, None where the volume is not in it. InputError for a list that cannot be read."""
    return kept_before(folder, imageFromVolumeNode(referenceVolume(segmentationNode)))


def correctionWords(segmentationNode):
    """What is not as the model drew it: "ovary changed; follicles: 1 drawn, 2 changed, 1 removed"; "none" where all is."""
    segmentation = segmentationNode.GetSegmentation()
    if not segmentationNode.GetAttribute(SEGMENTS_ATTRIBUTE) or segmentationNode.GetAttribute("CRend.bundle") == DRAWN:
        return "all drawn by hand"
    measurements, segmentIDs = measureWithIDs(segmentationNode)
    states = [(_isTagged(segmentation, segmentID), follicle) for segmentID, follicle in zip(segmentIDs, measurements.follicles)]
    changed = sum(
        tagged and isManual(segmentation.GetSegment(segmentID), follicle) for (tagged, follicle), segmentID in zip(states, segmentIDs)
    )
    drawn = sum(not tagged for tagged, _ in states)
    # A run leaves the segment of an ovary even where it saw none.
    ovaries = max(1, int(segmentationNode.GetAttribute("CRend.ovaries") or 1))
    removed = max(0, int(segmentationNode.GetAttribute(SEGMENTS_ATTRIBUTE)) - ovaries - sum(tagged for tagged, _ in states))
    counts = ((drawn, "drawn"), (changed, "changed"), (removed, "removed"))
    follicles = ", ".join(f"{count} {what}" for count, what in counts if count)
    parts = ["ovary changed"] if isOvaryManual(segmentationNode, measurements) else []
    return "; ".join(parts + ([f"follicles: {follicles}"] if follicles else [])) or "none"


def canBeKept(segmentationNode):
    """Whether there is an ovary and the volume that it was drawn on, of which a frame of a sequence may be one."""
    if segmentationNode is None or (
        segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()) is None
    ):
        return False
    segmentation = segmentationNode.GetSegmentation()
    return ovaryID(segmentation) is not None or bool(follicleIDs(segmentation))


def patientCode(segmentationNode, key):
    """A code made of the patient's DICOM ID that says nothing without `key`, which stays on this computer; "" where there is no ID."""
    if not canBeKept(segmentationNode):
        return ""
    known = _ofPatient(segmentationNode, _ATTRIBUTES.GetDICOMPatientIDAttributeName())
    return hmac.new(key.encode(), known.encode(), hashlib.sha256).hexdigest()[:_CODE] if known else ""


def _ofPatient(segmentationNode, attribute):
    """What the DICOM patient of a segmentation's volume has of this attribute; "" for a volume that did not come as DICOM."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(referenceVolume(segmentationNode)) if hierarchy is not None else 0
    return (hierarchy.GetAttributeFromItemAncestor(item, attribute, _ATTRIBUTES.GetDICOMLevelPatient()) or "").strip() if item else ""


def _namesPatient(segmentationNode, code):
    """Whether a code is the DICOM patient's ID, or has it or a word of her name in it."""
    name = _ofPatient(segmentationNode, _ATTRIBUTES.GetDICOMPatientNameAttributeName())
    known, code = _ofPatient(segmentationNode, _ATTRIBUTES.GetDICOMPatientIDAttributeName()).lower(), code.strip().lower()
    words = {word for word in _words(name) if len(word) > 2}
    return bool((known and (known == code or (len(known) > 3 and known in code))) or words & _words(code))


def _words(text):
    return set(re.findall(r"[^\W_]+", text.lower()))


def _isTagged(segmentation, segmentID):
    """Whether the model drew this segment, whatever became of it."""
    return segmentation.GetSegment(segmentID).GetTag(MODELS_TAG, vtk.reference(""))
