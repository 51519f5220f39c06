"""The benchmarks' own arithmetic: turns, tables, bends, scenes, and a report that names what failed."""

import subprocess
import sys

import numpy as np
import pytest
from bench_sizes import bends, scene
from bench_tools import run_process, table, take_turns
from scipy import ndimage


def test_rivals_take_turns_and_the_first_call_does_not_count():
    called = []
    found = take_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, repeat=3)
    assert called == ["a", "b"] + ["a", "b"] * 3 and set(found) == {"a", "b"} and found["a"]["wall"] >= 0


def test_a_process_is_measured_and_a_failed_one_is_no_figure():
    found = run_process(["-c", "x = bytearray(80_000_000); print('first'); print('last')"])
    assert found["said"] == ["last"] and 80 < found["peak"] < 130 and found["cpu"] > 0  # of that process, not of this one
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_process(["-c", "1 / 0"])


def test_a_table_shows_small_numbers_with_a_third_digit():
    assert table(("a", "b"), [("x", 0.0123), ("y", 123.4)]).splitlines()[2:] == ["| x | 0.012 |", "| y | 123 |"]


def test_a_bend_is_a_step_that_costs_more_than_it_is_larger():
    assert bends([1, 10, 100], [1, 9, 90]).startswith("It does not bend")
    assert "between 10 and 100" in bends([1, 10, 100], [1, 9, 900])


@pytest.mark.parametrize("count", [1, 8, 30])
def test_the_scene_holds_as_many_follicles_as_were_asked_for(count):
    array = scene((168, 220, 220), count)
    assert ndimage.label(array == 220)[1] == count
    assert np.array_equal(np.unique(array[array >= 100]), [140, 220]) and array.min() == 25


def test_the_report_is_written_and_names_what_was_not_measured(tmp_path, root):
    done = subprocess.run(
        [
            sys.executable,
            root / "Testing" / "benchmarks" / "bench.py",
            "--only",
            "gpu,training",
            "--minutes",
            "0",
            "--out",
            tmp_path / "report",
        ],
        capture_output=True,
        text=True,
    )
    text = (tmp_path / "report" / "REPORT.md").read_text()
    assert done.returncode == 0 and "training (`bench_training.py`): no time was left" in text and "ETH's two networks" in text
