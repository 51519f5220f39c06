"""The panel with a volume in it, for pictures: what is pressed, waited for and read."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


class Session:
    """The panel of a module widget with a volume, and what a user does with it. demo: a folder, or None."""

    def __init__(self, made, demo=None):
        from host import samples

        self.made, self.ui, self.demo = made, made.ui, demo
        if demo is None:
            made.logic.predictor = samples.KnownPredictor()
            self.volume = samples.addVolume(name="Ultrasound")
        else:
            self.volume = readVolume(demo / "volume.nrrd")
        self.ui.inputVolumeSelector.setCurrentNode(self.volume)

    def segment(self, until=2.0):
        """Press Apply, and wait for the result, or until that part of it is done (above 1: to the end). Returns the segmentation node."""
        self.ui.applyButton.click()
        waitFor(self.made.panel.run, lambda: self.ui.progressBar.value >= 100 * until)
        return self.made.logic.getParameterNode().segmentation

    def fold(self, *shown):
        """Fold every section but those."""
        for name in ("input", "advanced", "result", "edit", "contour", "study", "export", "review", "followUp", "folder", "learning"):
            getattr(self.ui, f"{name}Section").collapsed = name not in shown


def waitFor(run, enough=lambda: False):
    """Poll a run as Slicer's timer does, until it has ended or that is enough."""
    while run.running and not enough():
        run.onTimer()
        time.sleep(0.02)


def readVolume(path):
    """A scalar volume node of an image file."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Ultrasound")
    node.AddDefaultStorageNode(str(path))
    assert node.GetStorageNode().ReadData(node), path
    return node


def addTruth(volume, path):
    """A segmentation node of a label image, called "Truth"."""
    import slicer

    from crend.io.labels import read_labels
    from crend.result import Segmentation
    from crend.structures.measurements import measure
    from CRendSegmentationLib.Scene.SegmentationWriter import showSegmentation, writeSegmentation

    labels = read_labels(path)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Truth")
    writeSegmentation(node, volume, Segmentation(labels.ovary, labels.follicles, measure(labels.ovary, labels.follicles)))
    showSegmentation(node)
    return node
