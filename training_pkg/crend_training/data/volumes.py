"""A labelled volume on disk, however it is stored, and reading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crend.errors import InputError

OVARY_CODE = "15497006"  # SNOMED CT


@dataclass(frozen=True)
class Entry:
    """Where one volume and its labels lie.

    label: a label image (1 = ovary, k + 1 = follicle k) or .seg.nrrd; or instead `ovaries` and `follicles`: one pair of images for
    each rater, of which the labels are what all agree on. None of them: an unlabelled volume.
    spacing_mm (x, y, z) corrects that of the files' headers. patient groups volumes that must not be parted between training and test.
    components: follicles are counted as connected pieces, whatever their numbers. rows: how many of the list say just this.
    contents: what the list of a folder of corrections says of the voxels and labels (`crend.io.kept.image_content`, `label_content`), "" where it does not.
    labels_lost: the row is of a kept correction, but names no labels, as in a list that was cut off.
    """

    name: str
    image: Path
    label: Path | None = None
    ovaries: tuple[Path, ...] = ()
    follicles: tuple[Path, ...] = ()
    split: str = "training"
    patient: str = ""
    spacing_mm: tuple[float, ...] | None = None
    components: bool = False
    rows: int = 1
    contents: tuple[str, str] = ("", "")
    labels_lost: bool = False

    @property
    def labelled(self) -> bool:
        return self.label is not None or bool(self.ovaries)

    def files(self) -> list[Path]:
        return [self.image, *([self.label] if self.label else []), *self.ovaries, *self.follicles]


def read_volume(entry: Entry):
    """The image (SimpleITK) and its Labels on the image's grid, the ovary holding all follicles; labels None where there are none.

    InputError for whatever cannot be read or does not lie on the image.
    """
    from crend.comparison.common_grid import on_grid_of
    from crend.io.labels import Labels

    image, labels = read_as_stored(entry)
    if labels is None:
        return image, None
    try:
        labels = on_grid_of(image, labels)
    except InputError as error:
        raise InputError(f"{entry.name}: {error}") from None
    import SimpleITK as sitk

    organ = sitk.Cast(sitk.Or(labels.ovary > 0, labels.follicles > 0), sitk.sitkUInt8)
    return image, Labels(organ, labels.follicles)


def read_as_stored(entry: Entry):
    """As `read_volume`, but labels on their own grid and the ovary as its rater drew it."""
    from crend.io.volumes import read_image

    for path in entry.files():
        check_complete(path)
    image = read_image(entry.image, spacing=entry.spacing_mm)
    if not entry.labelled:
        return image, None
    labels = _labels(entry)
    return image, labels


def drawn_ovary(entry: Entry, labels):
    """The ovary's voxels (D, H, W) bool as they were drawn, where `labels` (of `read_as_stored`) may hold follicles beside them."""
    import SimpleITK as sitk

    ovary, follicles = (sitk.GetArrayViewFromImage(image) != 0 for image in (labels.ovary, labels.follicles))
    if entry.label is None:
        return ovary
    from crend.io.seg_nrrd import is_segmentation, read_segments

    image = sitk.ReadImage(str(entry.label))
    if not is_segmentation(image):
        return ovary & ~follicles
    array = sitk.GetArrayViewFromImage(image)
    layers = array.reshape(*ovary.shape, -1)
    drawn = np.zeros(ovary.shape, bool)
    for name, terminology, layer, value in read_segments(image):
        if "ovary" in name.lower() or OVARY_CODE in terminology:
            drawn |= layers[..., layer] == value
    return drawn


def check_complete(path) -> None:
    """InputError for a file that is not there or lacks voxels."""
    from crend.io.image_files import check_whole

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.is_file():
        check_whole(path)


def _labels(entry: Entry):
    import SimpleITK as sitk

    from crend.io.labels import Labels, read_labels
    from crend.io.volumes import read_label_image

    if entry.label is not None:
        labels = read_labels(entry.label)
        if labels.guide:
            raise InputError(f"{entry.label}: its ovary is only the ellipsoid of a box, which is no truth to learn from; draw the ovary.")
    else:
        ovary = _agreed([read_label_image(path) for path in entry.ovaries], entry.ovaries)
        follicles = _agreed([read_label_image(path) for path in entry.follicles], entry.follicles)
        labels = Labels(sitk.Cast(ovary > 0, sitk.sitkUInt8), sitk.Cast(follicles, sitk.sitkUInt16))
    follicles = _pieces(labels.follicles) if entry.components else labels.follicles
    return Labels(*(_respaced(image, entry.spacing_mm) for image in (labels.ovary, follicles)))


def _agreed(images, paths):
    """The first rater's labels where every rater has one; InputError when they drew on different grids."""
    import SimpleITK as sitk

    first = images[0]
    array = sitk.GetArrayFromImage(first)
    for image, path in zip(images[1:], paths[1:]):
        if image.GetSize() != first.GetSize() or not np.allclose(image.GetSpacing(), first.GetSpacing(), rtol=1e-3):
            raise InputError(f"{path}: on another grid than {paths[0].name}; both raters must have labelled the same volume.")
        array[sitk.GetArrayViewFromImage(image) == 0] = 0
    result = sitk.GetImageFromArray(array)
    result.CopyInformation(first)
    return result


def _pieces(follicles):
    """Connected pieces of all follicles together, numbered, largest first."""
    import SimpleITK as sitk

    return sitk.Cast(sitk.RelabelComponent(sitk.ConnectedComponent(sitk.Cast(follicles > 0, sitk.sitkUInt8))), sitk.sitkUInt16)


def _respaced(image, spacing_mm):
    if spacing_mm is not None:
        image = image[:, :, :]
        image.SetSpacing([float(s) for s in spacing_mm])
    return image
