"""Many volumes on their way, file by file, by the worker process; the scene gets a table of them at the end."""

import math
import time
from pathlib import Path
from typing import NamedTuple

import slicer
import vtk

from crend.batch import write_tables
from crend.errors import Cancelled, Kept

from ..Scene.TableColumns import addColumn
from .Run import STAGE_WORDS, Waiting, timeWords

#: Columns of the table node: name in volumes.csv, title, unit, what it says.
TEXTS = (("volume", "Volume", "", "Its path below the folder, without an ending"), ("status", "Status", "", "done, failed or left out"))
NUMBERS = (
    ("ovary_volume_ml", "Ovary", "ml", "Volume of the ovary, its follicles included"),
    ("follicle_count", "Follicles", "", "How many were found"),
    ("antral_count", "Antral", "", "How many have a mean diameter of 2 to 10 mm"),
    ("leading_mean_diameter_mm", "Leading", "mm", "Mean diameter of the largest follicle"),
    ("total_follicle_volume_ml", "All follicles", "ml", "Their volumes together"),
    ("expected_ovary_dsc", "Expected Dice", "", "Overlap with the true ovary, 0 to 1, that the model's probabilities promise"),
)
REMARKS = (
    ("remark", "Doubts", "", "What makes the result doubtful, or why there is none"),
    ("notice", "Notice", "", "What it may be used for"),
)


class FolderNodes(NamedTuple):
    """What a run leaves. rows: of volumes.csv, one dict a volume, then one for each file that was left out, see crend.batch."""

    tableNode: "slicer.vtkMRMLTableNode"
    rows: list
    message: str


class FolderRun(Waiting):
    """Polled as a SegmentationRun. What is done when it ends or is stopped stays in the folder `out`."""

    def __init__(self, predictor, inputs, out, settings, again=False):
        self._out = Path(out)
        self._began = time.monotonic()
        self._job = predictor.startFolder(inputs, out, settings, again)

    def poll(self):
        """FolderNodes, or None as long as it works. Raises InputError, Cancelled or PredictionFailed."""
        try:
            rows = self._job.poll()
        except Cancelled as error:
            if self._out.is_dir():
                write_tables(self._out)  # the worker may not have come to it
            raise Kept(f"Stopped. What was done is in {self._out}; start again to go on.") from error
        if rows is None:
            return None
        return FolderNodes(addTable(rows, f"Volumes of {self._out.name}"), rows, messageOf(rows))

    @property
    def rows(self):
        """Rows of volumes.csv, as above, of the volumes that are done or failed up to now."""
        return list(self._job.rows)

    def words(self):
        """ "Patient 3/left, 42 %, 3:31, about 4:43 left"."""
        return timeWords(STAGE_WORDS.get(self.stage, self.stage), self.fraction, time.monotonic() - self._began)


def messageOf(rows):
    """ "3 of 4 volumes segmented, 1 without an ovary, 1 failed"."""
    done, failed, left = (sum(row["status"] == status for row in rows) for status in ("done", "failed", "left out"))
    without = sum(row["status"] == "done" and row["ovary_volume_ml"] is None and row.get("ovary_source") != "box" for row in rows)
    words = f"{done} of {done + failed} volumes segmented"
    words += f", {without} without an ovary" if without else ""
    words += f", {failed} failed" if failed else ""
    return words + (f", {left} left out" if left else "")


def addTable(rows, name):
    """A new table node with one row a volume, and one for each file that was left out."""
    rows = [{**row, "remark": row["flags"] if row["status"] == "done" else row["reason"]} for row in rows]
    table = vtk.vtkTable()
    for column, *_ in TEXTS:
        addColumn(table, column, vtk.vtkStringArray, [row[column] or "" for row in rows])
    for column, *_ in NUMBERS:
        addColumn(table, column, vtk.vtkDoubleArray, [math.nan if row[column] is None else float(row[column]) for row in rows])
    for column, *_ in REMARKS:
        addColumn(table, column, vtk.vtkStringArray, [row[column] or "" for row in rows])
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    for column, title, unit, meaning in (*TEXTS, *NUMBERS, *REMARKS):
        node.SetColumnTitle(column, f"{title} ({unit})" if unit else title)
        node.SetColumnUnitLabel(column, unit)
        node.SetColumnDescription(column, meaning)
    return node
