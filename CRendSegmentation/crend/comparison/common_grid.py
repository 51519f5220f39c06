"""Masks and label images that lie anywhere, brought onto one lattice."""

import numpy as np

from ..errors import InputError
from ..io.labels import Labels

_FITS = 0.01  # voxels by which two lattices may differ and still be one
_MOST_VOXELS = 2**31


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
    sizes = {number: np.count_nonzero(sitk.GetArrayViewFromImage(mask)) * np.prod(mask.GetSpacing()) for number, mask in follicles.items()}
    for number in sorted(follicles, key=lambda k: -sizes[k]):
        _paste(instances, canvas, follicles[number], number)
    if ovary is not None:
        organ[instances > 0] = 1
    return Labels(image_like(organ, canvas), image_like(instances, canvas))


def on_one_lattice(reference, compared):
    """Both Labels on the reference's lattice, in one grid that holds all of either. Voxels of the reference stay as they are.

    InputError when the boxes around what they hold share no space.
    """
    import SimpleITK as sitk

    from .boxes import union_box

    boxes = []
    for labels in (reference, compared):
        box = union_box(*(sitk.GetArrayViewFromImage(image) for image in (labels.ovary, labels.follicles)))
        corners = _corners([s.start for s in box[::-1]], [s.stop - 1 for s in box[::-1]])
        boxes.append(_indices(reference.ovary, labels.ovary, corners))
    (low, high), (other_low, other_high) = ((b.min(axis=0) - 0.5, b.max(axis=0) + 0.5) for b in boxes)
    if (other_low >= high).any() or (low >= other_high).any():
        raise InputError("they share no space: are both of the same volume, or does one of them miss a transform?")
    canvas = _canvas(reference.ovary, [reference.ovary, compared.ovary])
    return tuple(
        Labels(
            *(sitk.Resample(image, canvas, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0) for image in (labels.ovary, labels.follicles))
        )
        for labels in (reference, compared)
    )


def _canvas(lattice, images):
    """An empty image with the lattice of the first, large enough for all."""
    import SimpleITK as sitk

    corners = np.concatenate([_indices(lattice, image, _corners([0, 0, 0], np.array(image.GetSize()) - 1)) for image in images])
    low, high = np.floor(corners.min(axis=0) + _FITS).astype(int), np.ceil(corners.max(axis=0) - _FITS).astype(int)
    size = high - low + 1
    if np.prod(size.astype(float)) > _MOST_VOXELS:
        raise InputError(f"what they hold is spread over {size[0]} x {size[1]} x {size[2]} voxels; remove what does not belong to them.")
    canvas = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
    canvas.SetSpacing(lattice.GetSpacing())
    canvas.SetDirection(lattice.GetDirection())
    canvas.SetOrigin(lattice.TransformContinuousIndexToPhysicalPoint([float(v) for v in low]))
    return canvas


def _paste(array, canvas, mask, value):
    """Write `value` where a mask is."""
    import SimpleITK as sitk

    first = _indices(canvas, mask, [[0.0, 0.0, 0.0]])[0]
    turned = np.abs(np.subtract(canvas.GetDirection(), mask.GetDirection())).max() > 1e-6
    if turned or not np.allclose(canvas.GetSpacing(), mask.GetSpacing(), rtol=1e-4) or np.abs(first - np.round(first)).max() > _FITS:
        # Only where it lies: the canvas may be many times larger.
        part = _canvas(canvas, [mask])
        mask = sitk.Resample(mask, part, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
        first = _indices(canvas, mask, [[0.0, 0.0, 0.0]])[0]
    low = np.round(first).astype(int)[::-1]
    source = sitk.GetArrayViewFromImage(mask) != 0
    # A part that was rounded up to whole voxels may reach beyond the canvas by one.
    start = np.maximum(-low, 0)
    stop = np.minimum(np.array(array.shape) - low, source.shape)
    box = tuple(slice(a + s, a + e) for a, s, e in zip(low, start, stop))
    array[box][source[tuple(slice(s, e) for s, e in zip(start, stop))]] = value


def _corners(low, high):
    """The eight corners (8, 3) of a box of indices x y z."""
    return [[float((low, high)[side][axis]) for axis, side in enumerate(corner)] for corner in np.ndindex(2, 2, 2)]


def _indices(lattice, image, indices):
    """Continuous indices (n, 3) x y z in `lattice` of indices of `image`."""
    return np.array(
        [lattice.TransformPhysicalPointToContinuousIndex(image.TransformContinuousIndexToPhysicalPoint(index)) for index in indices]
    )
