"""The report of both ovaries, one or two pages of A4: HTML in one file, pictures inside. Only what Qt's rich text knows, which prints it, too."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

from .chart import histogram
from .criterion import MET, NOT_MET, UNKNOWN, reason_words
from .follicle_list import side_html
from .lines import Line, lines_of
from .study import ASSESSED, BOX, NOT_STATED, SIDES
from .words import heading_html, side_words

#: What a cell says of what cannot be said.
DASH = "–"
_STYLE = (
    "@page{size:A4;margin:12mm} body{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:8pt;color:#111111;background:#ffffff;"
    "max-width:186mm} table{border-collapse:collapse} td,th{padding:1px 4px;font-size:8pt} p{margin-top:2px;margin-bottom:2px}"
    "p.title{font-size:16pt;font-weight:bold} p.heading{font-size:10pt;font-weight:bold;color:#1a365d;margin-top:9px}"
    "small{font-size:6.5pt;color:#444444} td.r{border-bottom:1px solid #d5dbe3}"
)
#: Of the columns of both tables: words, threshold, one side.
_WIDTHS = (40, 12, 24)
_VERDICT_COLOURS = {MET: "#9b2c2c", NOT_MET: "#22543d", UNKNOWN: "#555555"}


def page_html(findings: Mapping, pictures: Mapping[str, Sequence] | None = None, translate: Callable[[str], str] = str) -> str:
    """The report as one HTML text.

    findings: of `findings.findings_of`. pictures: by side planes.Plane, or (caption, RGB array). translate(text): the report's words in
    another language.
    """
    _ = translate
    sides = findings["sides"]
    shown = {side: list((pictures or {}).get(side, ())) for side in sides}
    assessed = [side for side, found in sides.items() if found["state"] == ASSESSED]
    return (
        f"<!DOCTYPE html><html><head><meta charset='utf-8'><title>{_e(_('Ovaries and follicles'))}</title><style>{_STYLE}</style></head><body>"
        + _header(findings, _)
        + _study(findings["study"], findings["report_date"], _)
        + _counts(findings, _)
        + heading_html(_("Findings"))
        + _table(findings, _)
        + _criterion(findings, _)
        + histogram(sides, _)
        + _edits(findings, _)
        + _made_by(findings, _)
        + (_second_page(findings, _) if assessed else "")
        + "".join(side_html(side, sides[side], shown[side], _) for side in assessed)
        + "</body></html>"
    )


def _header(findings, _) -> str:
    return (
        f"<table width='100%' cellspacing='0'><tr><td><p class='title'>{_e(_('Ovaries and follicles'))}</p>"
        f"<small>{_e(_('Report of 3D ultrasound'))}</small></td>"
        f"<td align='right' valign='middle'><b style='color:#9b2c2c'>{_e(_(findings['notice']))}</b></td></tr></table>"
    )


def _study(study, report_date, _) -> str:
    patient = study["patient"] or {}
    unknown = _(NOT_STATED)
    day = {"cycle": _("Day of cycle"), "stimulation": _("Day of stimulation")}[study["day_of"] or "cycle"]
    rows = (
        ((_("Patient"), patient.get("name")), (_("Patient ID"), patient.get("id")), (_("Scan of"), study["date"]), (day, study["day"])),
        ((_("Route"), _(study["route"])), (_("Image quality"), _(study["quality"])), (_("Read by"), study["read_by"]), (_("Report of"), report_date)),
    )  # fmt: skip
    cells = "".join(
        "<tr bgcolor='#eef2f7'>"
        + "".join(f"<td width='25%'><small>{_e(name)}</small><br><b>{_e(str(value or unknown))}</b></td>" for name, value in row)
        + "</tr>"
        for row in rows
    )
    return f"<table width='100%' cellspacing='0' style='margin-top:4px'>{cells}</table>"


def _second_page(findings, _) -> str:
    """Its first line: of whom and when, since pages part."""
    study = findings["study"]
    patient = study["patient"] or {}
    scan = _("scan of {date}").format(date=study["date"]) if study["date"] else ""
    words = [_("Ovaries and follicles"), patient.get("name"), patient.get("id"), scan, _(findings["notice"])]
    return f"<p style='page-break-before:always'><small>{_e(' · '.join(filter(None, words)))}</small></p>"


def _counts(findings, _) -> str:
    """The antral counts in large figures, each with its mark."""
    sides = findings["sides"]
    cells = [
        (
            _("Antral follicles, {side}").format(side=side_words(side, _).lower()),
            found["antral_count"],
            found["confirmed"],
            _why_open(found, _),
        )
        for side, found in sides.items()
    ]
    if len(sides) > 1:
        total = findings["total_antral_count"]
        missing = [side_words(side, _).lower() for side, found in sides.items() if found["antral_count"] is None]
        other = _("see each side") if set(sides) == set(SIDES) else _("left and right are not stated")
        why = _("not counted: {sides}").format(sides=", ".join(missing)) if missing else other
        cells.append((_("Total antral follicle count"), total, findings["total_antral_count_confirmed"], why))
    shown = "".join(
        f"<td width='{100 // len(cells)}%' align='center' style='border:1px solid #b8c4d4'><small>{_e(words)}</small><br>"
        f"<b style='font-size:17pt'>{DASH if value is None else value}</b><br><small>{_mark(value, confirmed, why, _)}</small></td>"
        for words, value, confirmed, why in cells
    )
    return f"<table width='100%' cellspacing='0' style='margin-top:6px'><tr>{shown}</tr></table>"


def _mark(value, confirmed, why, _) -> str:
    if value is None:
        return _e(f"{_(UNKNOWN)}: {why}")
    return f"<b>{_e(_('confirmed'))}</b>" if confirmed else _e(f"{_('not confirmed')}: {why}")


def _why_open(found, _) -> str:
    """Why a side's count does not count as confirmed."""
    if found["state"] != ASSESSED:
        return _(found["state"])
    if found["confirmed_count"] < found["follicle_count"]:
        return _("{number} of {count} follicles ticked").format(number=found["confirmed_count"], count=found["follicle_count"])
    if found["ovaries"] > 1:
        return _("two ovaries are counted as one")
    if found["follicles_in_no_ovary"]:
        return _("{number} follicles of the volume lie in no ovary").format(number=found["follicles_in_no_ovary"])
    return _("a warning stands") if found["flags"] else _("no follicle")


