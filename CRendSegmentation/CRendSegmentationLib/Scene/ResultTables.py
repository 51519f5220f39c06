"""From measurements to table nodes: one row a follicle, and a summary in words and numbers."""

import html
import json
import re

import vtk
from slicer.i18n import tr as _

from crend.confidence.plausibility import flag as flagOfKey
from crend.structures.measurements import Measurements

from .FollicleMarks import leastConfidence
from .SegmentMeasurements import follicleIDs, isFromBox, isGuide, otherNames
from .SegmentTags import hiddenIDs
from .Stretch import LEAST, stretchOf
from .TableColumns import addColumn

#: Column of the follicle table: unit, what a header shows, what it means.
COLUMN_WORDS = {
    "id": ("", _("No."), _("Number of the follicle, 1 is the largest")),
    "segment": ("", _("Segment"), _("Name of the segment")),
    "volume_ml": ("ml", _("V"), _("Volume")),
    "dv_mm": ("mm", _("dV"), _("Diameter of the sphere of equal volume")),
    "mean_diameter_mm": ("mm", _("Mean"), _("Mean of d(x), d(y) and d(z)")),
    "dx_mm": ("mm", _("d(x)"), _("Longest of the three orthogonal axes")),
    "dy_mm": ("mm", _("d(y)"), _("Middle of the three orthogonal axes")),
    "dz_mm": ("mm", _("d(z)"), _("Shortest of the three orthogonal axes")),
    "max_diameter_mm": ("mm", _("Max"), _("Longest distance between two points of the boundary")),
    "sphericity": ("", _("Sphericity"), _("1 for a sphere, less for anything else")),
    "centroid_r_mm": ("mm", _("R"), _("Centre, to the right, in the volume's own coordinates")),
    "centroid_a_mm": ("mm", _("A"), _("Centre, to anterior, in the volume's own coordinates")),
    "centroid_s_mm": ("mm", _("S"), _("Centre, to superior, in the volume's own coordinates")),
    "touches_border": ("", _("Cut"), _("1 when it touches the border of the volume and may be larger than measured")),
    "confidence": (
        "",
        _("Conf."),
        _(
            "Estimated probability that this is a follicle (the bundled model's is calibrated on simulated volumes); empty when drawn or edited by hand"
        ),
    ),
    "ovary": ("", _("Ov."), _("Number of the ovary that most of the follicle lies in; 1 where there is only one")),
    "manual": ("", _("Edited"), _("1 when the follicle was drawn or changed by hand")),
    "confirmed": ("", "\N{CHECK MARK}", _("1 when somebody looked at the follicle and confirmed it as it is")),
}
#: How the findings that count a size class begin.
SIZE_CLASS = "Follicles of "
#: What is counted of one ovary of several, after its name: "Ovary 1: follicle count".
COUNTS_OF_OVARY = ("follicle count", "antral follicle count")
#: How the findings of one ovary of several begin: "Ovary 1: volume".
_OF_OVARY = re.compile(r"(.+): (volume|follicle count|antral follicle count)$")
#: What the panel and the report call the findings; the tables keep the English words, by which they are found again.
_FINDING_WORDS = {
    "Ovary volume": _("Ovary volume"),
    "Follicle count": _("Follicle count"),
    "Antral follicle count (2-10 mm)": _("Antral follicle count (2-10 mm)"),
    "Leading follicle, mean diameter": _("Leading follicle, mean diameter"),
    "Total follicle volume": _("Total follicle volume"),
}
_FROM_BOX = "ovary_from_box"
_KINDS = {"id": vtk.vtkIntArray, "segment": vtk.vtkStringArray, "touches_border": vtk.vtkIntArray}


def fillFollicleTable(tableNode, measurements, manual=(), confirmed=()):
    """Write one row a follicle with the columns of follicles.csv, typed, with units, and `manual` and `confirmed`: 1 when it is.

    manual, confirmed: names of the segments that were edited by hand, or confirmed.
    """
    rows = measurements.rows()
    table = vtk.vtkTable()
    for name in Measurements.COLUMNS:
        # A table of Slicer's has no empty cells: a missing number is not a number.
        values = [float("nan") if row[name] is None else row[name] for row in rows]
        addColumn(table, name, _KINDS.get(name, vtk.vtkDoubleArray), values)
    for name, marked in (("manual", manual), ("confirmed", confirmed)):
        addColumn(table, name, vtk.vtkIntArray, [int(row["segment"] in marked) for row in rows])
    tableNode.SetAndObserveTable(table)
    for name in COLUMN_WORDS:
        unit, short, meaning = COLUMN_WORDS[name]
        tableNode.SetColumnUnitLabel(name, unit)
        tableNode.SetColumnTitle(name, short)
        tableNode.SetColumnDescription(name, meaning)


