"""Where the slice views and the 3D views look, and which volume they show."""

import math

import slicer

from .SegmentMeasurements import follicleIDs, ovaryID
from .VolumeImage import PROBABILITY_ATTRIBUTE


def showInSlices(volumeNode):
    """Put a volume into the background of the slice views and fit them to it; nothing when all show it already."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    if volumeNode is None or all(node.GetBackgroundVolumeID() == volumeNode.GetID() for node in composites):
        return
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveVolumeID(volumeNode.GetID())
    logic.PropagateBackgroundVolumeSelection(1)


def proposedVolume():
    """The ultrasound that a user most likely means: what the slice views show, else the first one in the scene; or None."""
    selection = slicer.app.applicationLogic().GetSelectionNode()
    shown = slicer.mrmlScene.GetNodeByID(selection.GetActiveVolumeID() or "") if selection is not None else None
    for node in (shown, *slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")):
        if node is not None and node.IsA("vtkMRMLScalarVolumeNode") and not _isDerived(node):
            return node
    return None


def _isDerived(volumeNode):
    return volumeNode.IsA("vtkMRMLLabelMapVolumeNode") or bool(volumeNode.GetAttribute(PROBABILITY_ATTRIBUTE))


def centreSlicesOn(segmentationNode, point):
    """Move all slice views to a point (r, a, s) of the segmentation's own coordinates, through its parent transform."""
    world = [0.0, 0.0, 0.0]
    segmentationNode.TransformPointToWorld(point, world)
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, slicer.vtkMRMLSliceNode.CenteredJumpSlice)


def centreOn(segmentationNode):
    """Let the slice views show the middle of the ovary, and the 3D views all of the segmentation. Nothing for an empty one."""
    segmentation = segmentationNode.GetSegmentation()
    middle = ovaryID(segmentation) or next(iter(follicleIDs(segmentation)), None)
    centre = segmentationNode.GetSegmentCenterRAS(middle) if middle is not None else None
    if centre is None:
        return
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *centre, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    lookAt(segmentationNode, [node for node in slicer.util.getNodesByClass("vtkMRMLViewNode") if not isReviewView(node)])


def isReviewView(viewNode):
    """Whether a 3D view belongs to a layout of the reviews, which point their views themselves."""
    return (viewNode.GetSingletonTag() or "").startswith("CRend")


def lookAt(segmentationNode, views):
    """Point the cameras of 3D views at a segmentation from where Slicer looks at first, from anterior, so that it fills them."""
    bounds = [0.0] * 6
    if segmentationNode is not None:
        segmentationNode.GetRASBounds(bounds)
    centre = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    radius = max(math.dist(bounds[::2], bounds[1::2]) / 2, 1.0)
    for view in views:
        camera = slicer.modules.cameras.logic().GetViewActiveCameraNode(view)
        if camera is not None:
            distance = 0.85 * radius / math.sin(math.radians(camera.GetViewAngle() / 2))
            camera.SetFocalPoint(*centre)
            camera.SetPosition(centre[0], centre[1] + distance, centre[2])
            camera.SetViewUp(0.0, 0.0, 1.0)
            # The node's own ResetClippingRange asks the renderer, which may have drawn nothing yet, as after the opening of a scene.
            camera.GetCamera().SetClippingRange(distance / 100, distance + 20 * radius)
