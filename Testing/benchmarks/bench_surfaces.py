"""Surface distances against DeepMind's, MONAI's and MedPy's, on the same masks, in turns.

    python Testing/benchmarks/bench_surfaces.py [--repeat 5] [--shape 175 100 100] [--spacing 0.6] [--out NAME]

Hausdorff distance, its 95th percentile and the mean surface distance of an ovary and of the union of its follicles (the masks of `compare_peers.py`, which
measures the largest volumes and memory, too). Where a definition is another the number differs: the others measure between voxels' middles.
"""

from __future__ import annotations

import argparse
import importlib.util

import compare_peers
from bench_tools import finish, table, take_turns

PACKAGES = {"crend": "numpy", "deepmind": "surface_distance", "monai": "monai", "medpy": "medpy"}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--shape", type=int, nargs=3, default=(175, 100, 100))
    parser.add_argument("--spacing", type=float, default=0.6)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    compare_peers.SPACING = (arguments.spacing,) * 3
    a, b, c, d = compare_peers.masks("plain", tuple(arguments.shape))
    tools = {name: compare_peers.TOOLS[name] for name, package in PACKAGES.items() if importlib.util.find_spec(package)}
    values = {name: (*call(a, b), *call(c, d)) for name, call in tools.items()}
    seconds = take_turns({name: lambda call=call: (call(a, b), call(c, d)) for name, call in tools.items()}, arguments.repeat)
    ours = seconds["crend"]["cpu"]
    rows = [(name, seconds[name]["cpu"], seconds[name]["cpu"] / ours, *map(float, values[name])) for name in tools]
    head = ("", "CPU s", "against crend", "ovary HD mm", "HD95", "mean", "follicles HD mm", "HD95", "mean")
    apart = max(abs(x - y) for each in values.values() for x, y in zip(each, values["crend"]))
    text = (
        f"{' x '.join(map(str, arguments.shape))} voxels of {arguments.spacing:g} mm, medians of {arguments.repeat}. The largest difference of a figure is "
        f"{apart:.2f} mm, {apart / arguments.spacing:.1f} voxels.\n\n" + table(head, rows)
    )
    missing = [name for name in PACKAGES if name not in tools]
    text += f"\n\nNot installed: {', '.join(missing)}." if missing else ""
    finish(
        "Surface distances",
        text,
        {"seconds": seconds, "values": {name: list(map(float, each)) for name, each in values.items()}},
        arguments.out,
    )


if __name__ == "__main__":
    main()