def _table(findings, _) -> str:
    words, threshold, width = _WIDTHS
    heads = "".join(
        f"<th align='right' width='{width}%' style='color:#ffffff'>{_e(side_words(side, _))}</th>" for side in findings["sides"]
    )
    left_out = {"confirmed", "polycystic_criterion", "ovary_source"}
    if not any(found["ovary_segment"] for found in findings["sides"].values()):
        left_out.add("ovary_segment")
    body = "".join(_row(line, findings, _) for line in lines_of(findings, _) if line.key not in left_out)
    return (
        f"<table width='100%' cellspacing='0'><tr bgcolor='#1a365d'><th width='{words + threshold}%' align='left' style='color:#ffffff'>"
        f"{_e(_('Finding'))}</th>{heads}</tr>{body}</table>"
    )


def _row(line: Line, findings, _) -> str:
    cells = ""
    for side, value in line.values.items():
        found = findings["sides"][side]
        if line.key == "leading_mean_diameter_mm" and found["leading"]:
            text = f"{value:.1f} ({_('No.')} {found['leading']['id']})"
        elif line.key == "follicles_above_10_mm" and value:
            large = [row for row in found["follicles"] if row["id"] in found["follicles_above_10_mm"]]
            listed = "; ".join(
                f"{_('No.')} {row['id']}: {row['mean_diameter_mm']:.1f} mm".replace(" ", "\N{NO-BREAK SPACE}") for row in large
            )
            text = f"{value} ({listed})"
        elif line.key == "confirmed_count" and value is not None:
            text = _("{number} of {count}").format(number=value, count=found["follicle_count"])
        elif line.key == "state":
            text = _(value)
        elif line.key == "ovary_segment":
            text = value or DASH
        else:
            text = _value(value, line.decimals, found, line.key, _)
        strong = line.key in ("antral_count", "follicles_2_9_mm", "volume_ml")
        cells += f"<td class='r' align='right'>{'<b>' if strong else ''}{_e(text)}{'</b>' if strong else ''}</td>"
    unit = f" ({line.unit})" if line.unit else ""
    return f"<tr><td class='r'>{_e(line.words + unit)}</td>{cells}</tr>"


def _value(value, decimals, found, key, _) -> str:
    if isinstance(value, str):
        return value
    if value is not None:
        return f"{value:.{decimals}f}"
    sized = key in ("d1_mm", "d2_mm", "d3_mm", "volume_ml", "volume_0523_ml")
    if sized and found["ovary_source"] == BOX:
        return _("cannot be said (outlined by a box)")
    return _(UNKNOWN) if found["state"] == ASSESSED and sized else DASH


