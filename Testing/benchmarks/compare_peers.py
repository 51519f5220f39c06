"""Surface distances: ours against MONAI, MedPy and DeepMind's surface-distance, on the same masks, each in a process of its own.

    python Testing/benchmarks/compare_peers.py [--only crend,monai] [--scenes plain] [--medpy] [--repeat 3] [--json OUT]

The masks are 700 x 400 x 400 voxels of 0.15 mm (z, y, x): an ovary of 40 x 30 x 24 mm, and the union of its 14 follicles; the prediction is
larger, shifted, and (scene "stray") has a blob in the far corner or (scene "noisy") a thousand single voxels all over the volume. Every
tool gives Hausdorff, its 95th percentile and the mean surface distance of both masks; where its definition is another the number differs, which is
printed. MedPy takes minutes a call: only with --medpy. Peers that are not installed are left out; the extra `benchmark` names them.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHAPE, SPACING = (700, 400, 400), (0.15, 0.15, 0.15)
SCENES = ("plain", "stray", "noisy")


def masks(scene, shape=SHAPE):
    """(reference ovary, predicted ovary, reference follicles, predicted follicles), uint8 (D, H, W)."""
    rng = np.random.default_rng(4)
    half = np.array([20.0, 15.0, 12.0])
    centre = np.array(shape) * SPACING / 2
    spots = centre + rng.uniform(-0.6, 0.6, (14, 3)) * half
    radii = rng.uniform(1.5, 4.0, 14)
    found = []
    for shift, scale in ((np.zeros(3), 1.0), (np.array([0.6, 0.4, -0.5]), 1.03)):
        ovary, follicles = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        _fill(ovary, centre + shift, half * scale)
        for spot, radius in zip(spots, radii):
            _fill(follicles, spot + shift, np.full(3, radius * scale))
        found.append((ovary, follicles))
    (a, c), (b, d) = found
    if scene == "stray":
        b[-30:-20, -30:-20, -30:-20] = d[-30:-20, -30:-20, -30:-20] = 1
    if scene == "noisy":
        where = tuple(rng.integers(0, n, 1000) for n in shape)
        b[where] = d[where] = 1
    return a, b, c, d


def _fill(array, centre, half):
    """Set an ellipsoid (mm) to 1, within its own box."""
    low = np.maximum(((centre - half) / SPACING).astype(int) - 1, 0)
    high = np.minimum(((centre + half) / SPACING).astype(int) + 2, array.shape)
    axes = [(np.arange(p, q) * s - m) / h for p, q, s, m, h in zip(low, high, SPACING, centre, half)]
    inside = sum(x**2 for x in np.meshgrid(*axes, indexing="ij", sparse=True)) < 1
    array[tuple(slice(p, q) for p, q in zip(low, high))][inside] = 1


def crend(a, b):
    from crend.comparison.distances import surface_distances

    found = surface_distances(a, b, SPACING)
    return found.hausdorff(), found.hausdorff(95), found.average()


def monai(a, b):
    import torch
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    pair = {
        "y_pred": torch.from_numpy(b)[None, None],
        "y": torch.from_numpy(a)[None, None],
        "include_background": True,
        "spacing": list(SPACING),
    }
    return (
        float(compute_hausdorff_distance(**pair)),
        float(compute_hausdorff_distance(percentile=95, **pair)),
        float(compute_average_surface_distance(symmetric=True, **pair)),
    )


def deepmind(a, b):
    import surface_distance

    found = surface_distance.compute_surface_distances(a.astype(bool), b.astype(bool), SPACING)
    return (
        surface_distance.compute_robust_hausdorff(found, 100),
        surface_distance.compute_robust_hausdorff(found, 95),
        float(np.mean(surface_distance.compute_average_surface_distance(found))),
    )


def medpy(a, b):
    from medpy.metric import binary

    return binary.hd(b, a, SPACING), binary.hd95(b, a, SPACING), binary.assd(b, a, SPACING)


TOOLS = {"crend": crend, "deepmind": deepmind, "monai": monai, "medpy": medpy}


def child(tool, folder, repeat):
    """Measure one tool; prints JSON. The first, small call loads its libraries, which is not what is timed."""
    sys.path.insert(0, str(ROOT / "CRendSegmentation"))
    call = TOOLS[tool]
    try:
        call(*_tiny())
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    arrays = [np.load(Path(folder) / f"{k}.npy") for k in range(4)]
    before = _peak_mb()
    best, cpu = np.inf, np.inf
    for _ in range(repeat):
        wall, used = time.perf_counter(), time.process_time()
        values = [call(*arrays[:2]), call(*arrays[2:])]
        best, cpu = min(best, time.perf_counter() - wall), min(cpu, time.process_time() - used)
    print(json.dumps({"seconds": best, "cpu_seconds": cpu, "extra_mb": _peak_mb() - before, "ovary": values[0], "follicles": values[1]}))


def _tiny():
    a = np.zeros((12, 12, 12), np.uint8)
    a[3:8, 3:8, 3:8] = 1
    return a, np.roll(a, 1, axis=0)


def _peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="crend,deepmind,monai", help="tools, with commas")
    parser.add_argument("--medpy", action="store_true", help="MedPy, too")
    parser.add_argument("--scenes", default=",".join(SCENES), help="scenes, with commas")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many runs counts")
    parser.add_argument("--json", type=Path, help="write all numbers there")
    options = parser.parse_args()
    if options.child:
        child(options.child[0], options.child[1], int(options.child[2]))
        return
    tools = options.only.split(",") + ["medpy"] * options.medpy
    everything = {}
    for scene in options.scenes.split(","):
        with tempfile.TemporaryDirectory() as folder:
            for k, mask in enumerate(masks(scene)):
                np.save(Path(folder) / f"{k}.npy", mask)
            found = {}
            for tool in tools:
                command = [sys.executable, __file__, "--child", tool, folder, str(options.repeat if tool == "crend" else 1)]
                done = subprocess.run(command, capture_output=True, encoding="utf-8")
                lines = done.stdout.strip().splitlines()
                found[tool] = (
                    json.loads(lines[-1])
                    if done.returncode == 0 and lines
                    else {"missing": (done.stderr.strip().splitlines() or ["failed"])[-1]}
                )
                _show(scene, tool, found)
        everything[scene] = found
    if options.json:
        options.json.write_text(json.dumps(everything, indent=2))


def _show(scene, tool, found):
    row, ours = found[tool], found.get("crend", {})
    if "missing" in row:
        print(f"{scene:6} {tool:9} left out: {row['missing']}")
        return
    ratios = (
        ""
        if tool == "crend" or "seconds" not in ours
        else (
            f"  {row['seconds'] / ours['seconds']:6.1f} times our time ({row['cpu_seconds'] / ours['cpu_seconds']:.1f} of CPU time), "
            f"{row['extra_mb'] / max(ours['extra_mb'], 1):.1f} times our memory"
        )
    )
    numbers = "; ".join(f"{name} " + " ".join(f"{v:.3f}" for v in row[name]) for name in ("ovary", "follicles"))
    print(f"{scene:6} {tool:9} {row['seconds']:7.2f} s {row['cpu_seconds']:7.2f} s CPU {row['extra_mb']:7.0f} MB more{ratios}")
    print(f"{'':16} HD, HD95, ASD in mm: {numbers}", flush=True)


if __name__ == "__main__":
    main()
