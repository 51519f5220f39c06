"""Systems on the same volumes of the trial simulator (or the training one), the same grid: one Markdown table.

    python Testing/benchmarks/compare_on_trial.py [--first-seed 0] [--volumes 8] [--bundle crend-sim] [--bundle FOLDER ...]
        [--no-baseline] [--simulator trial] [--json OUT]

Systems: the classical baseline (dark-blob watershed), and each bundle with and, where it renders, without rendering. Every system gets
the volume at full resolution and gives labels at full resolution. Means over volumes; FD and MD over all follicles of all volumes;
limits of agreement of the mean diameters of matched follicles, predicted minus true.
"""

import argparse
import json
import sys

import numpy as np

from crend.bundle import load
from crend.predict import segment
from crend_training.baseline import segment_classically
from crend_training.evaluation import case_of
from crend_training.simulators import check_simulator, simulate
from crend_training.strata import strata

COLUMNS = ("ovary_dsc", "ovary_hd95_mm", "follicles_dsc", "follicles_hd95_mm", "count_error", "seconds")


def systems_of(bundles, baseline):
    """name -> function from image to Segmentation."""
    systems = {"dark-blob watershed": segment_classically} if baseline else {}
    for name in bundles:
        bundle = load(name)
        systems[bundle.name] = lambda image, bundle=bundle: segment(image, bundle)
        if getattr(bundle.network, "head", None) is not None:
            systems[f"{bundle.name}, not rendered"] = lambda image, bundle=bundle: segment(image, bundle, render=False)
    return systems


def line(name, cases):
    """One row of the table, from the Cases of a system."""
    means = []
    for column in COLUMNS:
        values = [case.row[column] for case in cases if case.row[column] is not None]
        means.append(f"{np.mean(values):.3f}" if values else "–")
    everything = strata([row for case in cases for row in case.follicles])
    whole = everything[0] if everything else None
    if whole is None:
        return f"| {name} | " + " | ".join(means) + " | – | – | – |"
    found = sum(case.row["count_prediction"] for case in cases)
    false = f"{100 * whole['false'] / found:.1f}" if found else "–"
    missed = "–" if whole["missed_percent"] is None else f"{whole['missed_percent']:.1f}"
    limits = "–" if whole["lower_mm"] is None else f"{whole['bias_mm']:+.2f} ({whole['lower_mm']:+.2f} to {whole['upper_mm']:+.2f})"
    return f"| {name} | " + " | ".join(means) + f" | {false} | {missed} | {limits} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument("--bundle", action="append", default=[], help="a model's name or a bundle's folder; may be repeated (default: crend-sim)")
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--simulator", default="trial")
    parser.add_argument("--json", help="file for every volume's figures")
    options = parser.parse_args()
    check_simulator(options.simulator)
    systems = systems_of(options.bundle or ["crend-sim"], not options.no_baseline)
    cases = {name: [] for name in systems}
    for seed in range(options.first_seed, options.first_seed + options.volumes):
        phantom = simulate(options.simulator, seed)
        for name, run in systems.items():
            case = case_of(seed, phantom, run(phantom.volume))
            cases[name].append(case)
            print(f"seed {seed}, {name}: ovary {case.row['ovary_dsc']:.3f}, follicles {case.row['follicles_dsc']:.3f}", file=sys.stderr, flush=True)
    print("| system | " + " | ".join(COLUMNS) + " | FD % | MD % | mean diameter mm, bias (95 % limits) |")
    print("|---" * (len(COLUMNS) + 4) + "|")
    for name in systems:
        print(line(name, cases[name]))
    if options.json:
        with open(options.json, "w") as f:
            json.dump({name: [case.row for case in found] for name, found in cases.items()}, f, indent=1)


if __name__ == "__main__":
    main()
