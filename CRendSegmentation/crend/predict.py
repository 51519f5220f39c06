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
from .confidence.assessment import assess
from .confidence.expected_dice import select_ovary_threshold
from .confidence.plausibility import flag
from .errors import Cancelled
from .inference.model_grid import ModelGrid, normalise, to_model_grid
from .inference.overview import fuse_predictions, predict_overview
from .inference.sliding import SlidingWindow
from .io.acquisition import date_of, describe, header_warnings_of, is_spacing_confirmed, notes_of
from .io.volumes import check_image, image_like
from .result import Segmentation
from .structures.follicles import sphere_voxels, split_follicles
from .structures.measurements import keep_confident, measure, number_by_volume
from .structures.outlines import edge_threshold, shrink_to_edge
from .structures.ovary import bounding_box, clean_up_masks
from .structures.small_follicles import drop_low_probability

FOUND = 1  # a voxel of a follicle, as `_threshold` marks it
# What fraction of a run is done when a stage ends.
STAGES = {"model grid": 0.03, "search": 0.35, "windows": 0.9, "full resolution": 0.94, "follicles": 0.97, "measurements": 1.0}


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
    keep_probabilities: bool = False,
    least_confidence: float = 0.0,
    name: str = "the volume",
) -> Segmentation:
    """Ovary, follicles and measurements of a 3D ultrasound volume, on exactly its grid.

    bundle:     None (the default model), a model's name, a bundle's folder, or a loaded `crend.bundle.bundle.Bundle`.
    device:     "auto", "cpu", "cuda" or "cuda:N".
    engine:     "auto", "onnxruntime", "openvino", "torch", or one from `crend.inference.engines.make_engine`, to use it for many volumes.
    progress:   called with the stage's name and the fraction of the whole run, 0 to 1, never falling.
    cancelled:  asked between windows and stages; True ends the run with Cancelled.
    render:     False leaves the coarse prediction as it is (to compare with; paper 2.2).
    search:     True searches the volume coarsely and predicts at full resolution only where something was found, in volumes
                large enough for that to pay; False predicts everywhere. A bundle with an overview network always runs it first.
    smallest_follicle_mm: follicles of a smaller equal-volume diameter are dropped; None = as the bundle says.
    split:      False leaves touching follicles together.
    least_confidence: follicles of a lower confidence, 0 to 1, are dropped.
    keep_probabilities: hand back the probabilities, too, on the model grid.
    name:       what messages call the image.

    Raises InputError for an image, a bundle, a device or an engine that will not do. A volume without an ovary is a
    result with empty labels, whose message says so.
    """
    from .bundle import bundle as bundles
    from .inference.engines import make_engine

    began = time.perf_counter()
    check_image(image, name)
    if not isinstance(bundle, bundles.Bundle):
        bundle = bundles.load(bundle)
    settings = bundle.metadata["crend"]
    run = _Run(progress, cancelled)
    if isinstance(engine, str):
        engine = make_engine(bundle.model, device, engine)
    already_warned = len(engine.warnings)

    with run.stage("model grid"):
        values, grid = to_model_grid(image, settings["spacing_mm"])
        normalised = normalise(values, settings["normalisation"])
    overview, searched = None, 0
    if bundle.overview_model is not None:
        with run.stage("search"):
            overview, searched = predict_overview(image, bundle, engine, render, run, grid)
    guide = overview if settings["arguments"].get("guided") else None
    sliding = SlidingWindow(values, normalised, settings, engine, render, run, guide)
    if overview is not None:
        sliding.counts["search"] = searched
        windows = sliding.windows_around(overview[0]) if search else sliding.all_windows()
    elif search:
        with run.stage("search"):
            windows = sliding.coarse_search()
    else:
        windows = sliding.all_windows()
    with run.stage("windows"):
        probabilities = sliding.predict(windows)
    if overview is not None:
        probabilities = fuse_predictions(probabilities, overview, settings["overview"]["share"])
    kept = tuple(grid.to_image(channel.copy()) for channel in probabilities) if keep_probabilities else None
    voxel_ml = float(np.prod(settings["spacing_mm"])) / 1000
    thresholds, expected = select_ovary_threshold(probabilities[0], settings["thresholds"], settings["spacing_mm"])
    probabilities, organ, count = clean_up_masks(probabilities, thresholds, voxel_ml)

    ovary = np.zeros(grid.image_shape, np.uint8)
    follicles = np.zeros(grid.image_shape, np.uint16)
    if count:
        smallest = settings["smallest_follicle_mm"] if smallest_follicle_mm is None else smallest_follicle_mm
        with run.stage("full resolution"):
            where = _threshold(probabilities, organ, grid, thresholds, ovary, follicles, run)
        with run.stage("follicles"):
            within = follicles[where] > FOUND
            follicles[where] = split_follicles(follicles[where] > 0, grid.image_spacing, smallest_mm=smallest, split=split)
            if "least_probability" in settings:
                follicles[where] = drop_low_probability(follicles, probabilities[1], grid, settings["least_probability"], where)
            follicles[where] = shrink_to_edge(follicles[where], within, sphere_voxels(smallest, grid.image_spacing))
    with run.stage("measurements"):
        ovary, follicles = (image_like(array, image) for array in (ovary, follicles))
        follicles, found = number_by_volume(follicles, measure(ovary, follicles))
        measurements, flags = assess(values, normalised, grid, probabilities, organ, expected, follicles, found, settings)
        follicles, measurements = keep_confident(follicles, measurements, least_confidence)
        ovary, follicles = (describe(labels, notes=notes_of(image)) for labels in (ovary, follicles))
    if not is_spacing_confirmed(image):
        flags.insert(0, flag("spacing_not_confirmed"))
    header = [flag("header", words=words) for words in header_warnings_of(image)]

    provenance = {
        "crend": __version__,
        "bundle": bundle.name,
        "bundle_version": bundle.metadata.get("version"),
        "notice": settings["notice"],
        "device": engine.device,
        "engine": engine.name,
        "acquisition_date": date_of(image),
        "notes": notes_of(image),
        "model_spacing_mm": list(settings["spacing_mm"]),
        "model_size": list(reversed(grid.shape)),
        "windows": sliding.counts,
        "rendered": sliding.renders,
        "ovaries": count,
        "ovary_threshold": thresholds["ovary"],
        "expected_ovary_dsc": round(expected, 3),
        "flags": header + flags,
        "warnings": [each["text"] for each in header] + list(engine.warnings[already_warned:]),
        "options": {
            "smallest_follicle_mm": settings["smallest_follicle_mm"] if smallest_follicle_mm is None else smallest_follicle_mm,
            "split": split,
            "least_confidence": least_confidence,
        },
        "seconds": round(time.perf_counter() - began, 2),
        "seconds_by_stage": run.seconds,
    }
    if progress is not None:
        progress("done", 1.0)
    return Segmentation(ovary, follicles, measurements, provenance, kept)


