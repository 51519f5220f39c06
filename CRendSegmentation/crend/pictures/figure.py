"""Pictures of a comparison: the distance maps of one prediction, and the figure that sets several systems side by side."""

import numpy as np

from ..comparison.common_grid import on_common_grid
from ..comparison.distance_maps import FOLLICLES, OVARY, shared_top, surface_distances_of
from ..comparison.matching import one_to_one, overlaps
from ..comparison.surfaces import surface_of
from ..errors import InputError
from ..structures import segments
from .rendering import INK, Studio, View, beside, colour_bar, distance_mesh, line, mesh, text, view_of, write_png

FALSE_COLOUR = (0.2, 0.2, 0.2)


def picture_distances(reference, prediction, path, *, size=(720, 600)):
    """Write a PNG of the predicted ovary and follicles (Labels), coloured by their distance to the reference's, side by side.

    InputError when there is no structure that both sides have.
    """
    found = [surface_distances_of(reference, prediction, structure) for structure in (OVARY, FOLLICLES)]
    if found == [None, None]:
        raise InputError("nothing to measure between: one of the two segmentations is empty, or they share neither ovary nor follicles.")
    view = _with_room(view_of(next(f for f in found if f)[0]), size)
    with Studio(size) as studio:
        panels = [
            _distance_panel(studio, f, _top([f]), view, f"{name}: distance to the reference")
            for f, name in zip(found, ("Ovary", "Follicles"))
        ]
    write_png(beside([panels]), path)


def figure(volume, reference, predictions, path, *, size=(520, 430)):
    """Write the figure that compares systems (the paper's Fig. 4).

    volume: SimpleITK image; reference: Labels; predictions: {name: Labels}, on any grids. Rows: surface rendering, ovary distance, follicle
    distance. Columns: the reference, with two slices of the volume below it, then each system. A row has one range of colours; each bar has
    the minimum, mean and maximum of its panel. A predicted follicle has the colour of the reference follicle that it matches; one that
    matches none is dark. Returns {name: {"ovary": [min, mean, max] or None, "follicles": ...}} in mm. InputError when the reference is empty.
    """
    whole = surface_of(reference.ovary)
    if whole is None:
        raise InputError("the reference has no ovary: there is nothing to draw the systems' distances to.")
    view = _with_room(view_of(whole), size)
    maps = {
        structure: {name: surface_distances_of(reference, labels, structure) for name, labels in predictions.items()}
        for structure in (OVARY, FOLLICLES)
    }
    with Studio(size) as studio:
        rows = [[_surface_panel(studio, reference, {}, view, "Reference")]]
        rows[0] += [
            _surface_panel(studio, labels, _numbers_by_match(reference, labels), view, name) for name, labels in predictions.items()
        ]
        for structure, title in ((OVARY, "Ovary distance"), (FOLLICLES, "Follicle distance")):
            top = _top(maps[structure].values())
            rows.append([_slice_panel(studio, volume, reference, structure)])
            rows[-1] += [_distance_panel(studio, found, top, view, title) for found in maps[structure].values()]
    write_png(beside(rows), path)
    return {name: {structure: _range(maps[structure][name]) for structure in maps} for name in predictions}


def _top(found):
    return shared_top([f[1] for f in found if f is not None])


def _range(found):
    if found is None:
        return None
    distance = np.abs(found[1])
    return [float(distance.min()), float(distance.mean()), float(distance.max())]


