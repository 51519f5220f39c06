"""A volume of a folder and its result, from their files into the scene, as if it had been segmented there."""

import json
import tempfile
import types
from pathlib import Path

import SimpleITK as sitk
import slicer

from crend.batch import LABELS, REPORT
from crend.errors import InputError
from crend.io.seg_nrrd import without_surfaces
from crend.io.volumes import read_image
from crend.structures.measurements import Measurements

from .KnownMeasurements import rememberReported
from .PendingMeasurements import emptyFigures
from .Results import ResultNodes, describe, giveTables, placeBeside, updateTables
from .ResultTables import fillFollicleTable, fillSummaryTable
from .SceneTransaction import sceneTransaction
from .SegmentationWriter import showSegmentation
from .SegmentMeasurements import isGuide, ovaryID, tagAsModels, tagGuide
from .Surfaces import makeSurfaces, staleIDs
from .VolumeImage import ijkToRasMatrix

#: Endings of files that Slicer reads as crend does.
AS_SLICER_READS = (".nrrd", ".nhdr", ".nii", ".gz", ".mha", ".mhd", ".vtk")


def loadResult(row, out, surfaces=makeSurfaces):
    """Load the volume and the result of a row of volumes.csv in the folder `out`: all of it, or nothing.

    surfaces(segmentation node) makes the surfaces that are missing. Returns ResultNodes; without the volume where that is gone. InputError for a
    volume that failed or was left out, or whose result is gone.
    """
    if row["status"] != "done":
        raise InputError(f"{row['volume']}: has no result ({row['reason']})")
    files = [Path(out) / f"{row['volume']}{ending}" for ending in (LABELS, REPORT)]
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: is gone; segment the folder again.")
    report = json.loads(files[1].read_text(encoding="utf-8"))
    name = Path(row["volume"]).name
    with sceneTransaction():
        given = Path(row["input"])
        # A path from the command line may be relative to a folder that is not this process's.
        given = given if given.is_absolute() else Path((report.get("source") or {}).get("path") or given)
        volumeNode = _loadVolume(given, name, report.get("options") or {})
        segmentationNode = _loadSegmentation(files[0])
        segmentationNode.SetName(slicer.mrmlScene.GenerateUniqueName(f"{name} ovary"))
        if volumeNode is not None:
            segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        provenance = {**report["provenance"], "flags": report["flags"]}
        describe(segmentationNode, types.SimpleNamespace(message=report["message"], provenance=provenance))
        measurements = Measurements.from_dict(report)
        rememberReported(segmentationNode, measurements)
        _tag(segmentationNode, measurements)
        tables = giveTables(segmentationNode, f"{name} follicles", f"{name} ovary summary")
        if volumeNode is not None:
            for node in (segmentationNode, *tables):
                placeBeside(volumeNode, node)
        showSegmentation(segmentationNode, surfaces)
        if staleIDs(segmentationNode):
            # Surfaces and measurements are on their way. The file may have been changed since the report: its figures are not shown meanwhile.
            fillFollicleTable(tables[0], measurements)
            fillSummaryTable(tables[1], measurements)
            emptyFigures(segmentationNode)
        else:
            updateTables(segmentationNode)
    return ResultNodes(segmentationNode, *tables, f"{row['volume']} loaded: {report['message']}")


def _loadSegmentation(path):
    """A segmentation of ours, without surfaces: those Slicer would make at once, and the window would wait."""
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        copy = Path(folder) / path.name
        without_surfaces(path, copy)
        node = slicer.util.loadSegmentation(str(copy))
    node.GetStorageNode().SetFileName(str(path))  # where Save proposes to write it
    return node


def _loadVolume(path, name, options):
    """A file as Slicer reads it; None for what is gone.

    As it was read for the network: a DICOM file, a folder, which is a DICOM series, a scanner's file, one frame of a sequence, and a volume whose
    spacing the list said.
    """
    if not path.exists():
        return None
    reading = {key: options[key] for key in ("frame", "spacing") if key in options}
    if path.is_file() and path.suffix.lower() in AS_SLICER_READS and not reading:
        return slicer.util.loadVolume(str(path))
    image = read_image(path, **reading)
    return slicer.util.addVolumeFromArray(sitk.GetArrayFromImage(image), ijkToRasMatrix(image), slicer.mrmlScene.GenerateUniqueName(name))


def _tag(segmentationNode, measurements):
    """Note what the model drew, which the file does not say: else every follicle would count as edited by hand."""
    segmentation = segmentationNode.GetSegmentation()
    if measurements.ovary is not None and not measurements.ovaries and ovaryID(segmentation) is not None:
        tagAsModels(segmentation.GetSegment(ovaryID(segmentation)), measurements.ovary)
    if isGuide(segmentationNode):  # of a file that was painted on it is an ovary by now
        tagGuide(segmentationNode)
    for structure in (*measurements.ovaries, *measurements.follicles):
        segment = segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(structure.segment))
        if segment is not None:
            tagAsModels(segment, structure)
