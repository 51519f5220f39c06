"""The export buttons write files that others can read, and leave the scene alone."""

import csv
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from host import samples
from host.fixtures import describeScene
from test_editing_panel import segmented  # noqa: F401
from test_panel import models, panel  # noqa: F401

from crend.io.labels import read_labels
from crend.structures.measurements import Measurements
from CRendSegmentationLib.Scene.EditHistory import setMask
from CRendSegmentationLib.Scene.SegmentMeasurements import maskOf
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


@pytest.fixture
def to(segmented, tmp_path, monkeypatch):  # noqa: F811
    """Press a button and answer its question with a file in a temporary folder; gives back the file."""

    def press(button, name):
        path = tmp_path / name
        monkeypatch.setattr(segmented.panel.export, "askForFile", lambda *_: str(path))
        monkeypatch.setattr(segmented.panel.export, "askForFolder", lambda: str(path))
        getattr(segmented.ui, button).click()
        return path

    return press


def moveOutOfVolume(node, segmentID):
    mask = maskOf(node, segmentID)
    mask.SetOrigin([place + 500 for place in mask.GetOrigin()])
    setMask(node, segmentID, mask)


def expected():
    return samples.KnownPredictor().predict(imageFromVolumeNode(slicer.util.getNode("Ultrasound")))


def test_the_table_is_follicles_csv(to):
    rows = list(csv.DictReader(open(to("exportTableButton", "t.csv"), encoding="utf-8-sig")))
    assert tuple(rows[0]) == Measurements.COLUMNS
    assert [row["segment"] for row in rows] == ["Follicle 1", "Follicle 2", "Follicle 3"]


@pytest.mark.parametrize("name", ["s.seg.nrrd", "s.nii.gz"])
def test_the_segmentation_reads_back_as_it_is(to, name, scene):
    before = describeScene(scene)
    labels = read_labels(to("exportSegmentationButton", name))
    wanted = expected()
    assert np.array_equal(sitk.GetArrayFromImage(labels.ovary) > 0, sitk.GetArrayFromImage(wanted.ovary) > 0)
    assert np.array_equal(sitk.GetArrayFromImage(labels.follicles), sitk.GetArrayFromImage(wanted.follicles))
    assert np.allclose(labels.ovary.GetOrigin(), wanted.ovary.GetOrigin(), atol=1e-3)
    assert describeScene(scene) == before


@pytest.mark.parametrize("name", ["s.nii.gz", "r.html"])
def test_renamed_segments_are_written_as_what_they_are(to, segmented, name):  # noqa: F811
    segmentation = segmented.ui.segmentationSelector.currentNode().GetSegmentation()
    segmentation.GetSegment("Ovary").SetName("Left adnexa")
    for segmentID in ("Follicle_2", "Follicle_3"):
        segmentation.GetSegment(segmentID).SetName("Ovarian follicle")
    path = to("exportReportButton" if name.endswith("html") else "exportSegmentationButton", name)
    assert "Written" in segmented.ui.exportStatusLabel.text, segmented.ui.exportStatusLabel.text
    if name.endswith("html"):
        assert "Volume, by voxels" in path.read_text()
        return
    labels, wanted = read_labels(path), expected()
    assert np.array_equal(sitk.GetArrayFromImage(labels.ovary) > 0, sitk.GetArrayFromImage(wanted.ovary) > 0)
    assert np.array_equal(sitk.GetArrayFromImage(labels.follicles), sitk.GetArrayFromImage(wanted.follicles))


def test_a_follicle_of_which_a_label_image_would_hold_nothing_is_not_left_out_unsaid(to, segmented):  # noqa: F811
    moveOutOfVolume(segmented.ui.segmentationSelector.currentNode(), "Follicle_2")
    path = to("exportSegmentationButton", "s.nii.gz")
    said = segmented.ui.exportStatusLabel.text.replace("\N{ZERO WIDTH SPACE}", "")
    assert not path.exists() and said.startswith("Follicle 2: no voxel of the volume would be left") and ".seg.nrrd" in said
    path = to("exportSegmentationButton", "s.seg.nrrd")
    assert len(np.unique(sitk.GetArrayFromImage(read_labels(path).follicles))) == 4


