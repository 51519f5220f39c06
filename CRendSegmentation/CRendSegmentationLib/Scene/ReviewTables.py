"""What a review found as table nodes: figures a structure, and one row a follicle, with units and definitions in the headers."""

import html
import math

import vtk

from crend.comparison.metrics import DEFINITIONS

from .TableColumns import addColumn

OVARY_ROW, FOLLICLES_ROW = "Ovary", "All follicles"
MATCHED, MISSED, FALSE = "matched", "missed", "false"
_WAYS = (("", ""), ("_forward", " to compared"), ("_backward", " to reference"))
_FROM = {
    "_forward": "from the reference's surface to the compared one's",
    "_backward": "from the compared one's surface to the reference's",
}
_COUNTS = (
    ("fd_percent", "fd", "FD", "%", DEFINITIONS["fd"]),
    ("md_percent", "md", "MD", "%", DEFINITIONS["md"]),
    ("fd_small_percent", "fd_small", "FD below 5 mm", "%", "As FD, " + DEFINITIONS["fd_small, md_small"]),
    ("md_small_percent", "md_small", "MD below 5 mm", "%", "As MD, " + DEFINITIONS["fd_small, md_small"]),
    ("count_reference", "count_reference", "Count, reference", "", "Number of follicles in the reference"),
    ("count_compared", "count_prediction", "Count, compared", "", "Number of follicles in the compared one"),
    ("count_error", "count_error", "Count error", "", DEFINITIONS["count_error"]),
    ("matched", "matched_one_to_one", "Matched", "", DEFINITIONS["matches"]),
    ("missed", "missed_one_to_one", "Missed", "", "Follicles of the reference without a match, one-to-one"),
    ("false", "false_one_to_one", "False", "", "Follicles of the compared one without a match, one-to-one"),
)
#: Columns of the match table: name, key of a matched pair, what a header shows, unit, meaning.
MATCH_COLUMNS = (
    ("kind", None, "Kind", "", "matched, missed (in the reference only) or false (in the compared one only); " + DEFINITIONS["matches"]),
    ("reference", None, "Reference", "", "Segment of the reference"),
    ("compared", None, "Compared", "", "Segment of the compared one"),
    ("dsc", "dsc", "Dice", "", DEFINITIONS["dsc"]),
    ("iou", "iou", "IoU", "", DEFINITIONS["jc"]),
    ("dv_reference_mm", "dv_reference_mm", "dV reference", "mm", "Diameter of the sphere of equal volume"),
    ("dv_compared_mm", "dv_prediction_mm", "dV compared", "mm", "Diameter of the sphere of equal volume"),
    ("diameter_difference_mm", "diameter_difference_mm", "dV difference", "mm", "Compared minus reference"),
    ("hd_mm", "hd_mm", "HD", "mm", DEFINITIONS["hd"] + "; " + DEFINITIONS["surface"]),
    ("asd_mm", "asd_mm", "ASD", "mm", DEFINITIONS["asd"] + "; " + DEFINITIONS["surface"]),
    ("centre_distance_mm", "centre_distance_mm", "Centres", "mm", "Distance between the two centres"),
    ("r_mm", None, "R", "mm", "Centre, to the right, in the reference's own coordinates"),
    ("a_mm", None, "A", "mm", "Centre, to anterior, in the reference's own coordinates"),
    ("s_mm", None, "S", "mm", "Centre, to superior, in the reference's own coordinates"),
)
_WORDS = ("kind", "reference", "compared")


def fillMetricsTable(tableNode, figures, percentile):
    """One row a structure, one column a figure; what cannot be said, or is not said of the ovary, is not a number (nan)."""
    columns = [("dsc", "dsc", "Dice", "", DEFINITIONS["dsc"]), ("jc", "jc", "Jaccard", "", DEFINITIONS["jc"])]
    for key, title, definition, directed in _distances(percentile):
        columns += [
            (f"{key}{way}_mm", (key, way), title + words, "mm", f"{directed} {_FROM[way]}" if way else definition) for way, words in _WAYS
        ]
    columns += [
        (f"volume_{name}_ml", f"volume_{key}_ml", f"Volume, {name}", "ml", meaning)
        for name, key, meaning in (
            ("reference", "reference", "Volume in the reference"),
            ("compared", "prediction", "Volume in the compared one"),
            ("difference", "difference", "Compared minus reference"),
        )
    ]
    parts = [figures["ovary"], figures["follicles"]]
    table = vtk.vtkTable()
    addColumn(table, "structure", vtk.vtkStringArray, [OVARY_ROW, FOLLICLES_ROW])
    for name, key, *_ in columns:
        addColumn(table, name, vtk.vtkDoubleArray, [_number(_figure(part, key)) for part in parts])
    for name, key, *_ in _COUNTS:
        addColumn(table, name, vtk.vtkDoubleArray, [math.nan, _number(figures["detection"][key])])
    structure = ("structure", "", "Structure", "", f"Ovary: the whole organ; follicles: {DEFINITIONS['follicles']}")
    _describe(tableNode, table, [structure, *columns, *_COUNTS])


