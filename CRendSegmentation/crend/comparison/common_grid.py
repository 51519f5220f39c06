"""Masks and label images that lie anywhere, brought onto one grid: the one way into every comparison."""

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..io.labels import Labels
from ..io.overlaps import painting_order

_FITS = 0.01  # voxels by which two lattices may differ and still be one
_MOST_VOXELS = 2**31
# Voxels by which a sampling point is moved, so that one halfway between two voxels falls to the same side whatever a file rounded away.
_TIE = 1e-4


def on_common_grid(reference, compared):
    """Both Labels on one grid that holds all of either; the same objects when they share one already.

    The lattice is the reference's, and voxels of the reference stay as they are (where the reference is empty: the other's); labels on
    another lattice are resampled (nearest). The grid is as large as what they hold, so it makes no difference to what a file was cropped.
    InputError when they lie further apart than either is long, and so are not of one volume.
    """
    if same_grid(reference.ovary, compared.ovary):
        return reference, compared
    check_near(reference, compared)
    cropped = [_cropped(labels) for labels in (reference, compared)]
    there = [labels for labels in cropped if labels is not None]
    lattice = there[0].ovary if there else reference.ovary
    canvas = _canvas(lattice, [labels.ovary for labels in there]) if there else lattice
    return tuple(_onto(canvas, labels) for labels in (reference, compared))


def check_near(reference, compared):
    """InputError when two Labels, neither of them empty, lie further apart than either's grid is long."""
    lattice, (a, b) = reference.ovary, (reference.ovary, compared.ovary)
    spacing = np.array(lattice.GetSpacing())
    (low_a, high_a), (low_b, high_b) = (_edges(lattice, image) * spacing for image in (a, b))
    gap = float((np.maximum(low_a, low_b) - np.minimum(high_a, high_b)).max())
    if gap > max((high_a - low_a).max(), (high_b - low_b).max()) and None not in (_cropped(reference), _cropped(compared)):
        raise InputError(
            f"the two segmentations share no space ({gap:.0f} mm lie between them): are both of the same volume, "
            "or does one of them miss a transform?"
        )


def on_grid_of(image, labels):
    """Labels resampled (nearest) onto the grid of `image`, and cut off there; the same object when they are there already.

    For labels that belong to an image, in training; two segmentations are compared by `on_common_grid`. InputError when the two grids share
    no space.
    """
    if same_grid(image, labels.ovary):
        return labels
    low, high = zip(*(_edges(image, each) for each in (image, labels.ovary)))
    if (np.max(low, axis=0) >= np.min(high, axis=0)).any():
        raise InputError("the labels share no space with the volume: are both of the same one? Their origins or spacings do not fit.")
    return _onto(image, labels)


