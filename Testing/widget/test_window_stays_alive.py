"""What takes long in editing and in a review is done by the worker process: counted in surfaces and measurements, not in seconds."""

import csv

import numpy as np
import pytest
import slicer
from host import readers, samples
from test_editing_panel import numbers, segmented, select  # noqa: F401
from test_folder_result import rows, section  # noqa: F401
from test_panel import models, panel, wait  # noqa: F401

from CRendSegmentationLib.Runs.ReviewRun import ReviewSettings
from CRendSegmentationLib.Scene import Export, FolderResult, MaskMeasurements, SegmentationWriter, SegmentMeasurements, Surfaces
from CRendSegmentationLib.Scene.Results import FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE, tableOf
from CRendSegmentationLib.Scene.ResultTables import readFollicleTable, readSummary
from CRendSegmentationLib.Scene.ReviewLayout import ReviewLayout
from CRendSegmentationLib.Scene.Surfaces import staleIDs, surfaceOf
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode
from CRendSegmentationLib.Widgets import SurfaceKeeper


@pytest.fixture
def alive(segmented, reviewer, threeDViews, monkeypatch):  # noqa: F811
    """The panel with a result in a real 3D view, which would make every surface that is missing; nothing is too small for the worker."""
    monkeypatch.setattr(SurfaceKeeper, "LIGHT_VOXELS", 0)
    segmented.panel.logic.reviewer = reviewer
    return segmented


@pytest.fixture
def measured(monkeypatch):
    """How many voxels each mask had that was measured in this process."""
    sizes, measure = [], MaskMeasurements.measure
    monkeypatch.setattr(MaskMeasurements, "measure", lambda mask, empty: sizes.append(mask.GetSize()) or measure(mask, empty))
    return sizes


@pytest.fixture
def madeHere(monkeypatch):
    """Where Slicer was asked for surfaces in this process."""
    asked, make = [], Surfaces.makeSurfaces
    for module in (SurfaceKeeper, Surfaces, FolderResult, SegmentationWriter):
        monkeypatch.setattr(module, "makeSurfaces", lambda node, **_: asked.append(node) or make(node))
    return asked


def surfaces(node):
    """{segment ID: its surface}."""
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return {segmentID: surfaceOf(segmentation.GetSegment(segmentID)) for segmentID in ids}


def fromWorker(surface):
    """Whether a surface is one of the worker's, which say in what coordinates they are; Slicer's own do not."""
    return surface is not None and bool(surface.GetFieldData().HasArray("SPACE"))


def settled(widget):
    node = widget.panel.result.segmentationNode
    wait(lambda: not widget.panel.surfaces.isBusy(node) and not staleIDs(node), 60)


def test_a_split_merge_and_undo_make_no_surface_and_measure_nothing_here(alive, measured):
    node = alive.panel.result.segmentationNode
    before = surfaces(node)
    select(alive, "Follicle_1")
    alive.ui.splitButton.click()
    assert None not in surfaces(node).values() and set(staleIDs(node)) == {"Follicle_1", "Follicle_4"}
    settled(alive)
    parts = surfaces(node)
    assert fromWorker(parts["Follicle_1"]) and fromWorker(parts["Follicle_4"])
    assert [parts[each] is before[each] for each in ("Ovary", "Follicle_2", "Follicle_3")] == [True] * 3
    wait(lambda: numbers(alive) == [2, 1, 4, 3] or sorted(numbers(alive)) == [1, 2, 3, 4])
    select(alive, "Follicle_1", "Follicle_4")
    alive.ui.mergeButton.click()
    # Until the worker has answered, both halves are seen.
    assert surfaces(node)["Follicle_1"].GetNumberOfPoints() == sum(parts[each].GetNumberOfPoints() for each in ("Follicle_1", "Follicle_4"))
    settled(alive)
    assert fromWorker(surfaces(node)["Follicle_1"])
    for _ in range(2):
        alive.ui.undoButton.click()
    assert not staleIDs(node) and surfaces(node)["Follicle_1"] is before["Follicle_1"]
    wait(lambda: sorted(numbers(alive)) == [1, 2, 3])
    assert measured == []


