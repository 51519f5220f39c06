"""The Learning section as a user meets it: keep a corrected volume, ask what improving would take, take the new model, go back."""

import csv
import json
import stat

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from host import samples
from host.bundles import writeBundle
from test_export_panel import moveOutOfVolume
from test_panel import apply, models, panel, wait  # noqa: F401

from crend.io.kept import LIST, Correction, keep, kept_rows
from crend.io.labels import Labels, read_labels
from CRendSegmentationLib.Scene.Export import labelImages
from CRendSegmentationLib.Scene.FollicleEditing import FollicleEditing
from CRendSegmentationLib.Scene.KeptCorrections import correctionWords
from CRendSegmentationLib.Scene.Results import putEmptyResultIntoScene
from CRendSegmentationLib.Scene.SegmentMeasurements import follicleIDs
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


@pytest.fixture(autouse=True)
def forgotten():
    """No folder and no Python is remembered from another test."""
    for name in ("KeptFolder", "CorrectedBy", "TrainerPython", "FormerModel", "TakenModel"):
        slicer.app.userSettings().setValue(f"CRend/{name}", "")


@pytest.fixture
def section(panel, scene, tmp_path):  # noqa: F811
    """The Learning section after Apply on a volume whose node bears a patient's name, with a folder chosen."""
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name="DOE JANE left"))
    apply(panel)
    found = panel.panel.learning
    found.ui.keptFolderEdit.currentPath = str(tmp_path / "kept")
    return found


def keepNow(section, by="Dr B", patient=""):
    section.ui.correctedByEdit.text, section.ui.patientEdit.text = by, patient
    section.ui.keepButton.click()


def removeSmallest(node):
    segmentation = node.GetSegmentation()
    segmentation.RemoveSegment(follicleIDs(segmentation)[-1])


def test_nothing_is_kept_unless_a_folder_is_chosen_and_the_button_pressed(panel, scene, tmp_path):  # noqa: F811
    ui = panel.panel.learning.ui
    assert panel.ui.learningSection.collapsed and ui.keptLabel.text == "Nothing is kept unless you choose a folder."
    assert not ui.keepButton.enabled and "folder" in ui.keepButton.toolTip and not ui.improveButton.enabled
    ui.keptFolderEdit.currentPath = str(tmp_path / "kept")
    assert not ui.keepButton.enabled and "Segment a volume" in ui.keepButton.toolTip and ui.improveButton.enabled
    assert ui.keptLabel.text == "Volumes kept: 0, of patients: 0." and not (tmp_path / "kept").exists()


def test_a_kept_volume_has_its_labels_as_they_are_now_who_corrected_what_and_no_name(section, tmp_path):
    node, folder = section._node, tmp_path / "kept"
    removeSmallest(node)
    keepNow(section, patient="p7")
    (row,) = kept_rows(folder)
    assert (row["corrected_by"], row["corrections"], row["patient"]) == ("Dr B", "follicles: 1 removed", "p7")
    assert section.ui.keptLabel.text == "Kept. Volumes kept: 1, of patients: 1."
    image, labels = sitk.ReadImage(str(folder / row["image"])), read_labels(folder / row["label"])
    assert np.array_equal(sitk.GetArrayFromImage(image), samples.voxels())
    for kept, shown in zip((labels.ovary, labels.follicles), labelImages(node)):
        assert np.array_equal(sitk.GetArrayFromImage(kept) > 0, sitk.GetArrayFromImage(shown) > 0)
        assert np.allclose(kept.GetOrigin(), image.GetOrigin()) and np.allclose(kept.GetDirection(), image.GetDirection())
    everything = b"".join(path.read_bytes() + path.name.encode() for path in folder.iterdir())
    assert b"DOE" not in everything and b"JANE" not in everything


