"""What is measured already, by a run or by the worker process: measuring a large ovary takes a second, and the window would wait."""

from crend.structures import segments
from crend.structures.measurements import Ovary

from .SegmentMeasurements import maskOf, remember


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
