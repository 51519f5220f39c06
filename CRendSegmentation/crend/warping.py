"""Labels brought into another's coordinates by a field of displacements: what a transform does, whatever made it."""

import numpy as np

from .labels import Labels


def warped(labels, field):
    """Labels (nearest neighbour) in the coordinates of a displacement field.

    field: SimpleITK vector image (LPS, mm), on any grid around where the labels come to lie: a point p of the result is the point
    p + field(p) of `labels`. Between the field's nodes it is interpolated linearly, so a linear transform stays exact. The result has the
    labels' finest spacing along the field's axes.
    """
    import SimpleITK as sitk

    spacing = min(labels.ovary.GetSpacing())
    size = [max(int(np.ceil((n - 1) * s / spacing)) + 1, 2) for n, s in zip(field.GetSize(), field.GetSpacing())]
    canvas = sitk.Image(size, sitk.sitkUInt8)
    canvas.SetSpacing([spacing] * 3)
    canvas.SetDirection(field.GetDirection())
    canvas.SetOrigin(field.GetOrigin())
    # The transform takes the image that it is given: nobody else shall lose it.
    transform = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    return Labels(*(sitk.Resample(image, canvas, transform, sitk.sitkNearestNeighbor, 0.0) for image in (labels.ovary, labels.follicles)))
