"""Clicks and seconds from a loaded volume to a right table, by each way, with the panel driven as a user drives it (under the stand-in for Slicer).

    python Testing/benchmarks/time_as_user.py --json FILE [--simulator trial] [--first-seed 480] [--volumes 10] [--print]

Right: as many follicles as in truth, and every mean diameter within 1 mm. Ways: `automatic` (Apply), `box` (Place box, each face that is further than
2 mm from where the box should be drawn there, Apply), `contours` (Apply, then the ovary from three contours of eight points), `clicks` (Apply, then the outline of each
follicle of a wrong size moved by *Grow here* and *Shrink here*, three clicks at most), `diameters` (Apply, then whatever is added is added by its diameter at once);
whatever is wrong then is corrected follicle by follicle: false ones deleted, merged ones split once, missed ones and those of a wrong size added by a click at
their middle, as the tools of the panel do it; what that does not find, or gives a wrong size, is added by its diameter (two clicks in the slice through its
deepest point, at the ends of a diameter of middling length there).
Time: processor seconds of the process that runs the network, since the machine may be busy with other things, 1.5 s a click, 3 s a point of a contour.
Volumes on which automatic is right at once are passed over. Each way is written into FILE as soon as it is done, and those in it are not done again, as long as the
bundled model is the same; --print only prints the table.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import host
from driven_panel import panel_with
from known_results import Once
from panel_user import User

WAYS = ("automatic", "box", "contours", "clicks", "diameters")


def measure(way, phantom, predictor):
    """{"clicks", "points", "seconds", "left": what is wrong in the end, "first": what was after Apply} of one way on one volume.

    predictor: a Once of this volume. first: numbers of false, missed and merged follicles, and of those of a wrong size.
    """
    with panel_with(phantom.volume, predictor) as (made, volume):
        user = User(made, volume, phantom)
        user.measures = way == "diameters"
        if way == "box":
            user.placeBox()
        user.press(made.ui.applyButton)
        first = [len(each) for each in user.wrong()]
        if way == "contours":
            user.drawContours()
        if way == "clicks":
            user.moveOutlines()
        left = user.correct()
        return {"clicks": user.clicks, "points": user.points, "seconds": user.seconds, "first": first, "left": left}


def is_right_at_once(runs):
    """Whether nothing was to be corrected after Apply."""
    return "automatic" in runs and not any(runs["automatic"]["first"])


def is_done(runs):
    """Whether a volume on which automatic is wrong was corrected by each way."""
    return all(way in runs for way in WAYS) and not is_right_at_once(runs)


def table(volumes):
    """Markdown: of the volumes on which automatic is wrong, how many each way makes right, clicks and seconds."""
    wrong = [each for each in volumes.values() if not is_right_at_once(each)]
    lines = ["| way | volumes made right | clicks, median (range) | contour points | seconds, median (range) |", "|---|---|---|---|---|"]
    for way in WAYS:
        runs = [each[way] for each in wrong if way in each]
        if not runs:
            continue
        cells = [f"{sum(not run['left'] for run in runs)} of {len(runs)}"]
        for key in ("clicks", "points", "seconds"):
            values = [run[key] for run in runs]
            middle = median(values)
            cells.append(f"{middle:g}" if key == "points" else f"{middle:.4g} ({min(values):g} to {max(values):g})")
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def read(path):
    """(sha256 of the bundled model's files, {volume: {way: run}} of a file that an earlier call wrote); SystemExit where that used other weights."""
    from crend.bundle.bundle import info

    model = info().metadata["crend"]["sha256"]
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"model": model, "volumes": {}}
    if found["model"] != model:
        raise SystemExit(f"{path}: was measured with another model; give another file")
    return model, found["volumes"]


def main():
    """Measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--simulator", default="trial")
    parser.add_argument("--first-seed", type=int, default=480)
    parser.add_argument("--volumes", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no way after this time")
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    from crend.io.atomic import replacing
    from crend_training.data.simulators import simulate

    model, known = read(options.json)
    end, seed = time.monotonic() + 60 * options.minutes, options.first_seed
    while not options.print and time.monotonic() < end and sum(is_done(each) for each in known.values()) < options.volumes:
        name = f"{options.simulator} {seed}"
        here, seed = known.get(name, {}), seed + 1
        if is_done(here) or is_right_at_once(here):
            continue
        phantom = simulate(options.simulator, seed - 1, empty=False)
        host.install()
        from CRendSegmentationLib.Runs.Predictors import WorkerPredictor

        predictor = Once(WorkerPredictor())
        for way in [way for way in WAYS if way not in here]:
            if is_right_at_once(here) or time.monotonic() > end:
                break
            known[name] = here = {**here, way: measure(way, phantom, predictor)}
            print(name, way, here[way], file=sys.stderr, flush=True)
            with replacing(options.json) as temporary:
                temporary.write_text(json.dumps({"model": model, "volumes": known}, indent=1) + "\n")
        predictor.end()
    print(table(known))


if __name__ == "__main__":
    main()
