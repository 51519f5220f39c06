"""The worst cases of an evaluation: which they are, why, and three planes of each as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

TRUE, FOUND = "#35c759", "#ff9500"
OFF_MM = 0.5  # mean diameters further off than this are worth saying


@dataclass(frozen=True)
class Planes:
    """Three planes through the true ovary's middle: of each the grey values, the true and the found labels (0, 1 ovary, 2 follicle), and
    the spacing (rows, columns) in mm."""

    grey: tuple
    true: tuple
    found: tuple
    spacing: tuple


def planes_of(volume, reference, prediction) -> Planes:
    """Planes of a SimpleITK volume with the Labels of truth and prediction on its grid."""
    grey = sitk.GetArrayViewFromImage(volume)
    labels = []
    for side in (reference, prediction):
        ovary, follicles = (sitk.GetArrayViewFromImage(i) > 0 for i in (side.ovary, side.follicles))
        labels.append(np.where(follicles, 2, ovary).astype(np.uint8))
    where = np.argwhere(labels[0] > 0)
    middle = where.mean(axis=0).astype(int) if len(where) else np.array(grey.shape) // 2
    spacing = volume.GetSpacing()[::-1]
    cut = [tuple(middle[axis] if a == axis else slice(None) for a in range(3)) for axis in range(3)]
    sides = tuple(tuple(spacing[a] for a in range(3) if a != axis) for axis in range(3))
    image, first, second = (tuple(array[c].copy() for c in cut) for array in (grey, *labels))
    return Planes(image, first, second, sides)


def error_score(row: dict) -> float:
    """Larger is worse: 2 minus the Dice of ovary and follicles."""
    return 2 - row["ovary_dsc"] - row["follicles_dsc"]


def reason(row: dict, follicles) -> str:
    """Why a volume went wrong, in words, from its figures and its rows of `follicle_rows`."""
    causes = []
    ratio = row["ovary_volume_ratio"]
    if row["ovary_dsc"] == 0:
        causes.append("no ovary found" if not ratio else "the ovary was taken for something else")
    elif row["ovary_dsc"] < 0.85:
        kind = "too large" if ratio > 1.15 else "too small" if ratio < 0.87 else "displaced or of another shape"
        causes.append(f"the ovary is {kind} ({ratio:.2f} times its volume)")
    missed = [r for r in follicles if r["kind"] == "true" and not r["hit"]]
    if missed:
        small = sum(r["dv_mm"] < 4 for r in missed)
        pale = sum(r["contrast"] is not None and r["contrast"] < 20 and r["dv_mm"] >= 4 for r in missed)
        causes.append(
            f"{len(missed)} of {row['count_reference']} follicles missed, {small} of them below 4 mm, {pale} larger ones of little contrast"
        )
    invented = sum(r["kind"] == "false" for r in follicles)
    if invented:
        causes.append(f"{invented} found that are none")
    differences = [r["mean_diameter_difference_mm"] for r in follicles if r["kind"] == "true" and r["hit"]]
    mean = float(np.mean(differences)) if differences else 0.0
    if abs(mean) > OFF_MM:
        causes.append(f"the follicles found are {abs(mean):.1f} mm too {'large' if mean > 0 else 'small'}")
    return "; ".join(causes) or "nothing stands out"


def draw(planes: Planes, title: str, path) -> None:
    """Write a PNG: the three planes bare, and with the outlines of the truth (green) and of what was found (orange)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8.4), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3)
    for column, (grey, true, found, spacing) in enumerate(zip(planes.grey, planes.true, planes.found, planes.spacing)):
        for row in range(2):
            axis = axes[row][column]
            axis.imshow(grey, cmap="gray", vmin=0, vmax=max(255, grey.max()), aspect=spacing[0] / spacing[1], interpolation="bilinear")
            axis.set_axis_off()
        for labels, colour in ((true, TRUE), (found, FOUND)):
            for level in (0.5, 1.5):
                if (labels > level).any():
                    axes[1][column].contour(labels > level, [0.5], colors=[colour], linewidths=1.0)
    figure.suptitle(title, fontsize=10, wrap=True)
    figure.savefig(Path(path))
