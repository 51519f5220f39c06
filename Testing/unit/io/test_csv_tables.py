"""Tables as a spreadsheet opens them."""

import csv
import os
from pathlib import Path

import pytest

from crend.errors import InputError
from crend.io.csv_list import path_in, read_list
from crend.io.tables import write_rows


def test_a_table_begins_with_the_mark_by_which_excel_knows_utf_8(tmp_path):
    write_rows(tmp_path / "t.csv", ["volume"], [{"volume": "Käthe"}])
    assert (tmp_path / "t.csv").read_bytes().startswith(b"\xef\xbb\xbfvolume\n")
    assert read_list(tmp_path / "t.csv") == ({"volume"}, [(2, {"volume": "Käthe"})])


def test_a_cell_that_would_be_a_formula_is_text(tmp_path):
    dangerous = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]
    write_rows(tmp_path / "t.csv", ["volume", "mm"], [{"volume": text, "mm": -1.5} for text in [*dangerous, "a=b"]])
    with open(tmp_path / "t.csv", newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["volume"] for row in rows] == [*(f"'{text}".replace("\r", " ") for text in dangerous), "a=b"]
    assert {row["mm"] for row in rows} == {"-1.5"}
    assert [row["volume"] for _, row in read_list(tmp_path / "t.csv")[1]][:4] == dangerous[:4], "a list that is read again is as it was"


@pytest.mark.skipif(os.sep != "/", reason="there such places are")
def test_paths_of_a_list_from_windows_lead_to_the_files_beside_it_and_its_drives_nowhere(tmp_path):
    (tmp_path / "day 1").mkdir()
    for name in ("day 1/a.nrrd", "x:y.nrrd", "b\\c.nrrd"):
        (tmp_path / name).touch()
    assert path_in(tmp_path, "day 1\\a.nrrd") == tmp_path / "day 1" / "a.nrrd"
    assert path_in(tmp_path, "x:y.nrrd") == tmp_path / "x:y.nrrd" and path_in(tmp_path, "b\\c.nrrd") == tmp_path / "b\\c.nrrd"
    assert path_in(tmp_path, "/data/a.nrrd") == Path("/data/a.nrrd") and path_in(tmp_path, "c:d.nrrd") == tmp_path / "c:d.nrrd"
    for cell in ("C:\\scans\\a.nrrd", "d:/a.nrrd", "\\\\server\\share\\a.nrrd"):
        with pytest.raises(InputError, match="is a place on a computer with Windows; put the files beside the list"):
            path_in(tmp_path, cell)


def test_a_list_saved_as_utf_16_is_refused_with_the_cure(tmp_path):
    (tmp_path / "t.csv").write_bytes("volume\na.nrrd\n".encode("utf-16-le"))
    with pytest.raises(InputError, match="zero bytes, as UTF-16 does"):
        read_list(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("volume,spacing\na.nrrd,1,2 1,2 1,2\n", "line 2 has more cells than there are columns, from '2 1' on"),
        ("volume,spacing\na.nrrd,1\nb.nrrd,1,5\n", "line 3 has more cells"),
        ("volume;spacing;Spacing (mm)\na.nrrd;1;2\n", "has the column spacing twice"),
        ('volume,name\n"a.nrrd,x\nb.nrrd,y\n', "is no line of a CSV"),
    ],
)
def test_a_list_of_which_a_part_would_be_lost_is_refused(tmp_path, text, why):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=why):
        read_list(tmp_path / "t.csv")


def test_columns_are_known_with_blanks_and_with_their_unit(tmp_path):
    (tmp_path / "t.csv").write_text("\nReport;Cycle day;Spacing (mm);size [cm];\na.json;3;0.4;;\n")
    assert read_list(tmp_path / "t.csv") == (
        {"report", "cycle_day", "spacing", "size_[cm]"},
        [(3, {"report": "a.json", "cycle_day": "3", "spacing": "0.4", "size_[cm]": ""})],
    )
