"""Several scans of one patient: what can be said of the sizes by day, and what is refused."""

import csv
import datetime
import json

import pytest

from crend.cli import main
from crend.clinic.followup import SIZE_COLUMNS, VISIT_COLUMNS, FollowUp, Visit, parse_cycle_day, parse_date, parse_side
from crend.clinic.followup_files import read_visits
from crend.errors import InputError
from crend.structures.measurements import Follicle, Measurements, Ovary


def structure(kind, size, **more):
    """A ball of `size` mm."""
    axes = dict.fromkeys(("dv_mm", "mean_diameter_mm", "dx_mm", "dy_mm", "dz_mm", "max_diameter_mm"), size)
    place = dict.fromkeys(("centroid_r_mm", "centroid_a_mm", "centroid_s_mm"), 0.0)
    return kind(volume_ml=0.5236e-3 * size**3, sphericity=1.0, **axes, **place, **{"touches_border": False, **more})


def measured(*sizes, cut=()):
    """Measurements with follicles of these mean diameters, numbered as given. cut: which of them touch the border."""
    follicles = [structure(Follicle, size, segment=f"Follicle {k}", id=k, touches_border=k in cut) for k, size in enumerate(sizes, 1)]
    return Measurements(structure(Ovary, 28.0, segment="Ovary"), tuple(follicles))


def visit(date, sizes, side="left", **more):
    return Visit(datetime.date.fromisoformat(date), side, measured(*sizes), **{"source": f"{date} {side}", **more})


def test_sizes_stand_by_day_and_side_the_largest_first():
    # The largest of the first day is the second follicle, that of the second day the first one: nobody says that it is the same.
    found = FollowUp([visit("2026-11-05", (14.6, 12.0)), visit("2026-11-03", (9.5, 11.2, 4.0)), visit("2026-11-03", (8.0,), "right")])
    rows = found.rows()
    assert [(row["date"], row["day"], row["side"], row["mean_diameters_mm"]) for row in rows] == [
        ("2026-11-03", 0, "left", "11.2 9.5 4.0"),
        ("2026-11-03", 0, "right", "8.0"),
        ("2026-11-05", 2, "left", "14.6 12.0"),
    ]
    assert [row["leading_mean_diameter_mm"] for row in rows] == [11.2, 8.0, 14.6]
    # 9.5 mm counts as 10, as in all counts by size.
    assert [(row["antral_count"], row["from_10_mm"], row["from_14_mm"], row["from_16_mm"]) for row in rows] == [
        (2, 2, 0, 0), (1, 0, 0, 0), (0, 2, 1, 0)
    ]  # fmt: skip
    assert tuple(rows[0]) == VISIT_COLUMNS and tuple(found.sizes()[0]) == SIZE_COLUMNS
    assert [(size["rank"], size["segment"]) for size in found.sizes()[:3]] == [(1, "Follicle 2"), (2, "Follicle 1"), (3, "Follicle 3")]


def test_an_ovary_that_was_outlined_by_a_box_has_no_volume_and_the_notes_say_so():
    found = FollowUp([visit("2026-11-03", (9.0,)), visit("2026-11-05", (11.0,), ovary_source="box")])
    assert [row["ovary_volume_ml"] is None for row in found.rows()] == [False, True]
    assert found.notes == ("2026-11-05 left: its ovary was outlined by a box, so its volume cannot be said.",)


def test_a_day_without_follicles_has_no_largest_one_and_a_cut_one_is_counted():
    found = FollowUp([visit("2026-11-03", ()), Visit(datetime.date(2026, 11, 5), "left", measured(12.0, 8.0, cut=(1,)), "second")])
    first, second = found.rows()
    assert first["leading_mean_diameter_mm"] is None and first["mean_diameters_mm"] == "" and first["follicle_count"] == 0
    assert second["touching_border"] == 1
    (series,) = found.series()
    assert series.x == (2.0, 2.0) and series.leading_x == (2.0,) and series.leading_mm == (12.0,)


def test_the_plot_runs_along_the_cycle_only_where_all_days_of_one_cycle_are_known():
    one = FollowUp([visit("2026-11-03", (9.0,), cycle_day=5), visit("2026-11-06", (12.0,), cycle_day=8)])
    assert one.by_cycle and one.series()[0].x == (5.0, 8.0) and one.notes == ()
    half = FollowUp([visit("2026-11-03", (9.0,), cycle_day=5), visit("2026-11-06", (12.0,))])
    assert not half.by_cycle and half.series()[0].x == (0.0, 3.0)
    two = FollowUp([visit("2026-11-03", (9.0,), cycle_day=12), visit("2026-11-23", (8.0,), cycle_day=3)])
    assert not two.by_cycle and two.notes == ()
    wrong = FollowUp([visit("2026-11-03", (9.0,), cycle_day=5), visit("2026-11-06", (12.0,), cycle_day=9)])
    assert not wrong.by_cycle and "Day 5 of the cycle on 2026-11-03 and day 9 on 2026-11-06 do not fit" in wrong.notes[0]