def _criterion(findings, _) -> str:
    judged, sides = findings["polycystic_criterion"], findings["sides"]
    words_width, threshold_width, width = _WIDTHS
    head = "".join(f"<th align='right' width='{width}%'>{_e(side_words(side, _))}</th>" for side in sides)
    volumes = {side: [found["volume_ml"], found["volume_0523_ml"]] for side, found in sides.items()}
    rows = (
        (
            _("Follicles of 2 to 9 mm"),
            f"≥ {judged['least_follicles_2_9_mm']}",
            [_value(found["follicles_2_9_mm"], 0, found, "", _) for found in sides.values()],
        ),
        (
            _("Volume (ml): by voxels / 0.523 d1 d2 d3"),
            f"≥ {judged['least_volume_ml']:.0f} ml",
            [" / ".join(DASH if each is None else f"{each:.1f}" for each in volumes[side]) for side in sides],
        ),
        (_("Follicles above 10 mm"), _("none"), [_value(_above(found), 0, found, "", _) for found in sides.values()]),
        (_("Corpus luteum or cyst"), _("none"), [_(found["corpus_luteum"]) for found in sides.values()]),
    )
    body = "".join(
        f"<tr><td class='r'>{_e(words)}</td><td class='r'>{_e(limit)}</td>"
        + "".join(f"<td class='r' align='right'>{_e(text)}</td>" for text in texts)
        + "</tr>"
        for words, limit, texts in rows
    )
    verdicts = "".join(
        f"<td align='right' valign='top'><b style='color:{_VERDICT_COLOURS[each['verdict']]}'>{_e(_(each['verdict']))}</b>"
        + (
            f"<br><small>{_e('; '.join(reason_words(r['key'], sides[side], _) for r in each['reasons']))}</small>"
            if each["reasons"]
            else ""
        )
        + "</td>"
        for side, each in judged["sides"].items()
    )
    whole = f"<b style='color:{_VERDICT_COLOURS[judged['verdict']]}'>{_e(_(judged['verdict']))}</b>"
    conditions = _(
        "At least one of the two thresholds in at least one ovary, through the vagina with a probe of 8 MHz or more, not within eight years of "
        "menarche; one sign among others, no diagnosis. A verdict is given only where a reader has confirmed every counted follicle and no "
        "warning stands."
    )
    return (
        f"<p class='heading'>{_e(_('Polycystic ovarian morphology, criterion of 2023'))}: {whole}</p>"
        f"<table width='100%' cellspacing='0'><tr bgcolor='#e2e8f0'><th width='{words_width}%'></th>"
        f"<th width='{threshold_width}%' align='left'>{_e(_('Threshold'))}</th>{head}</tr>{body}"
        f"<tr><td valign='top'><b>{_e(_('Criterion'))}</b></td><td></td>{verdicts}</tr></table><small>{_e(conditions)}</small>"
    )


def _above(found) -> int | None:
    return None if found["follicle_count"] is None else len(found["follicles_above_10_mm"])


def _edits(findings, _) -> str:
    """What must be known of the whole, and who drew what."""
    texts = [f"<p><b>{_e(_(note))}</b></p>" for note in findings["notes"]]
    for side, found in findings["sides"].items():
        if found["state"] != ASSESSED:
            continue
        ovary = (
            _("ovary outlined by a box") if found["ovary_source"] == BOX else _("ovary changed by hand") if found["ovary_edited"] else ""
        )
        edited = (
            _("follicles drawn or changed by hand: {numbers}").format(numbers=", ".join(map(str, found["edited"])))
            if found["edited"]
            else ""
        )
        done = "; ".join(filter(None, (ovary, edited))) or _("nothing was changed by hand")
        warnings = "".join(f" <b>{_e(_('Warning:'))}</b> {_e(_(flag['text']))}" for flag in found["flags"])
        remarks = "".join(f" {_e(_(remark))}" for remark in found["remarks"])
        texts.append(f"<p><b>{_e(side_words(side, _))}:</b> {_e(done)}.{warnings}{remarks}</p>")
    return heading_html(_("Editing and warnings")) + "".join(texts) if texts else ""


def _made_by(findings, _) -> str:
    models = {(found["model"], found["model_version"], found["model_notice"]) for found in findings["sides"].values() if found["model"]}
    made = [
        _("Model {name} {version}. {notice}").format(name=n, version=v or "", notice=notice or "").strip()
        for n, v, notice in sorted(models, key=str)
    ]
    terms = _(
        "Sizes are mean diameters of three orthogonal axes, rounded to whole millimetres, halves up. d1: the longest line within the ovary; d2: the "
        "longest extent at right angles to it; d3: the extent at right angles to both."
    )
    version = _("CRend {version}.").format(version=findings["crend"])
    return f"<p><small>{_e(' '.join([*made, version, terms]))}</small></p>"


def _e(text: str) -> str:
    return html.escape(text)
