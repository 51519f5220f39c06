"""From measurements to table nodes: one row a follicle, and a summary in words and numbers."""

import html
import json

import vtk

from crend.structures.measurements import Measurements

from .TableColumns import addColumn

#: Column of the follicle table: unit, what a header shows, what it means.
COLUMN_WORDS = {
    "id": ("", "No.", "Number of the follicle, 1 is the largest"),
    "segment": ("", "Segment", "Name of the segment"),
    "volume_ml": ("ml", "V", "Volume"),
    "dv_mm": ("mm", "dV", "Diameter of the sphere of equal volume"),
    "mean_diameter_mm": ("mm", "Mean", "Mean of d(x), d(y) and d(z)"),
    "dx_mm": ("mm", "d(x)", "Longest of the three orthogonal axes"),
    "dy_mm": ("mm", "d(y)", "Middle of the three orthogonal axes"),
    "dz_mm": ("mm", "d(z)", "Shortest of the three orthogonal axes"),
    "max_diameter_mm": ("mm", "Max", "Longest distance between two points of the boundary"),
    "sphericity": ("", "Sphericity", "1 for a sphere, less for anything else"),
    "centroid_r_mm": ("mm", "R", "Centre, to the right, in the volume's own coordinates"),
    "centroid_a_mm": ("mm", "A", "Centre, to anterior, in the volume's own coordinates"),
    "centroid_s_mm": ("mm", "S", "Centre, to superior, in the volume's own coordinates"),
    "touches_border": ("", "Cut", "1 when it touches the border of the volume and may be larger than measured"),
    "confidence": ("", "Conf.", "Chance that it is a follicle, as the model was calibrated; none when edited by hand"),
    "manual": ("", "Edited", "1 when the follicle was drawn or changed by hand"),
}
#: How the findings that count a size class begin.
SIZE_CLASS = "Follicles of "
WARNING_COLOUR = "#c62828"
_KINDS = {"id": vtk.vtkIntArray, "segment": vtk.vtkStringArray, "touches_border": vtk.vtkIntArray}


def fillFollicleTable(tableNode, measurements, manual=()):
    """Write one row a follicle with the columns of follicles.csv, typed, with units, and `manual`: 1 when edited by hand.

    manual: names of the segments that were edited.
    """
    rows = measurements.rows()
    table = vtk.vtkTable()
    for name in Measurements.COLUMNS:
        # A table of Slicer's has no empty cells: a missing number is not a number.
        values = [float("nan") if row[name] is None else row[name] for row in rows]
        addColumn(table, name, _KINDS.get(name, vtk.vtkDoubleArray), values)
    addColumn(table, "manual", vtk.vtkIntArray, [int(row["segment"] in manual) for row in rows])
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
    """[(finding, value, unit)] in the order of a report. Without an ovary its volume is 0; without a follicle none leads."""
    summary = measurements.summary()
    lines = [
        ("Ovary volume", summary["ovary_volume_ml"] or 0.0, "ml"),
        ("Follicle count", summary["follicle_count"], ""),
        ("Antral follicle count (2-10 mm)", summary["antral_count"], ""),
    ]
    lines += [(f"{SIZE_CLASS}{name} mm", count, "") for name, count in summary["counts"].items()]
    if summary["leading"]:
        lines.append(("Leading follicle, mean diameter", summary["leading"]["mean_diameter_mm"], "mm"))
    lines.append(("Total follicle volume", summary["total_follicle_volume_ml"], "ml"))
    return lines


def summaryText(tableNode, segmentationNode, heading=""):
    """The summary as rich text: a heading, warnings, findings in two columns, the counts by size class in one row, then the model that made them."""
    findings, classes = "", []
    for finding, value, unit in readSummary(tableNode):
        number = f"{value:.1f} {unit}" if unit else f"{value:.0f}"
        if finding.startswith(SIZE_CLASS):
            classes.append((finding[len(SIZE_CLASS) :].replace(" mm", ""), number))
        else:
            findings += f"<tr><td>{html.escape(finding)}&nbsp;&nbsp;</td><td align='right'><b>{number}</b></td></tr>"
    names = "".join(f"<td align='center'>&nbsp;{html.escape(name)}&nbsp;</td>" for name, _ in classes)
    counts = "".join(f"<td align='center'><b>{number}</b></td>" for _, number in classes)
    sizes = f"<table><tr><td>Size (mm)&nbsp;&nbsp;</td>{names}</tr><tr><td>Follicles&nbsp;&nbsp;</td>{counts}</tr></table>"
    heading = f"<b>{html.escape(heading)}</b>" if heading else ""
    heading += "".join(
        f"<p style='color: {WARNING_COLOUR}'><b>Warning:</b> {html.escape(words)}</p>" for words in warningsOf(segmentationNode)
    )
    return f"{heading}<table>{findings}</table>{sizes}<small>{html.escape(madeBy(segmentationNode))}</small>"


def warningsOf(segmentationNode):
    """What makes the result doubtful, in sentences."""
    return [flag["text"] for flag in flagsOf(segmentationNode)]


def flagsOf(segmentationNode):
    """What makes the result doubtful, as crend.confidence.plausibility has it: dicts of key and text."""
    try:
        return [{"key": flag["key"], "text": flag["text"]} for flag in json.loads(segmentationNode.GetAttribute("CRend.flags") or "[]")]
    except (ValueError, TypeError, KeyError):
        return []  # somebody wrote into the attribute


def madeBy(segmentationNode):
    """One line: which model made it, and what it may be used for."""
    words = [segmentationNode.GetAttribute(f"CRend.{key}") for key in ("bundle", "bundle_version")]
    return f"Model {' '.join(filter(None, words)) or 'unknown'}. {segmentationNode.GetAttribute('CRend.notice') or ''}".strip()


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
