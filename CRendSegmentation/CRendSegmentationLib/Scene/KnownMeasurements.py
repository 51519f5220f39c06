"""What is measured already, by a run or by the worker process: measuring a large ovary takes a second, and the window would wait."""

import numpy as np
import SimpleITK as sitk

from crend.structures import segments
from crend.structures.measurements import Ovary

from .MaskMeasurements import isMeasured, remember
from .Masks import union
from .SegmentMeasurements import follicleIDs, maskOf, ovaryIDs, withLabelmaps


def rememberMeasured(mask, structure):
    """Let this Structure be what a mask, as maskOf gives it, measures: measuring a large ovary takes a second."""
    if structure.volume_ml is not None:
        fields = {field: getattr(structure, field) for field in Ovary.__dataclass_fields__ if hasattr(structure, field)}
        remember(mask, Ovary(**{**fields, "segment": segments.OVARY, "touches_border": False}))


def rememberResult(segmentationNode, measurements):
    """As `rememberMeasured`, of all segments of a result, exactly as it was measured."""
    segmentation = segmentationNode.GetSegmentation()
    for structure in (measurements.ovary, *measurements.follicles):
        segmentID = segmentation.GetSegmentIdBySegmentName(structure.segment) if structure is not None else ""
        mask = maskOf(segmentationNode, segmentID) if segmentID else None
        if mask is not None:
            rememberMeasured(mask, structure)


def rememberReported(segmentationNode, measurements):
    """As `rememberResult`, of the ovaries of a file and the report beside it, where the two still belong together: volume and centre as reported.

    Follicles are small: their volumes are fitted, so that their voxels do not tell, and they are soon measured.
    """
    segmentation = segmentationNode.GetSegmentation()
    for ovary in measurements.ovaries or filter(None, (measurements.ovary,)):
        segmentID = segmentation.GetSegmentIdBySegmentName(ovary.segment)
        mask = maskOf(segmentationNode, segmentID) if segmentID else None
        if mask is not None and np.allclose(_volumeAndCentre(mask), (ovary.volume_ml, *ovary.centroid_ras), rtol=0, atol=1e-6):
            rememberMeasured(mask, ovary)


def unmeasured(segmentationNode):
    """Masks, as maskOf gives them, of what `measureSegments` would have to measure: ovaries and follicles as nobody has measured them yet."""
    if withLabelmaps(segmentationNode) is not segmentationNode:
        return []
    segmentation = segmentationNode.GetSegmentation()
    ovaries, follicles = (
        [mask for mask in (maskOf(segmentationNode, segmentID) for segmentID in segmentIDs) if mask is not None]
        for segmentIDs in (ovaryIDs(segmentation), follicleIDs(segmentation))
    )
    together = [union(ovaries)] if len(ovaries) > 1 else []
    return [mask for mask in (*ovaries, *together, *follicles) if not isMeasured(mask)]


def _volumeAndCentre(mask):
    """(ml, r, a, s) of the voxels of a mask."""
    inside = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1]
    x, y, z = mask.TransformContinuousIndexToPhysicalPoint([float(v) for v in inside.mean(axis=0)])
    return len(inside) * float(np.prod(mask.GetSpacing())) / 1000, -x, -y, z
