"""The Review section as a user meets it: choose two segmentations, Compute, read, look side by side, go back. With the real worker."""

import pytest
import slicer
from host import readers, samples
from host.fixtures import describeScene
from test_panel import cells, models, panel, wait  # noqa: F401

from crend.errors import InputError
from CRendSegmentationLib.Runs.WorkerJobs import PredictionFailed
from CRendSegmentationLib.Scene.FollicleEditing import FollicleEditing
from CRendSegmentationLib.Scene.ReviewLayout import registerLayouts

ORDINARY = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


@pytest.fixture
def section(panel, reviewer, layouts):  # noqa: F811
    """The Review section with two readers' segmentations chosen, in Slicer's first layout."""
    found = panel.panel.review
    found.reviewer = reviewer
    reference, compared = readers.addTwoReaders(samples.addVolume("flipped"))
    found.ui.referenceSelector.setCurrentNode(reference)
    found.ui.comparedSelector.setCurrentNode(compared)
    return found


def compute(section):
    section.ui.computeButton.click()
    wait(lambda: not section.run.running, 60)
    assert "color" not in section.ui.reviewStatusLabel.styleSheet, section.ui.reviewStatusLabel.text


def arrangement():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement()


def test_compute_waits_for_two_different_segmentations_and_says_so(panel):  # noqa: F811
    found = panel.panel.review
    assert not found.ui.computeButton.enabled and "Choose two" in found.ui.computeButton.toolTip
    assert found.ui.reviewResultFrame.isHidden() and panel.ui.reviewSection.collapsed
    volume = samples.addVolume()
    node = readers.addReader(volume, "First")
    found.ui.referenceSelector.setCurrentNode(node)
    found.ui.comparedSelector.setCurrentNode(node)
    assert not found.ui.computeButton.enabled and "different" in found.ui.computeButton.toolTip


def test_compute_fills_figures_table_and_views_and_one_click_leads_back(section):
    compute(section)
    assert section.ui.reviewStatusLabel.text == ""
    text = section.ui.reviewFiguresLabel.text
    assert "2 follicles in the reference, 2 in the compared one: 1 matched, 1 missed, 1 false." in text
    assert "HD95 (mm)" in text and "Dice" in text and "from compared to reference" in text
    assert [cells(section.ui.matchTable, column) for column in (0, 1)] == [
        ["Follicle 2", "false", "Follicle 1"],
        ["missed", "Follicle 2", "Follicle 1"],
    ]
    assert arrangement() != ORDINARY and section.ui.ordinaryLayoutButton.enabled
    section.ui.ordinaryLayoutButton.click()
    assert arrangement() == ORDINARY and not section.ui.ordinaryLayoutButton.enabled
    section.ui.sideBySideButton.click()
    assert arrangement() != ORDINARY


def test_figures_of_outlines_that_were_changed_since_say_so_until_that_is_taken_back(section):
    compute(section)
    figures = section.ui.reviewFiguresLabel
    assert "have changed since" not in figures.text
    editing = FollicleEditing(section.ui.comparedSelector.currentNode())
    editing.delete(["Follicle_1"])
    wait(lambda: "have changed since they were compared: press Compute again" in figures.text)
    assert "HD95 (mm)" in figures.text
    editing.undo()
    wait(lambda: "have changed since" not in figures.text)
    editing.redo()
    wait(lambda: "have changed since" in figures.text)
    compute(section)
    assert "have changed since" not in figures.text and "1 in the compared one" in figures.text


def test_missed_and_false_rows_have_the_colours_of_their_marks(section):
    import qt

    from CRendSegmentationLib.Scene.ReviewDisplay import MARK_COLOURS

    compute(section)
    table = section.ui.matchTable
    for row, column, kind in ((0, 1, "missed"), (1, 0, "false")):
        colour = table.item(row, column).background().color()
        assert colour.name() == qt.QColor.fromRgbF(*MARK_COLOURS[kind]).name()


def test_selecting_a_row_moves_the_slices_there_and_sorting_keeps_row_and_place_together(section, scene):
    import qt

    compute(section)
    section.ui.matchTable.sortByColumn(0, qt.Qt.DescendingOrder)
    names = cells(section.ui.matchTable, 0)
    assert names == ["false", "Follicle 2", "Follicle 1"]
    for row, (z, y, x) in ((1, samples.FOLLICLES[1][0]), (0, readers.FOLLICLES[1][0])):
        section.ui.matchTable.selectRow(row)
        expected = (samples.ijkToRas("flipped") @ (x, y, z, 1))[:3]
        for tag in ("Red", "Yellow", "Green"):
            matrix = scene.GetSingletonNode(tag, "vtkMRMLSliceNode").GetSliceToRAS()
            assert [matrix.GetElement(axis, 3) for axis in range(3)] == pytest.approx(list(expected), abs=0.2)