@pytest.mark.parametrize(
    "visits, said",
    [
        ([], "no result with a date"),
        ([visit("2026-11-03", (9.0,)), visit("2026-11-03", (8.0,))], "both are of 2026-11-03, left ovary"),
        ([visit("2026-11-03", (9.0,), patient="A"), visit("2026-11-05", (8.0,), patient="B")], "scans of 2 patients (A, B)"),
    ],
)
def test_what_cannot_be_one_patients_is_refused(visits, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")):
        FollowUp(visits)


def test_sizes_that_hang_on_an_unconfirmed_spacing_say_so():
    found = FollowUp([visit("2026-11-03", (9.0,), flags=("spacing_not_confirmed",), ovaries=2)])
    assert found.rows()[0]["flags"] == "spacing_not_confirmed" and len(found.notes) == 2
    assert "not confirmed" in found.notes[0] and "2 ovaries" in found.notes[1]


def test_what_people_type_is_read_or_refused_never_guessed():
    assert parse_date(" 20261103 ") == parse_date("2026-11-03") == datetime.date(2026, 11, 3) and parse_date("") is None
    assert (parse_cycle_day("12"), parse_cycle_day(""), parse_side("R"), parse_side("Left"), parse_side("")) == (
        12,
        None,
        "right",
        "left",
        "",
    )
    for parse, text in (
        (parse_date, "3/11/2026"), (parse_date, "1026-11-03"),
        (parse_date, "2026-W45-2"), (parse_date, "2026-02-30"), (parse_date, "2026-1-3"), (parse_cycle_day, "0"), (parse_cycle_day, "2.5"),
        (parse_cycle_day, "900"), (parse_side, "both"),
    ):  # fmt: skip
        with pytest.raises(InputError):
            parse(text)


def report(path, *sizes, date="20261103", **more):
    """A segment report as `crend segment --json` writes it."""
    how = {"acquisition_date": date, "ovaries": 1, **more}
    path.write_text(json.dumps({"flags": [], "provenance": how, **measured(*sizes).as_dict()}), encoding="utf-8")
    return path


def test_the_command_reads_reports_and_a_list_and_writes_both_tables(tmp_path, capsys):
    for day, size in (("03", 9.0), ("05", 12.5)):
        report(tmp_path / f"{day}.json", size, 5.0, date=f"202611{day}")
    report(tmp_path / "right.json", 7.0, date=None)
    (tmp_path / "scans.csv").write_text("report;date;side;cycle_day\n03.json;;left;5\n05.json;;L;7\nright.json;2026-11-05;right;7\n")
    assert main(["followup", str(tmp_path / "scans.csv"), "--table", str(tmp_path / "t.csv"), "--follicles", str(tmp_path / "f.csv")]) == 0
    assert "12.5 5.0" in capsys.readouterr().out
    with open(tmp_path / "t.csv", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["date"], row["cycle_day"], row["side"], row["leading_mean_diameter_mm"]) for row in rows] == [
        ("2026-11-03", "5", "left", "9"), ("2026-11-05", "7", "left", "12.5"), ("2026-11-05", "7", "right", "7")
    ]  # fmt: skip
    assert (tmp_path / "f.csv").read_text(encoding="utf-8-sig").count("\n") == 6
    visits = read_visits([tmp_path / "03.json", tmp_path / "05.json"])
    assert [each.side for each in visits] == ["", ""]


def test_a_scan_that_is_listed_twice_or_in_the_future_or_with_the_other_side_is_noticed(tmp_path):
    report(tmp_path / "left.json", 9.0), report(tmp_path / "other.json", 8.0)
    rows = "report,date,side\nother.json,2026-11-01,left\nleft.json,{date},{side}\n"
    (tmp_path / "l.csv").write_text(rows.format(date="2099-11-03", side="right"))
    assert FollowUp(read_visits([tmp_path / "l.csv"])).notes == (
        "2099-11-03 lies in the future.",
        "left.json stands for the right ovary, though its name says left: are the sides swapped?",
    )
    for more, said in (
        ("left.json,2026-11-05,left\n", "2026-11-03, left and 2026-11-05, left"),
        ("left.json,2026-11-03,right\n", "left and 2026-11-03, right"),
    ):
        (tmp_path / "l.csv").write_text(rows.format(date="2026-11-03", side="left") + more)
        with pytest.raises(InputError, match=f"left.json and left.json: hold the same measurements .*{said}.; leave one out"):
            read_visits([tmp_path / "l.csv"])
    facts = json.loads((tmp_path / "left.json").read_text())
    (tmp_path / "left.json").write_text(json.dumps({**facts, "ovary": None}))  # of an ovary that a box outlined
    (tmp_path / "l.csv").write_text(rows.format(date="2026-11-03", side="left") + "left.json,2026-11-03,right\n")
    with pytest.raises(InputError, match="left.json and left.json: hold the same measurements"):
        read_visits([tmp_path / "l.csv"])
    (tmp_path / "l.csv").write_text("report,scan date,cycle\nleft.json,2026-11-03,4\n")
    with pytest.raises(InputError, match="the column cycle is not read; call it cycle_day, or leave it out"):
        read_visits([tmp_path / "l.csv"])


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("bad.json", "{}", "is no report of crend segment"),
        ("none.json", None, "cannot be read"),
        ("undated.json", "undated", "does not say when the scan was made"),
        ("list.csv", "volume,date\na,b\n", "has no column report"),
        ("rows.csv", "report,date\nwhen.json,3/11/2026\n", "a date is written"),
    ],
)
def test_bad_input_is_one_line_with_the_cure(tmp_path, capsys, name, text, said):
    report(tmp_path / "when.json", 9.0)
    if text == "undated":
        report(tmp_path / name, 9.0, date=None)
    elif text is not None:
        (tmp_path / name).write_text(text)
    assert main(["followup", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
