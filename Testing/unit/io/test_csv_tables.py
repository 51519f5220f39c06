"""Tables as a spreadsheet opens them."""

import csv

import pytest

from crend.errors import InputError
from crend.io.csv_list import read_list
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


def test_a_list_saved_as_utf_16_is_refused_with_the_cure(tmp_path):
    (tmp_path / "t.csv").write_bytes("volume\na.nrrd\n".encode("utf-16-le"))
    with pytest.raises(InputError, match="zero bytes, as UTF-16 does"):
        read_list(tmp_path / "t.csv")
