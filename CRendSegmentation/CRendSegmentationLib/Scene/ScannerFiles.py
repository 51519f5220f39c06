"""A GE Voluson file in the scene: a volume node, or a sequence of them where the file holds several volumes."""

import os

import SimpleITK as sitk
import slicer

from crend.io.acquisition import BETWEEN, DATE, NOTES, SPACING_NOT_CONFIRMED, is_spacing_confirmed
from crend.io.scanner_files import count_volumes, find_scanner_file, read_scanner_file

from .VolumeImage import ijkToRasMatrix


def isScannerFile(path):
    """Whether a file is a Kretz file or a DICOM file with one inside; False for one that is damaged beyond telling."""
    try:
        return find_scanner_file(path) is not None
    except (OSError, ValueError):
        return False


def loadScannerFile(path, name=None):
    """The nodes made of a file, the one to show first: a volume; or a sequence, its browser and the volume that shows its frames.

    name: of the first node, None for the file's own. Raises crend.errors.InputError, one line, and leaves the scene as it was.
    """
    place = find_scanner_file(path)
    name = slicer.mrmlScene.GenerateUniqueName(name or os.path.splitext(os.path.basename(path))[0])
    images = [read_scanner_file(place, frame=number + 1) for number in range(count_volumes(place))]
    if len(images) == 1:
        return [_volumeNode(images[0], name)]
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("frame")
    sequence.SetIndexUnit("")
    for number, image in enumerate(images):
        node = _volumeNode(image, name)
        sequence.SetDataNodeAtValue(node, str(number))
        slicer.mrmlScene.RemoveNode(node)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name + " browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return [browser.GetProxyNode(sequence), sequence, browser]


def spacingWarnings(volumeNode):
    """What a volume's notes say against its spacing, as sentences with its name."""
    notes = (volumeNode.GetAttribute(NOTES) or "").split(BETWEEN)
    return [f"{volumeNode.GetName()}: {note}" for note in notes if note.startswith(SPACING_NOT_CONFIRMED)]


def showVolume(volumeNode):
    """Show a volume in all slice views, as Slicer does with one that it has loaded."""
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveVolumeID(volumeNode.GetID())
    logic.PropagateVolumeSelection()


def _volumeNode(image, name):
    if not is_spacing_confirmed(image):
        name = f"{name} ({SPACING_NOT_CONFIRMED})"  # a file that Slicer saves it in has nothing but the name to say so
    node = slicer.util.addVolumeFromArray(sitk.GetArrayViewFromImage(image), ijkToRasMatrix(image), name)
    for key in (DATE, NOTES):
        if image.HasMetaDataKey(key):
            node.SetAttribute(key, image.GetMetaData(key))
    return node
