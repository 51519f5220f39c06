"""Two readers' segmentations of the sample volume: known differences, for tests of a review. Arrays are (D, H, W) = (z, y, x)."""

import numpy as np
import slicer

from CRendSegmentationLib.Scene.SegmentationWriter import showSegmentation, writeSegmentation
from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

from . import samples

#: The second reader's: a smaller ovary; the first follicle alike, the second missed, and one that is none.
OVARY = ((20, 24, 28), 14)
FOLLICLES = (((20, 24, 35), 6), ((12, 26, 26), 4))


def addReader(volume, name, ovary=samples.OVARY, follicles=samples.FOLLICLES[:2]):
    """A segmentation node with these balls, in the volume's geometry and under its parent transform. ovary: None for an empty one."""
    whole = samples.ball(*ovary) if ovary else np.zeros(samples.SHAPE, bool)
    labels = np.zeros(samples.SHAPE, np.uint16)
    for number, follicle in enumerate(follicles, start=1):
        labels[samples.ball(*follicle)] = number
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    writeSegmentation(node, volume, samples.segmentationOf(whole, labels, imageFromVolumeNode(volume)))
    showSegmentation(node)
    return node


def addTwoReaders(volume):
    """(reference, compared) that differ as said above."""
    return addReader(volume, "First"), addReader(volume, "Second", OVARY, FOLLICLES)