def test_the_choices_reach_the_review(section):
    section.ui.structuresComboBox.currentIndex = 1
    section.ui.directionComboBox.currentIndex = 2
    section.ui.distanceComboBox.currentIndex = 1
    section.ui.percentileSpinBox.value = 80.0
    section.ui.topSpinBox.value = 1.5
    compute(section)
    from CRendSegmentationLib.Scene.ReviewNodes import reviews

    (review,) = reviews()
    assert list(review.maps) == [("ovary", "reference"), ("ovary", "compared")] and review.percentile == 80.0
    for model in review.maps.values():
        assert model.GetDisplayNode().GetActiveScalarName() == "SignedDistance"
        assert model.GetDisplayNode().GetScalarRange() == (-1.5, 1.5)
    assert "HD80 (mm)" in section.ui.reviewFiguresLabel.text and "in both directions" in section.ui.reviewFiguresLabel.text


def test_choosing_another_pair_shows_what_there_is_of_it(section):
    compute(section)
    section.ui.swapButton.click()
    assert section.ui.referenceSelector.currentNode().GetName() == "Second"
    assert section.ui.reviewResultFrame.isHidden() and section.ui.matchTable.rowCount == 0
    section.ui.swapButton.click()
    assert not section.ui.reviewResultFrame.isHidden() and section.ui.matchTable.rowCount == 3


def test_bad_input_is_said_in_words_and_the_scene_stays(section, scene):
    section.ui.comparedSelector.currentNode().GetSegmentation().GetSegment("Follicle_2").SetName("Tumour")
    section.ui.comparedSelector.currentNode().GetSegmentation().GetSegment("Follicle_2").RemoveTag("TerminologyEntry")
    before = describeScene(scene)
    section.ui.computeButton.click()
    wait(lambda: not section.run.running)
    assert section.ui.reviewStatusLabel.text.startswith("Second: unknown segments 'Tumour'; name them 'Ovary'")
    assert "color" in section.ui.reviewStatusLabel.styleSheet and section.ui.computeButton.enabled
    assert describeScene(scene) == before


class Held:
    """A review that never comes to an end, or fails."""

    stage, fraction, cancelling = "measuring distances", 0.5, False

    def __init__(self, error=None):
        self._error = error

    def start(self, *_):
        return self

    def close(self):
        pass

    def poll(self):
        if self._error is not None:
            raise self._error
        if self.cancelling:
            from crend.errors import Cancelled

            raise Cancelled("stopped")

    def wait(self):
        return self.poll()

    def cancel(self):
        self.cancelling = True

    def words(self):
        return "Measuring distances, 50 %"


def test_compute_turns_into_cancel_and_the_scene_is_as_before(section, scene):
    section.reviewer = Held()
    before = describeScene(scene)
    section.ui.computeButton.click()
    assert section.ui.computeButton.text == "Cancel" and not section.ui.reviewInputFrame.enabled
    wait(lambda: section.ui.reviewProgressBar.value == 50)
    section.ui.computeButton.click()
    wait(lambda: section.ui.computeButton.text == "Compute")
    assert "Cancelled" in section.ui.reviewStatusLabel.text and describeScene(scene) == before


@pytest.mark.parametrize(
    "error, words",
    [
        (InputError("First and Second: they share no space."), "share no space"),
        (PredictionFailed("the worker process ended unexpectedly", "Killed"), "ended unexpectedly"),
    ],
)
def test_a_failure_is_said_in_words_with_its_details_folded_away(section, error, words):
    section.reviewer = Held(error)
    section.ui.computeButton.click()
    wait(lambda: not section.run.running)
    assert words in section.ui.reviewStatusLabel.text and section.ui.computeButton.enabled
    assert section.ui.reviewDetailsSection.collapsed


def test_closing_the_scene_leaves_nothing_stale(section, scene):
    compute(section)
    scene.Clear(0)
    assert section.ui.matchTable.rowCount == 0 and section.ui.reviewResultFrame.isHidden() and not section.ui.computeButton.enabled
    assert section.ui.reviewStatusLabel.text == "" and not section.ui.ordinaryLayoutButton.enabled
    assert arrangement() == ORDINARY
    reference, compared = readers.addTwoReaders(samples.addVolume())
    section.ui.referenceSelector.setCurrentNode(reference)
    section.ui.comparedSelector.setCurrentNode(compared)
    compute(section)
    assert section.ui.matchTable.rowCount == 3


def test_a_scene_with_a_review_shows_it_again(section, panel):  # noqa: F811
    compute(section)
    panel.exit()
    panel.enter()
    assert section.ui.matchTable.rowCount == 3 and "Dice" in section.ui.reviewFiguresLabel.text


def test_removing_a_segmentation_empties_the_section(section, scene):
    compute(section)
    scene.RemoveNode(section.ui.comparedSelector.currentNode())
    assert not section.ui.computeButton.enabled and section.ui.matchTable.rowCount == 0


def test_the_layouts_are_known_before_anything_is_computed(layouts, scene):
    registerLayouts()
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert all(node.IsLayoutDescription(7530 + 10 * rows + maps) for rows in (1, 2) for maps in (0, 1, 2))
