"""A sequence of volumes becomes a sequence of segmentations, frame by frame, or nothing at all."""

import pytest
import slicer
from host import samples
from host.fixtures import describeScene
from vtk.util import numpy_support

from crend.errors import Cancelled, InputError
from CRendSegmentationLib.Runs.Run import referenceVolume
from CRendSegmentationLib.Scene.Frames import frameWords
from CRendSegmentationLib.Scene.Results import FOLLICLE_TABLE_ROLE, tableOf, updateTables
from CRendSegmentationLib.Scene.ResultTables import readFollicleTable
from CRendSegmentationLib.Scene.Sides import setSide, sideOf


@pytest.fixture
def sequence(scene):
    """Three frames in a sequence, with a browser."""
    node = samples.addSequence(0.5)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    browser.AddSynchronizedSequenceNode(node)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return node


@pytest.fixture
def varying(logic):
    """The logic with a predictor that finds one follicle in the first frame, two in the second, three in the third."""

    class Predictor(samples.KnownPredictor):
        frames = 0

        def start(self, image, name, settings):
            Predictor.frames += 1
            return samples.KnownPredictor(follicles=Predictor.frames).start(image, name, settings)

    logic.predictor = Predictor()
    return logic


def toFrame(scene, number):
    """Let the browser go to a frame (from 0)."""
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetSelectedItemNumber(number)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)


def test_every_frame_has_its_segments_and_rows(varying, sequence):
    nodes = varying.start(sequence).wait()
    output = nodes.segmentationSequenceNode
    assert [float(output.GetNthIndexValue(number)) for number in range(3)] == [0, 0.5, 1]
    assert (output.GetIndexName(), output.GetIndexUnit()) == ("time", "s")
    for number in range(3):
        segmentation = output.GetNthDataNode(number).GetSegmentation()
        assert segmentation.GetNumberOfSegments() == number + 2
    rows = readFollicleTable(nodes.follicleTableNode)
    assert [int(row["frame"]) for row in rows] == [1, 2, 2, 3, 3, 3]
    assert nodes.message == "an ovary in 3 of 3 frames"


def test_no_display_node_is_left_of_the_node_that_carried_the_frames(varying, sequence, scene):
    shown = varying.start(sequence).wait().segmentationNode
    displays = slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode")
    assert [node.GetID() for node in displays] == [shown.GetDisplayNodeID()]


def test_the_browser_plays_the_segmentations_with_the_volumes(varying, sequence, scene):
    nodes = varying.start(sequence).wait()
    for number in (2, 0):
        toFrame(scene, number)
        assert nodes.segmentationNode.GetSegmentation().GetNumberOfSegments() == number + 2
    labelmap = slicer.vtkOrientedImageData()
    nodes.segmentationNode.GetBinaryLabelmapRepresentation("Follicle_1", labelmap)
    assert numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars()).sum() == samples.ball(*samples.FOLLICLES[0]).sum()


def test_progress_counts_all_frames(varying, sequence):
    told = []
    varying.start(sequence).wait(progress=lambda stage, fraction: told.append(fraction))
    assert told == sorted(told) and 0 < told[0] < 0.34 and told[-1] > 0.9


def test_cancel_and_a_bad_frame_leave_the_scene(varying, sequence, scene):
    before = describeScene(scene)
    run = varying.start(sequence)
    run.poll()
    run.cancel()
    with pytest.raises(Cancelled):
        run.wait()
    assert describeScene(scene) == before
    slicer.util.arrayFromVolume(sequence.GetNthDataNode(1))[:] = 7
    with pytest.raises(InputError, match="^Cine, frame 2: "):
        varying.start(sequence).wait()
    assert set(describeScene(scene)) == set(before)


def test_an_empty_sequence_is_refused_in_words(varying, scene):
    with pytest.raises(InputError, match="^Empty: .*no frames"):
        varying.start(scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Empty"))


def test_the_frame_that_is_shown_has_tables_of_its_own_and_says_who_made_it(varying, sequence, scene):
    shown = varying.start(sequence).wait().segmentationNode
    assert tableOf(shown, FOLLICLE_TABLE_ROLE).GetNumberOfRows() == 1
    assert frameWords(shown) == "Frame 1 of 3 (time 0.0 s)"
    toFrame(scene, 2)
    updateTables(shown)
    assert tableOf(shown, FOLLICLE_TABLE_ROLE).GetNumberOfRows() == 3
    assert {row["manual"] for row in readFollicleTable(tableOf(shown, FOLLICLE_TABLE_ROLE))} == {0}
    assert frameWords(shown) == "Frame 3 of 3 (time 1.0 s)"
    assert shown.GetAttribute("CRend.message").endswith("3 follicles") and shown.GetAttribute("CRend.bundle") == "known"


def test_the_side_holds_in_every_frame(varying, sequence, scene):
    shown = varying.start(sequence).wait().segmentationNode
    setSide(shown, "left")
    toFrame(scene, 1)
    assert sideOf(shown) == "left"


def test_a_sequence_without_browser_gets_one(varying, sequence, scene):
    scene.RemoveNode(scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode"))
    shown = varying.start(sequence).wait().segmentationNode
    toFrame(scene, 1)
    assert shown.GetSegmentation().GetNumberOfSegments() == 3
    assert referenceVolume(shown).GetName() == "Cine"


def test_a_single_volume_does_not_overwrite_a_frame(varying, sequence, scene):
    shown = varying.start(sequence).wait().segmentationNode
    with pytest.raises(InputError, match="frames of a sequence"):
        varying.segment(samples.addVolume(), shown)
