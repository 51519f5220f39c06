"""A report of one page: pictures of three planes and in 3D, summary, table, how it was made. HTML in one file, pictures inside."""

from __future__ import annotations

import base64
import html
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..structures import segments
from .planes import Plane

PICTURE_PIXELS = 360
PICTURE_WIDTH = 135  # on the page, four beside each other
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


def solid_picture(ovary: sitk.Image, follicles: sitk.Image):
    """The surfaces in 3D from anterior, the head up, the ovary translucent: RGB (h, w, 3) uint8, or None when there is nothing to show."""
    from ..comparison.surfaces import surface_of
    from .rendering import Studio, anterior_view, mesh

    whole = surface_of(ovary)
    if whole is None:
        return None
    props = [mesh(whole, segments.OVARY_COLOUR, segments.OVARY_OPACITY_3D)]
    for number in np.unique(sitk.GetArrayViewFromImage(follicles)):
        if number:
            props.append(mesh(surface_of(follicles == int(number)), segments.colour(int(number))))
    with Studio((PICTURE_PIXELS, PICTURE_PIXELS)) as studio:
        return studio.render(props, anterior_view(whole))


def report_html(title, findings, rows, pictures, made_by, *, made_on, marks=(), warnings=(), translate=str) -> str:
    """The report as one HTML text.

    findings: [(words, text)]. rows: as Measurements.rows(). pictures: planes.Plane, or (caption, RGB array). made_by: model, version,
    notice. made_on: the date of the report. marks: numbers of the follicles that were drawn or changed by hand. warnings: sentences on
    what makes the result doubtful. translate(text): the report's words in another language.
    """
    _ = translate
    shown = "".join(f"<td align='center' valign='bottom'>{_framed(picture, _)}</td>" for picture in pictures)
    summary = "".join(
        f"<tr><td>{html.escape(words)}</td><td align='right'><b>{html.escape(text)}</b></td></tr>" for words, text in findings
    )
    doubts = "".join(f"<p><b>{html.escape(_('Warning:'))}</b> {html.escape(words)}</p>" for words in warnings)
    header = "".join(f"<th align='right'>&nbsp;{html.escape(_(name))}&nbsp;</th>" for key, name, decimals in COLUMNS)
    body = ""
    for row in rows:
        red, green, blue = (round(255 * part) for part in segments.colour(row["id"]))
        cells = "".join(f"<td align='right'>&nbsp;{_number(row[key], decimals)}&nbsp;</td>" for key, name, decimals in COLUMNS)
        note = ", ".join(words for words, there in ((_("edited"), row["id"] in marks), (_("cut off"), row["touches_border"])) if there)
        body += f"<tr><td bgcolor='#{red:02x}{green:02x}{blue:02x}'>&nbsp;&nbsp;&nbsp;</td>{cells}<td>{html.escape(note)}</td></tr>"
    letters = _("R right, L left, A anterior, P posterior, S superior, I inferior, as the volume's file states them.")
    terms = _(
        "d(x), d(y), d(z): the three orthogonal axes, longest first. Mean: of the three. dV: diameter of the sphere of equal volume. "
        "Confidence: estimated probability that this is a follicle (calibrated on simulated volumes); empty for follicles drawn or edited "
        "by hand."
    )
    return (
        "<!DOCTYPE html><html><head><meta charset='utf-8'><title>" + html.escape(title) + "</title><style>"
        "body{font-family:sans-serif;font-size:9pt;color:#111;background:#fff;max-width:19cm;margin:1em auto}"
        "td,th{padding:1px 5px}h1{font-size:14pt}</style></head><body>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(_('Report of {date}').format(date=made_on))}</p><table><tr>{shown}</tr></table>"
        f"{doubts}<h3>{html.escape(_('Summary'))}</h3><table>{summary}</table>"
        f"<h3>{html.escape(_('Follicles'))}</h3>"
        f"<table cellspacing='0'><tr><th></th>{header}<th>{html.escape(_('Note'))}</th></tr>{body}</table>"
        f"<p>{html.escape(made_by).replace('Research use only', '<b>Research use only</b>')}</p>"
        f"<p><small>{html.escape(letters)} {html.escape(terms)}</small></p></body></html>"
    )


def _framed(picture, translate) -> str:
    """A picture with its caption, and of a plane the letters at its four sides."""
    if not isinstance(picture, Plane):
        caption, pixels = picture
        return f"{_image(pixels)}<br><small>{html.escape(translate(caption))}</small>"
    return (
        f"<table cellspacing='0' cellpadding='0'><tr><td></td><td align='center'><b>{picture.top}</b></td><td></td></tr>"
        f"<tr><td valign='middle'><b>{picture.left}</b></td><td>{_image(picture.picture)}</td>"
        f"<td valign='middle'><b>{picture.right}</b></td></tr>"
        f"<tr><td></td><td align='center'><b>{picture.bottom}</b></td><td></td></tr></table>"
        f"<small>{html.escape(translate(picture.name))}</small>"
    )


def _image(pixels) -> str:
    return f"<img width='{PICTURE_WIDTH}' src='data:image/png;base64,{_png(pixels)}'>"


def _number(value, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _png(picture: np.ndarray) -> str:
    from .rendering import write_png

    with tempfile.TemporaryDirectory(prefix="crend-") as folder:
        path = Path(folder) / "picture.png"
        write_png(picture, path)
        return base64.b64encode(path.read_bytes()).decode("ascii")
