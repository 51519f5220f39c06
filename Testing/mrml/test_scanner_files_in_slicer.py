"""A GE Voluson file dragged into Slicer: the module's file reader, as Slicer calls it."""

import sys

import numpy as np
import pytest
import slicer
import vtk
from host.fixtures import describeScene
from host.scripted_module import ScriptedFileReader
from kretz_files import DATE, NAME, Probe, cartesian_file, container, head, sector_file, sequence_file, spheres, uneven, wrapped

from crend.io.acquisition import date_of, notes_of
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

PROBE = Probe(samples=70, beams=uneven(-40, 40, 50), sweep=uneven(-30, 30, 40))
BALL = (3, -4, 18, 4)


@pytest.fixture(scope="module")
def voxels():
    return spheres(PROBE, [BALL])


@pytest.fixture
def reader(logic):
    return ScriptedFileReader(sys.modules["CRendSegmentation"])


def saved(folder, data, name="scan.vol"):
    (folder / name).write_bytes(data)
    return folder / name


def test_the_dialog_offers_such_files_and_what_is_inside_decides(reader, voxels, tmp_path):
    assert "GE Voluson" in reader.description() and reader.fileType() == "CRendScannerFile"
    assert [ending.split("(")[-1] for ending in reader.extensions()] == ["*.vol)", "*.dcm)"]
    for path in (saved(tmp_path, sector_file(PROBE, voxels)), saved(tmp_path, wrapped(sector_file(PROBE, voxels)), "IM01.dcm")):
        assert reader.canLoadFile(path) and reader.canLoadFileConfidence(path) > 0.5
    for path in (saved(tmp_path, b"micro-CT" * 100, "ct.vol"), saved(tmp_path, b"NRRD0004", "a.nrrd"), tmp_path / "missing.vol", tmp_path):
        assert not reader.canLoadFile(path) and reader.canLoadFileConfidence(path) == 0


def test_a_volume_lies_in_slicer_where_the_probe_saw_it(reader, voxels, tmp_path, scene):
    (node,) = reader.load(saved(tmp_path, sector_file(PROBE, voxels)))
    assert node.GetName() == "scan" and node.GetSpacing() == pytest.approx((0.3, 0.3, 0.3))
    k, j, i = np.argwhere(slicer.util.arrayFromVolume(node) > 130).mean(axis=0)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    assert matrix.MultiplyPoint((i, j, k, 1))[:3] == pytest.approx(BALL[:3], abs=0.2)
    assert slicer.app.applicationLogic().GetSelectionNode().GetActiveVolumeID() == node.GetID()
    assert reader.messages() == []


def test_date_and_notes_go_with_the_volume_into_the_scene_and_to_the_network_and_the_patients_name_does_not(
    reader, voxels, tmp_path, scene
):
    (node,) = reader.load(saved(tmp_path, cartesian_file(voxels, 0.4)), name="Left")
    assert node.GetName() == "Left (spacing not confirmed)"
    ((event, text),) = reader.messages()
    assert event == vtk.vtkCommand.WarningEvent and "spacing not confirmed" in text
    assert NAME not in str(node)
    image = imageFromVolumeNode(node)
    assert date_of(image) == DATE and "spacing not confirmed" in notes_of(image)[0]
    assert NAME not in "".join(image.GetMetaData(key) for key in image.GetMetaDataKeys())
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    written = (tmp_path / "scene.mrml").read_text()
    assert "spacing not confirmed" in written and DATE in written and NAME.split("^")[0] not in written


def test_several_volumes_become_a_sequence(reader, voxels, tmp_path, scene):
    shown, sequence, browser = reader.load(saved(tmp_path, sequence_file(PROBE, [voxels, voxels // 2])))
    assert sequence.GetNumberOfDataNodes() == 2 and browser.GetMasterSequenceNode() is sequence
    assert shown.IsA("vtkMRMLScalarVolumeNode")
    means = [slicer.util.arrayFromVolume(sequence.GetNthDataNode(n)).max() for n in range(2)]
    assert means[0] == pytest.approx(2 * means[1], abs=2)


def test_a_compressed_file_is_one_message_and_the_scene_stays(reader, tmp_path, scene):
    before = describeScene(scene)
    assert reader.load(saved(tmp_path, container(*head((4, 4, 4))))) is None
    ((event, text),) = reader.messages()
    assert event == vtk.vtkCommand.ErrorEvent and text.endswith(
        "saved compressed; save it uncompressed on the scanner (4D View: without compression)."
    )
    assert describeScene(scene) == before
