"""The Study section: whose ovaries, when, which side; and the report of both that it leads to."""

import csv
import json
import zipfile
from pathlib import Path

import kretz_files
import pytest
import slicer
from host import samples
from test_editing_panel import segmented  # noqa: F401
from test_export_panel import to  # noqa: F401
from test_panel import apply, models, panel  # noqa: F401

from CRendSegmentationLib.Scene import StudyFacts
from CRendSegmentationLib.Scene.FollicleMarks import confirm
from CRendSegmentationLib.Scene.FollowUpNodes import followUpOf
from CRendSegmentationLib.Scene.Results import putResultIntoScene
from CRendSegmentationLib.Scene.SegmentTags import CONFIRMED_TAG, HIDDEN_TAG
from CRendSegmentationLib.Scene.Sides import ovarySides, setSide, sideOf


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


@pytest.fixture
def twins(segmented):  # noqa: F811
    """The panel with a volume that shows two ovaries, the second of which has the largest follicle."""
    volume, made = samples.addTwoOvaries("Both")
    segmented.logic.getParameterNode().segmentation = putResultIntoScene(made, volume).segmentationNode
    return segmented


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


def test_of_two_ovaries_in_one_volume_each_is_said_to_be_left_or_right_and_has_its_own_figures(twins, to):  # noqa: F811
    node, ui = twins.panel.result.segmentationNode, study(twins)
    assert not ui.ovariesFrame.isHidden() and ui.ovariesLabel.text == "Both ovary shows two ovaries. Which is which?"
    assert (ui.ovary1Label.text, ui.ovary2Label.text) == ("Ovary 1:", "Ovary 2:") and not twins.ui.sideComboBox.enabled
    ui.ovary2ComboBox.currentIndex = 2  # right
    assert ui.rightSelector.currentNode() is node and ui.leftSelector.currentNode() is None
    found = findings(to)
    assert found["sides"]["left"]["state"] == "no result" and found["sides"]["right"]["ovary_segment"] == "Ovary 2"
    assert found["notes"] == ["Both ovary: nobody stated of which side Ovary 1 is. Say it in the section Study."]
    ui.ovary1ComboBox.currentIndex = 1  # left
    confirm(node, ["Follicle_1"])
    ui.rightCorpusLuteumComboBox.currentIndex = 1
    found = findings(to)
    right, left = found["sides"]["right"], found["sides"]["left"]
    assert [row["id"] for row in right["follicles"]] == [1] and [row["id"] for row in left["follicles"]] == [2, 3]
    assert right["confirmed"] and not left["confirmed"] and left["volume_ml"] > right["volume_ml"] and not found["notes"]
    judged = found["polycystic_criterion"]["sides"]
    assert judged["right"]["verdict"] == "not met" and judged["left"]["verdict"] == "cannot be said"
    assert "Antral follicle count (2-10 mm): <b>3</b> (left 2, right 1)" in twins.ui.bothOvariesLabel.text
    text = to("exportReportButton", "r.html").read_text(encoding="utf-8")
    assert text.count("<img width='166'") == 8 and "Right ovary · Both ovary · Ovary 2" in text
    assert to("exportReportButton", "r.pdf").read_bytes().startswith(b"%PDF")


def test_nobody_guesses_which_of_two_ovaries_is_which(twins, to):  # noqa: F811
    node, ui = twins.panel.result.segmentationNode, study(twins)
    node.SetName("Scan left")
    setSide(node, "left")  # as it was said when it had one ovary
    twins.panel._show(node)
    assert ui.leftSelector.currentNode() is None and set(ovarySides(node).values()) == {"not stated"}
    found = findings(to)
    assert list(found["sides"]) == ["ovary 1", "ovary 2"] and "Say it in the section Study" in found["notes"][0]
    assert found["polycystic_criterion"]["verdict"] == "cannot be said" and found["total_antral_count"] is None
    assert "Ovary 2, side not stated" in to("exportReportButton", "r.html").read_text(encoding="utf-8")
    ui.ovary1ComboBox.currentIndex = 1
    ui.ovary2ComboBox.currentIndex = 1  # two left ones there cannot be: the last word counts
    assert list(ovarySides(node).values()) == ["not stated", "left"] and ui.ovary1ComboBox.currentIndex == 0
    ui.leftSelector.setCurrentNode(None)
    assert set(ovarySides(node).values()) == {"not stated"}


