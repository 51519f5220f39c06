"""Systems on the same volumes of the trial simulator (or the training one), the same grid: one Markdown table.

    python Testing/benchmarks/compare_on_trial.py [--first-seed 200] [--volumes 8] [--bundle crend-sim] [--bundle FOLDER ...]
        [--no-baseline] [--ovary-analysis FOLDER] [--report NAME=FOLDER ...] [--simulator trial] [--json OUT]

Systems: the classical baseline (dark-blob watershed), ETH's `ovary-analysis` where the folder of its networks is named (see
ovary_analysis.py; some ten minutes a volume on a core), each bundle with and, where it renders, without rendering, and what a report of
`crend_training evaluate` says of these volumes. Every system gets the volume at full resolution and gives labels at full resolution.
Started again with the same --json file it goes on.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np

from crend.bundle.bundle import load
from crend.io.atomic import replacing
from crend.predict import segment
from crend_training.data.simulators import check_simulator, simulate
from crend_training.evaluation.baseline import segment_classically
from crend_training.evaluation.evaluation import case_of
from crend_training.evaluation.strata import strata

COLUMNS = ("ovary_dsc", "ovary_hd95_mm", "follicles_dsc", "follicles_hd95_mm", "count_error", "seconds")


NOTE = (
    "Means over volumes; (n) where only n of them have a value, as no distance exists to an ovary that was not found. FD, MD: false and missed "
    "follicles in percent of all follicles of all volumes together, matched one to one. Diameters: predicted minus true, of matched follicles."
)


def systems_of(options):
    """name -> (what identifies the system, plain JSON; function from image to Segmentation)."""
    systems = {}
    if not options.no_baseline:
        systems["dark-blob watershed"] = {}, segment_classically
    if options.ovary_analysis:
        import ovary_analysis

        identity = {"precision": options.precision, "strides": [ovary_analysis.OVARY_STRIDE, ovary_analysis.FOLLICLE_STRIDE]}
        for name, run in ovary_analysis.systems(options.ovary_analysis, options.precision).items():
            systems[name] = identity, run
    for bundle in [load(name) for name in options.bundle or ["crend-sim"]]:
        if bundle.name in systems:
            raise SystemExit(f"two bundles are called {bundle.name}: rename the folder of one")
        identity = {"version": bundle.metadata["version"], "crend": bundle.metadata["crend"]}
        systems[bundle.name] = identity, lambda image, bundle=bundle: segment(image, bundle)
        if getattr(bundle.network, "head", None) is not None:
            systems[f"{bundle.name}, not rendered"] = identity, lambda image, bundle=bundle: segment(image, bundle, render=False)
    return systems


def known_cases(path, systems, simulator):
    """name -> `about` and `cases` (seed, str, to case), as the file at `path` keeps them; those of an earlier state of a system are dropped."""
    measured = json.loads(path.read_text()) if path and path.exists() else {}
    for name, (identity, _) in systems.items():
        about = json.loads(json.dumps({"simulator": simulator, **identity}))
        if measured.get(name, {}).get("about") != about:
            measured[name] = {"about": about, "cases": {}}
    return measured


def reported(folder, seeds, simulator):
    """The cases of `seeds` (seed -> dict of `row` and `follicles`) in a report of `crend_training evaluate`."""
    folder = Path(folder)
    summary = json.loads((folder / "summary.json").read_text())
    if summary.get("simulator", "training") != simulator:
        raise SystemExit(f"{folder}: of the {summary.get('simulator', 'training')} simulator, not the {simulator} one")
    rows, follicles = (list(csv.DictReader(open(folder / name, newline=""))) for name in ("per_volume.csv", "per_follicle.csv"))
    rows = {int(row["seed"]): {name: _value(text) for name, text in row.items()} for row in rows}
    if set(seeds) - set(rows):
        raise SystemExit(f"{folder}: lacks seeds {sorted(set(seeds) - set(rows))}")
    cases = {seed: {"row": rows[seed], "follicles": []} for seed in seeds}
    for row in follicles:
        if int(row["seed"]) in cases:
            cases[int(row["seed"])]["follicles"].append({name: _value(text) for name, text in row.items()})
    return cases


def _value(text):
    """What a cell of a report's table says: nothing, true or false, a number, or words."""
    if text in ("", "True", "False"):
        return {"": None, "True": True, "False": False}[text]
    try:
        return float(text)
    except ValueError:
        return text


def line(name, cases):
    """One row of the table, from a system's cases: dicts of `row` and `follicles`."""
    means = []
    for column in COLUMNS:
        values = [case["row"][column] for case in cases if case["row"][column] is not None]
        means.append((f"{np.mean(values):.3f}" if values else "–") + (f" ({len(values)})" if len(values) < len(cases) else ""))
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
    parser.add_argument("--first-seed", type=int, default=200)
    parser.add_argument("--volumes", type=int, default=8)
    parser.add_argument(
        "--bundle", action="append", default=[], help="a model's name or a bundle's folder; may be repeated (default: crend-sim)"
    )
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--ovary-analysis", metavar="FOLDER", help="folder of ovary_3dunet.pytorch and follicle_3dunet.pytorch")
    parser.add_argument(
        "--precision", choices=("f32", "bf16"), default="f32", help="that ovary-analysis computes in, where openvino is installed"
    )
    parser.add_argument(
        "--report", action="append", default=[], metavar="NAME=FOLDER", help="a report of `evaluate` with these volumes; may be repeated"
    )
    parser.add_argument("--simulator", default="trial")
    parser.add_argument("--json", help="file of every volume's figures; those in it are not measured again")
    options = parser.parse_args()
    check_simulator(options.simulator)
    systems = systems_of(options)
    path = Path(options.json) if options.json else None
    measured = known_cases(path, systems, options.simulator)
    seeds = range(options.first_seed, options.first_seed + options.volumes)
    reports = {name: reported(folder, seeds, options.simulator) for name, folder in (each.split("=", 1) for each in options.report)}
    for seed in seeds:
        lacking = [name for name in systems if str(seed) not in measured[name]["cases"]]
        phantom = simulate(options.simulator, seed) if lacking else None
        for name in lacking:
            case = case_of(seed, phantom, systems[name][1](phantom.volume))
            measured[name]["cases"][str(seed)] = {"row": case.row, "follicles": case.follicles}
            print(
                f"seed {seed}, {name}: ovary {case.row['ovary_dsc']:.3f}, follicles {case.row['follicles_dsc']:.3f}",
                file=sys.stderr,
                flush=True,
            )
            if path:
                with replacing(path) as temporary:
                    temporary.write_text(json.dumps(measured) + "\n")
    print("| system | " + " | ".join(COLUMNS) + " | FD % | MD % | mean diameter mm, bias (95 % limits) |")
    print("|---" * (len(COLUMNS) + 4) + "|")
    for name in systems:
        print(line(name, [measured[name]["cases"][str(seed)] for seed in seeds]))
    for name, cases in reports.items():
        print(line(name, [cases[seed] for seed in seeds]))
    print(f"\n{len(seeds)} volumes of the {options.simulator} simulator, seeds {seeds[0]} to {seeds[-1]}. {NOTE}")


if __name__ == "__main__":
    main()
