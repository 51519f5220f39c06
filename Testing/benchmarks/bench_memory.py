"""Memory against its bounds: a whole `crend segment` of 400 x 400 x 700 voxels, a batch of 200 volumes, and what `crend batch` takes a worker to need.

    python Testing/benchmarks/bench_memory.py [--volumes 200] [--only large,echoes,batch] [--spacings 0.2,...] [--out NAME]

The large volume is the middle of the sample in a box without echo: the arrays are those of any volume of that size, the network's windows few. It is
measured at several voxel sizes, since the model grid has up to 27 times the voxels at the largest. "echoes" fills the same volume with noise, in which a
stand-in for the network sees something everywhere: what the search takes at worst. The batch
goes through the worker process that `crend batch` has, which loads a tiny network once; its resident memory is noted every 20 volumes.
Exit code 1 where a bound does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from bench_tools import SAMPLE, finish, run_process, table

LARGE = (400, 400, 700)  # x, y, z, the paper's largest
SPACINGS_MM = (0.2, 0.288, 0.4, 0.5, 0.6)  # from 133 x 133 x 234 to 400 x 400 x 700 voxels on the model grid
BOUND_MB = 1536  # of the whole process, for LARGE at any of them
GROWTH = 1.05  # of a batch's memory, from its first 20 volumes to its last
EVERY = 20
MIDDLE = 72  # voxels of the sample that the large volume holds
NETWORK = ("search", "windows")  # the stages that it runs in


def large_volume(path: Path, spacing: float, size=LARGE) -> None:
    """Write the middle of the sample in the middle of a volume of `size` voxels of `spacing` mm without echo."""
    import numpy as np
    import SimpleITK as sitk

    whole = sitk.ReadImage(str(SAMPLE))
    sample = sitk.RegionOfInterest(whole, [MIDDLE] * 3, [(n - MIDDLE) // 2 for n in whole.GetSize()])
    array = np.zeros(size[::-1], sitk.GetArrayViewFromImage(sample).dtype)
    place = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(array.shape, sample.GetSize()[::-1]))
    array[place] = sitk.GetArrayViewFromImage(sample)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((spacing,) * 3)
    sitk.WriteImage(image, str(path))


def segment_peak(path: Path, folder: Path) -> tuple[float, dict]:
    """(MB at most of a whole `crend segment` with all that it writes, what its report says)."""
    out = [folder / "out.seg.nrrd", "--table", folder / "out.csv", "--json", folder / "out.json"]
    peak = run_process(["-m", "crend", "segment", path, *out, "--device", "cpu", "--engine", "onnxruntime"])["peak"]
    return peak, json.loads((folder / "out.json").read_text(encoding="utf-8"))


def rest_words(report: dict) -> str:
    """What everything but the network takes of a run, beside the network."""
    seconds = report["provenance"]["seconds_by_stage"]
    network = sum(seconds.get(name, 0) for name in NETWORK)
    rest = sum(seconds.values()) - network
    return f"The stages beside the network took {100 * rest / network:.0f} % of its seconds ({report['provenance']['windows']['run']} windows close up)."


class _SeesNoise:
    """As an engine: in noise it sees a speck of an ovary here and there, and one where it is bright."""

    name, device, renders, warnings, network = "stand-in", "cpu", False, [], None

    def predict(self, window, points=0):
        import numpy as np

        image = window[0] if window.ndim == 4 else window  # a guided network sees what a first look made of the window, too
        return np.stack([np.float32(0.95) * (image > level) for level in (2.0, 3.5)])


def echoes(spacing: float) -> None:
    """Segment LARGE voxels of noise with a bright ball of 40 mm; says how many ml were found."""
    import numpy as np
    import SimpleITK as sitk

    from crend.bundle.bundle import load
    from crend.predict import segment

    plane = np.random.default_rng(0).integers(20, 60, LARGE[:2]).astype(np.uint8)
    array = np.empty(LARGE[::-1], np.uint8)
    for k in range(len(array)):
        array[k] = np.roll(plane, 37 * k)
    radius = int(20 / spacing)
    part = array[tuple(slice(n // 2 - radius, n // 2 + radius + 1) for n in array.shape)]
    squares = sum(axis**2 for axis in np.ogrid[(slice(-radius, radius + 1),) * 3])
    part[squares <= radius**2] = 150
    part[squares <= (radius / 3) ** 2] = 255
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((spacing,) * 3)
    del array, part, squares
    bundle, engine = load(), _SeesNoise()
    engine._other = (bundle.overview_model, engine)
    with tempfile.TemporaryDirectory() as name:
        found = segment(image, bundle, engine=engine)
        found.save(Path(name) / "out.seg.nrrd")
    print(found.measurements.ovary.volume_ml)


def batch(count: int) -> None:
    """`count` small volumes through a batch's worker process; says its resident MB every EVERY volumes, as JSON."""
    import SimpleITK as sitk
    from tiny import save_bundle, volume

    from crend.batch import segment_batch
    from crend.io.inputs import find_volumes
    from crend.worker.pool import Pool

    with tempfile.TemporaryDirectory() as name:
        folder, resident = Path(name), []
        (folder / "scans").mkdir()
        (folder / "out").mkdir()
        model = save_bundle(folder / "model", ovary=9.0, follicles=9.0)
        for k in range(count):
            sitk.WriteImage(volume((30, 32, 34 + k % 5)), str(folder / "scans" / f"{k:03d}.nrrd"))
        with Pool(1, model=model, device="cpu", engine="onnxruntime") as pool:
            loaded = pool.load()
            (process,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            done = []

            def note(row):
                done.append(row)
                if len(done) % EVERY == 0:
                    resident.append(_resident(process))

            rows = segment_batch(find_volumes([folder / "scans"], folder / "out"), folder / "out", pool, model=loaded, done=note)
        assert all(row["status"] == "done" for row in rows), rows[0]
    print(json.dumps(resident))


def _resident(process: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--only", default="large,echoes,batch")
    parser.add_argument("--spacings", default=",".join(map(str, SPACINGS_MM)), help="mm")
    parser.add_argument("--out")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, _, number = arguments.child.partition(" ")
        return batch(int(number)) if kind == "batch" else echoes(float(number))
    from crend.bundle.bundle import info
    from crend.io.folders import Volume
    from crend.worker.memory import bytes_needed

    wanted, parts, figures, broken = arguments.only.split(","), [], {}, []
    spacings, settings = [float(each) for each in arguments.spacings.split(",")], info().metadata["crend"]
    sizes = " x ".join(map(str, LARGE))
    if "large" in wanted:
        rows, words = [], ""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for spacing in [None, *spacings]:  # the sample itself, too: what the smallest volumes take
                path = SAMPLE if spacing is None else folder / "large.nrrd"
                if spacing is not None:
                    large_volume(path, spacing)
                peak, report = segment_peak(path, folder)
                words = rest_words(report) if spacing is None else words
                taken = bytes_needed(Volume(path, "a"), settings) / 2**20
                grid = report["provenance"]["model_size"]
                label = "the sample" if spacing is None else f"{sizes} of {spacing:g} mm"
                rows.append((label, " x ".join(map(str, grid)), peak, taken, taken / peak))
                broken += [f"{label}: {peak:.0f} MB"] if peak > BOUND_MB else []
                broken += [f"{label}: estimate {taken / peak:.2f} of what it takes"] if not peak <= taken <= 2 * peak else []
        parts.append(
            f"`crend segment`, labels, table and report written: MB at most of the whole process (bound {BOUND_MB}), and what `crend batch --workers` "
            "takes a worker to need, which must not be less nor more than twice as much.\n\n"
            + table(("volume", "model grid", "peak MB", "estimate MB", "ratio"), rows)
            + f"\n\n{words}"
        )
        figures["large"] = rows
    if "echoes" in wanted:
        peaks = [run_process([__file__, "--child", f"echoes {spacing}"])["peak"] for spacing in spacings]
        parts.append(
            f"{sizes} voxels of noise, in which a stand-in for both networks sees specks everywhere, with what is written: what the search takes "
            "at worst, without what the networks take.\n\n"
            + table(("mm", "peak MB"), [(f"{mm:g}", peak) for mm, peak in zip(spacings, peaks)])
        )
        broken += [f"echoes of {mm:g} mm: {peak:.0f} MB" for mm, peak in zip(spacings, peaks) if peak > BOUND_MB]
        figures["echoes"] = dict(zip(map(str, spacings), peaks))
    if "batch" in wanted:
        resident = json.loads(run_process([__file__, "--child", f"batch {arguments.volumes}"])["said"][0])
        rows = [(EVERY * (k + 1), each) for k, each in enumerate(resident)]
        parts.append(
            f"A batch's worker process, {arguments.volumes} volumes of 33 thousand voxels.\n\n" + table(("volumes", "resident MB"), rows)
        )
        broken += ["batch"] if resident[-1] > GROWTH * resident[0] else []
        figures["batch"] = resident
    parts.append(f"Bounds that do not hold: {', '.join(broken)}." if broken else "Every bound holds.")
    finish("Memory", "\n\n".join(parts), figures, arguments.out)
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    sys.exit(main())