def _title(words, size, colour=INK):
    return text(words, size[0] / 2, size[1] - max(14, size[1] // 20), min(max(14, size[1] // 21), 24), colour, bold=True, centred=True)


def _distance_panel(studio, found, top, view, title):
    size = studio.size
    props = [_title(title, size)]
    if found is None:
        props.append(text("nothing to measure", size[0] / 2, size[1] / 2, max(12, size[1] // 26), centred=True))
    else:
        surface, distance = found
        props += [distance_mesh(surface, distance, top), *colour_bar(np.abs(distance), top, size)]
    return studio.render(props, view)


def _surface_panel(studio, labels, numbers, view, title):
    """The ovary translucent, each follicle in the colour of its number in `numbers` (None: of no number; left out: its own)."""
    ovary = surface_of(labels.ovary)
    props = [_title(title, studio.size)]
    if ovary is not None:
        props.append(mesh(ovary, segments.OVARY_COLOUR, segments.OVARY_OPACITY_3D))
    for k, surface in _follicles(labels).items():
        number = numbers.get(k, k)
        props.append(mesh(surface, FALSE_COLOUR if number is None else segments.colour(number)))
    return studio.render(props, view)


def _with_room(view, size):
    """The view widened and moved so that what it shows keeps clear of the title above and of the colour bar at the right."""
    free = 1 - 7.5 * min(max(11, size[1] // 26), 18) / size[0]  # of the width
    radius = view.radius * max(1.15, size[1] / (size[0] * free))
    shift = view.right * (1 - free) * radius * size[0] / size[1] + view.up * 0.06 * radius
    return View(view.centre + shift, view.right, view.up, radius)


def _follicles(labels):
    """{k: Surface} of every follicle."""
    import SimpleITK as sitk

    present = np.flatnonzero(np.bincount(sitk.GetArrayViewFromImage(labels.follicles).ravel()))
    return {int(k): surface_of(labels.follicles == int(k)) for k in present if k}


def _numbers_by_match(reference, prediction):
    """{predicted id: matched reference id or None}."""
    import SimpleITK as sitk

    common = on_common_grid(reference, prediction)
    found = overlaps(*(sitk.GetArrayViewFromImage(labels.follicles) for labels in common))
    numbers: dict[int, int | None] = {int(k): None for k in found.prediction_ids}
    numbers.update({int(found.prediction_ids[j]): int(found.reference_ids[i]) for i, j in one_to_one(found)})
    return numbers


def _slice_panel(studio, volume, reference, structure):
    """The volume's slice through the middle of the reference's ovary, with the outlines of a structure."""
    import SimpleITK as sitk
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    whole = surface_of(reference.ovary)
    middle = (whole.points.min(axis=0) + whole.points.max(axis=0)) / 2
    index = np.clip(
        np.round(volume.TransformPhysicalPointToContinuousIndex(middle.tolist())).astype(int), 0, np.array(volume.GetSize()) - 1
    )
    plane = sitk.GetArrayViewFromImage(volume)[index[2]].astype(float)
    low, high = np.percentile(plane, (0.5, 99.5))
    grey = np.clip((plane - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)

    # All in millimetres in the slice's own plane: x to the right, y down.
    spacing = np.array(volume.GetSpacing())
    picture = vtk.vtkImageData()
    picture.SetDimensions(grey.shape[1], grey.shape[0], 1)
    picture.SetSpacing(*spacing)
    picture.GetPointData().SetScalars(numpy_to_vtk(grey.ravel(), deep=True))
    shown = vtk.vtkImageActor()
    shown.SetInputData(picture)
    surfaces = {0: whole} if structure == OVARY else _follicles(reference)
    direction = np.array(volume.GetDirection()).reshape(3, 3)
    props = [shown]
    for k, surface in surfaces.items():
        points = (surface.points - volume.GetOrigin()) @ direction
        ends, pieces = _cut(points, surface.triangles, index[2] * spacing[2])
        if len(pieces):
            ends[:, 2] = -0.1  # in front of the slice: the camera looks along z
            props.append(line(ends, pieces, (1.0, 0.85, 0.2) if k == 0 else segments.colour(k), 2))
    local = (whole.points - volume.GetOrigin()) @ direction
    centre = (local.min(axis=0) + local.max(axis=0)) / 2
    half = (local.max(axis=0) - local.min(axis=0))[:2] / 2
    width, height = studio.size
    view = View(
        np.array([*centre[:2], 0.0]), np.array([1.0, 0, 0]), np.array([0, -1.0, 0]), 1.35 * float(max(half[0] * height / width, half[1]))
    )
    title = f"Volume, reference {'ovary' if structure == OVARY else 'follicles'}"
    return studio.render([*props, _title(title, studio.size, (1, 1, 1))], view, background=(0, 0, 0))


def _cut(points, triangles, height):
    """Where the plane z = height cuts a mesh: ends (2 n, 3) and segments (n, 2)."""
    above = points[:, 2] > height
    sides = above[triangles].sum(axis=1)
    crossed = triangles[(sides == 1) | (sides == 2)]
    ends = []
    for a, b in ((0, 1), (1, 2), (2, 0)):
        p, q = points[crossed[:, a]], points[crossed[:, b]]
        share = (height - p[:, 2]) / np.where(q[:, 2] == p[:, 2], 1, q[:, 2] - p[:, 2])
        ends.append(np.where((above[crossed[:, a]] != above[crossed[:, b]])[:, None], p + (q - p) * share[:, None], np.nan))
    ends = np.stack(ends, axis=1)  # (n, 3 edges, 3): just two of the three edges are crossed
    found = ends[~np.isnan(ends[..., 0])].reshape(-1, 3)
    return found, np.arange(len(found)).reshape(-1, 2)
