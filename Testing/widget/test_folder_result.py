"""A row of the Folder section, double-clicked: its volume and its result are in the scene, and the panel goes on with them."""

import types

import pytest
import SimpleITK as sitk
import slicer
from host import samples
from test_panel import cells, models, panel, wait  # noqa: F401

from crend.batch import segment_batch
from crend.errors import InputError
from crend.io.inputs import find_volumes
from crend.io.volumes import read_image
from CRendSegmentationLib.Scene.FolderResult import loadResult
from CRendSegmentationLib.Scene.ResultTables import readFollicleTable


def write_series(folder):
    """The sample's voxels as one DICOM file a slice, 0.5 mm apart."""
    folder.mkdir(parents=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    volume = sitk.GetImageFromArray(samples.voxels())
    uid = "1.2.826.0.1.3680043.2.1125.1"
    for k in range(volume.GetSize()[2]):
        piece = volume[:, :, k]
        for tag, value in {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.3.1",
            "0008|0018": f"{uid}.{k + 1}",
            "0020|000e": uid,
            "0020|000d": f"{uid}.0",
            "0008|0060": "US",
            "0020|0013": str(k + 1),
            "0028|0030": "0.5\\0.5",
            "0018|0050": "0.5",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0032": f"3\\4\\{5 + k * 0.5}",
        }.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{k:03}.dcm"))
        writer.Execute(piece)


@pytest.fixture
def rows(tmp_path, readers):
    """{name: row} of a folder with a file and a DICOM series, segmented into `results`; Slicer's readers are Qt, their storage nodes are here."""
    scans = tmp_path / "scans"
    write_series(scans / "series")
    image = sitk.GetImageFromArray(samples.voxels())
    image.SetSpacing((0.6, 0.5, 0.8))
    image.SetOrigin((7.0, -3.0, 2.0))
    (scans / "left").mkdir()
    sitk.WriteImage(image, str(scans / "left" / "one.nrrd"))

    def segment(path, progress):
        result = samples.KnownPredictor(flags=[{"key": "doubt", "text": "It is doubtful."}]).predict(read_image(path))
        result.provenance.update(device="cpu", engine="torch", seconds=1.0, expected_ovary_dsc=0.9, notice="Research use only.")
        return result

    found = segment_batch(find_volumes([scans], tmp_path / "results"), tmp_path / "results", segment, model=("known", "0"))
    return {row["volume"]: row for row in found}


@pytest.fixture
def section(panel, rows, tmp_path):  # noqa: F811
    """The Folder section after a run."""
    found = panel.panel.folder
    found.ui.outputFolderEdit.currentPath = str(tmp_path / "results")
    found._out = str(tmp_path / "results")
    found.onFinished(types.SimpleNamespace(rows=list(rows.values())))
    return found


@pytest.mark.parametrize("row, name", [(0, "left/one"), (1, "series")])
def test_a_double_click_gives_the_panel_a_result_to_go_on_with(section, panel, row, name):  # noqa: F811
    table = section.ui.folderTable
    assert cells(table, 0)[row] == name
    table.itemDoubleClicked.emit(table.item(row, 0))
    assert "color" not in section.ui.folderStatusLabel.styleSheet, section.ui.folderDetailsText.plainText
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    chosen = panel.logic.getParameterNode()
    assert chosen.segmentation is node and [int(text) for text in cells(panel.ui.follicleTable, 0)] == [1, 2, 3]
    assert "Ovary volume" in panel.ui.summaryLabel.text and "It is doubtful." in panel.ui.summaryLabel.text
    assert panel.ui.exportSection.enabled
    volume = node.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    assert chosen.inputVolume is volume
    assert (slicer.util.arrayFromVolume(volume) == samples.voxels()).all()


def test_what_the_model_drew_does_not_count_as_edited(rows, scene, tmp_path):
    for row in rows.values():
        nodes = loadResult(row, tmp_path / "results")
        table = readFollicleTable(nodes.follicleTableNode)
        assert [follicle["manual"] for follicle in table] == [0, 0, 0]
        assert [follicle["confidence"] for follicle in table] == pytest.approx([0.9, 0.8, 0.7])


def test_a_series_lies_in_the_scene_where_it_was_scanned(rows, scene, tmp_path):
    nodes = loadResult(rows["series"], tmp_path / "results")
    volume = nodes.segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    assert volume.GetOrigin() == pytest.approx((-3.0, -4.0, 5.0)) and volume.GetSpacing() == pytest.approx((0.5, 0.5, 0.5))
    (z, _y, _x), _ = samples.FOLLICLES[0]
    assert readFollicleTable(nodes.follicleTableNode)[0]["centroid_s_mm"] == pytest.approx(5 + z * 0.5, abs=0.1)


def test_the_image_of_a_run_with_relative_paths_is_found(rows, scene, tmp_path):
    nodes = loadResult({**rows["left/one"], "input": "scans/left/one.nrrd"}, tmp_path / "results")
    assert nodes.segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()) is not None


def test_a_row_puts_its_volume_into_the_slices_and_hides_the_result_before(section, views, scene):
    table = section.ui.folderTable
    shown = []
    for row in (0, 1):
        table.itemDoubleClicked.emit(table.item(row, 0))
        node = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[-1]
        volume = node.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
        assert views.backgrounds() == [volume.GetID()] * 3
        shown.append(node)
    assert [bool(node.GetDisplayNode().GetVisibility()) for node in shown] == [False, True]


def test_a_result_that_is_gone_is_refused_and_the_scene_stays(rows, scene, tmp_path):
    (tmp_path / "results" / "series.seg.nrrd").unlink()
    before = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="is gone; segment the folder again"):
        loadResult(rows["series"], tmp_path / "results")
    assert scene.GetNumberOfNodes() == before


def test_a_failed_row_has_nothing_to_load():
    with pytest.raises(InputError, match="has no result"):
        loadResult({"volume": "a", "status": "failed", "reason": "it is none"}, ".")


class _Lasting:
    """A run that does not end until it is cancelled."""

    cancelling, fraction, cancelled = False, 0.5, False

    def poll(self):
        return None

    def words(self):
        return "under way"

    def cancel(self):
        self.cancelled = True

    def wait(self):
        raise InputError("stopped")


def test_a_run_outlives_the_scene_but_not_the_panel(panel, scene):  # noqa: F811
    run = _Lasting()
    panel.panel.folder.run.begin(lambda: run)
    scene.Clear(0)
    assert panel.panel.folder.run.running and not run.cancelled
    panel.panel.close()
    assert run.cancelled
