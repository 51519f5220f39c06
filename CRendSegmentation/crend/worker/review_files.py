"""A review asked for through files: how Slicer and the worker process hand each other label images, surfaces and figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..comparison.distance_maps import ABSOLUTE, FOLLICLES, OVARY, SIGNED
from ..comparison.review import COMPARED, SIDES, review
from ..io.labels import Labels
from . import surface_files
from .asked_images import read_image

PARTS = ("ovary", "follicles")


def write_request(folder, reference, compared, field=None) -> dict:
    """Write two Labels, and the displacement field that `answer` applies to the second (see warping.warped), into `folder`.

    Returns what a request names them by.
    """
    import SimpleITK as sitk

    files: dict = {}
    for side, labels in zip(SIDES, (reference, compared)):
        files[side] = {part: str(Path(folder) / f"{side}-{part}.nrrd") for part in PARTS}
        for part, path in files[side].items():
            sitk.WriteImage(getattr(labels, part), path)
        files[side]["guide"] = labels.guide
    if field is not None:
        files["field"] = str(Path(folder) / "field.nrrd")
        sitk.WriteImage(field, files["field"])
    return files


def answer(request, progress=None, cancelled=None) -> dict:
    """Review what a request names; surfaces go into its folder as .vtp in RAS, everything else is returned as plain data.

    A request may have `masks` as well, of segments without a surface: then theirs are in "surfaces" (see surface_files.answer).
    """
    ovaries, follicles = ([read_image(request[side][part]) for side in SIDES] for part in PARTS)
    guides = [request[side].get("guide", False) for side in SIDES]
    sides = [Labels(*each) for each in zip(ovaries, follicles, guides)]
    if request.get("field"):
        from ..comparison.warping import warped

        sides[SIDES.index(COMPARED)] = warped(sides[1], read_image(request["field"]))
    made = review(
        *sides,
        names=request.get("names", SIDES),
        structures=request.get("structures", (OVARY, FOLLICLES)),
        sides=request.get("sides", SIDES),
        percentile=request.get("percentile", 95.0),
        progress=progress,
        cancelled=cancelled,
    )
    folder = Path(request["folder"])
    maps = []
    for part in made.maps:
        path = folder / f"map-{part.structure}-{part.side}.vtp"
        surface_files.write_surface(part.surface, path, **{SIGNED: part.distances, ABSOLUTE: np.abs(part.distances)})
        maps.append({"structure": part.structure, "side": part.side, "file": str(path), **part.spread()})
    marks = {}
    for kind, surface in made.marks.items():
        if surface is not None:
            marks[kind] = surface_files.write_surface(surface, folder / f"{kind}.vtp")
    centres = {side: {str(k): list(point) for k, point in points.items()} for side, points in made.centres.items()}
    found = {"figures": made.figures, "maps": maps, "tops": made.tops, "marks": marks, "centres": centres, "notes": list(made.notes)}
    return {**found, **surface_files.answer({"masks": {}, **request}, cancelled=cancelled)}
