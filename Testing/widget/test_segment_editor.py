"""Hand-over to Segment Editor and back: the ovary keeps its voxels, and holds every follicle."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from host import samples
from test_editing_panel import click, segmented, select  # noqa: F401
from test_panel import cells, models, panel, wait  # noqa: F401

from CRendSegmentationLib.Scene.SegmentMeasurements import measureSegments
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode


@pytest.fixture
def editor(segmented, segmentEditor):  # noqa: F811
    """Segment Editor, opened by the panel's button with the second follicle selected."""
    select(segmented, "Follicle_2")
    segmented.ui.segmentEditorButton.click()
    return segmentEditor


def around(centre, radius):
    return samples.maskOf(samples.ball(centre, radius), imageFromVolumeNode(slicer.util.getNode("Ultrasound")))


def ovary(widget):
    return slicer.util.arrayFromSegmentBinaryLabelmap(widget.panel.result.segmentationNode, "Ovary", slicer.util.getNode("Ultrasound")) > 0


def test_segment_editor_opens_with_segmentation_volume_and_follicle_and_overlap_allowed(segmented, editor):  # noqa: F811
    node = editor.mrmlSegmentEditorNode()
    assert node.GetSegmentationNode() is segmented.logic.getParameterNode().segmentation
    assert node.GetSourceVolumeNode() is slicer.util.getNode("Ultrasound")
    assert node.GetSelectedSegmentID() == "Follicle_2" and node.GetOverwriteMode() == node.OverwriteNone


def test_painting_a_follicle_takes_nothing_from_the_ovary(segmented, editor):  # noqa: F811
    before = measureSegments(segmented.panel.result.segmentationNode).ovary.volume_ml
    editor.paint(around((16, 18, 22), 6))
    editor.back()
    assert measureSegments(segmented.panel.result.segmentationNode).ovary.volume_ml == pytest.approx(before)
    assert segmented.ui.editStatusLabel.text == "", "nothing reached out of the ovary"


def test_what_is_painted_beyond_the_ovary_extends_it_says_so_and_can_be_taken_back(segmented, editor):  # noqa: F811
    before = ovary(segmented)
    beyond = around((20, 24, 10), 4)  # the ovary ends at 12
    editor.paint(beyond)
    editor.back()
    added = (sitk.GetArrayFromImage(beyond) > 0) & ~before
    assert added.any() and np.array_equal(ovary(segmented), before | added)
    millilitres = added.sum() * np.prod(samples.SPACING) / 1000
    text = segmented.ui.editStatusLabel.text
    assert text == f"The ovary was extended by {millilitres:.3f} ml, since Follicle 2 reached out of it. Undo takes that back."
    segmented.ui.undoButton.click()
    assert np.array_equal(ovary(segmented), before)
    assert slicer.util.arrayFromSegmentBinaryLabelmap(segmented.panel.result.segmentationNode, "Follicle_2").sum() > added.sum()
    editor._open("SegmentEditor")
    editor.back()
    assert np.array_equal(ovary(segmented), before), "what was taken back stays so as long as nothing is painted"


def test_a_follicle_added_at_the_rim_extends_the_ovary_in_the_same_edit(segmented, scene):  # noqa: F811
    before = ovary(segmented)
    segmented.ui.addButton.click()
    assert "Click into the follicle" in segmented.ui.editStatusLabel.text
    click(scene, (samples.ijkToRas() @ (12, 24, 20, 1))[:3])
    wait(lambda: "Follicle 4 added. The ovary was extended by" in segmented.ui.editStatusLabel.text)
    assert (ovary(segmented) & ~before).any()
    segmented.ui.undoButton.click()
    assert np.array_equal(ovary(segmented), before) and len(cells(segmented.ui.follicleTable, 0)) == 3


def test_messages_of_editing_stand_beside_the_buttons_and_go_when_all_is_well(segmented):  # noqa: F811
    segmented.ui.splitButton.click()
    assert "one follicle" in segmented.ui.editStatusLabel.text and "color" in segmented.ui.editStatusLabel.styleSheet
    status = segmented.ui.statusLabel.text
    select(segmented, "Follicle_1")
    segmented.ui.splitButton.click()
    assert segmented.ui.editStatusLabel.text == "Split in 2." and not segmented.ui.editStatusLabel.styleSheet
    assert segmented.ui.statusLabel.text == status, "what Apply said is not overwritten"
