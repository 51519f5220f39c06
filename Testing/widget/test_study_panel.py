"""The Study section: whose ovaries, when, which side; and the report of both that it leads to."""

import csv
import json
from pathlib import Path

import kretz_files
import pytest
import slicer
from host import samples
from test_editing_panel import segmented  # noqa: F401
from test_export_panel import to  # noqa: F401
from test_panel import apply, models, panel  # noqa: F401

from CRendSegmentationLib.Scene.FollicleMarks import confirm
from CRendSegmentationLib.Scene.SegmentTags import CONFIRMED_TAG, HIDDEN_TAG
from CRendSegmentationLib.Scene.Sides import setSide, sideOf


def study(widget):
    return widget.panel.study.ui


def second(widget, name):
    """A further volume of that name, segmented."""
    widget.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name=name))
    apply(widget)
    return widget.panel.result.segmentationNode


def type_(edit, text):
    edit.text = text
    edit.editingFinished.emit()


def follicles(node):
    return [node.GetSegmentation().GetSegment(f"Follicle_{number}") for number in (1, 2, 3)]


def findings(to, name="f.json"):  # noqa: F811
    return json.loads(to("exportFindingsButton", name).read_text(encoding="utf-8"))


def test_a_side_is_guessed_from_the_name_and_the_user_may_say_otherwise(segmented):  # noqa: F811
    plain = segmented.panel.result.segmentationNode
    left = second(segmented, "Scan LEFT")
    ui = study(segmented)
    assert sideOf(left) == "left" and ui.leftSelector.currentNode() is left and sideOf(plain) == "not stated"
    assert segmented.ui.sideComboBox.currentIndex == 1
    ui.rightSelector.setCurrentNode(plain)
    assert sideOf(plain) == "right" and "Both ovaries" in segmented.ui.bothOvariesLabel.text
    ui.rightSelector.setCurrentNode(left)
    assert sideOf(left) == "right" and ui.leftSelector.currentNode() is None and segmented.ui.sideComboBox.currentIndex == 2
    segmented.ui.sideComboBox.currentIndex = 0
    assert ui.rightSelector.currentNode() is None and sideOf(left) == "not stated"
    segmented.panel._show(left)
    assert sideOf(left) == "not stated"  # the name is asked once


def test_what_was_said_is_kept_with_the_scene(segmented, tmp_path):  # noqa: F811
    ui = study(segmented)
    type_(ui.patientEdit, "Doe, Jane")
    type_(ui.dateEdit, "20260131")
    ui.daySpinBox.value = 4
    ui.leftStateComboBox.currentIndex = 1
    setSide(segmented.panel.result.segmentationNode, "right")
    segmented.panel.study.follow(segmented.panel.result.segmentationNode)
    file = tmp_path / "scene.mrml"
    slicer.mrmlScene.SetURL(str(file))
    slicer.mrmlScene.Commit()
    slicer.mrmlScene.Clear(0)
    assert ui.patientEdit.text == "" and ui.daySpinBox.value == 0
    slicer.mrmlScene.SetURL(str(file))
    slicer.mrmlScene.Connect()
    assert (ui.patientEdit.text, ui.dateEdit.text, ui.daySpinBox.value) == ("Doe, Jane", "20260131", 4)
    assert ui.leftStateComboBox.currentText == "not seen" and ui.rightSelector.currentNode().GetName() == "Ultrasound ovary"


def test_what_is_being_typed_outlives_other_settings_and_reaches_the_report(segmented, to):  # noqa: F811
    ui = study(segmented)
    ui.patientEdit.text = "Doe, Jane"  # still in the line edit: its editing is not finished
    ui.daySpinBox.value = 5
    assert ui.patientEdit.text == "Doe, Jane"
    assert findings(to)["study"]["patient"]["name"] == "Doe, Jane" and findings(to)["study"]["day"] == 5


def test_a_date_or_cohorts_that_are_none_are_named_and_nothing_is_written(to, segmented):  # noqa: F811
    ui = study(segmented)
    type_(ui.dateEdit, "31.1.2026")
    assert "2026-01-31" in ui.studyStatusLabel.text
    assert not to("exportReportButton", "r.html").exists() and "2026-01-31" in segmented.ui.exportStatusLabel.text
    type_(ui.dateEdit, "")
    assert ui.studyStatusLabel.text == ""


def test_the_patient_is_taken_over_from_dicom_only_by_the_button(segmented, to, tmp_path):  # noqa: F811
    volume = slicer.util.getNode("Ultrasound")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Doe^Jane (4711)")
    visit = hierarchy.CreateStudyItem(patient, "Visit")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientName", "Doe^Jane")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientID", "4711")
    hierarchy.SetItemAttribute(visit, "DICOM.StudyDate", "20260131")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), visit)
    assert findings(to)["study"]["patient"] is None and "Doe, J" not in to("exportReportButton", "r.html").read_text()
    ui = study(segmented)
    ui.dicomButton.click()
    assert (ui.patientEdit.text, ui.patientIDEdit.text, ui.dateEdit.text) == ("Doe, Jane", "4711", "2026-01-31")
    assert "Doe, Jane" in to("exportReportButton", "r.html").read_text()


