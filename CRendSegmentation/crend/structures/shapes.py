"""Size, place and form of labels in an image, in millimetres: the arithmetic behind `measurements`."""

import math

import numpy as np

from .callipers import calliper_diameters, outermost
from .ellipsoids import ellipsoid_volume


def shapes_of(image, binary=False):
    """{label: fields of measurements.Structure} of every non-zero label, or of everything non-zero as label 1."""
    import SimpleITK as sitk
    from scipy import ndimage

    labels = sitk.GetArrayViewFromImage(image)
    if binary:
        labels = (labels != 0).view(np.uint8)
    found = {}
    for k, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            found[k] = _shape(labels[box] == k, box, image)
    return found


def callipers_of(ovary):
    """d1_mm, d2_mm and d3_mm of a mask that is not empty."""
    import SimpleITK as sitk
    from scipy import ndimage

    organ = sitk.GetArrayViewFromImage(ovary) != 0
    (box,) = ndimage.find_objects(organ.view(np.uint8))
    return dict(zip(("d1_mm", "d2_mm", "d3_mm"), calliper_diameters(outermost(organ[box], np.asarray(ovary.GetSpacing(), float)))))


def _shape(mask, box, image):
    """Fields of measurements.Structure for a mask (d, h, w) that fills its box (three slices, z y x) of the image."""
    spacing = np.asarray(image.GetSpacing(), float)  # x y z
    index = np.argwhere(mask)[:, ::-1] + np.asarray([s.start for s in box])[::-1]  # (n, 3) x y z
    volume = ellipsoid_volume(mask, spacing) or len(index) * float(np.prod(spacing))
    dv = 2 * (3 * volume / (4 * math.pi)) ** (1 / 3)
    axes = _axes(index * spacing, spacing, dv)
    centre = image.TransformContinuousIndexToPhysicalPoint([float(v) for v in index.mean(axis=0)])  # LPS
    size = np.asarray(image.GetSize())
    return {
        "volume_ml": volume / 1000,
        "dv_mm": dv,
        "mean_diameter_mm": float(axes.mean()),
        "dx_mm": float(axes[0]),
        "dy_mm": float(axes[1]),
        "dz_mm": float(axes[2]),
        "max_diameter_mm": max(_max_diameter(mask, spacing), float(axes[0])),
        "sphericity": min(math.pi * dv**2 / _surface_area(mask, spacing), 1.0),
        "centroid_r_mm": -centre[0],
        "centroid_a_mm": -centre[1],
        "centroid_s_mm": centre[2],
        "touches_border": bool((index.min(axis=0) == 0).any() or (index.max(axis=0) == size - 1).any()),
    }


def _axes(points, spacing, dv):
    """Three axis lengths, longest first, of the equal-volume ellipsoid; points (n, 3) in mm along the image's own axes.

    The variance of a solid ellipsoid along a half axis a is a^2 / 5. Voxel centres sample it without bias, so nothing is added for
    the voxel's own extent, except that no axis may be thinner than one voxel.
    """
    centred = points - points.mean(axis=0)
    variance, directions = np.linalg.eigh(centred.T @ centred / len(points))
    voxel = ((directions * spacing[:, None]) ** 2).sum(axis=0) / 12
    axes = np.sqrt(np.maximum(variance, voxel))
    return np.sort(axes * (dv / np.prod(axes) ** (1 / 3)))[::-1]


def _max_diameter(mask, spacing):
    """Feret diameter in mm: the largest distance between the centres of two voxels. mask (d, h, w), spacing x y z.

    Centres, not corners: those of a sphere come within a tenth of a voxel of its diameter, corners overshoot by one voxel.
    """
    from scipy.spatial.distance import pdist

    return float(pdist(outermost(mask, spacing)).max(initial=0.0))


def _surface_area(mask, spacing):
    """Surface in mm^2 by Crofton's formula (lines in 13 directions): unlike counted voxel faces, it tends to the true surface.
    mask (d, h, w), spacing x y z."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
    image.SetSpacing([float(v) for v in spacing])
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOn()
    shape.Execute(image)
    return shape.GetPerimeter(1)
