"""What the least chance costs and saves that a follicle in a box must have (`LEAST_IN_BOX`), by the bundled model's calibration.

    python Testing/benchmarks/box_chances.py --json FILE [--simulator trial ...] [--first-seed 440] [--volumes 8] [--engine auto] [--minutes M] [--print]

Volumes with and without an ovary, in the boxes of box_figures.py, with the rule switched off: the chance of every follicle found, and whether it is one. Every volume is
written into FILE as soon as it is done, and those in it are not done again; --print only prints the table.
"""

from unittest import mock

from box_figures import arguments, box_anywhere, box_round, measured, volumes_of

from crend.comparison.metrics import compare
from crend.confidence import assessment
from crend.io.labels import Labels
from crend.predict import segment
from crend_training.data.simulators import NAMES, simulate

LIMITS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def chances(simulator, seed, empty, bundle, engine):
    """[[chance, whether it is a follicle]] of all that is found in a box."""
    phantom = simulate(simulator, seed, empty=empty)
    box = box_anywhere(phantom.volume, seed) if empty else box_round(phantom.ovary, seed)
    # An unfamiliar volume caps what is shown, not what the rule goes by.
    with mock.patch.multiple(assessment, LEAST_IN_BOX=0.0, MOST_IN_UNFAMILIAR=1.0):
        found = segment(phantom.volume, bundle, engine=engine, box=box)
    true = set()
    if not empty:
        pairs = compare(Labels(phantom.ovary, phantom.follicles), Labels(found.ovary, found.follicles))["matches"]
        true = {pair["prediction"] for pair in pairs}
    return [[follicle.confidence, follicle.id in true] for follicle in found.measurements.follicles]


def table(volumes):
    """Markdown: of each limit, what is false in a box without an ovary, and in one with an ovary what is kept."""
    empty = [chance for name, found in volumes.items() if name.endswith("empty") for chance, _ in found]
    boxes = sum(name.endswith("empty") for name in volumes)
    lines = [
        f"{boxes} boxes without an ovary, {len(volumes) - boxes} with one.",
        "",
        "| least chance | false follicles in a box without an ovary | true follicles kept: all | "
        + " | ".join(NAMES)
        + " | false ones kept beside them |",
        "|---" * (4 + len(NAMES)) + "|",
    ]
    for limit in LIMITS:
        kept = {
            simulator: [chance >= limit for name, found in volumes.items() if name.split()[0] == simulator and not name.endswith("empty") for chance, true in found if true]
            for simulator in NAMES
        }  # fmt: skip
        false = [chance for name, found in volumes.items() if not name.endswith("empty") for chance, true in found if not true]
        still = sum(chance >= limit for chance in empty)
        cells = [f"{limit:g}", f"{still / max(1, boxes):.2f} ({still})"]
        cells += [f"{sum(map(sum, kept.values()))} of {sum(map(len, kept.values()))}"]
        cells += [f"{sum(each)} of {len(each)}" for each in kept.values()]
        cells += [f"{sum(chance >= limit for chance in false)} of {len(false)}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    """Measure what is not there yet, and print the table."""
    options = arguments(__doc__, 440, 8).parse_args()
    todo = (options.engine, volumes_of(options, (False, True)), options.minutes)
    print(table(measured(options.json, todo, chances, options.print)))


if __name__ == "__main__":
    main()
