"""The same volume twice, by every engine and by other numbers of threads: labels that are the same, or how far apart."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from reliability.outcome import Tally
from reliability.volumes import generated


def run(count: int, seed: int, folder: Path) -> Tally:
    """`count` volumes: two runs of an engine must agree in every voxel, two engines in all but one in a thousand."""
    from tiny import save_bundle

    from crend.bundle.bundle import load
    from crend.errors import InputError
    from crend.inference.engines import ENGINES, installed, make_engine
    from crend.predict import segment

    tally, rng = Tally("the same volume again, by every engine"), random.Random(seed)
    bundle = load(save_bundle(folder / "everything", ovary=0.4, follicles=-0.2))
    engines = {name: make_engine(bundle.model, "cpu", name) for name in ENGINES[1:] if installed(name)}
    tried = 0
    while tried < count:
        image = generated(rng, 32)
        first = None
        for name, engine in engines.items():
            try:
                runs = [sitk.GetArrayFromImage(segment(image, bundle, engine=engine).ovary) for _ in range(2)]
            except InputError:
                break
            first = runs[0] if first is None else first
            good = np.array_equal(*runs) and np.mean(runs[0] != first) < 1e-3
            tally.count(f"{tried}: {name}", good, "same" if good else "differs")
        tried += first is not None
    return tally
