"""From segments that may overlap to labels: which voxel belongs to whom, and which number a follicle gets."""

import numpy as np

from ..errors import InputError
from ..structures import segments


def painting_order(masks):
    """In which order follicles are written over one another so that the smaller keeps its voxels: indices of `masks`, largest first.

    masks: [(mask (D, H, W) bool, its box of slices z y x in an image, the image)]. Of two of equal size the order is that of their places in
    space, so it does not hang on the order of the segments in a file, or on the file's axes.
    """

    def key(index):
        mask, box, image = masks[index]
        count = int(np.count_nonzero(mask))
        if not count:
            return (0.0,)
        middle = [float(where.mean() + (s.start or 0)) for where, s in zip(np.nonzero(mask), box)]
        place = image.TransformContinuousIndexToPhysicalPoint(middle[::-1])
        return (-count * float(np.prod(image.GetSpacing())), *(round(v, 3) for v in place))

    return sorted(range(len(masks)), key=key)


def assemble(found, image, path):
    """(ovary (D, H, W) bool, follicles (D, H, W) uint16) of segments [(name, terminology, box, mask within the box)] on the grid of `image`.

    The ovary is the segment of that name or code (also "Left ovary", "Right ovary"); "Follicle k" becomes label k; follicles named
    otherwise but coded as such, or numbers that occur twice, are numbered in the file's order; one segment "Follicles" is split into
    its connected components. Where follicles overlap the smaller one keeps the voxels, whatever the order. Follicles lie on the ovary: it
    is extended by them. InputError for segments that are none of these.
    """
    from scipy import ndimage

    organ = np.zeros(image.GetSize()[::-1], bool)
    numbered, strangers = [], []  # numbered: (number or None, box, mask within the box)
    for name, terminology, box, mask in found:
        kind = segments.kind_of(name, terminology)
        if kind == "ovary":
            organ[box] |= mask
        elif kind == "follicles":
            parts, count = ndimage.label(mask)
            numbered += [(None, box, parts == k) for k in range(1, count + 1)]
        elif kind == "follicle":
            numbered.append((segments.follicle_number(name), box, mask))
        else:
            strangers.append(name)
    if strangers:
        raise InputError(
            f"{path}: unknown segments {', '.join(repr(s) for s in strangers)}; name them 'Ovary' or 'Follicle 1', 'Follicle 2', ..."
        )
    numbers: list | range = [k for k, _, _ in numbered]
    if None in numbers or len(set(numbers)) < len(numbers) or max(numbers, default=0) > 65535:
        numbers = range(1, len(numbered) + 1)
    instances = np.zeros(organ.shape, np.uint16)
    for k in painting_order([(mask, box, image) for _, box, mask in numbered]):
        _, box, mask = numbered[k]
        instances[box][mask] = numbers[k]
    organ |= instances > 0
    return organ, instances