class _Run:
    """Stages of one run: times them, maps their progress to that of the whole run, and stops when asked to."""

    def __init__(self, progress, cancelled):
        self.progress, self.cancelled = progress, cancelled
        self.seconds: dict[str, float] = {}
        self.name, self.first, self.end, self.reached = "", 0.0, 0.0, 0.0

    @contextmanager
    def stage(self, name: str):
        if self.cancelled is not None and self.cancelled():
            raise Cancelled(f"stopped before {name}")
        # A stage starts where the last one got to, so one that was left out hands its share to the next.
        self.name, self.first, self.end = name, self.reached, STAGES[name]
        self.report(0.0)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)

    def report(self, fraction: float) -> None:
        self.reached = self.first + (self.end - self.first) * fraction
        if self.progress is not None:
            self.progress(self.name, self.reached)


def _threshold(probabilities, organ, grid: ModelGrid, thresholds, ovary, follicles, run: _Run):
    """Write the masks into `ovary` and `follicles` (image_shape), slab by slab; returns the box (three slices) written.

    follicles: FOUND where one is, more within its edge.
    """
    # Two voxels more than the mask: interpolation must see the values that place its boundary.
    box = bounding_box(organ, 2)
    where = grid.image_region(box)
    crop = probabilities[(slice(None),) + box]
    slabs = zip(grid.image_slabs(crop[0], box), grid.image_slabs(crop[1], box))
    for (place, organ_values), (_, follicle_values) in slabs:
        if run.cancelled is not None and run.cancelled():
            raise Cancelled("stopped on the way to full resolution")
        follicle = follicle_values >= thresholds["follicles"]
        follicles[place] = FOUND * follicle + (follicle_values >= edge_threshold(thresholds))
        ovary[place] = (organ_values >= thresholds["ovary"]) | follicle
        run.report((place[0].stop - where[0].start) / (where[0].stop - where[0].start))
    return where
