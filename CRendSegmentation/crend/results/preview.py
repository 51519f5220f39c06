"""NAME.png: three slices through the ovary with its outlines, to look through many results."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..io.atomic import replacing
from ..pictures.planes import plane_pictures

GAP = 6  # pixels


def write_preview(path: Path, image, segmentation) -> None:
    """Write the axial, sagittal and coronal slice side by side as a PNG. image: the volume; segmentation: its Segmentation."""
    import SimpleITK as sitk

    pictures = [plane.picture for plane in plane_pictures(image, segmentation.ovary, segmentation.follicles)]
    height = max(picture.shape[0] for picture in pictures)
    columns = []
    for picture in pictures:
        column = np.zeros((height, picture.shape[1], 3), np.uint8)
        top = (height - picture.shape[0]) // 2
        column[top : top + picture.shape[0]] = picture
        columns += [column, np.full((height, GAP, 3), 255, np.uint8)]
    with replacing(path) as temporary:
        sitk.WriteImage(sitk.GetImageFromArray(np.concatenate(columns[:-1], axis=1), isVector=True), str(temporary))
