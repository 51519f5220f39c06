"""Are mean diameters right at every size? A model on volumes of the training simulator whose follicles are balls, apart from each other, of black fluid.

    python Testing/benchmarks/spheres.py [--bundle crend-sim] [--volumes 20] [--first-seed 520] [--scene plain] [--out REPORT]

Beams, gain, speckle and the scanner's processing are drawn as for any other volume, so what they blur is blurred. Prints the bias of matched balls by size; REPORT is as
`crend_training evaluate` writes one.
"""

import argparse
import sys

#: Parameters of the simulator that make follicles balls that touch nothing and hold nothing but fluid.
BALLS = {
    "follicle_elongation": 0.0,
    "follicle_roughness": 0.0,
    "overlap": -0.1,
    "bulge": 0.0,
    "hazy_share": 0.0,
    "haemorrhagic": False,
    "corpus_luteum": False,
    "empty": False,
    "cut": False,
}


def ball_phantom(seed, scene="plain", **parameters):
    """A crend_training Phantom whose follicles are balls; `parameters` replace others that the seed draws."""
    from crend_training.phantom import make_phantom

    return make_phantom(seed, scene=scene, **BALLS, **parameters)


def main():
    from crend.bundle.bundle import load
    from crend.predict import segment
    from crend_training.evaluation.evaluation import case_of, write_report
    from crend_training.evaluation.reports import about
    from crend_training.evaluation.strata import strata, strata_markdown

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="crend-sim")
    parser.add_argument("--volumes", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=520)
    parser.add_argument("--scene", default="plain", choices=("plain", "anatomy", "random", "mixed"))
    parser.add_argument("--out", help="folder for a report")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.volumes)
    bundle, cases = load(options.bundle), []
    for seed in seeds:
        truth = ball_phantom(seed, options.scene)
        cases.append(case_of(seed, truth, segment(truth.volume, bundle)))
        print(f"{len(cases)} of {options.volumes} volumes", file=sys.stderr, flush=True)
    rows = [row for case in cases for row in case.follicles]
    print(strata_markdown([each for each in strata(rows) if each["stratum"] in ("all", "size")]))
    print(
        f"\n{bundle.name} {bundle.metadata['version']}, {options.volumes} volumes ({options.scene} scenes), seeds {seeds.start} to {seeds.stop - 1}."
    )
    if options.out:
        write_report(cases, options.out, about(options.bundle, seeds, simulator="balls of the training simulator", rendering=True))


if __name__ == "__main__":
    main()
