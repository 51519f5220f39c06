"""A segmentation node that shows the frame of a sequence at which its browser is."""

import slicer


def browserOf(segmentationNode):
    """The browser whose frame this node shows, or None when it shows no sequence."""
    if segmentationNode is None or segmentationNode.GetScene() is None:
        return None
    return slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(segmentationNode)


def volumeOf(inputNode):
    """The volume node that a chosen input is seen as: itself, or of a sequence the one that shows its frame; None where no browser plays it."""
    if inputNode is None or not inputNode.IsA("vtkMRMLSequenceNode"):
        return inputNode
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForSequenceNode(inputNode)
    return browser.GetProxyNode(inputNode) if browser is not None else None


def framesOf(segmentationNode):
    """The nodes in the sequence that this one shows, one a frame; none when it shows no sequence."""
    browser = browserOf(segmentationNode)
    if browser is None:
        return []
    sequence = browser.GetSequenceNode(segmentationNode)
    return [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]


def frameWords(segmentationNode):
    """ "Frame 2 of 3 (time 0.5 s)", or "" when no sequence is shown."""
    browser = browserOf(segmentationNode)
    if browser is None:
        return ""
    sequence, number = browser.GetSequenceNode(segmentationNode), browser.GetSelectedItemNumber()
    if not 0 <= number < sequence.GetNumberOfDataNodes():
        return ""
    index = f"{sequence.GetIndexName()} {sequence.GetNthIndexValue(number)} {sequence.GetIndexUnit()}".strip()
    return f"Frame {number + 1} of {sequence.GetNumberOfDataNodes()} ({index})"
