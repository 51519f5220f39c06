"""logic.segment on real MRML: names, colours, codes, tables and study of what it leaves in the scene."""

import zipfile

import numpy as np
import pytest
import slicer
import vtk
from host import samples
from host.transforms import linear

from crend.structures import segments
from crend.structures.measurements import Measurements
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


def test_segments_are_named_coloured_and_coded(scene, known):
    segmentation = known.segment(samples.addVolume()).segmentationNode.GetSegmentation()
    found = [segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments())]
    assert [segment.GetName() for segment in found] == ["Ovary", "Follicle 1", "Follicle 2", "Follicle 3"]
    assert len({segment.GetColor() for segment in found}) == 4
    codes = []
    for segment in found:
        text = vtk.reference("")
        segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text)
        entry = slicer.vtkSlicerTerminologyEntry()
        assert slicer.modules.terminologies.logic().DeserializeTerminologyEntry(str(text), entry)
        codes.append((entry.GetTypeObject().GetCodingSchemeDesignator(), entry.GetTypeObject().GetCodeValue()))
    assert codes == [segments.OVARY_CODE[:2]] + 3 * [segments.FOLLICLE_CODE[:2]]
    assert codes[0] == ("SCT", "15497006")


def test_slicer_knows_both_codes_from_a_loaded_terminology(scene, known):
    terminologies = slicer.modules.terminologies.logic()
    for context, label, code in (
        (segments.SLICER_CONTEXT, "left ovary", segments.OVARY_CODE),
        (segments.CREND_CONTEXT, "ovarian follicle", segments.FOLLICLE_CODE),
    ):
        entry = slicer.vtkSlicerTerminologyEntry()
        assert terminologies.FindTypeInTerminologyBy3dSlicerLabel(context, label, entry)
        assert entry.GetTypeObject().GetCodeValue() == code[1]


def test_the_ovary_is_translucent_and_everything_is_shown_in_3d(scene, known):
    display = known.segment(samples.addVolume()).segmentationNode.GetDisplayNode()
    assert display.GetSegmentOpacity3D("Ovary") < 0.5
    assert display.GetSegmentOpacity3D("Follicle_1") == 1
    assert display.GetVisibility() and display.GetVisibility3D()
    assert all(display.GetSegmentVisibility3D(name) for name in ("Ovary", "Follicle_1", "Follicle_2", "Follicle_3"))
    assert display.GetDisplayRepresentationName3D() == "Closed surface"


def test_the_table_holds_the_measurements_with_types_and_units(scene, known):
    volume = samples.addVolume()
    node = known.segment(volume).follicleTableNode
    table = node.GetTable()
    assert tuple(table.GetColumnName(index) for index in range(table.GetNumberOfColumns())) == (
        *Measurements.COLUMNS,
        "manual",
        "confirmed",
    )
    rows = samples.KnownPredictor().predict(imageFromVolumeNode(volume)).measurements.rows()
    assert table.GetNumberOfRows() == len(rows) == 3
    for index, row in enumerate(rows):
        assert table.GetValueByName(index, "segment").ToString() == row["segment"]
        for name in Measurements.COLUMNS:
            if name != "segment":
                assert table.GetValueByName(index, name).ToDouble() == row[name]
    assert table.GetColumnByName("id").IsA("vtkIntArray")
    assert table.GetColumnByName("dv_mm").IsA("vtkDoubleArray")
    assert (node.GetColumnUnitLabel("volume_ml"), node.GetColumnUnitLabel("dx_mm")) == ("ml", "mm")


def test_the_summary_counts_follicles_and_gives_the_ovarys_volume(scene, known):
    table = known.segment(samples.addVolume()).summaryTableNode.GetTable()
    values = {
        table.GetValueByName(row, "finding").ToString(): (
            table.GetValueByName(row, "value").ToDouble(),
            table.GetValueByName(row, "unit").ToString(),
        )
        for row in range(table.GetNumberOfRows())
    }
    millilitres = samples.ball(*samples.OVARY).sum() * np.prod(samples.SPACING) / 1000
    assert values["Ovary volume"] == (pytest.approx(millilitres), "ml")
    assert values["Follicle count"] == (3, "")


def test_everything_is_in_the_volumes_study(scene, known):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    volume = samples.addVolume()
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
    nodes = known.segment(volume)
    for node in (nodes.segmentationNode, nodes.follicleTableNode, nodes.summaryTableNode):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study


def test_a_second_run_overwrites_segmentation_and_tables(scene, known):
    volume = samples.addVolume()
    first = known.segment(volume)
    count = scene.GetNumberOfNodes()
    known.predictor = samples.KnownPredictor(follicles=1)
    second = known.segment(volume, first.segmentationNode)
    assert second[:3] == first[:3]
    assert scene.GetNumberOfNodes() == count
    assert second.segmentationNode.GetSegmentation().GetNumberOfSegments() == 2
    assert second.follicleTableNode.GetNumberOfRows() == 1


def test_no_ovary_is_said_in_words_and_gives_empty_results(scene, known):
    known.predictor = samples.KnownPredictor(ovary=False, follicles=0)
    volume = samples.addVolume()
    nodes = known.segment(volume)
    assert nodes.message == "no ovary found"
    assert nodes.segmentationNode.GetSegmentation().GetNumberOfSegments() == 1
    assert not slicer.util.arrayFromSegmentBinaryLabelmap(nodes.segmentationNode, "Ovary", volume).any()
    assert nodes.follicleTableNode.GetNumberOfRows() == 0
    assert nodes.follicleTableNode.GetNumberOfColumns() == len(Measurements.COLUMNS) + 2


def test_the_result_survives_saving_and_loading_the_scene(scene, known, tmp_path):
    volume = samples.addVolume("oblique")
    volume.SetAndObserveTransformNodeID(linear(scene).GetID())
    known.segment(volume)
    expected = samples.ball(*samples.FOLLICLES[1])
    bundle = str(tmp_path / "scene.mrb")
    scene.SetRootDirectory(str(tmp_path))
    assert scene.WriteToMRB(bundle)
    scene.Clear(0)
    zipfile.ZipFile(bundle).extractall(tmp_path)
    scene.SetURL(str(next(tmp_path.rglob("*.mrml"))))
    assert scene.Import(None)
    node = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    read = slicer.util.arrayFromSegmentBinaryLabelmap(node, "Follicle_2", volume)
    assert np.array_equal(read, expected)
    table = node.GetNodeReference("CRend.FollicleTable")
    assert table.GetNumberOfRows() == 3
    assert table.GetTable().GetColumnByName("id").IsA("vtkIntArray")


def test_the_notice_and_the_model_stay_with_the_segmentation(scene, known):
    node = known.segment(samples.addVolume()).segmentationNode
    assert "Research use only" in node.GetAttribute("CRend.notice")
    assert node.GetAttribute("CRend.bundle") == "known"
