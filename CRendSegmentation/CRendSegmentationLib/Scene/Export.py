"""A segmentation as files: table, label image, surfaces, without the follicles that are hidden. Nothing here changes the scene."""

import os
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from slicer.i18n import tr as _

from crend.errors import InputError
from crend.io.atomic import replacing
from crend.io.tables import write_csv

from .Masks import on
from .PendingMeasurements import measurePending
from .ResultTables import flagsOf
from .SegmentMeasurements import isGuide, maskOf, measureSegments, measureWithIDs, ovaryID, ovaryIDs, withLabelmaps
from .SegmentTags import hiddenIDs
from .Surfaces import makeSurfaces
from .VolumeImage import imageFromVolumeNode

SURFACE_FORMATS = ("STL", "OBJ")
#: Of files that a segmentation is written to, the first as Slicer writes it, the others as label images.
LABEL_ENDINGS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")


def exportTable(segmentationNode, path):
    """follicles.csv of the segments as they are now."""
    write_csv(measureSegments(segmentationNode), path, flagsOf(segmentationNode))


def exportSegmentation(segmentationNode, path):
    """All segments: .seg.nrrd as Slicer writes it, any other ending as a label image (1 = ovary, k + 1 = follicle k) on the volume's own grid.

    The outline of a box is left out of a label image: it is a guide and no ovary. InputError for a label image that would lose a follicle.
    """
    if not str(path).lower().endswith(LABEL_ENDINGS[0]):
        ovary, follicles = wholeLabelImages(segmentationNode, withGuide=False)  # a label image could not say that it is one
        labels = sitk.GetArrayFromImage(follicles)
        labels = np.where(labels > 0, labels + 1, sitk.GetArrayViewFromImage(ovary)).astype(np.uint16)
        image = sitk.GetImageFromArray(labels)
        image.CopyInformation(ovary)
        with replacing(path) as temporary:
            try:
                sitk.WriteImage(image, str(temporary))
            except RuntimeError as error:
                raise InputError(f"{path}: cannot be written; end its name with one of {', '.join(LABEL_ENDINGS)}.") from error
        return
    # A copy is written: the node itself would count as saved, and Slicer would not ask before it is lost.
    segmentationNode = withLabelmaps(segmentationNode)
    copy = segmentationNode.CreateNodeInstance()
    copy.UnRegister(None)
    copy.Copy(segmentationNode)
    for segmentID in hiddenIDs(copy.GetSegmentation()):
        copy.GetSegmentation().RemoveSegment(segmentID)
    copy.GetSegmentation().SetSourceRepresentationName(slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName())
    storage = slicer.vtkMRMLSegmentationStorageNode()
    with replacing(path) as temporary:
        storage.SetFileName(str(temporary))
        if not storage.WriteData(copy):
            raise InputError(f"{path}: could not be written; choose another place.")


def exportSurfaces(segmentationNode, folder, fileFormat="STL"):
    """One closed surface a segment into `folder`, in millimetres, LPS, in the world. Returns the number of files. InputError when there is no folder."""
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; make it first.")
    makeSurfaces(segmentationNode)
    segmentation = segmentationNode.GetSegmentation()
    names = vtk.vtkStringArray()
    hidden = hiddenIDs(segmentation)
    for index in range(segmentation.GetNumberOfSegments()):
        if segmentation.GetNthSegmentID(index) not in hidden:
            names.InsertNextValue(segmentation.GetNthSegmentID(index))
    slicer.vtkSlicerSegmentationsModuleLogic.ExportSegmentsClosedSurfaceRepresentationToFiles(
        str(folder), segmentationNode, names, fileFormat, True, 1.0, False
    )
    return names.GetNumberOfValues()


def exportScene(path):
    """The whole scene as .mrb, its tables measured."""
    measurePending(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
    # In a folder of its own, since Slicer calls what is inside as the file is called that it writes.
    with replacing(path) as temporary, tempfile.TemporaryDirectory(dir=temporary.parent, prefix=".crend-") as folder:
        written = Path(folder) / Path(path).name
        if not slicer.mrmlScene.WriteToMRB(str(written)):
            raise InputError(f"{path}: the scene could not be written; choose another place.")
        os.replace(written, temporary)


def labelImages(segmentationNode):
    """(ovary uint8, follicles uint16 with k for follicle k) on the grid of the volume that was segmented. InputError when that is not loaded.

    A follicle that no voxel of the volume lies in is not in them.
    """
    return _labelled(segmentationNode)[:2]


def wholeLabelImages(segmentationNode, withGuide=True):
    """As labelImages; InputError, too, when a follicle of the table would not be in them. withGuide: also an ovary that is only the outline of a box."""
    ovary, follicles, lost = _labelled(segmentationNode, withGuide)
    if lost:
        words = _(
            "{names}: no voxel of the volume would be left of this follicle: it lies outside of the volume, between its voxels, or in another follicle. "
            "Delete it, draw it anew, or save the segmentation as .seg.nrrd."
        )
        raise InputError(words.format(names=", ".join(lost)))
    return ovary, follicles


def _labelled(segmentationNode, withGuide=True):
    """(ovary, follicles, names of the follicles of which nothing is left)."""
    volume = imageFromVolumeNode(referenceVolume(segmentationNode))
    segmentationNode = withLabelmaps(segmentationNode)
    measurements, segmentIDs = measureWithIDs(segmentationNode)
    ovary, follicles = np.zeros(volume.GetSize()[::-1], np.uint8), np.zeros(volume.GetSize()[::-1], np.uint16)
    organs = ovaryIDs(segmentationNode.GetSegmentation())
    if not withGuide and isGuide(segmentationNode):
        organs.remove(ovaryID(segmentationNode.GetSegmentation()))
    for organ in filter(None, (maskOf(segmentationNode, segmentID) for segmentID in organs)):
        ovary[on(volume, organ)] = 1
    for follicle, segmentID in zip(measurements.follicles, segmentIDs):
        follicles[on(volume, maskOf(segmentationNode, segmentID))] = follicle.id
    images = []
    for array in (ovary, follicles):
        images.append(sitk.GetImageFromArray(array))
        images[-1].CopyInformation(volume)
    left = np.bincount(follicles.ravel(), minlength=2) > 0
    return *images, [follicle.segment for follicle in measurements.follicles if not (follicle.id < len(left) and left[follicle.id])]


def referenceVolume(segmentationNode):
    """The volume that a segmentation was made from. InputError when it is not loaded."""
    node = segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    if node is None:
        raise InputError(f"{segmentationNode.GetName()}: the volume that it was made from is not loaded; load it first.")
    return node
