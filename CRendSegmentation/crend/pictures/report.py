"""A report of one page: pictures of three planes and in 3D, summary, table, how it was made. HTML in one file, pictures inside."""

from __future__ import annotations

import base64
import html
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..structures import segments

PICTURE_PIXELS = 360
#: Columns of the report's table: key of Measurements.rows(), header, decimals.
COLUMNS = (
    ("id", "No.", 0),
    ("dx_mm", "d(x) mm", 1),
    ("dy_mm", "d(y) mm", 1),
    ("dz_mm", "d(z) mm", 1),
    ("mean_diameter_mm", "Mean mm", 1),
    ("dv_mm", "dV mm", 1),
    ("volume_ml", "V ml", 3),
    ("confidence", "Confidence", 2),
)


def plane_pictures(image: sitk.Image, ovary: sitk.Image, follicles: sitk.Image) -> list[np.ndarray]:
    """Three slices along the image's own axes through the ovary's centre: RGB (h, w, 3) uint8, square pixels, outlines in the segments' colours.

    All three images lie on one grid; follicles holds k for follicle k. Without an ovary the slices go through the image's middle.
    """
    from scipy import ndimage

    grey, organ, labels = (sitk.GetArrayViewFromImage(each) for each in (image, ovary, follicles))
    spacing = image.GetSpacing()[::-1]
    where = np.argwhere(organ)
    centre = where.mean(axis=0).round().astype(int) if len(where) else np.array(organ.shape) // 2
    low, high = (float(v) for v in np.percentile(grey[centre[0]], (1, 99.5)))
    pictures = []
    for axis in range(3):
        rows, columns = (spacing[a] for a in range(3) if a != axis)
        pixel = max(n * s for n, s in zip(np.delete(organ.shape, axis), (rows, columns))) / PICTURE_PIXELS
        cut = [np.take(each, centre[axis], axis=axis) for each in (grey, organ, labels)]
        zoom = (rows / pixel, columns / pixel)
        shade = ndimage.zoom(np.clip((cut[0].astype(np.float32) - low) / max(high - low, 1e-6), 0, 1), zoom, order=1)
        picture = np.repeat((np.clip(shade, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
        for number in (0, *np.unique(cut[2][cut[2] > 0])):
            mask = ndimage.zoom((cut[1] > 0 if number == 0 else cut[2] == number).astype(np.uint8), zoom, order=0) > 0
            outline = ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask)
            picture[outline] = np.round(np.multiply(segments.colour(int(number)), 255))
        pictures.append(picture)
    return pictures


def solid_picture(ovary: sitk.Image, follicles: sitk.Image):
    """The surfaces in 3D, the ovary translucent: RGB (h, w, 3) uint8, or None when there is nothing to show."""
    from ..comparison.surfaces import surface_of
    from .rendering import Studio, mesh, view_of

    whole = surface_of(ovary)
    if whole is None:
        return None
    props = [mesh(whole, segments.OVARY_COLOUR, segments.OVARY_OPACITY_3D)]
    for number in np.unique(sitk.GetArrayViewFromImage(follicles)):
        if number:
            props.append(mesh(surface_of(follicles == int(number)), segments.colour(int(number))))
    with Studio((PICTURE_PIXELS, PICTURE_PIXELS)) as studio:
        return studio.render(props, view_of(whole))


def report_html(title: str, findings, rows, pictures, made_by: str, *, marks=(), warnings=()) -> str:
    """The report as one HTML text.

    findings: [(words, text)]. rows: as Measurements.rows(). pictures: [(caption, RGB array)]. made_by: model, version, notice.
    marks: numbers of the follicles that were drawn or changed by hand. warnings: sentences on what makes the result doubtful.
    """
    shown = "".join(
        f"<td align='center'><img width='{160}' src='data:image/png;base64,{_png(picture)}'><br><small>{html.escape(caption)}</small></td>"
        for caption, picture in pictures
    )
    summary = "".join(
        f"<tr><td>{html.escape(words)}</td><td align='right'><b>{html.escape(text)}</b></td></tr>" for words, text in findings
    )
    doubts = "".join(f"<p><b>Warning:</b> {html.escape(words)}</p>" for words in warnings)
    header = "".join(f"<th align='right'>&nbsp;{name}&nbsp;</th>" for _, name, _ in COLUMNS)
    body = ""
    for row in rows:
        red, green, blue = (round(255 * part) for part in segments.colour(row["id"]))
        cells = "".join(f"<td align='right'>&nbsp;{_number(row[key], decimals)}&nbsp;</td>" for key, _, decimals in COLUMNS)
        note = ", ".join(words for words, there in (("edited", row["id"] in marks), ("cut off", row["touches_border"])) if there)
        body += f"<tr><td bgcolor='#{red:02x}{green:02x}{blue:02x}'>&nbsp;&nbsp;&nbsp;</td>{cells}<td>{note}</td></tr>"
    return (
        "<!DOCTYPE html><html><head><meta charset='utf-8'><title>" + html.escape(title) + "</title><style>"
        "body{font-family:sans-serif;font-size:9pt;color:#111;background:#fff;max-width:19cm;margin:1em auto}"
        "td,th{padding:1px 5px}h1{font-size:14pt}</style></head><body>"
        f"<h1>{html.escape(title)}</h1><table><tr>{shown}</tr></table>"
        f"{doubts}<h3>Summary</h3><table>{summary}</table>"
        f"<h3>Follicles</h3><table cellspacing='0'><tr><th></th>{header}<th>Note</th></tr>{body}</table>"
        f"<p>{html.escape(made_by).replace('Research use only', '<b>Research use only</b>')}</p>"
        "<p><small>d(x), d(y), d(z): the three orthogonal axes, longest first. Mean: of the three. dV: diameter of the sphere of equal "
        "volume. Confidence: chance that it is a follicle, as the model was calibrated; none for one drawn or changed by hand."
        "</small></p></body></html>"
    )


def _number(value, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _png(picture: np.ndarray) -> str:
    from .rendering import write_png

    with tempfile.TemporaryDirectory(prefix="crend-") as folder:
        path = Path(folder) / "picture.png"
        write_png(picture, path)
        return base64.b64encode(path.read_bytes()).decode("ascii")
