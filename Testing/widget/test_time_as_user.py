"""The benchmark that drives the panel as a user does: what it presses, and that it comes to a right table."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from host import samples
from host.samples import FOLLICLES, OVARY, SHAPE, ball

from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))


@pytest.fixture
def phantom(widget):
    """The sample volume with its truth."""
    image = imageFromVolumeNode(samples.addVolume())
    labels = np.zeros(SHAPE, np.uint16)
    for number, follicle in enumerate(FOLLICLES, start=1):
        labels[ball(*follicle)] = number
    follicles = sitk.GetImageFromArray(labels)
    follicles.CopyInformation(image)
    return types.SimpleNamespace(volume=image, ovary=samples.maskOf(ball(*OVARY), image), follicles=follicles)


@pytest.mark.slow
def test_a_missed_follicle_costs_two_clicks_and_then_the_table_is_right(phantom):
    from known_results import Once
    from time_as_user import measure, table

    # Without the smallest one, of three voxels: what a click adds in the stand-in is a ball of that size.
    once = Once(samples.KnownPredictor(follicles=2))
    automatic = measure("automatic", phantom, once)
    assert automatic["first"] == [0, 1, 0, 0] and automatic["left"] == "" and automatic["clicks"] == 1 + 2
    assert automatic["seconds"] == 1.5 * 3
    diameters = measure("diameters", phantom, once)
    assert diameters["left"] == "" and diameters["clicks"] == 1 + 3
    box = measure("box", phantom, once)
    assert box["left"] == "" and 1 + 1 + 2 <= box["clicks"] <= 1 + 6 + 1 + 2
    contours = measure("contours", phantom, once)
    assert contours["left"] == "" and contours["points"] == 24 and contours["seconds"] >= 24 * 3
    assert len(once.settings) == 2, "automatic and contours share a run"
    assert json.loads(json.dumps(box)) == box, "what is written at once must be plain numbers"
    assert "| contours | 1 of 1 |" in table({"one": {"automatic": automatic, "box": box, "contours": contours}})


class TooSmall(samples.KnownPredictor):
    """Finds the largest follicle with two thirds of its radius."""

    def predict(self, image):
        found = super().predict(image)
        whole, labels = (sitk.GetArrayFromImage(part) for part in (found.ovary, found.follicles))
        (centre, radius), *_ = FOLLICLES
        labels[(labels == 1) & ~ball(centre, 2 * radius / 3)] = 0
        return samples.segmentationOf(whole > 0, labels, image)


@pytest.mark.slow
def test_a_follicle_of_a_wrong_size_is_made_right_by_clicks_on_its_outline(phantom):
    from known_results import Once
    from panel_user import MOST_CLICKS
    from time_as_user import measure

    clicks = measure("clicks", phantom, Once(TooSmall()))
    assert clicks["first"] == [0, 0, 0, 1] and clicks["left"] == ""
    # Apply, the follicle, the button, the clicks, and the button again; nothing was deleted or added.
    assert 1 + 3 < clicks["clicks"] <= 1 + 3 + MOST_CLICKS