def readFollicleTable(tableNode):
    """The rows of a follicle table as dicts; every column but the segment's name as a number."""
    table = tableNode.GetTable()
    names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    return [
        {
            name: table.GetValueByName(row, name).ToString() if name == "segment" else table.GetValueByName(row, name).ToDouble()
            for name in names
        }
        for row in range(table.GetNumberOfRows())
    ]


def fillSummaryTable(tableNode, measurements):
    """Write one row a finding: columns finding (text), value (number) and unit (text)."""
    lines = summaryLines(measurements)
    table = vtk.vtkTable()
    addColumn(table, "finding", vtk.vtkStringArray, [line[0] for line in lines])
    addColumn(table, "value", vtk.vtkDoubleArray, [line[1] for line in lines])
    addColumn(table, "unit", vtk.vtkStringArray, [line[2] for line in lines])
    tableNode.SetAndObserveTable(table)


def summaryLines(measurements):
    """[(finding, value, unit)] in the order of a report. Without an ovary that was measured its volume is NaN; without a follicle none leads.
    Of several ovaries that is all together, and volume and counts of each follow, under its segment's name."""
    summary = measurements.summary()
    lines = [
        ("Ovary volume", float("nan") if summary["ovary_volume_ml"] is None else summary["ovary_volume_ml"], "ml"),
        ("Follicle count", summary["follicle_count"], ""),
        ("Antral follicle count (2-10 mm)", summary["antral_count"], ""),
    ]
    lines += [(f"{SIZE_CLASS}{name} mm", count, "") for name, count in summary["counts"].items()]
    if summary["leading"]:
        lines.append(("Leading follicle, mean diameter", summary["leading"]["mean_diameter_mm"], "mm"))
    lines.append(("Total follicle volume", summary["total_follicle_volume_ml"], "ml"))
    for _number, part in measurements.by_ovary() if measurements.ovaries else ():
        name, own = part.ovary.segment, part.summary()
        lines.append((f"{name}: volume", own["ovary_volume_ml"], "ml"))
        lines += [(f"{name}: follicle count", own["follicle_count"], ""), (f"{name}: antral follicle count", own["antral_count"], "")]
    return lines


def findingWords(finding):
    """What a finding of a summary table is called in the user's language."""
    if finding.startswith(SIZE_CLASS):
        return _("Follicles of {size}").format(size=finding[len(SIZE_CLASS) :])
    if _OF_OVARY.match(finding):
        name, what = _OF_OVARY.match(finding).groups()
        words = {"volume": _("{ovary}: volume"), "follicle count": _("{ovary}: follicle count")}
        return words.get(what, _("{ovary}: antral follicle count")).format(ovary=name)
    return _FINDING_WORDS.get(finding, finding)


def summaryText(tableNode, segmentationNode, heading="", warningColour="#b71c1c"):
    """The summary as rich text: a heading, warnings, findings in two columns, the counts by size class in one row, then the model that made them."""
    findings, classes, ovaries = "", [], {}
    for finding, value, unit in readSummary(tableNode):
        number = numberWords(value, unit)
        if finding.startswith(SIZE_CLASS):
            classes.append((finding[len(SIZE_CLASS) :].replace(" mm", ""), number))
        elif _OF_OVARY.match(finding):
            ovaries.setdefault(_OF_OVARY.match(finding).group(1), []).append(number)
        else:
            findings += f"<tr><td>{html.escape(findingWords(finding))}&nbsp;&nbsp;</td><td align='right'><b>{number}</b></td></tr>"
    names = "".join(f"<td align='center'>&nbsp;{html.escape(name)}&nbsp;</td>" for name, _ in classes)
    counts = "".join(f"<td align='center'><b>{number}</b></td>" for _, number in classes)
    words = [html.escape(word) for word in (_("Size (mm)"), _("Follicles"))]
    sizes = f"<table><tr><td>{words[0]}&nbsp;&nbsp;</td>{names}</tr><tr><td>{words[1]}&nbsp;&nbsp;</td>{counts}</tr></table>"
    if ovaries:
        heads = "".join(f"<td align='right'>&nbsp;&nbsp;{html.escape(words)}</td>" for words in (_("Volume"), _("Follicles"), _("Antral")))
        sizes += f"<table><tr><td></td>{heads}</tr>"
        for name, numbers in ovaries.items():
            cells = "".join(f"<td align='right'>&nbsp;&nbsp;<b>{number}</b></td>" for number in numbers)
            sizes += f"<tr><td>{html.escape(name)}</td>{cells}</tr>"
        sizes += "</table>"
    others = notCounted(segmentationNode)
    sizes += f"<p>{html.escape(others)}</p>" if others else ""
    heading = f"<b>{html.escape(heading)}</b>" if heading else ""
    heading += "".join(
        f"<p style='color: {warningColour}'><b>{_('Warning:')}</b> {html.escape(words)}</p>" for words in warningsOf(segmentationNode)
    )
    return f"{heading}<table>{findings}</table>{sizes}<small>{html.escape(madeBy(segmentationNode))}</small>"


