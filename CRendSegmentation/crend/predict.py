"""The path of one volume: model grid, windows, backbone, render, blend, organ, follicles, and back (design in order).

Float probabilities exist on the model grid only. The way back to the input's resolution covers the organ's box alone, a
few slices at a time, so memory there is the two label images.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Callable

import numpy as np
import SimpleITK as sitk

from . import __version__
from .errors import Cancelled
from .follicles import split_follicles
from .grid import ModelGrid, normalise, to_model_grid
from .image import check_image
from .measurements import measure
from .organ import bounding_box, tidy
from .result import Segmentation
from .windows import all_windows, blend, occupied, pad_to_patch, region_windows

SEARCH_PROBABILITY = 0.2  # what the quick look must see of an ovary for a second look
SEARCH_MARGIN = 0.125  # of the patch, around what the quick look saw
SEARCH_SHARE = 0.2  # blobs below this part of the largest get no second look: they could not become the ovary
STAGES = {"model grid": 0.03, "search": 0.32, "windows": 0.55, "full resolution": 0.04, "follicles": 0.03, "measurements": 0.03}


def segment(
    image: sitk.Image,
    bundle=None,
    *,
    device: str = "auto",
    engine="auto",
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    render: bool = True,
    search: bool = True,
    smallest_follicle_mm: float | None = None,
    split: bool = True,
    name: str = "the volume",
) -> Segmentation:
    """Ovary, follicles and measurements of a 3D ultrasound volume, on exactly its grid.

    bundle:     None (the default model), a model's name, a bundle's folder, or a loaded `crend.bundle.Bundle`.
    device:     "auto", "cpu", "cuda" or "cuda:N".
    engine:     "auto", "torch", "openvino", or one from `crend.engines.make_engine`, to use it for many volumes.
    progress:   called with the stage's name and the fraction of the whole run, 0 to 1, never falling.
    cancelled:  asked between windows and stages; True ends the run with Cancelled.
    render:     False leaves the coarse prediction as it is (to compare with; paper 2.2).
    search:     True looks quickly everywhere, then closely where something was seen; False looks closely everywhere.
    smallest_follicle_mm: follicles of a smaller equal-volume diameter are dropped; None = as the bundle says.
    split:      False leaves touching follicles together.
    name:       what messages call the image.

    Raises InputError for an image, a bundle, a device or an engine that will not do. A volume without an ovary is a
    result with empty labels, whose message says so.
    """
    from . import bundle as bundles
    from .engines import make_engine

    began = time.perf_counter()
    check_image(image, name)
    if not isinstance(bundle, bundles.Bundle):
        bundle = bundles.load(bundle)
    settings = bundle.metadata["crend"]
    run = _Run(progress, cancelled)
    if isinstance(engine, str):
        engine = make_engine(bundle.network, device, engine)
    already_warned = len(engine.warnings)

    with run.stage("model grid"):
        values, grid = to_model_grid(image, settings["spacing_mm"])
    look = _Look(values, settings, engine, render, run)
    if search:
        with run.stage("search"):
            region = look.quickly()
    else:
        region = look.everywhere()
    with run.stage("windows"):
        probabilities = look.closely(region)
    voxel_ml = float(np.prod(settings["spacing_mm"])) / 1000
    probabilities, organ, count = tidy(probabilities, settings["thresholds"], voxel_ml)

    ovary = np.zeros(grid.image_shape, np.uint8)
    follicles = np.zeros(grid.image_shape, np.uint16)
    if count:
        smallest = settings["smallest_follicle_mm"] if smallest_follicle_mm is None else smallest_follicle_mm
        with run.stage("full resolution"):
            where = _threshold(probabilities, organ, grid, settings["thresholds"], ovary, follicles, run)
        with run.stage("follicles"):
            mask = follicles[where] > 0
            follicles[where] = split_follicles(mask, grid.image_spacing, smallest_mm=smallest, split=split)
    with run.stage("measurements"):
        ovary, follicles = (_like(image, array) for array in (ovary, follicles))
        measurements = measure(ovary, follicles)

    provenance = {
        "crend": __version__,
        "bundle": bundle.name,
        "bundle_version": bundle.metadata.get("version"),
        "notice": settings["notice"],
        "device": engine.device,
        "engine": engine.name,
        "model_spacing_mm": list(settings["spacing_mm"]),
        "model_size": list(reversed(grid.shape)),
        "windows": look.counts,
        "rendered": look.renders,
        "ovaries": count,
        "warnings": list(engine.warnings[already_warned:]),
        "seconds": round(time.perf_counter() - began, 2),
        "seconds_by_stage": run.seconds,
    }
    if progress is not None:
        progress("done", 1.0)
    return Segmentation(ovary, follicles, measurements, provenance)


class _Run:
    """Stages of one run: times them, maps their progress to that of the whole run, and stops when asked to."""

    def __init__(self, progress, cancelled):
        self.progress, self.cancelled = progress, cancelled
        self.seconds: dict[str, float] = {}
        self.name, self.first, self.share = "", 0.0, 0.0

    @contextmanager
    def stage(self, name: str):
        if self.cancelled is not None and self.cancelled():
            raise Cancelled(f"stopped before {name}")
        names = list(STAGES)
        self.name, self.share = name, STAGES[name]
        self.first = sum(STAGES[n] for n in names[: names.index(name)])
        self.report(0.0)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)

    def report(self, fraction: float) -> None:
        if self.progress is not None:
            self.progress(self.name, self.first + self.share * fraction)


class _Look:
    """The network's view of one volume on the model grid."""

    def __init__(self, values: np.ndarray, settings: dict, engine, render: bool, run: _Run):
        # Padding is "no echo" too, so it comes before the intensities are normalised.
        self.patch = tuple(settings["patch"])
        values, self.place = pad_to_patch(values, self.patch, 0)
        self.inside = values > 0
        self.values = normalise(values, settings["normalisation"])
        self.engine, self.run = engine, run
        points = int(settings["render"]["points"])
        self.renders = bool(render and points > 0 and getattr(engine.network, "head", None) is not None)
        self.points = points
        self.counts = {"search": 0, "run": 0, "skipped": 0}

    def everywhere(self):
        return tuple(slice(0, n) for n in self.values.shape), np.ones(self.values.shape, bool)

    def quickly(self):
        """Where an ovary may be: a box (three slices) and the voxels in question (D, H, W), or None.

        Windows side by side and not rendered: an eighth of the windows, and no head.
        """
        windows = all_windows(self.values.shape, self.patch, 0.0)
        wanted = occupied(windows, self.patch, self.inside)
        self.counts["search"] = len(wanted)
        ovary = self._blend(wanted, False)[0]
        seen = _large_blobs(ovary >= SEARCH_PROBABILITY, SEARCH_SHARE)
        if not seen.any():
            return None
        margin = int(round(max(self.patch) * SEARCH_MARGIN))
        return bounding_box(seen, margin), seen

    def closely(self, region) -> np.ndarray:
        """Probabilities (2, D, H, W) on the model grid from windows of 50 % overlap over `region`; 0 elsewhere."""
        shape = tuple(p.stop - p.start for p in self.place)
        if region is None:
            return np.zeros((2,) + shape, np.float32)
        box, seen = region
        windows = region_windows(self.values.shape, self.patch, box)
        wanted = occupied(windows, self.patch, seen & self.inside)
        self.counts["run"], self.counts["skipped"] = len(wanted), len(windows) - len(wanted)
        return self._blend(wanted, self.renders)[(slice(None),) + self.place]

    def _blend(self, windows, render: bool) -> np.ndarray:
        return blend(
            self.values,
            self.patch,
            windows,
            lambda window: self.engine.run(window[None, None], lambda *found: self._finish(render, *found)),
            progress=self.run.report,
            cancelled=self.run.cancelled,
        )

    def _finish(self, render: bool, coarse, fine) -> np.ndarray:
        """Logits of one window to probabilities (2, d, h, w), the most ambiguous voxels rendered.

        Probabilities are what is blended, not logits: they are bounded, so one window that is wildly sure of itself at its
        rim cannot outvote the window that has the voxel at its centre.
        """
        if render and fine is not None:
            from .points import render as render_points

            coarse = render_points(self.engine.network, coarse, fine, self.points)
        return coarse.sigmoid()[0].cpu().numpy()


