"""The path of one volume: model grid, windows, backbone, render, blend, organ, follicles, and back (design in order).

Of the model grid no float array is ever whole where it is large: grey values are made a region at a time (`inference.grey_values`), probabilities exist
in the windows' box and, coarsely, in the overview (`inference.probabilities`). The way back covers the organ's box alone (`structures.found`).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable

import numpy as np
import SimpleITK as sitk

from . import __version__
from .confidence.assessment import assess
from .confidence.box_outline import is_cut, outline_in_box
from .confidence.expected_dice import select_ovary_threshold
from .confidence.plausibility import flag, least_drawn
from .errors import Cancelled
from .inference.blobs import bounding_box
from .inference.grey_values import GreyValues, Scale
from .inference.memory import give_back
from .inference.model_grid import ModelGrid, grid_spacing
from .inference.overview import predict_overview
from .inference.probabilities import Probabilities
from .inference.sliding import SEARCH_PROBABILITY, SlidingWindow
from .io.acquisition import date_of, describe, header_warnings_of, is_spacing_confirmed, notes_of
from .io.volumes import check_image, image_like
from .result import Segmentation
from .structures.box import Box
from .structures.follicles import keep_within, sphere_voxels, split_follicles
from .structures.found import FOUND, Found, draw, each_ovary, margin_around, ovary_in
from .structures.measurements import keep_confident, measure, number_by_volume
from .structures.outlines import shrink_to_edge
from .structures.ovary import clean_up_in_box, reaching
from .structures.small_follicles import drop_low_probability

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
    box=None,
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
    box:        None, or where one ovary lies: six numbers (R0, R1, A0, A1, S0, S1: faces, mm in RAS), a mapping of centre, axes and size, or a
                `structures.box.Box`. All of it is looked at closely. A follicle counts when at least half of it lies in the box, whatever the
                ovary's outline; that is the most plausible one in the box. Where there is none it is the ellipsoid of the box, a guide that is
                not measured (provenance "ovary_source": "box").
    keep_probabilities: hand back the probabilities, too, on the model grid.
    name:       what messages call the image.

    Raises InputError for an image, a bundle, a box, a device or an engine that will not do. A volume without an ovary is a
    result with empty labels, whose message says so.
    """
    from .bundle import bundle as bundles
    from .inference.engines import make_engine

    began = time.perf_counter()
    check_image(image, name)
    region = None if box is None else Box.of(box)
    if region is not None:
        region.check_in(image, name)
    if not isinstance(bundle, bundles.Bundle):
        bundle = bundles.load(bundle)
    settings = bundle.metadata["crend"]
    run = _Run(progress, cancelled)
    if isinstance(engine, str):
        engine = make_engine(bundle.model, device, engine)
    already_warned = len(engine.warnings)

    with run.stage("model grid"):
        values = GreyValues(image, grid_spacing(image, settings, name))
        scale, grid = Scale.of(values.slabs(), settings["normalisation"]), values.grid
    overview, searched, guided = None, 0, settings["arguments"].get("guided")
    if bundle.overview_model is not None:
        with run.stage("search"):
            # A network that is guided sees beyond the box, and what guides it must not end there.
            overview, searched = predict_overview(image, bundle, engine, render, run, grid, None if guided else region)
        give_back()
    sliding = SlidingWindow(values, scale, settings, engine, render, run, overview.read if overview is not None and guided else None)
    sliding.counts["search"] = searched
    inside = None if region is None else region.voxels(*grid.voxels)
    if inside is not None:
        windows = sliding.windows_over(inside)
    elif not search:
        windows = sliding.all_windows()
    elif overview is not None:
        windows = sliding.windows_around(overview.at_least(SEARCH_PROBABILITY))
    else:
        with run.stage("search"):
            windows = sliding.coarse_search()
    with run.stage("windows"):
        seen = Probabilities(sliding.predict(windows), overview, settings["overview"]["share"] if overview is not None else None)
    give_back()
    kept = tuple(map(grid.to_image, seen.read((slice(None),) * 3))) if keep_probabilities else None
    if inside is None:
        thresholds, expected = select_ovary_threshold(seen.ovary, settings["thresholds"], grid.spacing[::-1])
        found = ovary_in(seen, thresholds, grid) if expected >= least_drawn(settings) else None
        cut = False
    else:
        found, thresholds, expected, cut = _in_box(seen, inside, settings["thresholds"], grid)
    del seen, overview, inside
    count = found.count if found is not None else 0
    give_back()
    source = "model" if count else ("box" if region is not None else None)

    ovary = np.zeros(grid.image_shape, np.uint8)
    follicles = np.zeros(grid.image_shape, np.uint16)
    ovaries = None
    if found is not None:
        smallest = settings["smallest_follicle_mm"] if smallest_follicle_mm is None else smallest_follicle_mm
        with run.stage("full resolution"):
            where = draw(found, grid, thresholds, ovary, follicles, run.report, run.cancelled, whole=region is None)
            if count > 1:
                ovaries = each_ovary(found, grid, ovary, where)
        with run.stage("follicles"):
            within = follicles[where] > FOUND
            follicles[where] = split_follicles(follicles[where] > 0, grid.image_spacing, smallest_mm=smallest, split=split)
            if "least_probability" in settings:
                follicles[where] = drop_low_probability(
                    follicles, found.probabilities[1], grid, settings["least_probability"], where, found.region
                )
            follicles[where] = shrink_to_edge(follicles[where], within, sphere_voxels(smallest, grid.image_spacing))
            if region is not None:
                _keep_box(region, source, grid.image_voxels(where), ovary[where], follicles[where])
    with run.stage("measurements"):
        ovaries = None if ovaries is None else image_like(ovaries, image)
        ovary = image_like(ovary, image)  # one after the other: each gives its array free
        follicles = image_like(follicles, image)
        follicles, measured = number_by_volume(follicles, measure(ovary if ovaries is None else ovaries, follicles))
        part = None if found is None else (found.region, found.probabilities)
        measurements, flags, unlikely = assess(values, scale, part, count, expected, follicles, measured, settings, region is not None)
        follicles, measurements = keep_confident(follicles, measurements, least_confidence, unlikely)
        if region is not None:
            ovary, measurements = _with_follicles(ovary, follicles, measurements, source)
        ovary, follicles = (describe(labels, notes=notes_of(image)) for labels in (ovary, follicles))
        if ovaries is not None:
            ovaries = describe(ovaries, notes=notes_of(image))
    if source == "box":
        flags = [flag("ovary_from_box") if each["key"] == "no_ovary" else each for each in flags]
    if cut:
        flags.insert(0, flag("box_cuts_ovary"))
    if unlikely:
        flags.append(flag("unlikely_follicles", count=len(unlikely)))
    if not is_spacing_confirmed(image):
        flags.insert(0, flag("spacing_not_confirmed"))
    header = [flag("header", words=words) for words in header_warnings_of(image)]

    provenance = {
        "crend": __version__,
        "bundle": bundle.name,
        "bundle_version": bundle.metadata.get("version"),
        "bundle_digest": bundle.identity[2],
        "notice": settings["notice"],
        "device": engine.device,
        "engine": engine.name,
        "acquisition_date": date_of(image),
        "notes": notes_of(image),
        "model_spacing_mm": list(reversed(grid.spacing)),
        "model_size": list(reversed(grid.shape)),
        "windows": sliding.counts,
        "rendered": sliding.renders,
        "ovaries": count,
        "ovary_source": source,
        "ovary_threshold": thresholds["ovary"],
        "expected_ovary_dsc": round(expected, 3),
        "flags": header + flags,
        "warnings": [each["text"] for each in header] + list(engine.warnings[already_warned:]),
        "options": {
            "smallest_follicle_mm": settings["smallest_follicle_mm"] if smallest_follicle_mm is None else smallest_follicle_mm,
            "split": split,
            "least_confidence": least_confidence,
            "box": None if region is None else region.as_dict(),
        },
        "seconds": round(time.perf_counter() - began, 2),
        "seconds_by_stage": run.seconds,
    }
    if progress is not None:
        progress("done", 1.0)
    return Segmentation(ovary, follicles, measurements, provenance, kept, ovaries)


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


