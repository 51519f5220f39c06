"""Ovaries of known volume, and the contours that a perfect hand draws round them. Millimetres, LPS."""

import numpy as np
import SimpleITK as sitk

HALF_AXES = (18.0, 13.0, 11.0)


class Ovary:
    """An ellipsoid round the origin with its long axis along x; `bulges` balls of a third of its radius sit on it, seed by seed elsewhere."""

    def __init__(self, bulges=0, seed=0, half_axes=HALF_AXES):
        generator = np.random.default_rng(seed)
        places = generator.normal(size=(bulges, 3))
        self.half_axes = np.array(half_axes)
        self.bulges = self.half_axes * places / np.linalg.norm(places, axis=1, keepdims=True)
        self.bulge_radius = np.prod(half_axes) ** (1 / 3) / 3

    def holds(self, points):
        """Which of the points (..., 3) lie inside."""
        inside = ((points / self.half_axes) ** 2).sum(axis=-1) <= 1
        for centre in self.bulges:
            inside |= ((points - centre) ** 2).sum(axis=-1) <= self.bulge_radius**2
        return inside

    def mask_on(self, image):
        """bool (D, H, W): the voxels of an image whose centres lie inside."""
        size = np.array(image.GetSize())
        index = np.stack(np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")[::-1], axis=-1)
        turn = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
        return self.holds(index @ turn.T + image.GetOrigin())

    def contour(self, centre, first, second, points=24):
        """The outermost points (points, 3) in the plane through `centre` along two directions, one each 360 / points degrees."""
        angles = np.linspace(0, 2 * np.pi, points, endpoint=False)[:, None]
        directions = np.cos(angles) * first + np.sin(angles) * second
        steps = np.linspace(0, 2 * max(self.half_axes), 4001)[:, None]
        rays = [steps * direction + centre for direction in directions]
        return np.array([ray[np.flatnonzero(self.holds(ray))[-1]] for ray in rays])

    def turning(self, planes, start=0.0, **more):
        """Contours in planes through the long axis, evenly turned about it."""
        angles = np.pi * np.arange(planes) / planes + start
        return [self.contour(np.zeros(3), [1.0, 0, 0], [0, np.cos(a), np.sin(a)], **more) for a in angles]

    def across(self, planes, **more):
        """Contours in parallel planes across the long axis."""
        places = np.linspace(-0.8, 0.8, planes) * self.half_axes[0]
        return [self.contour(np.array([x, 0, 0]), [0, 1.0, 0], [0, 0, 1.0], **more) for x in places]


def grid(spacing=0.7, half_size=28.0, direction=None):
    """An empty image round the origin."""
    size = [int(2 * half_size / spacing)] * 3
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing([spacing] * 3)
    if direction is not None:
        image.SetDirection(np.ravel(direction).tolist())
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size])
    image.SetOrigin([-m for m in middle])
    return image