def test_the_surfaces_are_one_file_a_segment_and_format(to, tmp_path):
    (tmp_path / "surfaces").mkdir()
    folder = to("exportSurfacesButton", "surfaces")
    assert len(list(folder.glob("*.stl"))) == 4 and len(list(folder.glob("*.obj"))) >= 1
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(next(folder.glob("*Follicle*1.stl"))))
    reader.Update()
    centre = expected().measurements.follicles[0].centroid_ras
    assert np.allclose(reader.GetOutput().GetCenter(), (-centre[0], -centre[1], centre[2]), atol=0.6)


def test_the_scene_is_one_file(to, scene):
    file = to("exportSceneButton", "scene.mrb")
    with zipfile.ZipFile(file) as archive:
        assert "scene/scene.mrml" in archive.namelist() and all(name.startswith("scene/") for name in archive.namelist())
    assert [path.name for path in file.parent.iterdir()] == ["scene.mrb"]


def test_the_report_of_one_ovary_whose_side_nobody_stated_has_pictures_counts_model_and_notice(to):
    text = to("exportReportButton", "r.html").read_text()
    assert text.count("<img width='166'") == 4
    for words in ("Volume, by voxels", "Research use only", "simulated ultrasound", "Model known", "Ultrasound ovary", "side not stated"):
        assert words in text, words
    assert text.count("○") == 4  # three follicles, and what that means


def test_a_place_that_cannot_be_written_is_said_in_words(to, segmented):  # noqa: F811
    to("exportTableButton", "no/such/folder.csv")
    assert "does not exist" in segmented.ui.exportStatusLabel.text


@pytest.mark.parametrize(
    "button, name, written",
    [
        ("exportTableButton", "patient 1.5", "patient 1.5.csv"),
        ("exportSegmentationButton", "patient.foo", "patient.foo.seg.nrrd"),
        ("exportReportButton", "visit 2.HTML", "visit 2.HTML"),
    ],
)
def test_a_name_without_an_ending_of_its_kind_gets_one(to, segmented, button, name, written):  # noqa: F811
    path = to(button, name)
    assert [file.name for file in path.parent.iterdir()] == [written]
    assert segmented.ui.exportStatusLabel.text.replace("\N{ZERO WIDTH SPACE}", "").endswith(written)


def test_a_file_that_the_dialog_did_not_ask_about_is_not_replaced_unasked(to, tmp_path, monkeypatch):
    (tmp_path / "patient 1.5.csv").write_text("mine")
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text: False)
    to("exportTableButton", "patient 1.5")
    assert (tmp_path / "patient 1.5.csv").read_text() == "mine"


def test_a_dialog_opens_where_the_last_one_was(segmented, tmp_path, monkeypatch):  # noqa: F811
    asked = []

    def answer(parent, title, place, *kinds):
        asked.append(place)
        return str(tmp_path / "there" / "t.csv") if kinds else ""

    import qt

    monkeypatch.setattr(qt, "QFileDialog", types.SimpleNamespace(getSaveFileName=answer, getExistingDirectory=answer))
    slicer.app.userSettings().remove("CRend")
    (tmp_path / "there").mkdir()
    segmented.ui.exportTableButton.click()
    segmented.ui.exportTableButton.click()
    segmented.ui.exportSurfacesButton.click()
    assert asked == [str(Path.home() / "Ultrasound ovary.csv"), str(tmp_path / "there" / "Ultrasound ovary.csv"), str(tmp_path / "there")]


def test_surfaces_alone_are_tabled_and_exported_too(to, segmented):  # noqa: F811
    node = segmented.panel.result.segmentationNode
    surface = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    node.GetSegmentation().SetSourceRepresentationName(surface)
    node.GetSegmentation().RemoveRepresentation(slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName())
    assert len(list(csv.DictReader(open(to("exportTableButton", "t.csv"), encoding="utf-8-sig")))) == 3
    for name in ("s.seg.nrrd", "s.nii.gz"):
        labels = read_labels(to("exportSegmentationButton", name))
        assert set(np.unique(sitk.GetArrayViewFromImage(labels.follicles))) == {0, 1, 2, 3}


def test_nothing_to_export_without_a_result(panel):  # noqa: F811
    assert not panel.ui.exportSection.enabled
