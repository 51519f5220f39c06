"""Words and scale bars painted into RGB pictures (h, w, 3) uint8, without a window."""

from __future__ import annotations

import numpy as np

WHITE, YELLOW, GREY = (255, 255, 255), (255, 221, 87), (90, 90, 90)
LETTER_PIXELS = 25
_DPI = 72  # of VTK's text: a font size is then in pixels


def paint_words(picture: np.ndarray, words: str, row: float, column: float, size: int = LETTER_PIXELS, colour=WHITE) -> None:
    """Paint words around a place (pixels from the top left); bright ones in a dark rim that parts them from any ground. What lies outside is cut off."""
    cover = _cover(words, size)
    _blend(picture, cover, round(row - cover.shape[0] / 2), round(column - cover.shape[1] / 2), colour)


def paint_scale_bar(picture: np.ndarray, pixel_mm: float) -> None:
    """Paint a bar of 5, 10 or 20 mm, about a fourth of the picture's width, and its length into the lower left corner."""
    height, width = picture.shape[:2]
    length_mm = min((5, 10, 20), key=lambda length: abs(length / pixel_mm - width / 4))
    length = round(length_mm / pixel_mm)
    bottom, left = height - 10, 10
    picture[bottom - 4 : bottom + 2, left - 1 : left + length + 1] = 0
    picture[bottom - 3 : bottom + 1, left : left + length] = 255
    paint_words(picture, f"{length_mm} mm", bottom - 10 - LETTER_PIXELS / 2, left + length / 2)


def paint_directions(picture: np.ndarray, top: str, bottom: str, left: str, right: str, colour=YELLOW) -> None:
    """Paint what lies in the four directions, a letter or two each, at the middle of the picture's sides."""
    height, width = picture.shape[:2]
    edge = 0.75 * LETTER_PIXELS
    for words, row, column in (
        (top, edge, width / 2), (bottom, height - edge, width / 2), (left, height / 2, edge * len(left)), (right, height / 2, width - edge * len(right)),
    ):  # fmt: skip
        paint_words(picture, words, row, column, LETTER_PIXELS, colour)


def _cover(words: str, size: int) -> np.ndarray:
    """(h, w) float 0..1: how much of each pixel the letters cover, with room for the rim."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    style = vtk.vtkTextProperty()
    style.SetFontSize(size)
    style.SetFontFamilyToArial()
    style.SetBold(True)
    style.SetColor(1, 1, 1)
    image, extent = vtk.vtkImageData(), [0, 0]
    vtk.vtkTextRenderer.GetInstance().RenderString(style, words, image, extent, _DPI)
    columns, rows, _ = image.GetDimensions()
    alpha = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, -1] / 255.0
    used = np.argwhere(alpha > 0)
    (top, left), (bottom, right) = used.min(axis=0), used.max(axis=0) + 1
    return np.pad(alpha[top:bottom, left:right], 2)


def _blend(picture, cover, top, left, colour) -> None:
    from scipy import ndimage

    rim = ndimage.maximum_filter(cover, 3) if sum(colour) > 384 else cover * 0
    rows, columns = (slice(max(first, 0), first + extent) for first, extent in zip((top, left), cover.shape))
    part = picture[rows, columns]
    inside = (slice(rows.start - top, rows.start - top + part.shape[0]), slice(columns.start - left, columns.start - left + part.shape[1]))
    rim, cover = rim[inside][..., None], cover[inside][..., None]
    part[:] = np.round(part * (1 - rim) * (1 - cover) + np.asarray(colour) * cover)
