"""What takes long in editing and in a review is done by the worker process: counted in surfaces and measurements, not in seconds."""

import numpy as np
import pytest
import slicer
from host import readers, samples
from test_editing_panel import numbers, segmented, select  # noqa: F401
from test_folder_result import rows, section  # noqa: F401
from test_panel import models, panel, wait  # noqa: F401

from CRendSegmentationLib.Runs.ReviewRun import ReviewSettings
from CRendSegmentationLib.Scene import FolderResult, SegmentationWriter, SegmentMeasurements, Surfaces
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
    sizes, measure = [], SegmentMeasurements.measure
    monkeypatch.setattr(SegmentMeasurements, "measure", lambda mask, empty: sizes.append(mask.GetSize()) or measure(mask, empty))
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


def test_a_row_of_a_folder_is_opened_without_a_surface_made_here_and_without_measuring_its_ovary(
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
    ovary = SegmentMeasurements.maskOf(node, "Ovary")
    assert ovary.GetSize() not in measured
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