def _large_blobs(mask: np.ndarray, share: float) -> np.ndarray:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= share * sizes.max())[labels] & mask


def _threshold(probabilities, organ, grid: ModelGrid, thresholds, ovary, follicles, run: _Run):
    """Write the masks into `ovary` and `follicles` (image_shape), slab by slab; returns the box (three slices) written."""
    # Two voxels more than the mask: interpolation must see the values that place its boundary.
    box = bounding_box(organ, 2)
    where = grid.image_region(box)
    crop = probabilities[(slice(None),) + box]
    slabs = zip(grid.image_slabs(crop[0], box), grid.image_slabs(crop[1], box))
    for (place, organ_values), (_, follicle_values) in slabs:
        if run.cancelled is not None and run.cancelled():
            raise Cancelled("stopped on the way to full resolution")
        follicle = follicle_values >= thresholds["follicles"]
        follicles[place] = follicle
        ovary[place] = (organ_values >= thresholds["ovary"]) | follicle
        run.report((place[0].stop - where[0].start) / (where[0].stop - where[0].start))
    return where


def _like(image: sitk.Image, array: np.ndarray) -> sitk.Image:
    """An array on the image's own grid: size, spacing, origin and direction are copied, not computed."""
    result = sitk.GetImageFromArray(array)
    result.CopyInformation(image)
    return result
