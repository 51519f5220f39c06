"""A smooth field whose zero is a mask's surface: where the steps of the voxels are noise they go, where the shape is real it stays.

The voxels of a smooth surface form terraces, the wider the flatter it is; only a kernel that is wider than they are removes them.
So the mask is smoothed twice, widely and narrowly. Where the wide surface contradicts the voxels (a corner, a thin place, a bump)
the narrow one is taken. Both kernels have no second moment, so that they keep curvature, and both are levelled to enclose as
many voxels as the mask has, so that nothing shrinks.
"""

import numpy as np

_NARROW = 1.0  # voxels
_WIDE = 1.0  # voxels per square root of the radius in voxels: terraces grow like that
_WIDEST = 4.0  # voxels
_MARGIN = 4  # voxels around the mask: room for the contour, the kernels take what is beyond for empty
_CONTRADICTION = 0.1  # voxels that the surface may lie beyond the centre of a voxel of the other side


def smooth_field(mask, spacing_zyx):
    """(field float32 (d + 2m, h + 2m, w + 2m), margin m = 4) of one mask (d, h, w) with at least one voxel.

    The field is about the distance to the surface in mm, positive inside, cut off at one and a half voxels; its zero is the surface.
    """
    from scipy import ndimage

    spacing = np.asarray(spacing_zyx, float)
    voxel = np.cbrt(np.prod(spacing))
    count = int(np.count_nonzero(mask))
    radius = np.cbrt(3 * count / (4 * np.pi))
    # Narrow in voxels, along each axis. Wide in mm, the same in all directions, so that a sphere stays one on any grid.
    narrow = np.full(3, min(_NARROW, 0.35 * np.cbrt(count)))
    wide = np.maximum(np.clip(_WIDE * np.sqrt(radius), _NARROW, _WIDEST) * voxel / spacing, narrow)
    inside = np.pad(mask, _MARGIN)
    solid = inside.astype(np.float32)

    field = _levelled(_smoothed(solid, wide, spacing), count)
    slack = _CONTRADICTION * voxel
    wrong = ((field < -slack) & inside) | ((field > slack) & ~inside)
    limit = 1.5 * float(spacing.max())
    np.clip(field, -limit, limit, out=field)
    if wrong.any():
        other = np.clip(_levelled(_smoothed(solid, narrow, spacing), count), -limit, limit)
        weight = np.clip(3 * ndimage.gaussian_filter(ndimage.binary_dilation(wrong).astype(np.float32), 1.5), 0, 1)
        field += weight * (other - field)
    return _levelled(field, count), _MARGIN


def _smoothed(solid, sigma, spacing):
    """The mask under a kernel of no second moment, scaled so that an edge's field falls by 1 a mm."""
    from scipy import ndimage

    field, wider = (ndimage.gaussian_filter(solid, s, truncate=3, mode="constant") for s in (sigma, sigma * np.sqrt(2)))
    field *= 2
    field -= wider
    width = np.exp(np.log(sigma * spacing).mean())
    field *= np.float32(np.sqrt(2 * np.pi) * width / (2 - np.sqrt(0.5)))
    return field


def _levelled(field, count):
    """The field minus the level above which there are `count` voxels (half-way to the next value)."""
    # Those outside are many and low: leave them out of the sorting.
    candidates = field[field > field.min() + 0.02 * np.ptp(field)]
    at = max(len(candidates) - count, 1)
    candidates = np.partition(candidates, [at - 1, at])
    return field - np.float32((candidates[at - 1] + candidates[at]) / 2)
