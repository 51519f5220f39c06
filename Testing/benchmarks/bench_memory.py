"""Memory against its bounds: a whole `crend segment` of 400 x 400 x 700 voxels, a batch of 200 volumes, and what `crend batch` takes a worker to need.

    python Testing/benchmarks/bench_memory.py [--volumes 200] [--only large,batch,estimate] [--out NAME]

The large volume is the middle of the sample in a box without echo: the arrays are those of any volume of that size, the network's windows few. The batch
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
SPACING_MM = 0.288  # which makes it 192 x 192 x 336 voxels on the model grid
BOUND_MB = 1536  # of the whole process, for LARGE
GROWTH = 1.05  # of a batch's memory, from its first 20 volumes to its last
EVERY = 20
MIDDLE = 72  # voxels of the sample that the large volume holds
NETWORK = ("search", "windows")  # the stages that it runs in


def large_volume(path: Path, size=LARGE) -> None:
    """Write the middle of the sample in the middle of a volume of `size` voxels without echo."""
    import numpy as np
    import SimpleITK as sitk

    whole = sitk.ReadImage(str(SAMPLE))
    sample = sitk.RegionOfInterest(whole, [MIDDLE] * 3, [(n - MIDDLE) // 2 for n in whole.GetSize()])
    array = np.zeros(size[::-1], sitk.GetArrayViewFromImage(sample).dtype)
    place = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(array.shape, sample.GetSize()[::-1]))
    array[place] = sitk.GetArrayViewFromImage(sample)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((SPACING_MM,) * 3)
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
    parser.add_argument("--only", default="large,batch,estimate")
    parser.add_argument("--out")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return batch(arguments.child)
    from crend.worker.memory import BASE_BYTES, BYTES_PER_VOXEL

    wanted, parts, figures, broken = arguments.only.split(","), [], {}, []
    with tempfile.TemporaryDirectory() as name:
        folder, peaks = Path(name), {}
        if "large" in wanted or "estimate" in wanted:
            import numpy as np
            import SimpleITK as sitk

            large_volume(folder / "large.nrrd")
            peak, report = segment_peak(folder / "large.nrrd", folder)
            peaks = {int(np.prod(LARGE)): peak}
            parts.append(
                f"`crend segment` of {' x '.join(map(str, LARGE))} voxels, labels, table and report written: {peaks[int(np.prod(LARGE))]:.0f} MB "
                f"at most of the whole process (bound {BOUND_MB}). {rest_words(report)}"
            )
            broken += ["large"] if max(peaks.values()) > BOUND_MB else []
        if "estimate" in wanted:
            peaks[int(np.prod(sitk.ReadImage(str(SAMPLE)).GetSize()))] = segment_peak(SAMPLE, folder)[0]
            rows = []
            for voxels, peak in sorted(peaks.items()):
                taken = (BASE_BYTES + BYTES_PER_VOXEL * voxels) / 2**20
                rows.append((f"{voxels / 1e6:.1f}", peak, taken, taken / peak))
                broken += ["estimate"] if taken < peak else []
            head = ("million voxels", "peak MB", "taken for a worker, MB", "ratio")
            parts.append(
                "What `crend batch --workers` takes a worker to need must not be less than what one needs.\n\n" + table(head, rows)
            )
        figures["peaks"] = peaks
    if "batch" in wanted:
        resident = json.loads(run_process([__file__, "--child", str(arguments.volumes)])["said"][0])
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
