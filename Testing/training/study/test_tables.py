"""Tables, tests and plots against numbers worked out by hand."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from crend_training.cli.app import app
from crend_training.evaluation.significance import compare_systems, holm, wilcoxon
from crend_training.study.results import NAMES, Results
from crend_training.study.tables import TABLE_1, TABLE_2, latex, markdown, significance_markdown, significance_tests, summary, table_rows

PARAMETERS = {"unet": 23_557_506, "rend": 23_553_892, "crend": 23_553_892}


def results(**values):
    """crend_follicles_dsc=[...] -> Results with these values, volume by volume, and 1.0 elsewhere."""
    given = {(key.split("_", 1)[0], key.split("_", 1)[1]): list_ for key, list_ in values.items()}
    systems = list(dict.fromkeys(system for system, _ in given))
    rows = [
        {"system": system, "fold": 0, "volume": f"v{i}", **{name: given.get((system, name), [1.0] * 99)[i] for name in NAMES}}
        for system in systems
        for i in range(len(next(list_ for (s, _), list_ in given.items() if s == system)))
    ]
    return Results(rows, [], {system: PARAMETERS[system] for system in systems}, [])


def test_mean_and_deviation_leave_missing_values_out_and_count_them():
    found = results(unet_follicles_hd=[1.0, None, 3.0])
    assert summary(found, "unet", "follicles_hd") == {"mean": 2.0, "sd": pytest.approx(2**0.5), "present": 2, "missing": 1}
    assert "| 2.00 ± 1.41 [1] |" in markdown(found, TABLE_1)
    assert summary(results(unet_fd=[None]), "unet", "fd") == {"mean": None, "sd": None, "present": 0, "missing": 1}


def test_table_1_shows_percent_millimetres_and_parameters_in_the_papers_order():
    found = results(crend_follicles_dsc=[0.8, 0.9], unet_follicles_dsc=[0.7, 0.8])
    lines = markdown(found, TABLE_1).splitlines()
    assert lines[0].startswith("| system | parameters | follicle DSC (%) | follicle JC (%) | follicle HD (mm)")
    assert lines[2].startswith("| U-Net | 23.56M | 75.00 ± 7.07 |")
    assert lines[3].startswith("| C-Rend | 23.55M | 85.00 ± 7.07 |")
    assert table_rows(found, TABLE_1)[0]["follicles_dsc_mean"] == pytest.approx(0.75)


def test_latex_escapes_what_latex_would_read_as_its_own():
    text = latex(results(unet_fd=[None, None]), TABLE_2, "100 % of < 5 mm")
    assert r"FD, diameter $<$ 5 mm (\%)" in text and r"\caption{100 \% of $<$ 5 mm}" in text
    assert r"U-Net & 23.56M" in text and "-- [2]" in text
    assert text.count(r" \\") == 2


def test_holm_multiplies_the_smallest_p_most_and_never_falls():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.2, None, 0.3]) == [0.4, None, 0.4]
    assert holm([]) == []


def test_wilcoxon_of_eight_rises_is_two_of_256():
    p, ranks = wilcoxon(np.arange(1, 9))
    assert p == pytest.approx(2 / 256) and ranks == 36
    assert wilcoxon([0.0] * 8) == (1.0, 0.0)
    assert wilcoxon([1, 2, 3]) == (None, 0.0)


def test_the_better_system_has_more_overlap_and_less_distance():
    low, high = [0.5 + 0.01 * i for i in range(10)], [0.7 + 0.02 * i for i in range(10)]
    found = results(crend_follicles_dsc=high, unet_follicles_dsc=low, crend_follicles_hd=high, unet_follicles_hd=low)
    for system, values in (("crend", high), ("unet", low)):
        for row, value in zip((r for r in found.rows if r["system"] == system), values):
            row["follicles_dsc"] = row["follicles_hd"] = value
    overlap, distance, same = compare_systems(found, ["follicles_dsc", "follicles_hd", "ovary_dsc"])
    assert overlap["better"] == "crend" and distance["better"] == "unet" and same["better"] == ""
    assert overlap["p"] == overlap["p_holm"] == pytest.approx(2 / 1024)
    assert overlap["difference"] == pytest.approx(0.245)


def test_pairs_are_the_volumes_that_both_systems_have_a_value_for():
    (row,) = compare_systems(results(crend_fd=[None, *range(9)], unet_fd=[*range(9), None]), ["fd"])
    assert row["pairs"] == 8


def test_crend_is_tested_against_each_other_system_and_rend_against_unet():
    values = list(range(8))
    rows = significance_tests(results(unet_fd=values, rend_fd=values, crend_fd=values))
    pairs = {(row["system"], row["other"]) for row in rows}
    assert pairs == {("crend", "unet"), ("crend", "rend"), ("rend", "unet")}
    assert "| fd | C-Rend | U-Net | 8 | 0 | 1.000 | 1.000 | – |" in significance_markdown(rows)


def test_systems_prints_the_parameter_counts_of_the_paper():
    found = CliRunner().invoke(app, ["systems", "--json"])
    assert json.loads(found.stdout) == {
        "unet": 23557506,
        "context": 47116740,
        "edge": 23585220,
        "deeplab": 25582050,
        "entropy": 23557506,
        "rend": 23553892,
        "crend": 23553892,
    }