def fillMatchTable(tableNode, figures, names, centres):
    """One row a follicle: the missed, then the false ones, then the matched pairs.

    names: for reference and compared {number: segment name}; centres: for each {number: (r, a, s) in mm}.
    """
    rows = []
    for kind, side, key in ((MISSED, 0, "reference"), (FALSE, 1, "prediction")):
        for found in figures[kind]:
            whose = ("reference", "compared")[side]
            said = {whose: names[side][found[key]], f"dv_{whose}_mm": found[f"dv_{key}_mm"]}
            rows.append({"kind": kind, **said, **_centre(centres[side][found[key]])})
    for match in figures["matches"]:
        rows.append(
            {
                "kind": MATCHED,
                "reference": names[0][match["reference"]],
                "compared": names[1][match["prediction"]],
                **_centre(centres[0][match["reference"]]),
                **{name: match[key] for name, key, *_ in MATCH_COLUMNS if key},
            }
        )
    table = vtk.vtkTable()
    for name, *_ in MATCH_COLUMNS:
        if name in _WORDS:
            addColumn(table, name, vtk.vtkStringArray, [row.get(name, "") for row in rows])
        else:
            addColumn(table, name, vtk.vtkDoubleArray, [_number(row.get(name)) for row in rows])
    _describe(tableNode, table, MATCH_COLUMNS)


def readRows(tableNode):
    """The rows of either table as dicts; what is no number is None, texts are texts."""
    table = tableNode.GetTable()
    rows = []
    for number in range(table.GetNumberOfRows()):
        row = {}
        for column in range(table.GetNumberOfColumns()):
            array = table.GetColumn(column)
            value = array.GetValue(number)
            row[array.GetName()] = value if isinstance(value, str) else None if math.isnan(value) else value
        rows.append(row)
    return rows


def metricsText(tableNode, sides, percentile):
    """The figures that matter as rich text: one column a structure. sides: distances of which direction, one or both."""
    rows = {row["structure"]: row for row in readRows(tableNode)}
    way = "" if len(sides) == 2 else "_forward" if sides[0] == "reference" else "_backward"
    words = {"": "in both directions", "_forward": "from reference to compared", "_backward": "from compared to reference"}[way]
    lines = [("Dice", "dsc", 3), ("Jaccard", "jc", 3)]
    lines += [(f"{title} (mm)", f"{key}{way}_mm", 2) for key, title, *_ in _distances(percentile)]
    lines += [("Volume, reference (ml)", "volume_reference_ml", 2), ("Volume, compared (ml)", "volume_compared_ml", 2)]
    lines += [("Falsely detected, FD (%)", "fd_percent", 1), ("Missed, MD (%)", "md_percent", 1)]
    text = "".join(f"<th align='right'>&nbsp;&nbsp;{html.escape(name)}</th>" for name in (OVARY_ROW, FOLLICLES_ROW))
    text = f"<tr><th></th>{text}</tr>"
    for title, name, decimals in lines:
        cells = "".join(
            f"<td align='right'>&nbsp;&nbsp;<b>{_shown(rows[structure].get(name), decimals)}</b></td>"
            for structure in (OVARY_ROW, FOLLICLES_ROW)
        )
        text += f"<tr><td>{html.escape(title)}</td>{cells}</tr>"
    said = f"Distances {words}, between voxel centres; definitions: see the headers of the figures' table."
    return f"<table>{text}</table><small>{said}</small>"


def _distances(percentile):
    """(key of crend.comparison.metrics, title, definition, that of one direction) of the distances, that of a percentile of its own included."""
    found = [("hd", "HD", DEFINITIONS["hd"], "The largest distance")]
    for p in (95.0, percentile)[: 2 - (percentile in (95, 100))]:
        found.append((f"hd{p:g}", f"HD{p:g}", DEFINITIONS["hd95"].replace("95th", f"{p:g}th"), f"The {p:g}th percentile of the distances"))
    return [*found, ("asd", "ASD", DEFINITIONS["asd"], "The mean distance")]


def _figure(part, key):
    """One figure of a structure; key: its name, or (name of a distance, way)."""
    if isinstance(key, str):
        return part[key]
    name, way = key
    if not way:
        return part[name]
    directed = part[f"{name}_directed"]
    return directed and directed[0 if way == _WAYS[1][0] else 1]


def _centre(point):
    return dict(zip(("r_mm", "a_mm", "s_mm"), point))


def _number(value):
    return math.nan if value is None else float(value)


def _shown(value, decimals):
    return "\N{EN DASH}" if value is None else f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0: never "-0.0"


def _describe(tableNode, table, columns):
    tableNode.SetAndObserveTable(table)
    tableNode.SetUseColumnTitleAsColumnHeader(True)
    tableNode.SetLocked(True)
    for name, _, title, unit, meaning in columns:
        tableNode.SetColumnTitle(name, title)
        tableNode.SetColumnUnitLabel(name, unit)
        tableNode.SetColumnDescription(name, meaning[:1].upper() + meaning[1:])
