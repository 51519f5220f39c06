"""The same volume again: by every engine, with other numbers of threads, in another process. Labels that are the same, or how far apart."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from reliability.models import tiny_bundle
from reliability.outcome import Tally
from reliability.volumes import generated

APART = 1e-3  # share of the voxels in which two engines may differ, and two numbers of threads: sums are rounded in another order
THREADS = (1, 2, 3)
SAMPLE = Path(__file__).parents[2] / "CRendSegmentation/Resources/SampleData/CRendSimulatedOvary.nrrd"
CROP = 56  # voxels of the sample, about its middle: one window of the bundled model


def run(count: int, seed: int, folder: Path, first: int = 0) -> Tally:
    """`count` volumes with a tiny bundle, and with the first of all the middle of the sample with the bundled one.

    The same engine, threads and volume must give the same voxels twice, also in another process; other engines and threads all but APART.
    """

    from crend.bundle.bundle import load
    from crend.errors import InputError
    from crend.predict import segment

    tally, rng = Tally("the same volume again, by every engine, with other threads, in another process"), random.Random(seed)
    bundle = load(tiny_bundle(folder / "everything", ovary=0.4, follicles=-0.2))
    engines = _engines(bundle.model)
    tried = 0
    while tried < count:
        image = generated(rng, 32)
        try:
            _compare(tally, f"{tried}", engines, lambda engine, image=image: segment(image, bundle, engine=engine))
        except InputError:
            continue
        tried += 1
    if first:
        return tally
    bundled, middle = load(), _middle_of_sample()
    found = _compare(tally, "the sample", _engines(bundled.model), lambda engine: segment(middle, bundled, engine=engine))
    path = folder / "middle.nrrd"
    sitk.WriteImage(middle, str(path))
    for again in range(2):
        command = [sys.executable, "-c", _ELSEWHERE, str(path)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        said = subprocess.run(command, capture_output=True, text=True, env=environment).stdout.strip()
        good = said == _sum(found)
        tally.count(f"the sample in another process, {again}", good, "same" if good else "differs")
    return tally


_ELSEWHERE = """
import sys
from reliability.determinism import _sum, _voxels
from crend.bundle.bundle import load
from crend.inference.engines import make_engine
from crend.io.volumes import read_image
from crend.predict import segment
bundle = load()
print(_sum(_voxels(segment(read_image(sys.argv[1]), bundle, engine=make_engine(bundle.model, "cpu", "onnxruntime")))))
"""


def _compare(tally: Tally, what: str, engines: dict, work) -> np.ndarray:
    """Counts each engine with each number of threads; returns the voxels of the first."""
    first = None
    for (name, threads), engine in engines.items():
        with _with(threads, name):  # the overview's engine starts with the first volume
            runs = [_voxels(work(engine)) for _ in range(2)]
        first = runs[0] if first is None else first
        apart = float(np.mean(runs[0] != first))
        good = np.array_equal(*runs) and apart < APART
        outcome = "same" if not apart else f"the same but for less than {APART:g} of the voxels"
        tally.count(
            f"{what}: {name}, {threads} threads", good, outcome if good else "differs", "" if good else f"{apart:.2g} of the voxels"
        )
    return first


def _engines(model) -> dict:
    """{(name, threads): engine} of those that are installed."""
    from crend.inference.engines import ENGINES, installed, make_engine

    found = {}
    for name in (name for name in ENGINES[1:] if installed(name)):
        for threads in THREADS:
            with _with(threads, name):
                found[name, threads] = make_engine(model, "cpu", name)
    return found


@contextmanager
def _with(threads: int, name: str):
    """Engines that start within have this many threads; so has torch, which they are asked for at each window."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if name == "torch":
        import torch

        torch.set_num_threads(threads)
    try:
        yield
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def _middle_of_sample() -> sitk.Image:
    image = sitk.ReadImage(str(SAMPLE))
    size = [min(CROP, n) for n in image.GetSize()]
    return sitk.RegionOfInterest(image, size, [(n - side) // 2 for n, side in zip(image.GetSize(), size)])


def _voxels(found) -> np.ndarray:
    return np.stack([sitk.GetArrayFromImage(image) for image in (found.ovary, found.follicles)])


def _sum(voxels: np.ndarray) -> str:
    return hashlib.sha256(voxels.tobytes()).hexdigest()
