"""The panel in a Slicer that runs, and what a user does with it."""

import time
import unittest
from pathlib import Path

import slicer

from ..Scene.SegmentMeasurements import measureWithIDs
from ..Scene.Surfaces import staleIDs

SAMPLE = Path(__file__).resolve().parents[2] / "Resources" / "SampleData" / "CRendSimulatedOvary.nrrd"
LONGEST = 1800  # seconds that anything may take


class Session:
    """folder: where files may be written. sample: the volume file that is segmented.

    volume, node: the volume and its segmentation, None until a check has made them.
    """

    def __init__(self, folder, sample=SAMPLE):
        self.folder, self.sample = Path(folder), Path(sample)
        self.volume = self.node = None
        if slicer.util.mainWindow() is not None:
            slicer.util.selectModule("CRendSegmentation")
        self.widget = slicer.util.getModuleWidget("CRendSegmentation")
        if self.widget.panel is None or self.widget.logic is None:
            raise RuntimeError("the panel was not built; look for the reason in Slicer's log")
        if not self.widget.parent.isEntered:
            self.widget.enter()
        self.ui, self.panel, self.logic = self.widget.ui, self.widget.panel, self.widget.logic
        self.panel.setParameterNode(self.logic.getParameterNode())

    def wait(self, condition, what, seconds=LONGEST):
        """Let Slicer's event loop run until condition() holds; AssertionError that says `what` was waited for."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"waited {seconds} s in vain for {what}")
            slicer.app.processEvents()
            time.sleep(0.01)

    def waitForRun(self, run, label):
        """Wait for the end of a RunControl, and fail with what `label`, its status line, says when that is an error."""
        self.wait(lambda: not run.running, "the end of a run")
        if "color" in label.styleSheet:
            raise AssertionError(label.text)

    def settle(self):
        """Wait for surfaces and measurements that are on their way."""
        self.wait(lambda: not self.panel.surfaces.isBusy(self.node) and not staleIDs(self.node), "surfaces")
        self.panel.result.updateTables()

    def segmentation(self):
        """The result and its vtkSegmentation; the check is skipped when there is none."""
        if self.node is None or self.node.GetScene() is None:
            skip("there is no result to go on with")
        return self.node.GetSegmentation()

    def follicles(self):
        """Segment IDs of the follicles, the largest first."""
        return list(measureWithIDs(self.node)[1])

    def rows(self):
        """How many follicles the table lists."""
        return self.ui.follicleTable.rowCount


def skip(reason):
    """Leave the present check out."""
    raise unittest.SkipTest(reason)


def check(holds, words):
    """AssertionError with these words unless it holds."""
    if not holds:
        raise AssertionError(words)


def equal(found, expected, what):
    """AssertionError unless what was found is what was expected."""
    check(found == expected, f"{what}: {found} in place of {expected}")