def numberWords(value, unit=""):
    """ "8.2 ml", or a dash for what was not measured."""
    if value != value:
        return "\N{EN DASH}"
    return f"{value:.1f} {unit}" if unit else f"{value:.0f}"


def notCounted(segmentationNode):
    """Which follicles are hidden, which segments nobody counts or measures, and what to call those if they shall be; "" when there are none."""
    segmentation, said = segmentationNode.GetSegmentation(), []
    hidden = [segmentation.GetSegment(segmentID).GetName() for segmentID in hiddenIDs(segmentation)]
    if hidden:
        words = _("Hidden and not counted, of a confidence below {least}: {names}.")
        said.append(words.format(least=f"{leastConfidence(segmentationNode):.2f}", names=", ".join(hidden)))
    names = otherNames(segmentation)
    if names:
        words = _("Not counted: {names}. Only segments called 'Ovary' or, for example, 'Follicle {number}' are.")
        said.append(words.format(names=", ".join(names), number=len(follicleIDs(segmentation)) + 1))
    return " ".join(said)


def warningsOf(segmentationNode):
    """What makes the result doubtful, in sentences."""
    return [flag["text"] for flag in flagsOf(segmentationNode)]


def flagsOf(segmentationNode):
    """What makes the result doubtful, as crend.confidence.plausibility has it: dicts of key and text."""
    try:
        flags = [{"key": flag["key"], "text": flag["text"]} for flag in json.loads(segmentationNode.GetAttribute("CRend.flags") or "[]")]
    except (ValueError, TypeError, KeyError):
        return []  # somebody wrote into the attribute
    fromBox = isFromBox(segmentationNode)
    if fromBox and not any(flag["key"] == _FROM_BOX for flag in flags):
        flags.insert(0, flagOfKey(_FROM_BOX))  # a .seg.nrrd has the segment's tag alone
    stretch = max(abs(factor - 1) for factor in stretchOf(segmentationNode))
    if stretch >= LEAST:
        flags.insert(0, flagOfKey("stretched", percent=100 * stretch))
    return [_asItIsNow(flag, segmentationNode) for flag in flags if flag["key"] != _FROM_BOX or fromBox]


def _asItIsNow(flag, segmentationNode):
    """A flag of an outline from a box says another thing once somebody has painted on it; drawn anew it is an ovary like any other."""
    if flag["key"] != _FROM_BOX or isGuide(segmentationNode):
        return flag
    words = _("The ovary's outline was the ellipsoid of a box and was changed by hand: its size is right only if all of it was drawn.")
    return {**flag, "text": words}


def madeBy(segmentationNode):
    """One line: which model made it, and what it may be used for."""
    words = [segmentationNode.GetAttribute(f"CRend.{key}") for key in ("bundle", "bundle_version")]
    model = _("Model {name}.").format(name=" ".join(filter(None, words)) or _("unknown"))
    return f"{model} {segmentationNode.GetAttribute('CRend.notice') or ''}".strip()


def readSummary(tableNode):
    """[(finding, value, unit)] of a summary table."""
    table = tableNode.GetTable()
    return [
        (
            table.GetValueByName(row, "finding").ToString(),
            table.GetValueByName(row, "value").ToDouble(),
            table.GetValueByName(row, "unit").ToString(),
        )
        for row in range(table.GetNumberOfRows())
    ]