def test_a_volume_is_not_kept_without_a_follicle_that_has_no_voxel_in_it(section, tmp_path):
    moveOutOfVolume(section._node, follicleIDs(section._node.GetSegmentation())[-1])
    keepNow(section)
    assert (
        section.ui.keptLabel.text.startswith("Follicle 3: no voxel of the volume would be left") and not (tmp_path / "kept" / LIST).exists()
    )


def test_the_code_of_a_patient_does_not_stay_for_the_next_one_whose_result_goes_to_the_same_node(section, panel):  # noqa: F811
    node = section._node
    section.ui.patientEdit.text = "p7"
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume(name="Another"))
    panel.logic.getParameterNode().segmentation = node
    section.ui.patientEdit.text = "p7"
    apply(panel)
    assert section._node is node and section.ui.patientEdit.text == ""


def test_an_ovary_drawn_where_the_model_saw_none_is_no_removed_follicle(panel, scene):  # noqa: F811
    panel.logic.predictor = samples.KnownPredictor(ovary=False, follicles=0)
    volume = samples.addVolume()
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    apply(panel)
    node = panel.panel.result.segmentationNode
    drawn = samples.maskOf(samples.ball(*samples.OVARY), imageFromVolumeNode(volume))
    assert correctionWords(node) == "none"
    panel.panel.edit.change(lambda editing: editing.setOvary(drawn))
    assert correctionWords(node) == "ovary changed"
    byHand = putEmptyResultIntoScene(volume)
    FollicleEditing(byHand).setOvary(drawn)
    assert correctionWords(byHand) == "all drawn by hand"


def test_a_volume_that_is_kept_again_replaces_what_was_kept_of_it(section, tmp_path):
    keepNow(section)
    assert kept_rows(tmp_path / "kept")[0]["corrections"] == "none"
    removeSmallest(section._node)
    keepNow(section)
    (row,) = kept_rows(tmp_path / "kept")
    (aside,) = (tmp_path / "kept").glob("*-earlier-*")
    assert row["corrections"] == "follicles: 1 removed" and len(list((tmp_path / "kept").glob("*-labels.nrrd"))) == 1
    said = section.ui.keptLabel.text.replace("\N{ZERO WIDTH SPACE}", "")
    assert said.startswith("Kept, in place of what Dr B kept on 20") and f"; those labels are now {aside.name}, from which" in said
    assert sitk.GetArrayFromImage(read_labels(aside).follicles).max() == len(samples.FOLLICLES)
    labels = sitk.GetArrayFromImage(read_labels(tmp_path / "kept" / row["label"]).follicles)
    assert labels.max() == len(samples.FOLLICLES) - 1


