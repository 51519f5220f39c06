"""The report of both ovaries as a DICOM structured report: measurement report TID 1500, by highdicom, which is an extra.

Codes are those of DICOM's own dictionaries; counts that they do not have carry codes of CRend's own scheme, 99CREND.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..errors import InputError
from ..io.atomic import replacing
from ..structures import segments
from .several import number_of
from .study import ASSESSED, BOX

#: Of a scheme of its own: (value, meaning). DICOM's dictionaries have no count of follicles by size.
_PRIVATE = {
    "follicle_count": ("FOLLICLES", "Follicles in the ovary"),
    "follicles_2_9_mm": ("FOLLICLES2TO9", "Follicles of 2 to 9 mm"),
    "antral_count": ("ANTRAL", "Antral follicles (2 to 10 mm)"),
    "confirmed_count": ("CONFIRMED", "Follicles confirmed by a reader"),
    "d1_mm": ("D1", "Longest diameter d1"),
    "d2_mm": ("D2", "Diameter d2 at right angles to d1"),
    "d3_mm": ("D3", "Diameter d3 at right angles to d1 and d2"),
    "mean_diameter_mm": ("MEANDIAMETER", "Mean of three orthogonal diameters"),
}
_SCHEME = "99CREND"


def write_structured_report(findings: Mapping, path: str | os.PathLike) -> None:
    """Write the findings as a Comprehensive 3D SR: a measurement group for each ovary assessed and for each of its follicles.

    The document refers to no image: it holds figures, and the patient only where the findings name her. InputError without highdicom, and where no
    ovary was assessed.
    """
    try:
        import highdicom
        from highdicom import sr
    except ImportError as error:
        raise InputError(f"{path}: a DICOM report, which needs highdicom; install it (pip install highdicom), or use .json.") from error
    from pydicom.sr.codedict import codes

    groups = [group for side, found in findings["sides"].items() if found["state"] == ASSESSED for group in _groups(sr, codes, side, found)]
    if not groups:
        raise InputError(f"{path}: no ovary was assessed, so there is nothing to report; use .json.")
    reader = findings["study"]["read_by"]
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(uid=highdicom.UID(), name=f"CRend {findings['crend']}"),
    )
    people = (
        sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(name=_person(reader)),
        )
        if reader
        else None
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_person_context=people, observer_device_context=observer),
        procedure_reported=codes.SCT.UltrasonographyOfPelvis
        if hasattr(codes.SCT, "UltrasonographyOfPelvis")
        else codes.SCT.Ultrasonography,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    document = sr.Comprehensive3DSR(
        evidence=[_of_whom(highdicom, findings)],
        content=content[0],
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="CRend",
        record_evidence=False,
    )
    document.SeriesDescription = findings["notice"]
    with replacing(path) as temporary:
        document.save_as(str(temporary))


def _groups(sr, codes, side, found):
    """The measurement groups of one ovary and of its follicles."""
    from pydicom.sr.coding import Code

    laterality = {"left": codes.SCT.Left, "right": codes.SCT.Right}.get(side)
    ovary = sr.FindingSite(anatomic_location=codes.SCT.Ovary, laterality=laterality)
    names = {key: Code(value, _SCHEME, meaning) for key, (value, meaning) in _PRIVATE.items()}
    millimetres, millilitres, count = codes.UCUM.Millimeter, Code("ml", "UCUM", "milliliter"), codes.UCUM.NoUnits
    figures = [(names[key], found[key], millimetres) for key in ("d1_mm", "d2_mm", "d3_mm")]
    figures += [(codes.SCT.Volume, found["volume_ml"], millilitres), (codes.DCM.VolumeOfEllipsoid, found["volume_0523_ml"], millilitres)]
    figures += [(names[key], found[key], count) for key in ("follicle_count", "follicles_2_9_mm", "antral_count", "confirmed_count")]
    # An ovary of which nobody said the side is called by its number, and has no laterality.
    prefix = f"{side} " if laterality is not None else ""
    name = (f"{prefix}ovary" if number_of(side) is None else side) + (
        " (outlined by a box, not measured)" if found["ovary_source"] == BOX else ""
    )
    yield _group(sr, codes, name, Code(*_code(segments.OVARY_CODE)), ovary, figures)
    for row in found["follicles"]:
        sizes = [(names["mean_diameter_mm"], row["mean_diameter_mm"], millimetres), (codes.SCT.Volume, row["volume_ml"], millilitres)]
        yield _group(sr, codes, f"{prefix}follicle {row['id']}", Code(*_code(segments.FOLLICLE_CODE)), ovary, sizes)


def _group(sr, codes, name, kind, site, figures):
    from highdicom import UID

    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID(), identifier=name),
        finding_type=kind,
        finding_sites=[site],
        measurements=[sr.Measurement(name=code, value=float(value), unit=unit) for code, value, unit in figures if value is not None],
    )


def _code(code):
    scheme, value, meaning = code
    return value, scheme, meaning


def _person(name: str) -> str:
    """A name as DICOM writes it; what has no comma is a family name as a whole."""
    family, _, given = name.partition(",")
    return f"{family.strip()}^{given.strip()}" if family else ""


def _of_whom(highdicom, findings):
    """A header that says of whom and when, of nobody where the findings name nobody."""
    from pydicom.dataset import Dataset

    study, made = findings["study"], Dataset()
    patient = study["patient"] or {}
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", highdicom.UID()
    made.StudyInstanceUID, made.SeriesInstanceUID = highdicom.UID(), highdicom.UID()
    made.PatientName, made.PatientID = _person(patient.get("name", "")), patient.get("id", "")
    made.StudyDate, made.StudyTime = study["date"].replace("-", ""), ""
    for name in ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "ReferringPhysicianName"):
        setattr(made, name, "")
    return made
