"""What a selected follicle looks like in Slicer's 3D view, and that the segmentation's own looks are not touched."""

import numpy as np
import slicer
from host import samples
from scipy import ndimage

from CRendSegmentationLib.Scene.Display import COLOUR, LINE, highlight, rimOf


def test_the_rim_is_seen_beside_the_follicle_in_3d_and_covers_nothing_of_it(known, threeDViews):
    node = known.segment(samples.addVolume()).segmentationNode
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLViewNode")
    view = threeDViews.views()[0]
    node.GetDisplayNode().SetSegmentVisibility3D("Ovary", False)
    view.picture()
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    view.trame.renderer().ResetCamera(bounds)
    before = view.picture()
    highlight(node, ["Follicle_1"])
    after = view.picture()
    changed = np.abs(after.astype(int) - before).max(axis=2) > 20
    assert changed.sum() > 50 and np.abs(after[changed].mean(axis=0) / 255 - COLOUR).max() < 0.2, "a yellow line"
    colour = np.array(node.GetSegmentation().GetSegment("Follicle_1").GetColor())
    hue = before.astype(float) / np.maximum(before.max(axis=2, keepdims=True), 1)
    follicle = ndimage.binary_erosion((np.abs(hue - colour / colour.max()).max(axis=2) < 0.1) & (before.max(axis=2) > 60))
    assert follicle.sum() > 100 and not changed[follicle].any()
    highlight(node, [])
    assert np.array_equal(view.picture(), before) and rimOf() is None


def test_the_rim_is_a_line_in_the_slices_and_hidden_from_lists_and_files(known, scene):
    node = known.segment(samples.addVolume()).segmentationNode
    looks = node.GetDisplayNode().GetMTime()
    highlight(node, ["Follicle_1", "Follicle_2"])
    rim = rimOf()
    assert node.GetDisplayNode().GetMTime() == looks, "the display node that is saved was not changed"
    for hidden in (rim, rim.GetDisplayNode()):
        assert hidden.GetHideFromEditors() and not hidden.GetSaveWithScene()
    assert rim.GetDisplayNode().GetVisibility2D() and rim.GetDisplayNode().GetSliceIntersectionThickness() == LINE
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    assert not hierarchy.GetItemByDataNode(rim)
    highlight(node, ["Follicle_3"])
    assert rimOf() is rim
    node.GetDisplayNode().SetVisibility(False)
    highlight(node, ["Follicle_3"])
    assert rimOf() is None, "of what is hidden nothing stands out"
