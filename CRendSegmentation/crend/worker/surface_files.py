"""Closed surfaces through files: Slicer's window stands still while it makes one, so the worker process makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ..errors import Cancelled
from ..structures import segments
from .asked_images import read_image


def write_masks(folder, masks: Mapping) -> dict:
    """Write SimpleITK masks, by a name of the caller's, into `folder`; returns what a request for `answer` names them by."""
    import SimpleITK as sitk

    files = {}
    for number, (name, mask) in enumerate(masks.items()):
        files[name] = str(Path(folder) / f"mask-{number}.nrrd")
        sitk.WriteImage(mask, files[name])
    return {"masks": files}


def answer(request: dict, progress=None, cancelled=None) -> dict:
    """{"surfaces": {name: .vtp file in RAS}, "measured": {name: fields of an Ovary}} of the masks that a request names; of an empty mask there
    is neither. Measured only if the request has a true "measure"; without surfaces if it has a false "draw"."""
    import SimpleITK as sitk

    from ..comparison.surfaces import surface_of
    from ..structures.measurements import measure

    surfaces, measured = {}, {}
    for number, (name, path) in enumerate(request["masks"].items()):
        if cancelled is not None and cancelled():
            raise Cancelled("stopped")
        mask = read_image(path)
        surface = surface_of(mask) if request.get("draw", True) else None
        if surface is not None:
            surfaces[name] = write_surface(surface, Path(request["folder"]) / f"surface-{number}.vtp")
        ovary = measure(mask, sitk.Image(mask.GetSize(), sitk.sitkUInt16)).ovary if request.get("measure", False) else None
        if ovary is not None:
            measured[name] = asdict(ovary)
        if progress is not None:
            progress("surfaces", (number + 1) / len(request["masks"]))
    return {"surfaces": surfaces, "measured": measured}


def write_result_surfaces(folder, ovary, follicles) -> dict:
    """{segment ID: .vtp file in RAS} of a result: `ovary`, a SimpleITK mask, and `follicles`, k at follicle k."""
    import SimpleITK as sitk
    from scipy import ndimage

    from ..comparison.surfaces import surface_of

    masks = {}
    if sitk.GetArrayViewFromImage(ovary).any():
        masks[segments.OVARY_ID] = ovary
    for k, box in enumerate(ndimage.find_objects(sitk.GetArrayViewFromImage(follicles)), start=1):
        if box is not None:
            size = [s.stop - s.start for s in reversed(box)]
            masks[segments.follicle_id(k)] = sitk.RegionOfInterest(follicles, size, [s.start for s in reversed(box)]) == k
    return {name: write_surface(surface_of(mask), Path(folder) / f"{name}.vtp") for name, mask in masks.items()}


def write_surface(surface, path, **arrays) -> str:
    """Write a Surface, with a point array for each keyword, as .vtp in RAS; returns the path."""
    import vtk

    from ..comparison.surfaces import polydata

    writer = vtk.vtkXMLPolyDataWriter()
    writer.SetInputData(polydata(surface, "RAS", **arrays))
    writer.SetDataModeToAppended()
    writer.SetCompressorTypeToNone()
    writer.SetFileName(str(path))
    if not writer.Write():
        raise OSError(f"{path}: VTK could not write the surface.")
    return str(path)


def read_surface(path):
    """vtkPolyData of a .vtp file that was written here: RAS."""
    import vtk

    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()