def same_grid(a, b):
    """Whether two images have the same voxels: size, and corners within a hundredth of a voxel."""
    if a.GetSize() != b.GetSize():
        return False
    tolerance = _FITS * min(a.GetSpacing())
    corners = [[(n - 1) * side for side, n in zip(corner, a.GetSize())] for corner in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    return all(np.allclose(a.TransformIndexToPhysicalPoint(c), b.TransformIndexToPhysicalPoint(c), rtol=0, atol=tolerance) for c in corners)


def joined(ovary, follicles):
    """Labels of an ovary's mask (or None) and {number: mask}, SimpleITK images on any lattices, each cropped to what it holds.

    The lattice is the ovary's, else the first follicle's; a mask on another one is resampled (nearest). Where follicles overlap the smaller
    one keeps the voxels. Follicles lie on the ovary: it is extended by them where there is one. InputError when there is no mask at all.
    """
    import SimpleITK as sitk

    from ..io.volumes import image_like

    masks = [mask for mask in (ovary, *follicles.values()) if mask is not None]
    if not masks:
        raise InputError("there is nothing in it.")
    canvas = _canvas(masks[0], masks)
    organ = np.zeros(canvas.GetSize()[::-1], np.uint8)
    instances = np.zeros(organ.shape, np.uint16)
    if ovary is not None:
        _paste(organ, canvas, ovary, 1)
    numbers = list(follicles)
    for k in painting_order([(sitk.GetArrayViewFromImage(mask) != 0, (slice(0, None),) * 3, mask) for mask in follicles.values()]):
        _paste(instances, canvas, follicles[numbers[k]], numbers[k])
    if ovary is not None:
        organ[instances > 0] = 1
    return Labels(image_like(organ, canvas), image_like(instances, canvas))


def _cropped(labels):
    """Labels cut to what they hold, or None when that is nothing."""
    import SimpleITK as sitk

    from .boxes import union_box

    arrays = [sitk.GetArrayViewFromImage(image) for image in (labels.ovary, labels.follicles)]
    box = union_box(*arrays)
    if not any(array[box].any() for array in arrays):
        return None
    ovary, follicles = (image[tuple(slice(s.start, s.stop) for s in box[::-1])] for image in (labels.ovary, labels.follicles))
    return replace(labels, ovary=ovary, follicles=follicles)


def _onto(grid, labels):
    return replace(labels, ovary=_resampled(labels.ovary, grid), follicles=_resampled(labels.follicles, grid))


def _resampled(image, grid):
    """An image of labels on another grid, nearest neighbour, 0 outside."""
    import SimpleITK as sitk

    step = np.asarray(image.GetDirection()).reshape(3, 3) @ (_TIE * np.asarray(image.GetSpacing()))
    return sitk.Resample(image, grid, sitk.TranslationTransform(3, step.tolist()), sitk.sitkNearestNeighbor, 0.0)


def _canvas(lattice, images):
    """An empty image with the lattice of the first, large enough for all: every point of the lattice that lies in a voxel of one."""
    import SimpleITK as sitk

    low, high = zip(*(_edges(lattice, image) for image in images))
    low = np.ceil(np.min(low, axis=0) - _FITS).astype(int)
    size = np.maximum(np.floor(np.max(high, axis=0) + _FITS).astype(int) - low + 1, 1)
    if np.prod(size.astype(float)) > _MOST_VOXELS:
        raise InputError(f"what they hold is spread over {size[0]} x {size[1]} x {size[2]} voxels; remove what does not belong to them.")
    canvas = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
    canvas.SetSpacing(lattice.GetSpacing())
    canvas.SetDirection(lattice.GetDirection())
    canvas.SetOrigin(lattice.TransformContinuousIndexToPhysicalPoint([float(v) for v in low]))
    return canvas


def _edges(lattice, image):
    """(2, 3), low and high, x y z: continuous indices in `lattice` of the box around all voxels of `image`, to their outer edges."""
    corners = [[side * n - 0.5 for side, n in zip(corner, image.GetSize())] for corner in np.ndindex(2, 2, 2)]
    found = _indices(lattice, image, corners)
    return np.array([found.min(axis=0), found.max(axis=0)])


def _paste(array, canvas, mask, value):
    """Write `value` where a mask is."""
    import SimpleITK as sitk

    first = _indices(canvas, mask, [[0.0, 0.0, 0.0]])[0]
    turned = np.abs(np.subtract(canvas.GetDirection(), mask.GetDirection())).max() > 1e-6
    if turned or not np.allclose(canvas.GetSpacing(), mask.GetSpacing(), rtol=1e-4) or np.abs(first - np.round(first)).max() > _FITS:
        # Only where it lies: the canvas may be many times larger.
        part = _canvas(canvas, [mask])
        mask = _resampled(mask, part)
        first = _indices(canvas, mask, [[0.0, 0.0, 0.0]])[0]
    low = np.round(first).astype(int)[::-1]
    source = sitk.GetArrayViewFromImage(mask) != 0
    # A part that was rounded up to whole voxels may reach beyond the canvas by one.
    start = np.maximum(-low, 0)
    stop = np.minimum(np.array(array.shape) - low, source.shape)
    box = tuple(slice(a + s, a + e) for a, s, e in zip(low, start, stop))
    array[box][source[tuple(slice(s, e) for s, e in zip(start, stop))]] = value


def _indices(lattice, image, indices):
    """Continuous indices (n, 3) x y z in `lattice` of indices of `image`."""
    return np.array(
        [lattice.TransformPhysicalPointToContinuousIndex(image.TransformContinuousIndexToPhysicalPoint(index)) for index in indices]
    )
