"""A review of two segmentation nodes in real MRML: what is measured under which transforms, and what the scene holds afterwards."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from host import readers, samples, transforms
from host.fixtures import describeScene

from crend.comparison.metrics import compare
from crend.comparison.review import review
from crend.comparison.warping import warped
from crend.errors import InputError
from CRendSegmentationLib.Runs.ReviewRun import ReviewSettings
from CRendSegmentationLib.Scene.ReviewDisplay import MARK_COLOURS, legendOf
from CRendSegmentationLib.Scene.ReviewLabels import labelsOf, reviewInput
from CRendSegmentationLib.Scene.ReviewLayout import ReviewLayout
from CRendSegmentationLib.Scene.ReviewNodes import reviewOf, reviews
from CRendSegmentationLib.Scene.ReviewTables import readRows
from CRendSegmentationLib.Scene.SegmentationWriter import writeSegmentation
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


@pytest.fixture
def pair(scene, layouts):
    return readers.addTwoReaders(samples.addVolume("flipped"))


def compute(reviewer, pair, **settings):
    return reviewer.start(*pair, ReviewSettings(**settings)).wait()


def row(tableNode, **wanted):
    (found,) = [each for each in readRows(tableNode) if all(each[key] == value for key, value in wanted.items())]
    return found


def expectedFigures(pair):
    """crend.comparison.metrics on what was written into the two nodes."""
    return compare(*(labelsOf(node)[0] for node in pair))


def test_the_labels_of_a_node_are_those_that_were_written(pair):
    labels, names = labelsOf(pair[0])
    image = imageFromVolumeNode(slicer.util.getNode("Ultrasound"))
    expected = samples.maskOf(samples.ball(*samples.FOLLICLES[1]), image)
    index = expected.TransformPhysicalPointToIndex(labels.follicles.TransformIndexToPhysicalPoint((0, 0, 0)))
    cut = sitk.GetArrayFromImage(sitk.RegionOfInterest(expected, labels.follicles.GetSize(), index))
    assert np.array_equal(sitk.GetArrayFromImage(labels.follicles) == 2, cut > 0)
    assert names == {1: "Follicle 1", 2: "Follicle 2"}


def test_the_figures_are_those_of_crend_with_units_and_definitions_in_the_headers(reviewer, pair):
    made = compute(reviewer, pair, percentile=90.0)
    expected = expectedFigures(pair)
    ovary, follicles = row(made.metricsTableNode, structure="Ovary"), row(made.metricsTableNode, structure="All follicles")
    assert ovary["dsc"] == pytest.approx(expected["ovary"]["dsc"]) and follicles["md_percent"] == 50.0
    assert ovary["hd_forward_mm"] == pytest.approx(expected["ovary"]["hd_directed"][0])
    assert ovary["hd90_mm"] is not None and ovary["fd_percent"] is None
    assert follicles["count_reference"] == follicles["count_compared"] == 2
    table = made.metricsTableNode
    assert table.GetColumnUnitLabel("hd95_mm") == "mm" and "percentiles" in table.GetColumnDescription("hd90_mm")
    assert table.GetUseColumnTitleAsColumnHeader() and table.GetColumnTitle("hd90_mm") == "HD90"


def test_each_follicle_is_a_row_matched_missed_or_false(reviewer, pair):
    rows = readRows(compute(reviewer, pair).matchTableNode)
    assert [(each["kind"], each["reference"], each["compared"]) for each in rows] == [
        ("missed", "Follicle 2", ""),
        ("false", "", "Follicle 2"),
        ("matched", "Follicle 1", "Follicle 1"),
    ], "what is wrong comes first"
    assert rows[2]["dsc"] == 1.0 and rows[2]["hd_mm"] == 0.0 and rows[0]["hd_mm"] is None
    (z, y, x), _ = samples.FOLLICLES[1]
    expected = (samples.ijkToRas("flipped") @ (x, y, z, 1))[:3]
    assert [rows[0][f"{axis}_mm"] for axis in "ras"] == pytest.approx(list(expected), abs=0.1)


def test_the_maps_carry_the_distance_as_active_scalar_in_a_shared_range(reviewer, pair):
    made = compute(reviewer, pair)
    assert list(made.maps) == [("ovary", "reference"), ("ovary", "compared"), ("follicles", "reference"), ("follicles", "compared")]
    expected = review(*(labelsOf(node)[0] for node in pair))
    ranges = []
    for part, model in zip(expected.maps, made.maps.values()):
        display = model.GetDisplayNode()
        assert display.GetActiveScalarName() == "Distance" and display.GetScalarVisibility()
        values = model.GetPolyData().GetPointData().GetArray("Distance").GetRange()
        assert values == pytest.approx((part.spread()["absolute"][0], part.spread()["absolute"][2]), abs=1e-4)
        ranges.append(display.GetScalarRange())
        assert display.GetScalarRangeFlag() == slicer.vtkMRMLDisplayNode.UseManualScalarRange
    assert ranges == [(0.0, expected.tops[structure]) for structure in ("ovary", "ovary", "follicles", "follicles")]
    spread = expected.maps[0].spread()["absolute"]
    assert legendOf(made.maps["ovary", "reference"]).GetTitleText() == (
        f"Ovary, mm to compared\nmin {spread[0]:.2f}\nmean {spread[1]:.2f}\nmax {spread[2]:.2f}"
    )


def test_signed_maps_have_diverging_colours_around_zero_and_a_range_can_be_set(reviewer, pair):
    made = compute(reviewer, pair, signed=True, top=2.5, structures=("ovary",), sides=("compared",))
    (model,) = made.maps.values()
    display = model.GetDisplayNode()
    assert display.GetActiveScalarName() == "SignedDistance" and display.GetScalarRange() == (-2.5, 2.5)
    colours = [[0.0] * 4 for _ in range(3)]
    for number, colour in zip((0, 128, 255), colours):
        display.GetColorNode().GetColor(number, colour)
    assert colours[0][2] > 2 * colours[0][0] and min(colours[1][:3]) > 0.85 and colours[2][0] > 2 * colours[2][2]
    assert "mean -" in legendOf(model).GetTitleText()


def test_missed_and_false_follicles_are_models_in_colours_of_their_own_in_2d_and_3d(reviewer, pair):
    marks = compute(reviewer, pair).marks
    assert set(marks) == {"missed", "false"}
    for kind, place in (("missed", samples.FOLLICLES[1]), ("false", readers.FOLLICLES[1])):
        display = marks[kind].GetDisplayNode()
        assert display.GetColor() == pytest.approx(MARK_COLOURS[kind])
        assert display.GetVisibility2D() and display.GetVisibility3D()
        (z, y, x), _ = place
        centre = marks[kind].GetPolyData().GetCenter()
        assert centre == pytest.approx(list((samples.ijkToRas("flipped") @ (x, y, z, 1))[:3]), abs=0.1)


@pytest.mark.parametrize("parent", list(transforms.PARENTS))
def test_a_parent_transform_of_both_changes_no_figure_and_carries_the_maps_along(reviewer, scene, parent):
    volume = samples.addVolume("oblique")
    transform = transforms.PARENTS[parent](scene)
    volume.SetAndObserveTransformNodeID(transform.GetID() if transform else None)
    pair = readers.addTwoReaders(volume)
    made = compute(reviewer, pair, structures=("ovary",), sides=("compared",))
    assert row(made.metricsTableNode, structure="Ovary")["hd95_mm"] == pytest.approx(expectedFigures(pair)["ovary"]["hd95"])
    for model in made.maps.values():
        assert model.GetTransformNodeID() == volume.GetTransformNodeID()


@pytest.mark.parametrize("parent", ["linear", "thin plate", "grid", "nested"])
def test_a_transform_of_the_compared_one_alone_brings_it_where_the_views_show_it(scene, parent):
    volume = samples.addVolume("oblique")
    reference, compared = readers.addTwoReaders(volume)
    compared.SetAndObserveTransformNodeID(transforms.PARENTS[parent](scene).GetID())
    given = reviewInput(reference, compared)
    assert (given.field is None) == (parent == "linear")
    brought = warped(given.compared, given.field) if given.field is not None else given.compared
    own = labelsOf(compared)[0]
    # Every voxel of what came out, back through the node's own transform, has the label that it has there.
    where = np.argwhere(sitk.GetArrayFromImage(brought.ovary) + 1)[::53, ::-1]
    here, there = [], []
    for index in where.tolist():
        point = brought.ovary.TransformIndexToPhysicalPoint(index)
        local = [0.0, 0.0, 0.0]
        compared.TransformPointFromWorld([-point[0], -point[1], point[2]], local)
        inside = own.ovary.TransformPhysicalPointToIndex([-local[0], -local[1], local[2]])
        there.append(all(0 <= i < n for i, n in zip(inside, own.ovary.GetSize())) and own.ovary.GetPixel(*inside))
        here.append(brought.ovary.GetPixel(*index))
    assert sum(here) > 100 and np.mean(np.equal(here, there)) > 0.995
    # And all of it came along.
    points = [
        own.ovary.TransformIndexToPhysicalPoint(index) for index in np.argwhere(sitk.GetArrayFromImage(own.ovary))[::53, ::-1].tolist()
    ]
    found = []
    for point in points:
        world = [0.0, 0.0, 0.0]
        compared.TransformPointToWorld([-point[0], -point[1], point[2]], world)
        found.append(brought.ovary.GetPixel(*brought.ovary.TransformPhysicalPointToIndex([-world[0], -world[1], world[2]])))
    assert np.mean(found) > 0.97


def test_another_geometry_is_compared_where_it_lies(scene):
    coarse = np.zeros([n // 2 for n in samples.SHAPE], np.uint8)
    fine = readers.addReader(samples.addVolume("oblique"), "First")
    matrix = samples.ijkToRas("oblique")
    shift, scale = np.eye(4), np.diag([2.0, 2.0, 2.0, 1.0])
    shift[:3, 3] = 0.5
    volume = slicer.util.addVolumeFromArray(coarse, ijkToRAS=matrix @ shift @ scale, name="Coarse")
    image = imageFromVolumeNode(volume)
    labels = labelsOf(fine)[0]
    down = [
        sitk.GetArrayFromImage(sitk.Resample(each, image, sitk.Transform(), sitk.sitkNearestNeighbor))
        for each in (labels.ovary, labels.follicles)
    ]
    compared = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Coarse")
    writeSegmentation(compared, volume, samples.segmentationOf(*down, image))
    given = reviewInput(fine, compared)
    figures = review(given.reference, given.compared).figures
    assert given.field is None and figures["ovary"]["dsc"] > 0.93 and figures["detection"]["count_error"] == 0


def test_the_scene_is_asked_but_not_changed_by_what_a_review_reads(pair, scene):
    before = describeScene(scene)
    reviewInput(*pair)
    assert describeScene(scene) == before


def test_computing_again_replaces_the_pairs_review_and_no_other(reviewer, pair, scene):
    compute(reviewer, pair)
    count = scene.GetNumberOfNodes()
    again = compute(reviewer, pair)
    assert scene.GetNumberOfNodes() == count and len(reviews()) == 1
    less = compute(reviewer, pair, structures=("ovary",), sides=("reference",))
    assert list(less.maps) == [("ovary", "reference")] and scene.GetNumberOfNodes() < count
    assert scene.GetNodeByID(again.metricsTableNode.GetID()) is None or again.metricsTableNode is less.metricsTableNode
    compute(reviewer, pair[::-1])
    assert len(reviews()) == 2 and reviewOf(*pair).metricsTableNode is less.metricsTableNode


def test_its_nodes_lie_in_a_folder_beside_the_reference(reviewer, pair, scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    subject = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(subject, "Study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(pair[0]), study)
    for _ in range(2):
        made = compute(reviewer, pair)
        folders = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in made.nodes()}
        assert len(folders) == 1 and hierarchy.GetItemParent(*folders) == study
        assert hierarchy.GetItemName(*folders) == "Second against First: review"
        assert hierarchy.GetNumberOfItemChildren(*folders) == len(made.nodes())


def emptied(node):
    node.GetSegmentation().RemoveAllSegments()


def renamed(node):
    node.GetSegmentation().GetSegment("Follicle_1").SetName("Cyst")
    node.GetSegmentation().GetSegment("Follicle_1").RemoveTag(slicer.vtkSegment.GetTerminologyEntryTagName())


def farAway(node):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 300)
    transform.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())


@pytest.mark.parametrize(
    "spoil, words",
    [
        (emptied, "Second: is empty"),
        (renamed, "Second: unknown segments 'Cyst'; name them 'Ovary' or 'Follicle 1'"),
        (farAway, "First and Second: the two segmentations share no space"),
    ],
)
def test_what_cannot_be_reviewed_is_refused_in_words_and_the_scene_stays(reviewer, pair, scene, spoil, words):
    spoil(pair[1])
    before = describeScene(scene)
    with pytest.raises(InputError, match=words):
        compute(reviewer, pair)
    assert describeScene(scene) == before


def test_a_segmentation_that_is_changed_meanwhile_is_not_reviewed(reviewer, pair):
    run = reviewer.start(*pair)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(pair[1], "Ovary")
    array[20, 24, 20:30] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, pair[1], "Ovary")
    with pytest.raises(InputError, match="was changed while it was compared"):
        run.wait()
    assert reviews() == []


def test_a_segmentation_of_surfaces_alone_is_compared_too(reviewer, pair):
    surface = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    segmentation = pair[1].GetSegmentation()
    segmentation.CreateRepresentation(surface)
    segmentation.SetSourceRepresentationName(surface)
    segmentation.RemoveRepresentation(slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName())
    made = compute(reviewer, pair, structures=("ovary",))
    assert row(made.metricsTableNode, structure="Ovary")["dsc"] == pytest.approx(0.8, abs=0.05)


def views(scene):
    """{singleton tag: view node} of the 3D views."""
    return {node.GetSingletonTag(): node for node in slicer.util.getNodesByClass("vtkMRMLViewNode")}


@pytest.mark.parametrize(
    "settings, tags",
    [
        ({"sides": ("compared",)}, {"CRendReference", "CRendCompared", "CRendMap11", "CRendMap12"}),
        ({"sides": ("reference",), "structures": ("ovary",)}, {"CRendReference", "CRendCompared", "CRendMap11"}),
        ({}, {"CRendReference", "CRendCompared", "CRendMap11", "CRendMap12", "CRendMap21", "CRendMap22"}),
    ],
)
def test_side_by_side_each_has_a_view_of_its_own_and_the_way_back_leaves_nothing(reviewer, pair, scene, settings, tags):
    layoutNode = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    layoutNode.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView)
    made = compute(reviewer, pair, **settings)
    before = [node.GetDisplayNode().GetViewNodeIDs() for node in pair]
    layout = ReviewLayout()
    layout.show(made)
    there = views(scene)
    assert layout.shown and tags == {tag for tag in there if tag.startswith("CRend")}
    assert all(there[tag].GetLinkedControl() and there[tag].GetViewGroup() == 753 for tag in tags)
    for node, tag in zip(pair, ("CRendReference", "CRendCompared")):
        assert [other for other in tags if node.GetDisplayNode().IsDisplayableInView(there[other].GetID())] == [tag]
        assert node.GetDisplayNode().IsDisplayableInView("vtkMRMLSliceNodeRed")
    for model in made.maps.values():
        display = model.GetDisplayNode()
        (shown,) = [tag for tag in tags if display.IsDisplayableInView(there[tag].GetID())]
        assert shown.startswith("CRendMap") and display.GetVisibility()
        assert legendOf(model).IsDisplayableInView(there[shown].GetID())
    layout.hide()
    assert layoutNode.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView and not layout.shown
    assert [node.GetDisplayNode().GetViewNodeIDs() for node in pair] == before
    assert not any(model.GetDisplayNode().GetVisibility() for model in (*made.maps.values(), *made.marks.values()))


def test_showing_one_review_hides_the_other(reviewer, pair):
    first, second = compute(reviewer, pair), compute(reviewer, pair[::-1])
    layout = ReviewLayout()
    layout.show(first)
    layout.show(second)
    assert not any(model.GetDisplayNode().GetVisibility() for model in first.maps.values())
    assert all(model.GetDisplayNode().GetVisibility() for model in second.maps.values())
    layout.hide()
    assert [list(node.GetDisplayNode().GetViewNodeIDs()) for node in pair] == [[], []]
