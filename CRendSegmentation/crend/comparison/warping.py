"""Labels brought into another's coordinates by a field of displacements: what a transform does, whatever made it."""

from dataclasses import replace

import numpy as np


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
    ovary, follicles = (
        sitk.Resample(image, canvas, transform, sitk.sitkNearestNeighbor, 0.0) for image in (labels.ovary, labels.follicles)
    )
    return replace(labels, ovary=ovary, follicles=follicles)


def displacement_field(labels, like, forward, backward, *, step=1.5, most=60, margin=6.0):
    """The field that `warped` takes, of a transform that is known by its values only.

    labels: what will be warped. like: image whose axes the field has. forward, backward: functions of points (n, 3) in LPS mm, from the
    labels' coordinates to the field's and back. step: mm between nodes, more where there would be more than `most` of them along an axis.
    margin: mm of room around the labels.
    """
    import SimpleITK as sitk

    ends = [np.linspace(-0.5, n - 0.5, 9) for n in labels.ovary.GetSize()]
    places = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    direction = np.array(like.GetDirection()).reshape(3, 3)
    along = forward(_physical(labels.ovary, places)) @ direction
    low, high = along.min(axis=0) - margin, along.max(axis=0) + margin
    count = np.clip(np.ceil((high - low) / step).astype(int) + 1, 2, most)
    spacing = (high - low) / (count - 1)
    nodes = np.stack(np.meshgrid(*[np.arange(n) for n in count[::-1]], indexing="ij"), axis=-1).reshape(-1, 3)[:, ::-1]
    points = (low + nodes * spacing) @ direction.T
    field = sitk.GetImageFromArray((backward(points) - points).reshape(*count[::-1], 3), isVector=True)
    field.SetSpacing([float(v) for v in spacing])
    field.SetDirection(like.GetDirection())
    field.SetOrigin([float(v) for v in direction @ low])
    return field


def _physical(image, indices):
    """LPS points (n, 3) of continuous indices (n, 3) x y z."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return (indices * image.GetSpacing()) @ direction.T + image.GetOrigin()
