"""What each follicle of a truth is like, and what became of it: the rows from which the tables by size, contrast and so on are made."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from crend.structures.measurements import measure

NEAR_MM = 1.0  # follicles whose surfaces are nearer than this touch
RIM_MM = 1.5  # tissue this near says what contrast a follicle has
COLUMNS = (
    "kind", "dv_mm", "mean_diameter_mm", "contrast", "contrast_to_noise", "neighbours", "depth_mm", "spacing_mm", "hit", "dsc", "mean_diameter_difference_mm",
)  # fmt: skip


def follicle_rows(truth, found, figures) -> list[dict]:
    """One dict (COLUMNS) a true follicle (kind "true"), and one a predicted follicle that is none (kind "false").

    truth: Phantom or `subjects.Truth`; found: Segmentation of its volume; figures: `crend.comparison.metrics.compare` of both.
    contrast: grey of the rim minus grey of the inside, on the volume's own scale. contrast_to_noise: its size over the root of both variances'
    sum; below `strata.VISIBLE` nobody can see the follicle. neighbours: how many follicles touch it.
    depth_mm: of the ovary below the probe, where the simulator says it, otherwise None. spacing_mm: the longest side of a voxel.
    hit, dsc, mean_diameter_difference_mm (predicted minus true) by one-to-one matching; None where there is no match.
    """
    measured = measure(truth.ovary, truth.follicles)
    sizes = {f.id: f.mean_diameter_mm for f in found.measurements.follicles}
    matches = {m["reference"]: m for m in figures["matches"]}
    looks = _looks(truth)
    common = {"depth_mm": truth.parameters.get("ovary_depth_mm"), "spacing_mm": float(max(truth.volume.GetSpacing()))}
    rows = []
    for follicle in measured.follicles:
        match = matches.get(follicle.id)
        rows.append(
            {
                "kind": "true",
                "dv_mm": follicle.dv_mm,
                "mean_diameter_mm": follicle.mean_diameter_mm,
                **looks[follicle.id],
                **common,
                "hit": match is not None,
                "dsc": match and match["dsc"],
                "mean_diameter_difference_mm": match and sizes[match["prediction"]] - follicle.mean_diameter_mm,
            }
        )
    invented = {f["prediction"]: f["dv_prediction_mm"] for f in figures["false"]}
    nothing = dict.fromkeys(COLUMNS[3:])
    for k, dv in invented.items():
        rows.append({**nothing, **common, "kind": "false", "dv_mm": dv, "mean_diameter_mm": sizes[k]})
    return rows


def _looks(truth) -> dict:
    """id -> contrast, contrast_to_noise and neighbours."""
    volume, _ovary, labels = (sitk.GetArrayViewFromImage(i) for i in (truth.volume, truth.ovary, truth.follicles))
    spacing = np.array(truth.volume.GetSpacing()[::-1])
    margin = np.ceil(RIM_MM / spacing).astype(int) + 1
    result = {}
    for k, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        wide = tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(box, margin))
        mine = labels[wide] == k
        away = ndimage.distance_transform_edt(~mine, sampling=spacing)
        rim = (away > 0) & (away <= RIM_MM) & (labels[wide] == 0) & (volume[wide] > 0)
        around, inside = (volume[wide][where].astype(float) for where in (rim, mine))
        contrast = around.mean() - inside.mean() if around.size else None
        noise = np.sqrt(max(around.var() + inside.var(), 1e-6)) if around.size else None
        others = np.unique(labels[wide][(away <= NEAR_MM + spacing.max() / 2) & (labels[wide] != k)])
        result[k] = {
            "contrast": None if contrast is None else float(contrast),
            "contrast_to_noise": None if contrast is None else float(abs(contrast) / noise),
            "neighbours": int((others > 0).sum()),
        }
    return result