def test_what_another_reader_kept_gives_way_only_when_the_user_says_so(section, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_: asked.append(text) or len(asked) > 1, raising=False)
    keepNow(section, by="Dr A")
    assert asked == []
    before = {path: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    removeSmallest(section._node)
    keepNow(section, by="Dr B")
    assert "Dr A kept this volume on 20" in asked[0] and section.ui.keptLabel.text.startswith("Nothing was kept. Volumes kept: 1")
    assert before == {path: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    keepNow(section, by="Dr B")
    assert len(asked) == 2 and kept_rows(tmp_path / "kept")[0]["corrected_by"] == "Dr B"
    assert section.ui.keptLabel.text.startswith("Kept, in place of what Dr A kept")


def test_a_volume_that_is_kept_already_with_other_grey_values_is_said_to_be(section, tmp_path):
    image = sitk.GetImageFromArray(samples.voxels()[:, ::-1] * 0.5 + 9)  # the sample looks the same mirrored
    mask = sitk.Cast(image > 0, sitk.sitkUInt8)
    kept = keep(tmp_path / "kept", image, Labels(mask, sitk.Cast(mask * 0, sitk.sitkUInt16)), Correction())
    keepNow(section)
    said = section.ui.keptLabel.text.replace("\N{ZERO WIDTH SPACE}", "")
    assert f"Kept. It is a copy of {kept.name}, which is kept, too: Improve uses only one of them. Volumes kept: 2" in said


def test_a_list_of_another_program_is_left_alone(section, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / LIST).write_text("theirs\n1\n")
    keepNow(section)
    assert "is no list of volumes to train on; choose another folder." in section.ui.keptLabel.text.replace("\N{ZERO WIDTH SPACE}", "")
    assert (tmp_path / "kept" / LIST).read_text() == "theirs\n1\n" and len(list((tmp_path / "kept").iterdir())) == 1


def test_a_dicom_patient_becomes_a_code_that_only_this_computer_can_make_and_her_name_is_none(section, tmp_path):
    from CRendSegmentationLib.Scene.Export import referenceVolume
    from CRendSegmentationLib.Scene.KeptCorrections import patientCode

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    names = slicer.vtkMRMLSubjectHierarchyConstants
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "DOE JANE")
    hierarchy.SetItemAttribute(patient, names.GetDICOMPatientIDAttributeName(), "12345")
    study = hierarchy.CreateStudyItem(patient, "today")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(referenceVolume(section._node)), study)
    code = patientCode(section._node, "key of one computer")
    assert len(code) == 8 and "12345" not in code and code == patientCode(section._node, "key of one computer")
    assert code != patientCode(section._node, "key of another")
    hierarchy.SetItemAttribute(patient, names.GetDICOMPatientNameAttributeName(), "DOE^JANE")
    for name in ("jane", "DOE, J.", "p-12345", "12345"):
        keepNow(section, patient=name)
        said = section.ui.keptLabel.text
        assert said == f"{name}: is the patient's name or ID; type a code that says nothing of her. Nothing was kept."
    assert not (tmp_path / "kept").exists()
    keepNow(section, patient=code)
    assert kept_rows(tmp_path / "kept")[0]["patient"] == code


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_python_without_the_trainer_is_told_with_the_cure(section, tmp_path):
    section.ui.trainerEdit.currentPath = script(tmp_path / "python", "echo '/usr/bin/python: No module named crend_training' >&2; exit 1")
    section.ui.improveButton.click()
    wait(lambda: not section.run.running, 20)
    said = section.ui.improveStatusLabel.text
    assert "needs PyTorch" in said and 'pip install "crend[training]"' in said
    section.ui.trainerEdit.currentPath = str(tmp_path / "nowhere")
    section.ui.improveButton.click()
    assert "cannot be started" in section.ui.improveStatusLabel.text


def test_a_trainer_that_somebody_else_stopped_has_kept_what_was_done(section, tmp_path):
    section.ui.trainerEdit.currentPath = script(tmp_path / "python", "echo 'cancelled; what was done is kept' >&2; exit 130")
    section.ui.improveButton.click()
    wait(lambda: not section.run.running, 20)
    assert section.ui.improveStatusLabel.text.startswith("Stopped.")


def test_a_run_shows_how_far_it_is_and_one_that_is_stopped_can_go_on(section, tmp_path, monkeypatch):
    slow = 'case "$*" in *--estimate*) echo "5 volumes of 4 patients; about 2.0 hours on this machine";; *) '
    slow += "echo ' 41.5 % round 1 of 3: close look, step 40 of 400' >&2; sleep 60;; esac"
    section.ui.trainerEdit.currentPath = script(tmp_path / "python", slow)
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_: asked.append(text) or len(asked) > 1, raising=False)
    section.ui.improveButton.click()
    wait(lambda: asked and not section.run.running, 20)
    assert asked[0].startswith("5 volumes of 4 patients; about 2.0 hours on this machine.\n") and "stop at any time" in asked[0]
    section.ui.improveButton.click()
    wait(lambda: "Round 1 of 3" in section.ui.improveStatusLabel.text, 20)
    assert "close look, step 40 of 400, 42 %" in section.ui.improveStatusLabel.text and section.ui.improveProgressBar.value == 41
    assert not section.ui.keepButton.enabled and section.ui.improveButton.text == "Cancel"
    process = section.run._run._child._process
    section.ui.improveButton.click()
    wait(lambda: not section.run.running, 20)
    assert process.poll() is not None and "What was done is kept" in section.ui.improveStatusLabel.text


