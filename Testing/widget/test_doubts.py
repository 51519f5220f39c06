"""Confidence of follicles and warnings of volumes, from the predictor to table, summary and files."""

import csv

import pytest
import slicer
from host import samples
from test_export_panel import to  # noqa: F401
from test_panel import apply, cells, models, panel  # noqa: F401

from crend.confidence.plausibility import flag

CONFIDENCE = 7


@pytest.fixture
def segmented(panel):  # noqa: F811
    """The panel with a result that is doubtful."""
    panel.logic.predictor = samples.KnownPredictor(flags=[flag("unfamiliar", distance=3.2), flag("uncertain", dsc=0.5)])
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    return panel


def test_warnings_stand_above_the_summary_and_in_the_status(segmented):
    text = segmented.ui.summaryLabel.text
    assert text.index("unlike those that the model learned from (3.2 times") < text.index("Ovary volume")
    assert text.count("Warning:") == 2
    assert "doubtful: unlike the training data, uncertain ovary" in segmented.ui.statusLabel.text


def test_an_ordinary_volume_has_no_warning(panel):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    apply(panel)
    assert "Warning" not in panel.ui.summaryLabel.text and "doubtful" not in panel.ui.statusLabel.text


def test_each_follicle_has_its_confidence_until_somebody_changes_it(segmented):
    table = segmented.ui.follicleTable
    assert [text.strip() for text in cells(table, CONFIDENCE)] == ["0.90", "0.80", "0.70"]
    assert not table.isColumnHidden(CONFIDENCE)
    segmented.panel.result.table.select(["Follicle_2", "Follicle_3"])
    segmented.ui.mergeButton.click()
    assert [text.strip() for text in cells(table, CONFIDENCE)] == ["0.90", ""]
    segmented.ui.undoButton.click()
    assert [text.strip() for text in cells(table, CONFIDENCE)] == ["0.90", "0.80", "0.70"]


def test_the_files_say_both(segmented, to):  # noqa: F811
    segmented.panel.result.table.select(["Follicle_1"])
    segmented.ui.splitButton.click()
    rows = list(csv.DictReader(open(to("exportTableButton", "t.csv"), encoding="utf-8-sig")))
    assert {row["segment"]: row["confidence"] for row in rows} == {
        "Follicle 1": "",
        "Follicle 4": "",
        "Follicle 2": "0.800",
        "Follicle 3": "0.700",
    }
    text = to("exportReportButton", "r.html").read_text()
    assert text.count("<b>Warning:</b>") == 2 and "○" in text  # the page marks what nobody has confirmed


def test_warnings_and_confidences_are_saved_with_the_scene(segmented, scene, tmp_path):
    node = segmented.panel.result.segmentationNode
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "s.seg.nrrd"))
    assert storage.WriteData(node)
    read = slicer.vtkMRMLSegmentationNode()
    scene.AddNode(read)
    assert storage.ReadData(read)
    from CRendSegmentationLib.Scene.SegmentMeasurements import measureSegments

    assert [round(f.confidence, 2) for f in measureSegments(read).follicles] == [0.9, 0.8, 0.7]
    assert "unlike" in node.GetAttribute("CRend.flags")