def test_the_sides_of_two_ovaries_are_kept_with_the_scene(twins, tmp_path):
    ui = study(twins)
    ui.ovary1ComboBox.currentIndex = 2
    ui.ovary2ComboBox.currentIndex = 1
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "saved.mrb"))
    with zipfile.ZipFile(tmp_path / "saved.mrb") as archive:
        archive.extractall(tmp_path)
    slicer.mrmlScene.Clear(0)
    assert ui.ovariesFrame.isHidden()
    slicer.mrmlScene.SetURL(str(tmp_path / "saved" / "saved.mrml"))
    assert slicer.mrmlScene.Connect()
    node = slicer.util.getNode("Both ovary")
    assert list(ovarySides(node).values()) == ["right", "left"]
    assert ui.rightSelector.currentNode() is node and ui.leftSelector.currentNode() is node and ui.ovary1ComboBox.currentIndex == 2


def test_a_follow_up_has_a_row_for_each_of_two_ovaries_and_both_sections_say_the_same_side(twins):
    node, ui = twins.panel.result.segmentationNode, study(twins)
    twins.ui.followUpSection.collapsed = False
    table = twins.panel.followUp.ui.followUpTable
    rows = [row for row in range(table.rowCount) if table.item(row, 0).text().startswith("Both")]
    assert [table.item(row, 0).text() for row in rows] == ["Both ovary, Ovary 1", "Both ovary, Ovary 2"]
    table.item(rows[0], 1).setText("2026-02-03")
    assert "shows 2 ovaries; their follicles stand together" in twins.panel.followUp.ui.followUpLabel.text
    table.item(rows[1], 3).setText("left")
    assert ui.leftSelector.currentNode() is node and ui.ovary2ComboBox.currentIndex == 1
    table.item(rows[0], 3).setText("right")
    found = followUpOf([node]).rows()
    assert [(row["side"], row["follicle_count"]) for row in found] == [("left", 1), ("right", 2)]
    assert len({row["ovary_volume_ml"] for row in found}) == 2


def test_the_date_of_the_study_is_that_of_the_follow_up_where_nothing_better_is_known(segmented, to):  # noqa: F811
    node, ui = segmented.panel.result.segmentationNode, study(segmented)
    ui.rightSelector.setCurrentNode(node)
    type_(ui.dateEdit, "20260131")
    ui.daySpinBox.value = 4
    assert StudyFacts.studyDate(node).isoformat() == "2026-01-31" and StudyFacts.cycleDay(node) == 4
    assert ui.studyStatusLabel.text == f"In the follow-up this date counts for {node.GetName()}."
    later = second(segmented, "Later right")
    assert StudyFacts.studyDate(later) is None, "the date may still be that of the scan before"
    type_(ui.dateEdit, "2026-02-03")
    assert StudyFacts.studyDate(later).isoformat() == "2026-02-03" and StudyFacts.studyDate(node).isoformat() == "2026-01-31"
    StudyFacts.setStudyDate(later, "2026-02-04")
    assert StudyFacts.studyDate(later).isoformat() == "2026-02-04", "what was said of this scan is better"
    type_(ui.dateEdit, "")
    assert findings(to)["study"]["date"] == "2026-02-04", "the report has the date that was stated in the follow-up"
    type_(ui.dateEdit, "31.1.2026")
    assert StudyFacts.studyDate(node).isoformat() == "2026-01-31"


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
