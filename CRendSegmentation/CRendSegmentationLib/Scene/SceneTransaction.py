"""All or nothing: what a block changes in the scene stays only if the block ends well."""

from contextlib import contextmanager

import slicer


@contextmanager
def sceneTransaction(*overwritten):
    """On an exception remove every node that the block added and give the `overwritten` nodes their former content back.

    overwritten: nodes that exist already and that the block will write into; None among them is passed over. Their display
    nodes are kept too.
    """
    saved = []
    for node in overwritten:
        if node is not None:
            displays = (
                [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())] if node.IsA("vtkMRMLDisplayableNode") else []
            )
            saved += [(each, _copy(each)) for each in (node, *displays)]
    before = set(_nodeIDs())
    try:
        yield
    except BaseException:
        for node, copy in saved:
            node.Copy(copy)
        for nodeID in reversed(_nodeIDs()):
            if nodeID not in before:
                removeNode(slicer.mrmlScene.GetNodeByID(nodeID))
        raise


def _nodeIDs():
    scene = slicer.mrmlScene
    return [scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())]


def removeNode(node):
    """Take a node out of the scene and out of the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    # Slicer's hierarchy would drop the item by itself; a bare scene, without Slicer's plugins, would not.
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False, False)
    slicer.mrmlScene.RemoveNode(node)


def removeWithBelongings(node):
    """As `removeNode`, with the node's display nodes and storage node, which the scene would keep."""
    belongings = [node.GetStorageNode()]
    if node.IsA("vtkMRMLDisplayableNode"):
        belongings += [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    removeNode(node)
    for left in belongings:
        if left is not None:
            slicer.mrmlScene.RemoveNode(left)


def _copy(node):
    copy = node.CreateNodeInstance()
    copy.UnRegister(None)
    copy.Copy(node)
    return copy
