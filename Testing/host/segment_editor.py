"""Slicer's Segment Editor, as far as a module hands a segmentation over to it: its real parameter node, and its way to paint."""

import numpy as np
import SimpleITK as sitk
import slicer


class SegmentEditor:
    """slicer.modules.SegmentEditorWidget: `editor` is itself. Opening it leaves CRend's module, `back()` opens that again."""

    def __init__(self, widget, monkeypatch):
        self._widget = widget
        self._node = None
        self.editor = self
        slicer.modules.SegmentEditorWidget = self
        monkeypatch.setattr(slicer.util, "selectModule", self._open)

    def _open(self, name):
        if name == "CRendSegmentation":
            self.back()
            return
        assert name == "SegmentEditor", name
        self._widget.parent.leave()
        self._widget.exit()
        node = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag("SegmentEditor")
            slicer.mrmlScene.AddNode(node)
            node.SetOverwriteMode(node.OverwriteAllSegments)
        self._node = node

    def back(self):
        """Open CRend's module again."""
        self._widget.parent.enter()
        self._widget.enter()

    def mrmlSegmentEditorNode(self):
        return self._node

    def setSegmentationNode(self, node):
        self._node.SetAndObserveSegmentationNode(node)

    def setSourceVolumeNode(self, node):
        self._node.SetAndObserveSourceVolumeNode(node)

    def setCurrentSegmentID(self, segmentID):
        self._node.SetSelectedSegmentID(segmentID)

    def paint(self, mask):
        """Add the voxels of a SimpleITK mask on the volume's grid to the selected segment; the others lose them where they are not to overlap."""
        volume, segmentation = self._node.GetSourceVolumeNode(), self._node.GetSegmentationNode()
        painted = sitk.GetArrayFromImage(mask) > 0
        chosen = self._node.GetSelectedSegmentID()
        ids = [segmentation.GetSegmentation().GetNthSegmentID(k) for k in range(segmentation.GetSegmentation().GetNumberOfSegments())]
        arrays = {each: slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, each, volume) > 0 for each in ids}
        for segmentID, array in arrays.items():
            if segmentID == chosen:
                changed = array | painted
            elif self._node.GetOverwriteMode() == self._node.OverwriteAllSegments:
                changed = array & ~painted
            else:
                continue
            if (changed != array).any():
                slicer.util.updateSegmentBinaryLabelmapFromArray(changed.astype(np.uint8), segmentation, segmentID, volume)
