"""Runs of several seeds: the table tells chance between runs from a difference between methods."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from seeds_tables import differences
from training_samples import tiny, write_ball_cases

from crend.errors import InputError
from crend.io.tables import write_json
from crend_training.data.cases import TrainingCases
from crend_training.data.subjects import Simulated
from crend_training.evaluation import evaluation
from crend_training.study.seeds import compare, report_folder, run_all, table

RESULTS = Path(__file__).resolve().parents[3] / "training_pkg" / "results"


def runs(mean, *, between=0.0, count=3, volumes=40, seed=0):
    """(count, volumes): volumes differ by 0.1, runs by `between`, and each value by 0.01."""
    random = np.random.default_rng(seed)
    hard = np.random.default_rng(99).normal(0, 0.1, volumes)
    return mean + hard + random.normal(0, between, (count, 1)) + random.normal(0, 0.01, (count, volumes))


def test_a_difference_larger_than_chance_between_runs_and_volumes_is_found():
    found = compare(runs(0.9, seed=1), runs(0.85, seed=2))
    assert found["p"] < 0.001 and found["low"] < 0.05 < found["high"] and found["volumes"] == 40


def test_runs_that_differ_among_themselves_as_much_as_the_systems_do_show_nothing():
    """Paired over volumes alone this would be significant in nearly every repetition."""
    significant = [compare(runs(0.9, between=0.02, seed=2 * k), runs(0.9, between=0.02, seed=2 * k + 1))["p"] < 0.05 for k in range(200)]
    assert np.mean(significant) <= 0.09


def test_one_run_gives_a_difference_and_no_interval():
    found = compare(runs(0.9, count=1), runs(0.8, count=1))
    assert found["difference"] == pytest.approx(0.1, abs=0.02) and found["p"] is None


def test_volumes_without_a_figure_in_any_run_are_left_out():
    first, second = runs(0.9, seed=1), runs(0.9, seed=2)
    first[0, 3] = np.nan
    assert compare(first, second)["volumes"] == 39


def test_the_table_has_a_row_a_system_and_figure(tmp_path):
    for name, mean in (("unet", 0.8), ("crend", 0.9)):
        for seed, row in enumerate(runs(mean, seed=3)):
            folder = report_folder(tmp_path, name, seed)
            folder.mkdir(parents=True)
            with open(folder / "per_volume.csv", "w", newline="") as file:
                writer = csv.DictWriter(file, ["seed", "ovary_dsc"])
                writer.writeheader()
                writer.writerows({"seed": number, "ovary_dsc": value} for number, value in enumerate(row))
    lines = table(tmp_path, ["unet", "crend"], range(3), ["ovary_dsc"]).splitlines()
    nothing = table(tmp_path, ["unet", "crend"], range(3), ["ovary_hidden_mm"]).splitlines()
    assert nothing[-1] == "| ovary_hidden_mm | crend | – | – | – | – |"
    assert len(lines) == 6 and "| ovary_dsc | unet | 0.8" in lines[4] and "| +0.1" in lines[5] and "0.000" in lines[5]


def test_the_tables_of_the_contrast_study_are_what_the_script_prints_from_its_rows():
    told = (RESULTS / "contrast" / "README.md").read_text(encoding="utf-8").splitlines()
    printed = [differences(RESULTS / "contrast", *pair, range(3)).splitlines() for pair in (("unet", "rend"), ("rend", "crend-acting"))]
    wanted = [line for line in printed[0] if "_mm" in line] + printed[1]
    assert len(wanted) == 23 and [line for line in wanted if line not in told] == []


def test_configurations_that_cannot_be_compared_are_refused(tmp_path):
    one = tiny("unet")
    with pytest.raises(InputError, match="two configurations are named"):
        run_all([one, one], [0], None, tmp_path, [])
    with pytest.raises(InputError, match="b: has another 'spacing_mm' than"):
        run_all([one, dataclasses.replace(one, name="b", spacing_mm=(2, 2, 2))], [0], None, tmp_path, [])


@pytest.mark.slow
def test_what_is_done_is_kept_and_what_is_of_other_volumes_or_settings_is_not(tmp_path, monkeypatch):
    measured = []

    def evaluate(model, subjects):
        measured.append([subject.seed for subject in subjects])
        return [], []

    def write_report(found, report, about):
        report.mkdir(exist_ok=True)
        write_json({**about, "figures": {}}, report / "summary.json")

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    monkeypatch.setattr(evaluation, "write_report", write_report)
    cases = TrainingCases.of_folder(write_ball_cases(tmp_path / "cases", parts=("training",)))
    one = dataclasses.replace(tiny("unet"), steps=2)
    for seeds in ((5, 6), (5, 6), (5, 6, 7)):
        run_all([one], [0], cases, tmp_path / "out", [Simulated("training", seed) for seed in seeds], tell=lambda line: None)
    assert measured == [[5, 6], [5, 6, 7]]
    with pytest.raises(InputError, match="trained with learning_rate 0.003, not 0.5"):
        run_all(
            [dataclasses.replace(one, learning_rate=0.5)], [0], cases, tmp_path / "out", [Simulated("training", 5)], tell=lambda line: None
        )
