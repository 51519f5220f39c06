"""Each ovary of a volume that shows two, with its own follicles."""

from __future__ import annotations

import numpy as np

from ..structures.measurements import Measurements, measure

#: Columns of ovaries.csv after the volume's name, one row an ovary.
COLUMNS = (
    "ovary", "ovary_volume_ml", "follicle_count", "antral_count", "leading_mean_diameter_mm", "total_follicle_volume_ml", "centroid_r_mm",
    "centroid_a_mm", "centroid_s_mm", "follicles",
)  # fmt: skip


def ovaries_of(segmentation) -> list[dict]:
    """A dict of COLUMNS for each ovary of a Segmentation, the larger first; `follicles`: the numbers of its own, separated by spaces.

    A follicle belongs to the ovary that most of its voxels lie in.
    """
    import SimpleITK as sitk
    from scipy import ndimage

    from ..io.volumes import image_like

    whole = segmentation.measurements
    count = int(segmentation.provenance.get("ovaries", 1))
    if whole.ovary is None:
        return [_row(1, whole)] if segmentation.ovary_source == "box" else []  # its follicles count, its size is not known
    if count < 2:
        return [_row(1, whole)]
    organ = sitk.GetArrayViewFromImage(segmentation.ovary)
    (box,) = ndimage.find_objects(organ)  # labels of the whole volume would take four bytes a voxel
    parts, found = ndimage.label(organ[box])
    sizes = np.bincount(parts.ravel(), minlength=found + 1)[1:]
    instances = sitk.GetArrayViewFromImage(segmentation.follicles)
    inside = instances[box]
    rows = []
    for number, part in enumerate(np.argsort(-sizes)[:count] + 1, start=1):
        alone = np.zeros(organ.shape, np.uint8)
        alone[box] = parts == part
        ovary = image_like(alone, segmentation.ovary)
        mine = [f for f in whole.follicles if _most(parts[inside == f.id]) == part]
        measured = measure(ovary, image_like(np.zeros(organ.shape, np.uint16), ovary))
        rows.append(_row(number, Measurements(measured.ovary, tuple(mine))))
    return rows


def _most(values: np.ndarray) -> int:
    return int(np.bincount(values).argmax()) if values.size else 0


def _row(number: int, measurements: Measurements) -> dict:
    summary, ovary = measurements.summary(), measurements.ovary
    leading = summary["leading"] or {}
    row = {
        "ovary": number,
        "leading_mean_diameter_mm": leading.get("mean_diameter_mm"),
        "follicles": " ".join(str(f.id) for f in measurements.follicles),
    }
    row |= {name: summary[name] for name in ("ovary_volume_ml", "follicle_count", "antral_count", "total_follicle_volume_ml")}
    return row | {name: getattr(ovary, name, None) for name in ("centroid_r_mm", "centroid_a_mm", "centroid_s_mm")}
