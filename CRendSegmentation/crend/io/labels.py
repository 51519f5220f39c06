"""Ovary and follicles from and to files: label images (1 = ovary, k + 1 = follicle k) and Slicer's .seg.nrrd."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .acquisition import describe, notes_of
from .atomic import replacing
from .dicom_seg import is_dicom_segmentation, read_dicom_segmentation, was_dicom_segmentation, write_dicom_segmentation
from .seg_nrrd import is_segmentation, read_segmentation, write_segmentation

if TYPE_CHECKING:
    import SimpleITK

# Header and voxels in two files: the header names the other one, which a rename would break.
TWO_FILES = (".mhd", ".nhdr", ".hdr", ".img")


@dataclass(frozen=True)
class Labels:
    """ovary: uint8, 1 = the whole organ, follicles included; follicles: uint16, k = follicle k. One grid, SimpleITK (LPS).

    guide: the ovary is only the ellipsoid of a box that somebody set. It has a place, and no size or shape that mean anything.
    """

    ovary: "SimpleITK.Image"
    follicles: "SimpleITK.Image"
    guide: bool = False


def read_labels(path, components=False):
    """Labels from a label image that SimpleITK reads (1 = ovary, k + 1 = follicle k), from a segmentation of Slicer's or a DICOM segmentation.

    components: every connected piece of a follicle's label is a follicle, for files with one label for all of them. Raises InputError
    (one line) for a missing, unreadable or cut off file, 2D or 4D, several components, labels that are negative, fractional or above 65535,
    and segments that are neither ovary nor follicle.
    """
    labels = _read(path)
    return in_pieces(labels) if components else labels


def in_pieces(labels):
    """Labels in which every connected piece (by faces) of a follicle is a follicle, numbered from 1, largest first."""
    import SimpleITK as sitk
    from scipy import ndimage

    from .volumes import image_like

    array = sitk.GetArrayViewFromImage(labels.follicles)
    found = []  # (voxels, box, mask within the box)
    for k, box in enumerate(ndimage.find_objects(array), start=1):
        if box is None:
            continue
        parts, count = ndimage.label(array[box] == k)
        sizes = np.bincount(parts.ravel(), minlength=1) if count else ()
        found += [(int(sizes[part]), box, parts == part) for part in range(1, count + 1)]
    if len(found) > 65534:
        raise InputError(f"{len(found)} separate pieces; at most 65534 follicles can be told apart, is this a label image?")
    result = np.zeros(array.shape, np.uint16)
    for number, (_, box, mask) in enumerate(sorted(found, key=lambda each: -each[0]), start=1):
        result[box][mask] = number
    return replace(labels, follicles=image_like(result, labels.follicles))


def with_labels(image, kept):
    """A label image in which only the labels in `kept` are left."""
    import SimpleITK as sitk

    from .volumes import image_like

    array = sitk.GetArrayFromImage(image)
    array[~np.isin(array, list(kept))] = 0
    return image_like(array, image)


def _read(path):
    import SimpleITK as sitk

    from .volumes import LABEL_FORMATS, image_like, read_file

    if is_dicom_segmentation(path):
        return Labels(*read_dicom_segmentation(path))
    image = read_file(path, LABEL_FORMATS)
    if was_dicom_segmentation(image):
        return Labels(*read_dicom_segmentation(path))
    if image.GetDimension() != 3:
        raise InputError(f"{path}: labels must be 3D, this file is {image.GetDimension()}D; export a 3D label image or .seg.nrrd.")
    if is_segmentation(image):
        ovary, follicles, guide = read_segmentation(image, path)
        return Labels(ovary, follicles, guide)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"{path}: {image.GetNumberOfComponentsPerPixel()} components a voxel; a label image has one (1 = ovary, 2.. = follicles)."
        )
    array = sitk.GetArrayViewFromImage(image)
    if array.dtype.kind not in "uif":
        raise InputError(f"{path}: voxels are {image.GetPixelIDTypeAsString()}; a label image holds whole numbers.")
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
        raise InputError(f"{path}: some labels are no whole numbers; is this an image or a probability map instead of labels?")
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    if low < 0:
        raise InputError(f"{path}: negative labels (down to {low:.0f}); use 0 outside, 1 = ovary, 2.. = follicles.")
    if high > 65535:
        raise InputError(f"{path}: labels up to {high:.0f}; at most 65534 follicles can be told apart, is this a label image?")
    follicles = np.where(array > 1, array - array.dtype.type(1), 0)
    return Labels(image_like((array > 0).astype(np.uint8), image), image_like(follicles.astype(np.uint16), image))


def write_labels(path, ovary, follicles, source=None, ovary_source=None):
    """Write ovary and follicles (as in Labels) to `path`, in the format that its ending says.

    Where `ovary` has the labels 1 and 2 they are two ovaries: segments of their own in a .seg.nrrd and in DICOM, both 1 in a label image.
    .seg.nrrd: one segment each, readable by Slicer. .dcm: a DICOM segmentation; source: the DICOM file or folder that they were made from.
    ovary_source: "box" for an outline that is a guide and no ovary: a .seg.nrrd says so in the segment's tag; no other format could, so there it
    is left out but for the follicles. Anything else that SimpleITK writes: a label image, in which a follicle voxel outside the ovary counts as ovary when it is read again.
    Raises InputError when the folder will not do, or the format does not keep the labels' geometry.
    """
    import SimpleITK as sitk

    from .image_files import write_image
    from .volumes import LABEL_FORMATS, image_like

    name = str(path).lower()
    if name.endswith(TWO_FILES):
        raise InputError(f"{path}: this format is two files; use {LABEL_FORMATS}.")
    if name.endswith(".seg.nrrd"):
        write_segmentation(path, ovary, follicles, ovary_source)
        return
    if ovary_source == "box":
        ovary = image_like(np.zeros(ovary.GetSize()[::-1], np.uint8), ovary)
    if name.endswith(".dcm"):
        write_dicom_segmentation(path, ovary, follicles, source)
        return
    labels = sitk.GetArrayViewFromImage(follicles)
    array = labels.astype(np.uint8 if labels.max(initial=0) < 255 else np.uint16)
    array[(labels > 0) | (sitk.GetArrayViewFromImage(ovary) != 0)] += 1
    image = describe(image_like(array, ovary), notes=notes_of(ovary))
    with replacing(path) as temporary:
        try:
            write_image(image, temporary, path)
            written = sitk.ImageFileReader()
            written.SetFileName(str(temporary))
            written.ReadImageInformation()
        except RuntimeError as error:
            raise InputError(f"{path}: no format for 3D labels; use {LABEL_FORMATS}.") from error
        if not same_geometry(written, image):
            raise InputError(f"{path}: this format does not keep where the volume lies in space; use {LABEL_FORMATS}.")


def write_probabilities(path, probabilities):
    """Write two float images, ovary and follicles (0 to 1), to `path` as one image of two components in that order."""
    import SimpleITK as sitk

    from .image_files import write_image

    with replacing(path) as temporary:
        write_image(sitk.Compose(*probabilities), temporary, path)


def same_geometry(a, b):
    """Whether two images or readers agree in size, spacing, origin and direction, to the single precision that NIfTI keeps."""
    return tuple(a.GetSize()) == tuple(b.GetSize()) and all(
        np.allclose(getattr(a, f"Get{part}")(), getattr(b, f"Get{part}")(), rtol=1e-5, atol=1e-5)
        for part in ("Spacing", "Origin", "Direction")
    )
