"""Volumes nobody thought of: sizes, types, spacings, directions and contents; and files that were damaged on their way."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from reliability.bundles import damaged
from reliability.models import tiny_bundle
from reliability.outcome import Tally

TYPES = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64)
ENDINGS = (".nrrd", ".nii.gz", ".nii", ".mha", ".vtk")


def generated(rng: random.Random, largest: int = 40):
    """An image: mostly a volume of noise or blobs, now and then one that is none."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    shape = [rng.choice((1, 3, 4, 5, 9, 16, rng.randint(8, largest))) if rng.random() < 0.15 else rng.randint(8, largest) for _ in range(3)]
    array = numbers.normal(size=shape) * rng.choice((1, 30, 1e4, 1e-6))
    kind = rng.random()
    if kind < 0.1:
        array[:] = rng.choice((0, 7))
    elif kind < 0.2:
        array[numbers.random(shape) < 0.9] = 0
    elif kind < 0.25:
        array[0, 0, 0] = rng.choice((np.nan, np.inf, 1e300))
    with np.errstate(invalid="ignore", over="ignore"):
        array = array.astype(rng.choice(TYPES))
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([rng.choice((0.1, 0.3, 0.5, 1.0, 2.5, 1e-3, 50.0)) if rng.random() < 0.3 else rng.uniform(0.2, 1.5) for _ in range(3)])
    image.SetOrigin([rng.choice((0.0, -100.5, 1e4)) for _ in range(3)])
    axes, _ = np.linalg.qr(numbers.normal(size=(3, 3)))
    image.SetDirection(rng.choice((np.eye(3), np.diag([-1.0, 1, -1]), axes)).ravel().tolist())
    return image


def through_grid(count: int, seed: int) -> Tally:
    """Image check, model grid, normalisation and the way back of `count` volumes: the way back has the input's size."""
    from crend.inference.grey_values import normalise, to_model_grid
    from crend.io.volumes import check_image

    tally, rng = Tally("volumes through check and model grid"), random.Random(seed)
    for number in range(count):
        image = generated(rng)

        def work(image=image):
            check_image(image, "the volume")
            values, grid = to_model_grid(image, [rng.choice((0.4, 0.6, 1.0))] * 3)
            found = normalise(values, {"method": "zscore_nonzero"})
            if not np.isfinite(found).all() or grid.image_shape != image.GetSize()[::-1]:
                raise AssertionError("the grid is not that of the image, or holds NaN")

        tally.attempt(f"{number}: {image.GetSize()} {image.GetPixelIDTypeAsString()} {image.GetSpacing()}", work)
    return tally


def through_path(count: int, seed: int, folder: Path) -> Tally:
    """The whole path of `count` volumes with a tiny bundle that sees an ovary everywhere; labels lie on the input's grid."""

    from crend.bundle.bundle import load
    from crend.inference.engines import make_engine
    from crend.io.labels import same_geometry
    from crend.predict import segment

    tally, rng = Tally("volumes through the whole path"), random.Random(seed)
    bundle = load(tiny_bundle(folder / "everything", ovary=9.0, follicles=9.0))
    engine = make_engine(bundle.model, "cpu", "onnxruntime")
    for number in range(count):
        image = generated(rng, 32)

        def work(image=image):
            found = segment(image, bundle, engine=engine)
            if (
                not same_geometry(found.ovary, image)
                or sitk.GetArrayViewFromImage(found.follicles)[sitk.GetArrayViewFromImage(found.ovary) == 0].any()
            ):
                raise AssertionError("labels on another grid, or follicles outside the ovary")

        tally.attempt(f"{number}: {image.GetSize()} {image.GetPixelIDTypeAsString()} {image.GetSpacing()}", work)
    return tally


def damaged_files(count: int, seed: int, folder: Path) -> Tally:
    """`count` volume files of five formats with bytes changed, cut off, doubled or put in, read as a volume."""
    from crend.io.volumes import check_image, read_image

    tally, rng = Tally("damaged volume files"), random.Random(seed)
    image = sitk.GetImageFromArray(np.random.default_rng(seed).integers(1, 200, (12, 14, 16)).astype(np.uint8))
    image.SetSpacing((0.9, 0.8, 0.7))
    whole = {}
    for ending in ENDINGS:
        path = folder / f"whole{ending}"
        sitk.WriteImage(image, str(path), useCompression=ending != ".vtk")
        whole[ending] = path.read_bytes()
    for number in range(count):
        ending = ENDINGS[number % len(ENDINGS)]
        path = folder / f"damaged{ending}"
        path.write_bytes(damaged(whole[ending], rng))
        tally.attempt(f"{number}: {ending}", lambda path=path: check_image(read_image(path), str(path)), "read")
    return tally
