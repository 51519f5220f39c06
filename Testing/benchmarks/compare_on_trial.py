"""Systems on the same volumes of the trial simulator (or the training one), the same grid: one Markdown table.

    python Testing/benchmarks/compare_on_trial.py [--first-seed 0] [--volumes 8] [--bundle crend-sim] [--bundle FOLDER ...]
        [--no-baseline] [--ovary-analysis FOLDER] [--simulator trial] [--json OUT]

Systems: the classical baseline (dark-blob watershed), ETH's `ovary-analysis` where the folder of its networks is named (see
ovary_analysis.py; some ten minutes a volume on a core), and each bundle with and, where it renders, without rendering. Every system gets
the volume at full resolution and gives labels at full resolution. Means over volumes; FD and MD over all follicles of all volumes;
limits of agreement of the mean diameters of matched follicles, predicted minus true. Started again with the same --json file it goes on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from crend.bundle import load
from crend.files import replacing
from crend.predict import segment
from crend_training.baseline import segment_classically
from crend_training.evaluation import case_of
from crend_training.simulators import check_simulator, simulate
from crend_training.strata import strata

COLUMNS = ("ovary_dsc", "ovary_hd95_mm", "follicles_dsc", "follicles_hd95_mm", "count_error", "seconds")


def systems_of(bundles, baseline, networks=None):
    """name -> function from image to Segmentation."""
    systems = {"dark-blob watershed": segment_classically} if baseline else {}
    if networks:
        import ovary_analysis

        systems["ovary-analysis (ETH)"] = ovary_analysis.system(networks)
    for name in bundles:
        bundle = load(name)
        systems[bundle.name] = lambda image, bundle=bundle: segment(image, bundle)
        if getattr(bundle.network, "head", None) is not None:
            systems[f"{bundle.name}, not rendered"] = lambda image, bundle=bundle: segment(image, bundle, render=False)
    return systems


def line(name, cases):
    """One row of the table, from a system's cases: dicts of `row` and `follicles`."""
    means = []
    for column in COLUMNS:
        values = [case["row"][column] for case in cases if case["row"][column] is not None]
        means.append(f"{np.mean(values):.3f}" if values else "–")
    everything = strata([row for case in cases for row in case["follicles"]])
    whole = everything[0] if everything else None
    if whole is None:
        return f"| {name} | " + " | ".join(means) + " | – | – | – |"
    found = sum(case["row"]["count_prediction"] for case in cases)
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
    parser.add_argument("--ovary-analysis", metavar="FOLDER", help="folder of ovary_3dunet.pytorch and follicle_3dunet.pytorch")
    parser.add_argument("--simulator", default="trial")
    parser.add_argument("--json", help="file of every volume's figures; those in it are not measured again")
    options = parser.parse_args()
    check_simulator(options.simulator)
    systems = systems_of(options.bundle or ["crend-sim"], not options.no_baseline, options.ovary_analysis)
    known = Path(options.json) if options.json else None
    measured = json.loads(known.read_text()) if known and known.exists() else {}
    seeds = range(options.first_seed, options.first_seed + options.volumes)
    for seed in seeds:
        lacking = [name for name in systems if str(seed) not in measured.get(name, {})]
        phantom = simulate(options.simulator, seed) if lacking else None
        for name in lacking:
            case = case_of(seed, phantom, systems[name](phantom.volume))
            measured.setdefault(name, {})[str(seed)] = {"row": case.row, "follicles": case.follicles}
            print(f"seed {seed}, {name}: ovary {case.row['ovary_dsc']:.3f}, follicles {case.row['follicles_dsc']:.3f}", file=sys.stderr, flush=True)
            if known:
                with replacing(known) as temporary:
                    temporary.write_text(json.dumps(measured))
    print("| system | " + " | ".join(COLUMNS) + " | FD % | MD % | mean diameter mm, bias (95 % limits) |")
    print("|---" * (len(COLUMNS) + 4) + "|")
    for name in systems:
        print(line(name, [measured[name][str(seed)] for seed in seeds]))


if __name__ == "__main__":
    main()