def test_an_ovary_that_is_extended_is_drawn_and_measured_by_the_worker_and_the_table_follows(alive, measured):
    node = alive.panel.result.segmentationNode
    volume = node.GetNodeReference("referenceImageGeometryRef")
    former = SegmentMeasurements.measureSegments(node).ovary.volume_ml
    (centre, radius) = samples.OVARY
    rim = samples.maskOf(samples.ball((centre[0], centre[1], centre[2] - radius), 4), imageFromVolumeNode(volume))
    alive.panel.edit.editing.add(rim)
    alive.panel.result.updateTables()
    settled(alive)
    wait(lambda: 4 in numbers(alive))
    assert fromWorker(surfaces(node)["Ovary"]) and fromWorker(surfaces(node)["Follicle_4"])
    assert SegmentMeasurements.measureSegments(node).ovary.volume_ml > former
    assert measured == []


def test_coming_back_from_segment_editor_makes_no_surface_here(alive, segmentEditor, madeHere):
    node = alive.panel.result.segmentationNode
    image = imageFromVolumeNode(node.GetNodeReference("referenceImageGeometryRef"))
    select(alive, "Follicle_2")
    alive.ui.segmentEditorButton.click()
    node.GetDisplayNode().SetVisibility3D(False)  # or Slicer's view would make what the brush has dropped, stroke by stroke
    (centre, radius) = samples.OVARY
    segmentEditor.paint(samples.maskOf(samples.ball((centre[0], centre[1], centre[2] - radius), 4), image))
    assert staleIDs(node), "painting drops surfaces"
    segmentEditor.back()
    node.GetDisplayNode().SetVisibility3D(True)
    settled(alive)
    assert all(fromWorker(surface) for surface in surfaces(node).values()) and madeHere == []
    assert "extended" in alive.ui.editStatusLabel.text


def stroke(alive, segmentEditor, away):
    """One stroke of Segment Editor's brush inside the ovary, near the second follicle."""
    node = alive.panel.result.segmentationNode
    image = imageFromVolumeNode(node.GetNodeReference("referenceImageGeometryRef"))
    x, y, z = samples.OVARY[0]
    segmentEditor.paint(samples.maskOf(samples.ball((x, y + away, z), 3), image))


def volumes(node):
    """{name of a follicle: ml, or None for an empty cell} and the ovary's ml, as the table nodes have them."""
    found = {row["segment"]: row["volume_ml"] for row in readFollicleTable(tableOf(node, FOLLICLE_TABLE_ROLE))}
    found["Ovary"] = readSummary(tableOf(node, SUMMARY_TABLE_ROLE))[0][1]
    return {name: None if value != value else value for name, value in found.items()}


@pytest.fixture
def painting(alive, segmentEditor):
    """Segment Editor with the second follicle, 3D view off, as `alive` has it."""
    select(alive, "Follicle_2")
    alive.ui.segmentEditorButton.click()
    alive.panel.result.segmentationNode.GetDisplayNode().SetVisibility3D(False)
    return segmentEditor


def test_strokes_are_measured_by_the_worker_once_nobody_paints_and_no_old_figure_stands_meanwhile(alive, painting, measured, monkeypatch):
    node = alive.panel.result.segmentationNode
    before, asked, run = volumes(node), [], SurfaceKeeper.MeasureRun
    monkeypatch.setattr(SurfaceKeeper, "MeasureRun", lambda client, masks: asked.append(len(masks)) or run(client, masks))
    for away in (0, 1, 2):
        stroke(alive, painting, away)
        slicer.app.processEvents()
        assert volumes(node)["Follicle 2"] is None and volumes(node)["Ovary"] is None and asked == []
        assert alive.panel.result.table.shown() and "Follicle 2" in volumes(node)
    wait(lambda: volumes(node)["Ovary"] is not None, 60)
    after = volumes(node)
    assert measured == [] and len(asked) == 1
    assert after["Follicle 2"] > before["Follicle 2"] and after["Ovary"] == pytest.approx(before["Ovary"])
    now = {each.segment: each.volume_ml for each in SegmentMeasurements.measureSegments(node).follicles}
    assert now == {name: volume for name, volume in after.items() if name != "Ovary"}