def test_a_volume_of_nobody_says_so_and_a_scanners_file_is_asked_too(segmented, tmp_path):  # noqa: F811
    ui = study(segmented)
    ui.dicomButton.click()
    assert "Type the name" in ui.studyStatusLabel.text and ui.patientEdit.text == ""
    (tmp_path / "scan.dcm").write_bytes(kretz_files.wrapped(b"KRETZFILE 1.0   "))
    slicer.util.getNode("Ultrasound").AddDefaultStorageNode(str(tmp_path / "scan.dcm"))
    ui.dicomButton.click()
    assert ui.patientIDEdit.text == "PID-4711" and ui.patientEdit.text and ui.studyStatusLabel.text == ""


def test_the_report_of_both_ovaries_counts_what_is_confirmed_and_leaves_hidden_follicles_out(segmented, to):  # noqa: F811
    right = segmented.panel.result.segmentationNode
    left = second(segmented, "Scan left")
    study(segmented).rightSelector.setCurrentNode(right)
    for segment in follicles(right):
        segment.SetTag(CONFIRMED_TAG, "1")
    follicles(left)[2].SetTag(HIDDEN_TAG, "1")
    left.GetSegmentation().GetSegment("Ovary").SetTag("CRend.OvarySource", "box")
    found = findings(to)
    assert found["sides"]["right"]["confirmed"] and found["sides"]["right"]["confirmed_count"] == 3
    assert found["sides"]["left"]["follicle_count"] == 2 and not found["sides"]["left"]["confirmed"]
    assert found["sides"]["left"]["volume_ml"] is None and found["sides"]["right"]["d1_mm"] > found["sides"]["right"]["d3_mm"] > 5
    text = to("exportReportButton", "r.html").read_text(encoding="utf-8")
    assert (
        text.count("<img width='166'") == 8
        and "cannot be said (outlined by a box)" in text
        and "not confirmed: 0 of 2 follicles ticked" in text
    )
    rows = {row["key"]: row for row in csv.DictReader(open(to("exportFindingsButton", "f.csv"), encoding="utf-8-sig"))}
    assert rows["segmentation"]["left"] == left.GetName() and rows["volume_ml"]["left"] == "" and rows["follicle_count"]["right"] == "3"


def test_a_follicle_changed_after_it_was_confirmed_is_not_confirmed_on_the_report_either(segmented, to):  # noqa: F811
    node = segmented.panel.result.segmentationNode
    confirm(node, ["Follicle_1", "Follicle_2", "Follicle_3"])
    assert findings(to)["sides"]["not stated"]["confirmed"]
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Follicle_2").copy()
    array[: array.shape[0] // 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, "Follicle_2")
    study(segmented).leftSelector.setCurrentNode(node)
    setSide(node, "right")  # as somebody else may, who does not know of the section
    sides = findings(to)["sides"]
    found = sides["right"]
    assert sides["left"]["state"] == "no result"
    assert found["confirmed_count"] == 2 and not found["confirmed"] and found["edited"] == [2]


def test_an_ovary_that_was_not_seen_and_one_without_its_volume_have_no_pictures(segmented, to):  # noqa: F811
    right = segmented.panel.result.segmentationNode
    study(segmented).rightSelector.setCurrentNode(right)
    study(segmented).leftStateComboBox.currentIndex = 1
    text = to("exportReportButton", "r.html").read_text(encoding="utf-8")
    assert "not seen" in text and text.count("<img width='166'") == 4
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("Ultrasound"))
    text = to("exportReportButton", "r.html").read_text(encoding="utf-8")
    assert "<img width='166'" not in text and "no pictures" in text


def test_the_printed_report_has_two_pages_and_names_nobody_unasked(segmented, to):  # noqa: F811
    second(segmented, "Scan left")
    content = to("exportReportButton", "r.pdf").read_bytes()
    assert content.startswith(b"%PDF") and content.count(b"/Type /Page\n") == 2


def test_a_dicom_report_without_highdicom_says_how_to_install_it(segmented, to, monkeypatch):  # noqa: F811
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not to("exportStructuredReportButton", "r.dcm").exists()
    assert "slicer.util.pip_install( 'highdicom' )" in segmented.ui.exportStatusLabel.text


@pytest.mark.slow
def test_the_dicom_report_is_one(segmented, to):  # noqa: F811
    pydicom = pytest.importorskip("pydicom")
    study(segmented).leftSelector.setCurrentNode(segmented.panel.result.segmentationNode)
    made = pydicom.dcmread(Path(to("exportStructuredReportButton", "r.dcm")))
    assert made.Modality == "SR" and str(made.PatientName) == ""
