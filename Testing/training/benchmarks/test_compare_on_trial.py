"""The benchmark's table takes rows from reports that were measured before."""

import csv
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
REPORT = ROOT / "training_pkg" / "results" / "ablation" / "unet-trial"


@pytest.fixture(scope="module")
def benchmark_script():
    spec = importlib.util.spec_from_file_location("compare_on_trial", ROOT / "Testing" / "benchmarks" / "compare_on_trial.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_row_from_a_report_says_what_the_report_says_of_these_volumes(benchmark_script):
    cases = benchmark_script.reported(REPORT, range(10), "trial")
    row = benchmark_script.line("U-Net", [cases[seed] for seed in range(10)]).split(" | ")
    with open(REPORT / "per_follicle.csv", newline="") as f:
        true = [found["hit"] == "True" for found in csv.DictReader(f) if int(found["seed"]) < 10 and found["kind"] == "true"]
    assert row[-2] == f"{100 * (1 - sum(true) / len(true)):.1f}"
    with open(REPORT / "per_volume.csv", newline="") as f:
        dice = [float(volume["ovary_dsc"]) for volume in csv.DictReader(f) if int(volume["seed"]) < 10]
    assert row[1] == f"{sum(dice) / 10:.3f}"


def test_a_report_that_lacks_the_volumes_or_is_of_the_other_simulator_is_refused(benchmark_script):
    with pytest.raises(SystemExit, match="lacks seeds"):
        benchmark_script.reported(REPORT, range(35, 45), "trial")
    with pytest.raises(SystemExit, match="of the trial simulator, not the training one"):
        benchmark_script.reported(REPORT, range(10), "training")