def test_a_stroke_that_is_followed_at_once_by_an_export_is_in_the_table_and_in_the_saved_scene(alive, painting, tmp_path, monkeypatch):
    node, tools = alive.panel.result.segmentationNode, alive.panel.export
    before = volumes(node)
    stroke(alive, painting, 0)
    monkeypatch.setattr(tools, "askForFile", lambda ending, kinds: str(tmp_path / f"stroke{ending}"))
    alive.ui.exportTableButton.click()
    after = volumes(node)
    assert after["Follicle 2"] > before["Follicle 2"] and None not in after.values()
    lines = list(csv.DictReader((tmp_path / "stroke.csv").open(encoding="utf-8")))
    assert {line["segment"]: float(line["volume_ml"]) for line in lines}["Follicle 2"] == pytest.approx(after["Follicle 2"], abs=1e-3)
    stroke(alive, painting, 3)
    slicer.app.processEvents()
    assert volumes(node)["Follicle 2"] is None
    Export.exportScene(tmp_path / "stroke.mrb")
    assert volumes(node)["Follicle 2"] > after["Follicle 2"]


def test_figures_that_were_saved_empty_are_measured_when_the_segmentation_is_shown_again(alive, painting):
    node = alive.panel.result.segmentationNode
    stroke(alive, painting, 0)
    alive.panel.result.show(None)
    assert volumes(node)["Follicle 2"] is None
    alive.panel.result.show(node)
    wait(lambda: None not in volumes(node).values(), 60)


def test_without_a_worker_strokes_are_measured_here(alive, painting, monkeypatch):
    node = alive.panel.result.segmentationNode
    monkeypatch.setattr(SurfaceKeeper, "MeasureRun", lambda *_: 1 / 0)
    stroke(alive, painting, 0)
    wait(lambda: volumes(node)["Follicle 2"] is None)
    wait(lambda: None not in volumes(node).values())


def test_a_row_of_a_folder_is_opened_without_a_surface_made_or_anything_measured_here(
    reviewer,
    threeDViews,
    monkeypatch,
    measured,
    madeHere,
    section,  # noqa: F811
    panel,  # noqa: F811
):
    monkeypatch.setattr(SurfaceKeeper, "LIGHT_VOXELS", 0)
    panel.panel.logic.reviewer = reviewer
    table = section.ui.folderTable
    table.itemDoubleClicked.emit(table.item(0, 0))
    settled(panel)
    node = panel.panel.result.segmentationNode
    assert all(map(fromWorker, surfaces(node).values())) and madeHere == []
    wait(lambda: None not in volumes(node).values(), 60)
    assert measured == []
    assert node.GetStorageNode().GetFileName().endswith("results/left/one.seg.nrrd")
    assert numbers(panel) == [1, 2, 3] and not SegmentMeasurements.isEdited(node)


def test_surfaces_of_the_worker_lie_where_those_of_slicer_lie(alive):
    node = alive.panel.result.segmentationNode
    select(alive, "Follicle_1")
    alive.ui.splitButton.click()
    settled(alive)
    ours = np.array(surfaces(node)["Follicle_1"].GetBounds())
    node.GetSegmentation().GetSegment("Follicle_1").RemoveRepresentation(
        slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    )
    node.CreateClosedSurfaceRepresentation()
    assert np.abs(ours - surfaces(node)["Follicle_1"].GetBounds()).max() < max(samples.SPACING)


def test_without_a_worker_slicer_makes_the_surfaces(alive, monkeypatch):
    node = alive.panel.result.segmentationNode
    monkeypatch.setattr(SurfaceKeeper, "SurfaceRun", lambda *_: 1 / 0)
    select(alive, "Follicle_1")
    alive.ui.splitButton.click()
    assert not staleIDs(node) and not alive.panel.surfaces.isBusy(node) and sorted(numbers(alive)) == [1, 2, 3, 4]


def test_a_review_draws_no_surface_here(reviewer, threeDViews, scene):
    pair = readers.addTwoReaders(samples.addVolume("flipped"))
    pair[1].GetDisplayNode().SetVisibility(False)
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    pair[1].GetSegmentation().RemoveRepresentation(name)
    first = surfaces(pair[0])
    layout = ReviewLayout()
    layout.show(reviewer.start(*pair, ReviewSettings(structures=("ovary",))).wait())
    assert surfaces(pair[0]) == first and all(map(fromWorker, surfaces(pair[1]).values()))
    layout.hide()
