"""Distance maps: the surface of one segmentation, each point with its distance to the other's surface in mm."""

import numpy as np

from ..errors import InputError
from .surfaces import Surface, polydata, signed_distances, surface_of

OVARY, FOLLICLES = "ovary", "follicles"
#: Point arrays of a map: mm, positive where the point lies outside the other surface; its absolute value; 0 = ovary, 1 = follicles.
SIGNED, ABSOLUTE, STRUCTURE = "SignedDistance", "Distance", "Structure"
# Distances above this percentile share the last colour: one false follicle far away must not make all else look alike.
_TOP_PERCENTILE = 98


def shared_top(distances):
    """Upper end in mm of one range of colours for several maps, from their distances: their 98th percentile, up to the next tenth."""
    highest = float(np.percentile(np.abs(np.concatenate(distances)), _TOP_PERCENTILE)) if distances else 0.0
    return float(max(np.ceil(highest * 10) / 10, 0.1))


def distance_map(reference, prediction, structure=OVARY, *, of_prediction=True, coordinates="LPS"):
    """vtkPolyData of the prediction's surface (or of the reference's), with SignedDistance (active) and Distance to the other's.

    reference, prediction: Labels, on any two grids. structure: "ovary", "follicles" (the union of all) or a pair (reference id,
    prediction id) of two follicles. coordinates: "LPS" or "RAS". None when either side has nothing of the structure.
    """
    found = surface_distances_of(reference, prediction, structure, of_prediction=of_prediction)
    if found is None:
        return None
    surface, distance = found
    return polydata(surface, coordinates, **{SIGNED: distance, ABSOLUTE: np.abs(distance)})


def surface_distances_of(reference, prediction, structure=OVARY, *, of_prediction=True):
    """(Surface, signed distances (n,) in mm of its points to the other side's surface), as distance_map; None when a side is empty."""
    sides = [surface_of(_mask(labels, structure, k)) for k, labels in enumerate((reference, prediction))]
    if None in sides:
        return None
    other, surface = sides if of_prediction else sides[::-1]
    return surface, signed_distances(surface.points, other)


def write_distances(reference, prediction, path):
    """Write the predicted surfaces, ovary and follicles in one file (.vtp, LPS), with SignedDistance, Distance and Structure a point.

    InputError when there is no structure that both sides have.
    """
    import vtk

    from ..io.atomic import replacing

    parts = []
    for number, structure in enumerate((OVARY, FOLLICLES)):
        found = surface_distances_of(reference, prediction, structure)
        if found is not None:
            parts.append((*found, np.full(len(found[1]), number, np.uint8)))
    if not parts:
        raise InputError("nothing to measure between: one of the two segmentations is empty, or they share neither ovary nor follicles.")
    offsets = np.cumsum([0] + [len(surface.points) for surface, _, _ in parts])
    whole = Surface(
        np.concatenate([surface.points for surface, _, _ in parts]),
        np.concatenate([surface.normals for surface, _, _ in parts]),
        np.concatenate([surface.triangles + offset for (surface, _, _), offset in zip(parts, offsets)]),
    )
    distance = np.concatenate([d for _, d, _ in parts])
    mesh = polydata(whole, **{SIGNED: distance, ABSOLUTE: np.abs(distance), STRUCTURE: np.concatenate([n for _, _, n in parts])})
    writer = vtk.vtkXMLPolyDataWriter()
    writer.SetInputData(mesh)
    writer.SetDataModeToAppended()
    with replacing(path) as temporary:
        writer.SetFileName(str(temporary))
        if not writer.Write():
            raise OSError(f"{path}: VTK could not write the surface.")


def _mask(labels, structure, side):
    """The image that is non-zero on a structure; side 0 = reference, 1 = prediction."""
    if structure == OVARY:
        return labels.ovary
    return labels.follicles if structure == FOLLICLES else labels.follicles == int(structure[side])
