"""Peak memory and time of each stage of the path on a large volume: python Testing/benchmarks/path_memory.py [Z Y X]

A stand-in network thresholds intensities, so what is measured is everything but the network: the default is
300 x 400 x 400 voxels of 0.2 mm with an ovary of 32 x 26 x 24 mm in it. Prints the peak that Python's own tracing saw
per stage (numpy, not ITK's images) and the process's peak.
"""

import resource
import sys
import time
import tracemalloc
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CRendSegmentation"), str(ROOT / "Testing" / "unit")]

import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402
from standin import BACKGROUND, FOLLICLE, ORGAN, bundle_for  # noqa: E402

from crend.predict import segment  # noqa: E402

SPACING = 0.2


def volume(shape):
    """Background, an ellipsoid of organ and eight spheres of 6 mm in it, uint8."""
    # A ramp, so that the intensities' deviation is large enough for follicles not to be clipped as outliers.
    ramp = np.linspace(BACKGROUND - 35, BACKGROUND + 35, shape[2]).astype(np.uint8)
    array = np.broadcast_to(ramp, shape).copy()
    axes = [(np.arange(n) - n / 2) * SPACING for n in shape]
    z, y, x = np.ix_(*axes)
    array[(z / 12) ** 2 + (y / 13) ** 2 + (x / 16) ** 2 <= 1] = ORGAN
    for cz in (-5, 5):
        for cy in (-5, 5):
            for cx in (-7, 7):
                array[(z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 <= 9] = FOLLICLE
    return array


def main():
    shape = tuple(map(int, sys.argv[1:4])) or (300, 400, 400)
    array = volume(shape)
    bundle = bundle_for(array[::4, ::4, ::4], spacing=0.5, patch=(80, 80, 80))
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((SPACING,) * 3)
    del array
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    peaks, last = {}, [None]

    def progress(stage, fraction):
        if stage != last[0]:
            if last[0] is not None:
                peaks[last[0]] = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.reset_peak()
            last[0] = stage

    tracemalloc.start()
    began = time.perf_counter()
    found = segment(image, bundle, device="cpu", engine="torch", progress=progress)
    seconds = time.perf_counter() - began
    voxels = np.prod(shape) / 2**20
    print(f"{' x '.join(map(str, shape))} = {voxels:.0f} Mi voxels; {found.message}; {seconds:.1f} s")
    for stage, peak in peaks.items():
        print(f"  {stage:16} {peak:6.0f} MiB {found.provenance['seconds_by_stage'][stage]:6.2f} s")
    print(f"  one float32 at the input's resolution would be {4 * voxels:.0f} MiB")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  process: {before:.0f} MiB before, peak {after:.0f} MiB")


if __name__ == "__main__":
    main()
