"""CRend from Python: what the command line does, with files, SimpleITK images or arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable

from .errors import InputError

if TYPE_CHECKING:
    import SimpleITK

    from .bundle.bundle import Bundle
    from .io.labels import Labels
    from .result import Segmentation


def segment(
    volume,
    *,
    spacing_mm: Sequence[float] | None = None,
    frame: int | None = None,
    model: str | os.PathLike | Bundle | None = None,
    device: str = "auto",
    engine="auto",
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    render: bool = True,
    search: bool = True,
    smallest_follicle_mm: float | None = None,
    split: bool = True,
    least_confidence: float = 0.0,
    box=None,
    keep_probabilities: bool = False,
) -> Segmentation:
    """The ovary, its follicles and their measurements in a 3D ultrasound volume, on exactly the volume's grid.

    volume:     a file (or a folder with one DICOM series), a SimpleITK image, or an array (D, H, W) = (z, y, x), indexed as
                `SimpleITK.GetArrayFromImage` gives it.
    spacing_mm: millimetres between voxel centres along (x, y, z), which is the reverse of an array's axes and the order of
                `SimpleITK.Image.GetSpacing`. An array needs it; of a file it replaces what the header says, or does not say.
    frame:      which volume of a file that holds several, counted from 1.
    model:      a model's name, a bundle's folder, a loaded bundle (`crend.load_bundle`), or None for the default model.
    device:     "auto", "cpu", "cuda" or "cuda:N".
    engine:     "auto" or an engine's name, or one from `crend.inference.engines.make_engine`, to use it for many volumes.
    progress:   called with the stage's name and the fraction of the whole run, 0 to 1, never falling.
    cancelled:  asked now and then; True ends the run with `crend.Cancelled`.
    render:     re-predict the most ambiguous voxels (paper, 2.2); search: predict at full resolution only where an ovary was found.
    smallest_follicle_mm: drop smaller follicles (diameter of equal volume); None: as the model says. split: separate follicles that touch.
    least_confidence: drop follicles of a lower confidence, 0 to 1.
    box:        where one ovary lies, for an ovary that the model does not find or outlines wrongly: (R0, R1, A0, A1, S0, S1), its faces in mm, RAS; or
                {"centre": (r, a, s), "axes": three unit vectors in RAS, "size": three lengths}. All of it is looked at closely; follicles count
                whatever the ovary's outline. Where the model sees no ovary in it the outline is the ellipsoid of the box, a guide that is not
                measured: `result.ovary_source` is "box".
    keep_probabilities: return the probabilities as well, on the model grid.

    Raises InputError, one line, for a volume, a box, a model, a device or an engine that cannot be used. A volume without an ovary is a
    result with empty labels, whose message says so.
    """
    from .predict import segment as segment_image

    image, name = _image(volume, spacing_mm, frame)
    result = segment_image(
        image,
        model,
        device=device,
        engine=engine,
        progress=progress,
        cancelled=cancelled,
        render=render,
        search=search,
        smallest_follicle_mm=smallest_follicle_mm,
        split=split,
        least_confidence=least_confidence,
        box=box,
        keep_probabilities=keep_probabilities,
        name=name,
    )
    if isinstance(volume, (str, os.PathLike)):
        result.provenance["input"] = os.path.abspath(volume)
    return result


def segment_batch(
    inputs,
    out,
    *,
    model: str | os.PathLike | None = None,
    device: str = "auto",
    engine: str = "auto",
    workers: int = 1,
    client=None,
    resources: dict | None = None,
    again: bool = False,
    search: bool = True,
    identify: bool = False,
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[dict]:
    """Segment many volumes into the folder `out`, as `crend batch` does; returns the rows of volumes.csv.

    inputs:    volumes' files, folders of them, CSV lists.
    workers:   processes of this machine that share the volumes, as many as the memory has room for.
    client:    a `distributed.Client` of a Dask cluster that does it instead; resources: what a volume needs of a worker there, e.g. {"GPU": 1}.
    again:     segment what has results already, too. search, identify: see `crend batch --everywhere` and `--identify`.

    A volume that fails is a row with its reason; what is done is not done again. Raises InputError, one line, for inputs, a model, a device or an
    engine that cannot be used, and where nothing can be written.
    """
    from .batch import make_folder
    from .batch import segment_batch as run
    from .bundle.bundle import info
    from .io.inputs import search_inputs
    from .worker.memory import workers_that_fit
    from .worker.pool import Pool

    there = search_inputs([inputs] if isinstance(inputs, (str, os.PathLike)) else inputs, out)
    make_folder(out)
    options = {**({} if search else {"search": False}), **({"identify": True} if identify else {})}
    chosen: dict[str, Any] = {"again": again, "left_out": there.left_out, "progress": progress}
    network: dict[str, Any] = {"model": model, "device": device, "engine": engine, "cancelled": cancelled}
    if client is not None:
        from .cluster.runner import DaskRunner

        runner = DaskRunner(client, resources=resources, **network)
        return run(there.volumes, out, runner, model=runner.load(), options=options, **chosen)
    count, _ = workers_that_fit(min(workers, len(there.volumes)), there.volumes, info(model).metadata["crend"], not search)
    with Pool(max(count, 1), **network) as pool:
        return run(there.volumes, out, pool, model=pool.load(), options=options, **chosen)


def compare(reference, prediction, *, percentiles: Sequence[float] = (95,), components: bool = False) -> dict:
    """Overlaps, distances and follicles found, missed and false of a prediction against a reference, as plain data for JSON.

    reference, prediction: files of labels (.seg.nrrd, or an image with 1 = ovary, k + 1 = follicle k), or results of `crend.segment`.
    percentiles: Hausdorff percentiles to report, each as hd<p>; 95 is always there. components: every connected piece of a follicle's label is a
    follicle, for files with one label for all of them. Keys and definitions: `crend.comparison.metrics.compare`.
    Raises InputError, one line, for files that cannot be read or compared.
    """
    from .comparison.metrics import compare as compare_labels
    from .io.labels import in_pieces

    sides = [_labels(given, role) for given, role in ((reference, "reference"), (prediction, "prediction"))]
    if components:
        sides = [in_pieces(side) for side in sides]
    return compare_labels(*sides, percentiles=tuple(percentiles))


def ovary_from_contours(
    contours: Sequence, volume, *, spacing_mm: Sequence[float] | None = None, frame: int | None = None
) -> SimpleITK.Image:
    """The ovary from closed curves that were drawn round it in two or more planes: a mask (uint8) on exactly the volume's grid.

    contours:  arrays (n, 3) of points (x, y, z) in mm in the volume's physical coordinates (LPS), each in the order in which they follow each
               other round the ovary, in a plane of its own. Three planes or more give a volume that can be relied on.
    volume, spacing_mm, frame: as for `segment`.

    Raises InputError, one line, for contours that are open, cross themselves, contradict each other, lie in one plane or outside the volume.
    """
    from .structures.contours import ovary_from_contours as surface

    return surface(contours, _image(volume, spacing_mm, frame)[0])


def _image(volume, spacing_mm, frame) -> tuple[SimpleITK.Image, str]:
    """The image of what was given, and what messages call it."""
    import numpy as np
    import SimpleITK as sitk

    if isinstance(volume, np.ndarray):
        return _image_of_array(volume, spacing_mm), "the array"
    if isinstance(volume, (str, os.PathLike)):
        from .io.volumes import read_image

        return read_image(volume, frame=frame, spacing=spacing_mm), os.fspath(volume)
    if spacing_mm is not None:
        raise InputError("spacing_mm goes with an array or a file; a SimpleITK image carries its own spacing.")
    if isinstance(volume, sitk.Image):
        return volume, "the image"
    raise InputError(f"a volume is a file, a SimpleITK image or a 3D array with spacing_mm, not {type(volume).__name__}.")


def _image_of_array(array, spacing_mm) -> SimpleITK.Image:
    import numpy as np
    import SimpleITK as sitk

    if array.ndim != 3:
        raise InputError(f"the array has {array.ndim} axes; a volume has three (z, y, x).")
    if array.dtype.kind not in "uif":
        raise InputError(f"the array holds {array.dtype}; a volume holds real numbers.")
    if spacing_mm is None:
        raise InputError("an array needs spacing_mm=(x, y, z), the millimetres between voxel centres; without it nothing can be measured.")
    try:
        spacing = [float(size) for size in spacing_mm]
    except (TypeError, ValueError):
        spacing = []
    if len(spacing) != 3 or not all(np.isfinite(size) and size > 0 for size in spacing):
        raise InputError(f"spacing_mm must be three positive numbers (x, y, z) in millimetres, not {spacing_mm!r}.")
    kept = array.astype(np.float32) if array.dtype == np.float16 else array.astype(array.dtype.newbyteorder("="), copy=False)
    image = sitk.GetImageFromArray(np.ascontiguousarray(kept))
    image.SetSpacing(spacing)
    return image


def _labels(given, role: str) -> Labels:
    from .io.labels import Labels, read_labels
    from .result import Segmentation

    if isinstance(given, (str, os.PathLike)):
        return read_labels(given)
    if isinstance(given, Segmentation):
        return Labels(given.ovary, given.follicles, guide=given.ovary_source == "box")
    if isinstance(given, Labels):
        return given
    raise InputError(f"the {role} is a file of labels or a result of crend.segment, not {type(given).__name__}.")