def _in_box(seen: Probabilities, inside, thresholds: dict, grid: ModelGrid):
    """(what was found in a box, thresholds, expected Dice, whether the box cuts the ovary); inside: (D, H, W) bool, whether a voxel lies in the box."""
    if not inside.any():
        return None, dict(thresholds), 0.0, False
    box = bounding_box(inside, 2)
    part = seen.read(box)[0]
    outline, thresholds, expected = outline_in_box(part, inside[box], thresholds, grid.spacing)
    cut = is_cut(part >= thresholds["ovary"], outline, inside[box])
    organ = np.zeros(inside.shape, bool)
    organ[box] = outline
    region = bounding_box(inside | reaching(seen.reaching(thresholds)[1], inside), margin_around(grid))
    organ, inside = organ[region], inside[region]
    probabilities, follicles = clean_up_in_box(seen.read(region), organ, inside, thresholds)
    return Found(region, organ, inside | follicles, probabilities, int(organ.any())), thresholds, expected, cut


def _keep_box(region: Box, source, voxels, ovary, follicles) -> None:
    """Cut the ovary's outline to the box, or draw the box's ellipsoid in its place, and keep the follicles of which at least half lies in the box.

    voxels: which those of `ovary` and `follicles` (d, h, w) are, as `ModelGrid.image_voxels` says it; both are written into.
    """
    inside = region.voxels(*voxels)
    follicles[...] = keep_within(follicles, inside)
    ovary[...] = region.ellipsoid(*voxels) if source == "box" else inside & (ovary > 0)


def _with_follicles(ovary, follicles, measurements, source):
    """(the ovary of a box with its follicles, which lie in it wherever its outline does; the measurements with what it measures then)."""
    array = sitk.GetArrayFromImage(ovary) | (sitk.GetArrayViewFromImage(follicles) > 0)
    ovary = image_like(array.astype(np.uint8), ovary)
    if source == "box":
        return ovary, replace(measurements, ovary=None)  # a box measures nothing
    return ovary, replace(measurements, ovary=measure(ovary, image_like(np.zeros_like(array, np.uint16), ovary)).ovary)