@pytest.mark.slow
def test_the_trainer_itself_says_what_is_missing_before_anything_is_done(section, tmp_path):
    keepNow(section)
    section.ui.improveButton.click()
    wait(lambda: not section.run.running, 250)
    said = section.ui.improveStatusLabel.text.replace("\N{ZERO WIDTH SPACE}", "")
    assert "1 of 1 volumes can be used, of 1 patient. Keep at least 5 volumes, of two patients or more" in said


def test_the_new_model_is_taken_with_one_click_and_left_with_another(section, panel, tmp_path):  # noqa: F811
    folder = tmp_path / "other"
    (folder / "models").mkdir(parents=True)
    made = writeBundle(folder / "models" / "improved-1")
    (folder / "improve").mkdir()
    told = {"offered": True, "bundle": "models/improved-1", "words": "Dice of the ovary 0.80 before, 0.90 after"}
    (folder / "improve" / "result.json").write_text(json.dumps(told))
    panel.logic.getParameterNode().model = "crend-two"
    assert section.ui.useModelButton.isHidden()
    section.ui.keptFolderEdit.currentPath = str(folder)
    assert section.ui.improveStatusLabel.text == "Dice of the ovary 0.80 before, 0.90 after."
    assert section.ui.useModelButton.text == "Use improved-1"
    section.ui.useModelButton.click()
    assert panel.logic.getParameterNode().model == str(made) and panel.ui.modelComboBox.currentText == "improved-1"
    assert section.ui.useModelButton.text == "Back to crend-two"
    section.ui.useModelButton.click()
    assert panel.logic.getParameterNode().model == "crend-two" and panel.ui.modelComboBox.currentText == "crend-two"
    section.ui.useModelButton.click()
    (folder / "improve" / "result.json").write_text(json.dumps({**told, "offered": False, "bundle": None}))
    section.ui.keptFolderEdit.currentPath = ""
    section.ui.keptFolderEdit.currentPath = str(folder)
    assert section.ui.useModelButton.text == "Back to crend-two", "also where the next one is not offered"
    section.ui.useModelButton.click()
    assert panel.logic.getParameterNode().model == "crend-two" and section.ui.useModelButton.isHidden()


def test_a_new_model_in_a_folder_behind_a_link_is_in_the_list_once_and_left_with_one_click(section, panel, tmp_path):  # noqa: F811
    folder = tmp_path / "other"
    (folder / "models").mkdir(parents=True)
    writeBundle(folder / "models" / "improved-1")
    (folder / "improve").mkdir()
    told = {"offered": True, "bundle": "models/improved-1", "words": "better"}
    (folder / "improve" / "result.json").write_text(json.dumps(told))
    (tmp_path / "link").symlink_to(folder)
    section.ui.keptFolderEdit.currentPath = str(tmp_path / "link")
    section.ui.useModelButton.click()
    models_, settings = panel.ui.modelComboBox, panel.logic.getParameterNode()
    count = models_.count
    settings.split = False
    settings.model = str(tmp_path / "link" / "models" / "improved-1")  # as an earlier scene has it
    assert models_.count == count and models_.currentText == "improved-1"
    models_.currentIndex = models_.findText("crend-two")
    models_.currentIndex = models_.findText("improved-1")
    assert section.ui.useModelButton.text.startswith("Back to ")


def test_the_list_opens_in_a_spreadsheet(section, tmp_path):
    keepNow(section, by="=cmd()")
    with open(tmp_path / "kept" / LIST, newline="", encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert row["corrected_by"] == "'=cmd()" and row["model"]
